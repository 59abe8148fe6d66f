"""What the compiler asks of a kind of step."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from agentflow.plan.arrange import Arranged
from agentflow.plan.draft import Draft, Key
from agentflow.plan.model import StepPlan
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import TextReader, Use
from agentflow.plan.types import UNKNOWN, Shape
from agentflow.source.document import Loc

if TYPE_CHECKING:
    from agentflow.plan.analysis import Analysis
    from agentflow.plan.build import Builder

Texts = Iterator[tuple[Key, Use | None]]
Shapes = Mapping[Key, Shape]


class Output(Struct, frozen=True):
    """What a step gives.

    Attributes:
        shape: None where nothing can be read.
        can_skip: it may end without being done, for what is in it.
        never_done: it always fails, for what is in it.
    """

    shape: Shape | None
    tainted: bool
    can_skip: bool = False
    never_done: bool = False


def _unknown(_analysis: "Analysis", _draft: Draft) -> Shape:
    return UNKNOWN


class Kind(Struct, frozen=True):
    """A kind of step.

    Attributes:
        texts: the expressions and templates in a step, by where they stand in it; `when` is every step's and not
            among them.
        output: checks a step whose texts have the given types, and what it holds; says what it gives.
        build: its plan, from what all steps have in common.
        declared: the shape of its output as far as the step itself says it, whatever it reads: what `previous` gives.
        times_itself: its `timeout` is kept by what performs it, and not by the clock of steps.
    """

    texts: Callable[[TextReader, Loc, Any], Texts]
    output: Callable[["Analysis", Draft, Shapes, Arranged, Scope], Output]
    build: Callable[["Builder", Draft, Arranged, Mapping[str, Any]], StepPlan]
    declared: Callable[["Analysis", Draft], Shape] = _unknown
    times_itself: bool = False
