"""Stubs: read from a file, checked against a plan, and handed out start by start."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from msgspec import Struct

from agentflow.events.values import FailureKind
from agentflow.plan.model import ApproveStepPlan, AskStepPlan, Plan, RunStepPlan, StepPlan
from agentflow.simulation.kinds import KINDS
from agentflow.simulation.paths import general, patterns, step_named, steps_by_path
from agentflow.source.diagnostics import Diagnostic, Place
from agentflow.source.document import Document, Loc
from agentflow.source.project import Problem, read_workflow
from agentflow.source.suggest import did_you_mean
from agentflow.spec.closed_files import read_closed
from agentflow.spec.contracts import Contract
from agentflow.spec.findings import shown
from agentflow.spec.forms import problems_of, with_defaults
from agentflow.spec.stubs import Stub, StubsByPath, StubsFile, as_list

JSON = Any


class ReadStubs(Struct, frozen=True):
    """A file of stubs, checked.

    Attributes:
        stubs: None where there are problems.
        texts: the file's text, by its path.
    """

    stubs: StubsByPath | None
    diagnostics: tuple[Diagnostic, ...]
    texts: Mapping[str, str]


def read_stubs(plan: Plan, path: str, source: bytes | str | None = None) -> ReadStubs:
    """Reads a file of stubs and checks it against a plan. Raises nothing.

    Parameters:
        path: as the user named it; diagnostics name it so.
        source: what it holds, where it is not to be read from there.
    """
    content = read_workflow(Path(path)) if source is None else source
    if isinstance(content, Problem):
        return ReadStubs(None, (Diagnostic("AF106", content.message, Place(path, 1, 1), content.hint),), {})
    text = content if isinstance(content, str) else content.decode("utf-8-sig", "replace")
    closed, problems = read_closed(StubsFile, content, path)
    if closed is None:
        return ReadStubs(None, tuple(problems), {path: text})
    problems = list(check_stubs(plan, closed.value.stubs, closed.document, ("stubs",)))
    return ReadStubs(None if problems else closed.value.stubs, tuple(problems), {path: text})


def check_stubs(plan: Plan, stubs: StubsByPath, document: Document, loc: Loc) -> Iterator[Diagnostic]:
    """What in stubs, which stand at `loc`, does not fit a plan: unknown paths, keys and values of the wrong kind."""
    steps = steps_by_path(plan)
    for path, given in stubs.items():
        here = (*loc, path)
        step = step_named(path, steps)
        if step is None:
            yield unknown_step(path, steps, document.place(here, key=True))
            continue
        for index, stub in enumerate(as_list(given)):
            yield from _check(step, path, stub, document, (*here, index) if isinstance(given, list) else here)


def unknown_step(path: str, steps: Mapping[str, StepPlan], place: Place) -> Diagnostic:
    """That a path names no step."""
    if general(path) in steps:
        if path.endswith("]"):
            return Diagnostic(
                "AF301", f"`{path}` is no step", place, f"name the whole, `{general(path)}`, or a step in it"
            )
        message, hint = f"`{path}` has an index where nothing is repeated", f"write `{general(path)}`"
        return Diagnostic("AF301", message, place, hint)
    inside = [name for name in steps if name.rpartition(".")[2] == path.rpartition(".")[2]]
    near = did_you_mean(general(path), steps) or (f"did you mean `{inside[0]}`?" if inside else None)
    hint = near or f"the steps are {', '.join(list(steps)[:20])}"
    return Diagnostic("AF301", f"there is no step `{path}`", place, hint)


def _check(step: StepPlan, path: str, stub: Stub, document: Document, loc: Loc) -> Iterator[Diagnostic]:
    kind = KINDS[type(step)]
    if not kind.keys:
        message = f"step `{path}` is computed, and has no stub"
        yield Diagnostic("AF312", message, document.place(loc, key=True), "give stubs for what it reads")
        return
    for key in sorted(stub.model_fields_set - kind.keys):
        message = f"a stub of `{path}`, a step with `{kind.word}`, does not take `{key}`"
        hint = f"it takes {', '.join(f'`{name}`' for name in Stub.model_fields if name in kind.keys)}"
        yield Diagnostic("AF312", message, document.place((*loc, key), key=True), hint)
    for key, other, why in _contradictions(step, stub):
        yield Diagnostic("AF209", f"`{key}` and `{other}` exclude each other: {why}", document.place((*loc, key)))
    if stub.error is not None and stub.error.kind not in (None, *get_args(FailureKind)):
        hint = did_you_mean(str(stub.error.kind), get_args(FailureKind)) or "`step_failed` is the plain one"
        message = f"there is no kind of failure {shown(stub.error.kind)}"
        yield Diagnostic("AF203", message, document.place((*loc, "error", "kind")), hint)
    if stub.answer in ("yes", "no") and isinstance(step, AskStepPlan):
        message = f"step `{path}` asks for more than a yes or no"
        yield Diagnostic("AF203", message, document.place((*loc, "answer")), "give what is answered as `output`")
    if stub.answer == "timeout" and isinstance(step, ApproveStepPlan | AskStepPlan) and step.timeout is None:
        message = f"step `{path}` waits for ever: it has no `timeout`"
        yield Diagnostic("AF203", message, document.place((*loc, "answer")), "give the step a `timeout`")
    schema = kind.schema(step)
    if "output" in stub.model_fields_set and "output" in kind.keys and schema is not None:
        for problem in _problems(step, schema, stub.output):
            message = f"`output` does not meet the schema of step `{path}`: {problem}"
            yield Diagnostic(
                "AF203", message, document.place((*loc, "output")), "correct it, or leave it away to have one generated"
            )


def _problems(step: StepPlan, schema: Mapping[str, JSON], output: JSON) -> list[str]:
    """What keeps an output from being a step's; what a form has a default for may be left out."""
    if not isinstance(step, AskStepPlan):
        return Contract(schema).problems(output)
    return ["null is no answer"] if output is None else problems_of(schema, with_defaults(schema, output))


def _contradictions(step: StepPlan, stub: Stub) -> Iterator[tuple[str, str, str]]:
    """Pairs of keys of a stub that cannot both hold, and why."""
    status = "failed" if stub.error is not None and stub.status is None else stub.status or "done"
    for key, wanted in (("output", "done"), ("error", "failed"), ("reason", "skipped")):
        if key in stub.model_fields_set and status != wanted:
            other = "error" if stub.status is None and stub.error is not None else "status"
            yield key, other, f"only a step that is {wanted} has it"
    if isinstance(step, AskStepPlan) and stub.answer is not None and "output" in stub.model_fields_set:
        yield "answer", "output", "who gives an output has answered"
    if stub.answer is not None and stub.status is not None:
        yield "answer", "status", "nobody is asked then"
    if isinstance(step, RunStepPlan) and stub.exit_code is not None and stub.exit_code not in step.exit_codes:
        if "output" in stub.model_fields_set:
            yield "output", "exit_code", f"a command that exits with {stub.exit_code} fails here"
        if stub.status == "done":
            yield "status", "exit_code", f"a command that exits with {stub.exit_code} fails here"


class StubBook:
    """Hands out the stub of each start, and keeps what was used.

    Attributes:
        used: what each start took or was given, by the step's path.
    """

    def __init__(self, stubs: StubsByPath) -> None:
        self._stubs = {pattern: as_list(given) for pattern, given in stubs.items()}
        self._taken: dict[str, int] = {}
        self.used: dict[str, list[Mapping[str, JSON]]] = {}

    @property
    def unused(self) -> tuple[str, ...]:
        """The patterns that no start took a stub from."""
        return tuple(pattern for pattern in self._stubs if pattern not in self._taken)

    def take(self, path: str) -> Stub | None:
        """The stub for one more start of a step; of a list the next, the last for all further ones."""
        for pattern in patterns(path):
            if (listed := self._stubs.get(pattern)) is not None:
                index = self._taken.get(pattern, 0)
                self._taken[pattern] = index + 1
                return listed[min(index, len(listed) - 1)]
        return None

    def use(self, path: str, stub: Mapping[str, JSON]) -> None:
        """Notes what a start came to."""
        self.used.setdefault(path, []).append(stub)
