"""What a simulated run did: its steps and its calls, read off its events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec import Struct

from agentflow.api import RunResult
from agentflow.engine.live import Live
from agentflow.events.codec import Event
from agentflow.events.run_events import (
    CommandCalled,
    FunctionCalled,
    GateOpened,
    StepFinished,
    StepStarted,
    ToolStepCalled,
)
from agentflow.events.session_events import SessionStarted, ToolCalled
from agentflow.events.values import Failure
from agentflow.plan.model import StepPlan
from agentflow.run.moves import scope_of
from agentflow.run.state import item_of, split
from agentflow.simulation.kinds import KINDS
from agentflow.simulation.paths import general

JSON = Any
Stubbed = Literal["given", "generated", "recorded"]


class TracedStep(Struct, frozen=True):
    """One start of a step, or item or round of a loop, as it went.

    Attributes:
        kind: the key that names the step's kind, or `item` for an item or a round.
        status: how it ended; `waiting` where the run did before it; `unreached` where it was never decided on.
        order: its place among all that started, from 1; None where it did not start.
        stubbed: where what it came to is from; None: it was computed.
        asked: what would have been asked: of a model, a command, a function, a tool or a person, rendered.
    """

    path: str
    kind: str
    status: str
    order: int | None = None
    attempt: int | None = None
    reason: str | None = None
    failure: Failure | None = None
    output: JSON = None
    exit_code: int | None = None
    approved: bool | None = None
    stubbed: Stubbed | None = None
    asked: Mapping[str, JSON] | None = None


class Call(Struct, frozen=True):
    """A call that was made, or would have been.

    Attributes:
        name: the agent's, the command's program, the function's as in the file, or the tool's.
        where: the path of the step it was made for.
        given: `prompt`; `args` and `stdin`; or `input`, which a function's arguments are too.
    """

    kind: Literal["agents", "commands", "functions", "tools"]
    name: str
    where: str
    given: Mapping[str, JSON]


class Trace(Struct, frozen=True):
    """A simulated run.

    Attributes:
        result: as a real run gives it.
        steps: each before what is inside it.
        unused: patterns of stubs that no step's start took.
    """

    result: RunResult
    steps: tuple[TracedStep, ...]
    calls: tuple[Call, ...]
    unused: tuple[str, ...] = ()


@dataclass(slots=True)
class _Entry:
    path: str
    kind: str
    order: int | None = None
    attempt: int | None = None
    end: StepFinished | None = None
    stubbed: Stubbed | None = None
    asked: Mapping[str, JSON] | None = None

    def traced(self) -> TracedStep:
        end = self.end
        if end is None:
            status = "waiting" if self.order is not None or self.kind == "item" else "unreached"
            return TracedStep(self.path, self.kind, status, self.order, self.attempt, asked=self.asked)
        return TracedStep(
            path=self.path,
            kind=self.kind,
            status=end.status,
            order=self.order,
            attempt=self.attempt,
            reason=end.reason,
            failure=end.failure,
            output=end.output,
            exit_code=end.exit_code,
            approved=end.approved,
            stubbed=self.stubbed,
            asked=self.asked,
        )


@dataclass(slots=True)
class Tracer:
    """Hears every event of a simulated run once it was taken up."""

    steps: Mapping[str, StepPlan]
    entries: dict[str, list[_Entry]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    _started: int = 0

    def hear(self, live: Live, stream: str, event: Event) -> None:
        """Takes an event up."""
        if isinstance(event, GateOpened) and event.session is not None:
            return  # an agent asks; its call is told of below
        if isinstance(event, StepStarted | GateOpened):
            entry = self._begun(event.step)
            entry.attempt = event.attempt if isinstance(event, StepStarted) else _attempt_at(live, event.step)
        elif isinstance(event, StepFinished):
            self._ended(event)
        elif isinstance(event, CommandCalled):
            asked = self.last(event.step).asked or {}
            given = {"args": list(event.argv[1:]), "stdin": asked.get("stdin", "")}
            self.calls.append(Call("commands", event.argv[0], event.step, given))
        elif isinstance(event, FunctionCalled):
            name = str((self.last(event.step).asked or {}).get("function", event.function))
            self.calls.append(Call("functions", name, event.step, {"input": dict(event.arguments)}))
        elif isinstance(event, ToolStepCalled):
            self.calls.append(Call("tools", event.tool, event.step, {"input": dict(event.input)}))
        elif isinstance(event, SessionStarted):
            self.calls.append(Call("agents", event.agent, event.step, {"prompt": event.prompt}))
        elif isinstance(event, ToolCalled):
            state = live.sessions[stream]
            inputs = [dict(call.input) for call in state.calls if call.id == event.call]
            self.calls.append(Call("tools", event.tool, state.step, {"input": inputs[0] if inputs else {}}))

    def last(self, path: str) -> _Entry:
        """What is known of the last start of a step."""
        entries = self.entries.setdefault(path, [])
        if not entries:
            entries.append(_Entry(path, self._kind(path)))
            if around := _around(path):
                self.last(around)
        return entries[-1]

    def reopen(self, path: str) -> None:
        """The last start of a step, which has ended, is about to end anew."""
        self.last(path).end = None

    def traced(self, root: Iterator[str]) -> tuple[TracedStep, ...]:
        """All that is known, each step before what is inside it, those of the root in the order of `root`."""
        first = list(root)
        for path in first:
            self.last(path)
        inside: dict[str, list[str]] = {}
        for path in self.entries:
            inside.setdefault(_around(path), []).append(path)
        found: list[TracedStep] = []
        waiting = first[::-1]
        while waiting:
            path = waiting.pop()
            found += [entry.traced() for entry in self.entries.get(path, ())]
            waiting += sorted(inside.get(path, ()), key=_place)[::-1]
        return tuple(found)

    def _begun(self, path: str) -> _Entry:
        entry = self._open(path)
        self._started += 1
        entry.order = self._started
        return entry

    def _ended(self, event: StepFinished) -> None:
        entry = self._open(event.step)
        # A value starts and ends at once.
        if entry.order is None and event.status == "done" and entry.kind != "item":
            entry = self._begun(event.step)
        entry.end = event

    def _open(self, path: str) -> _Entry:
        entry = self.last(path)
        if entry.end is not None:
            entry = _Entry(path, entry.kind)
            self.entries[path].append(entry)
        return entry

    def _kind(self, path: str) -> str:
        return "item" if item_of(path) is not None else KINDS[type(self.steps[general(path)])].word


def _attempt_at(live: Live, path: str) -> int:
    """Which attempt a gate that has opened is."""
    scope, name = scope_of(live.run, path)
    return scope.steps[name].failed_attempts + 1


def _around(path: str) -> str:
    item = item_of(path)
    return item[0] if item is not None else split(path)[0]


def _place(path: str) -> tuple[int, str]:
    item = item_of(path)
    return (item[1], "") if item is not None else (0, "")
