"""Steps with their texts parsed, before anything in them is resolved."""

from collections.abc import Mapping

from msgspec import Struct

from agentflow.plan.texts import Use
from agentflow.source.document import Loc
from agentflow.spec.steps import StepBase

RESERVED_NAMES = ("inputs", "steps", "loop", "run", "previous", "secrets", "input")

Key = tuple[str | int, ...]


class Draft(Struct, frozen=True):
    """One step.

    Attributes:
        loc: where it stands in the document.
        uses: its expressions and templates, by where they stand in the step; what could not be parsed is missing.
        body: the steps it holds.
    """

    id: str
    loc: Loc
    step: StepBase
    uses: Mapping[Key, Use]
    body: "DraftBlock | None"

    def list_of(self, key: str) -> tuple[Use, ...]:
        """The uses of a list's items, in order."""
        return tuple(use for name, use in self.uses.items() if name[0] == key)


class DraftBlock(Struct, frozen=True):
    """The steps of one scope.

    Attributes:
        loc: of the step that holds it; empty for the file's own.
        named: the author gave its steps their ids; a body of a single step has none.
    """

    loc: Loc
    drafts: Mapping[str, Draft]
    output: Use | None
    named: bool = True
