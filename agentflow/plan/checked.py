"""A workflow file with all that was found out about it."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from agentflow.errors import AgentflowError
from agentflow.source.diagnostics import Diagnostic, Severity, in_order

if TYPE_CHECKING:
    from agentflow.plan.model import Plan
    from agentflow.spec.sources import Source


class InvalidWorkflowError(AgentflowError):
    """A workflow file has errors; `checked` tells them."""

    def __init__(self, checked: "Checked") -> None:
        first = next(d for d in checked.diagnostics if d.severity is Severity.ERROR)
        place = first.place
        super().__init__(f"{place.path}:{place.line}:{place.column}: {first.code}: {first.message}", first.hint)
        self.checked = checked


class Checked(Struct, frozen=True):
    """A workflow file, checked.

    Attributes:
        plan: None where there are errors, and of a file that others import, or that is no workflow.
        diagnostics: all problems, by place.
        texts: the text of every file that was read, by the path that places name.
        source: what the plan was made from; None where the file could not be read.
    """

    path: str
    plan: "Plan | None"
    diagnostics: tuple[Diagnostic, ...]
    texts: Mapping[str, str]
    source: "Source | None" = None
    is_policy: bool = False

    @property
    def ok(self) -> bool:
        """There are no errors; there may be warnings."""
        is_library = self.is_policy or (self.source is not None and self.source.is_library)
        return not any(d.severity is Severity.ERROR for d in self.diagnostics) if is_library else self.plan is not None

    def joined(self, more: Iterable[Diagnostic]) -> "Checked":
        """The same with more diagnostics; an error among them leaves no plan."""
        every = in_order([*self.diagnostics, *more])
        refused = any(diagnostic.severity is Severity.ERROR for diagnostic in every)
        return Checked(self.path, None if refused else self.plan, tuple(every), self.texts, self.source)
