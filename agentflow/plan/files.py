"""The workflow files that a file runs as steps, compiled: each once for the inputs of it that are untrusted."""

from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec import Struct

from agentflow.plan.findings import Findings
from agentflow.plan.model import Plan
from agentflow.plan.types import Shape
from agentflow.source.diagnostics import Diagnostic, Severity
from agentflow.spec.sources import Source

MOST_STEPS = 20_000
"""Steps that a workflow may come to, those of the files that its steps run counted each time."""

_MOST_LOOKED_THROUGH = 10_000
"""Steps and inputs compiled anew to tell which of several inputs is the cause of a problem."""


class Compiled(Struct, frozen=True):
    """A file, compiled.

    Attributes:
        plan: None where there are errors.
        diagnostics: its own.
        output: the type of its outputs, as an object.
        tainted: they may hold text from a model, a tool or an untrusted input.
        steps: how many steps it comes to.
    """

    plan: Plan | None
    diagnostics: tuple[Diagnostic, ...]
    output: Shape
    tainted: bool
    steps: int


Compile = Callable[[Source, frozenset[str], "Files"], Compiled]


@dataclass(slots=True)
class Files:
    """The files that a workflow is made of, each compiled once for each set of untrusted inputs.

    Attributes:
        problems: what is wrong in each of them whoever runs it.
    """

    compile: Compile
    problems: dict[Diagnostic, None] = field(default_factory=dict)
    _done: dict[tuple[str, frozenset[str]], Compiled] = field(default_factory=dict)
    _left: int = _MOST_LOOKED_THROUGH

    def alone(self, source: Source) -> Compiled:
        """A file as it is by itself."""
        found = self._of(source, frozenset())
        self.problems.update(dict.fromkeys(found.diagnostics))
        return found

    def given(self, source: Source, tainted: frozenset[str]) -> tuple[Compiled, list[tuple[str, Diagnostic]]]:
        """A file some of whose inputs are given text that may be anybody's.

        Returns:
            The file, and what is wrong because of them, each with the input that it is wrong because of.
        """
        alone = self.alone(source)
        # A file that is refused for its size or its many problems may run files in more ways than can be looked at.
        if not tainted or not 0 < alone.steps <= MOST_STEPS:
            return alone, []
        found = self._of(source, tainted)
        known = set(alone.diagnostics)
        more = [problem for problem in found.diagnostics if problem not in known]
        return found, [(self._cause(source, problem, tainted), problem) for problem in more]

    def _cause(self, source: Source, problem: Diagnostic, tainted: frozenset[str]) -> str:
        for name in sorted(tainted):
            single = frozenset({name})
            if (source.document.path, single) not in self._done:
                self._left -= self._of(source, frozenset()).steps + len(source.workflow.inputs)
            if self._left < 0:
                break
            if problem in self._of(source, single).diagnostics:
                return name
        return min(tainted)

    def _of(self, source: Source, tainted: frozenset[str]) -> Compiled:
        key = (source.document.path, tainted)
        if key not in self._done:
            self._done[key] = self.compile(source, tainted, self)
        return self._done[key]


def refused(problem: Diagnostic) -> bool:
    """Whether a problem refuses a file."""
    return problem.severity is Severity.ERROR


def check_import_is_used(findings: Findings, used: "dict[str, set[str]]") -> None:
    """Warns of imports of which nothing is used; that some of its names are not is as it should be.

    Parameters:
        used: names by section.
    """
    source = findings.source
    brought: dict[int, int] = {}
    useful: set[int] = set()
    for loc, part in source.imported.items():
        brought[id(part)] = brought.get(id(part), 0) + 1
        if loc[1] in used[str(loc[0])]:
            useful.add(id(part))
    for index, part in enumerate(source.imports):
        # A name that is taken twice may have been meant, and an import that is repeated is told already.
        is_clear = brought.get(id(part), 0) == len(part.workflow.agents) + len(part.workflow.tools)
        if is_clear and id(part) not in useful:
            useful.add(id(part))
            message = f"nothing of `{part.document.path}` is used"
            findings.warn("AF404", message, ("imports", index), "use it, or take it away")
