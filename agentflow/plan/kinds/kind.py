"""What the compiler asks of a kind of step."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from agentflow.plan.arrange import Arranged
from agentflow.plan.draft import Draft, Key
from agentflow.plan.model import StepPlan
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import TextReader, Use
from agentflow.plan.types import Shape
from agentflow.source.document import Loc

if TYPE_CHECKING:
    from agentflow.plan.analysis import Analysis
    from agentflow.plan.build import Builder

Texts = Iterator[tuple[Key, Use | None]]
Shapes = Mapping[Key, Shape]


class Output(Struct, frozen=True):
    """What a step gives; `shape` is None where nothing can be read."""

    shape: Shape | None
    tainted: bool


class Kind(Struct, frozen=True):
    """A kind of step.

    Attributes:
        texts: the expressions and templates in a step, by where they stand in it; `when` is every step's and not
            among them.
        output: checks a step whose texts have the given types, and what it holds; says what it gives.
        build: its plan, from what all steps have in common.
    """

    texts: Callable[[TextReader, Loc, Any], Texts]
    output: Callable[["Analysis", Draft, Shapes, Arranged, Scope], Output]
    build: Callable[["Builder", Draft, Arranged, Mapping[str, Any]], StepPlan]
