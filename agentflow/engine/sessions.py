"""The sessions of a run, read from its events: what each is, how it went, and where its time has gone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from msgspec import Struct

from agentflow.errors import UsageError
from agentflow.events.codec import Event
from agentflow.events.session_events import (
    Compacted,
    CompactionCalled,
    CompactionFailed,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    SessionFinished,
    SessionKept,
    SessionResumed,
    SessionStarted,
    ToolCalled,
    ToolFinished,
)
from agentflow.events.values import Failure, Usage
from agentflow.journal.port import RUN_STREAM, Recorded
from agentflow.session.state import AGENT

JSON = Any
_MOST_NAMED = 20
NO_USAGE = Usage()


class TimeSpent(Struct, frozen=True):
    """Where a session's time has gone, in seconds; together all of it.

    Attributes:
        model: requests were out.
        tools: tools ran, and no request was out.
        subagents: only subagents were at work for it.
        waiting: for a slot, a retry, or a process to take the run up again.
        ours: the rest: what agentflow itself took.
    """

    model: float = 0.0
    tools: float = 0.0
    subagents: float = 0.0
    waiting: float = 0.0
    ours: float = 0.0


class SessionSummary(Struct, frozen=True):
    """A session as lists show it. Times in seconds, money in US dollars.

    Attributes:
        name: what people call it: its stream, and for a subagent its caller's name, `/` and its own agent.
        state: `open` where it has not ended; `kept` where it was taken over from an older run.
        parent: the name of the session that called it.
        turns: replies that came; `tool_calls`: results that did; without those of its subagents, as the money.
        continues: the stream whose messages come first.
    """

    name: str
    stream: str
    agent: str
    step: str
    state: Literal["open", "done", "failed", "kept"]
    depth: int
    parent: str | None
    turns: int
    tool_calls: int
    usage: Usage
    cost_usd: float
    started_at: float
    ended_at: float | None
    time: TimeSpent
    ending: str | None = None
    failure: Failure | None = None
    continues: str | None = None

    @property
    def seconds(self) -> float:
        """From its beginning to its end, or its last event."""
        time = self.time
        return time.model + time.tools + time.subagents + time.waiting + time.ours


@dataclass(slots=True)
class _Session:
    """A session as its events have left it so far."""

    stream: str
    agent: str
    step: str
    depth: int
    parent: str | None
    continues: str | None
    started_at: float
    last_at: float
    kept: bool = False
    turns: int = 0
    tool_calls: int = 0
    usage: Usage = NO_USAGE
    cost_usd: float = 0.0
    asking: bool = False
    resting: bool = False
    out: dict[str, str] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)
    finished: SessionFinished | None = None

    def apply(self, event: Event) -> None:
        self._pass(event.worked_until if isinstance(event, SessionResumed) else event.at)
        match event:
            case SessionResumed():
                self._add("waiting", event.at - self.last_at)
                self.last_at = max(event.at, self.last_at)
            case ModelCalled() | CompactionCalled():
                self.asking, self.resting = True, False
            case ModelReplied():
                self.asking = False
                self.turns += 1
                self.usage, self.cost_usd = self.usage + event.usage, self.cost_usd + event.cost_usd
                # What was waited for a slot passed before the request went out, and counted as ours.
                queued = 0.0 if event.timings is None else min(event.timings.queued, self.spent.get("ours", 0.0))
                self._add("ours", -queued)
                self._add("waiting", queued)
            case ModelFailed():
                self.asking, self.resting = False, event.retry_at is not None
                self.cost_usd += event.charged_usd
            case Compacted():
                self.asking = False
                self.usage, self.cost_usd = self.usage + event.usage, self.cost_usd + event.cost_usd
            case CompactionFailed():
                self.asking, self.resting = False, event.retry_at is not None
                self.usage, self.cost_usd = self.usage + event.usage, self.cost_usd + event.charged_usd
            case ToolCalled():
                self.out[event.call] = event.tool
            case ToolFinished():
                self.out.pop(event.call, None)
                self.tool_calls += 1
            case SessionFinished():
                self.finished = event

    def _pass(self, at: float) -> None:
        """Counts the time up to now as what it was spent on."""
        if self.asking:
            what = "model"
        elif self.out:
            what = "subagents" if all(tool == AGENT for tool in self.out.values()) else "tools"
        else:
            what = "waiting" if self.resting else "ours"
        self._add(what, at - self.last_at)
        self.last_at = max(at, self.last_at)

    def _add(self, what: str, seconds: float) -> None:
        self.spent[what] = max(0.0, self.spent.get(what, 0.0) + seconds)


def sessions_of(recorded: Iterable[Recorded]) -> list[SessionSummary]:
    """The sessions of a run, each before its subagents, in the order in which they began."""
    found: dict[str, _Session] = {}
    for entry in recorded:
        if entry.stream == RUN_STREAM:
            continue
        if isinstance(entry.event, SessionStarted | SessionKept):
            found[entry.stream] = _begun(entry.stream, entry.event)
        elif entry.stream in found:
            found[entry.stream].apply(entry.event)
    names = _names(found)
    inside: dict[str | None, list[str]] = {}
    for stream, session in found.items():
        inside.setdefault(session.parent, []).append(stream)
    waiting, ordered = list(reversed(inside.get(None, []))), []
    while waiting:
        stream = waiting.pop()
        ordered.append(_summary(found[stream], names))
        waiting += reversed(inside.get(stream, []))
    return ordered


def session_named(sessions: Iterable[SessionSummary], wanted: str, run: str) -> SessionSummary:
    """The session that a person means: by its name or stream, the beginning of it, or the agent's name.

    Raises:
        UsageError: there is none, or more than one; the hint names those there are.
    """
    sessions = list(sessions)
    ways = (
        lambda one: wanted in (one.name, one.stream),
        lambda one: wanted == one.agent,
        lambda one: one.name.startswith(wanted) or one.stream.startswith(wanted),
    )
    fitting: list[SessionSummary] = []
    for way in ways:
        fitting = [one for one in sessions if way(one)] if wanted else []
        if len(fitting) == 1:
            return fitting[0]
        first = min(fitting, key=lambda one: len(one.name), default=None)
        if first is not None and all(one.name.startswith(f"{first.name}/") for one in fitting if one is not first):
            # Its subagents begin as it does.
            return first
        if fitting:
            break
    if not sessions:
        raise UsageError(f"run {run} has no sessions", "only steps with an agent have")
    listed = [one.name for one in fitting or sessions]
    more = f" and {len(listed) - _MOST_NAMED} more" if len(listed) > _MOST_NAMED else ""
    what = (
        f"more than one session of run {run} answers to `{wanted}`"
        if fitting
        else f"run {run} has no session `{wanted}`"
    )
    raise UsageError(what, f"say which: {', '.join(listed[:_MOST_NAMED])}{more}")


def _begun(stream: str, event: SessionStarted | SessionKept) -> _Session:
    if isinstance(event, SessionKept):
        return _Session(stream, event.agent, event.step, 1, None, None, event.at, event.at, kept=True)
    return _Session(stream, event.agent, event.step, event.depth, event.parent, event.continues, event.at, event.at)


def _names(found: Mapping[str, _Session]) -> dict[str, str]:
    """What people call each session; of several subagents of one agent and caller, each has its number from 0."""
    alike: dict[tuple[str, str], int] = {}
    for session in found.values():
        if session.parent is not None:
            alike[session.parent, session.agent] = alike.get((session.parent, session.agent), 0) + 1
    numbers: dict[tuple[str, str], int] = {}
    names: dict[str, str] = {}
    for stream, session in found.items():
        if session.parent is None:
            names[stream] = stream
            continue
        key = (session.parent, session.agent)
        number = numbers[key] = numbers.get(key, -1) + 1
        names[stream] = f"{names[session.parent]}/{session.agent}" + (f"[{number}]" if alike[key] > 1 else "")
    return names


def _summary(session: _Session, names: Mapping[str, str]) -> SessionSummary:
    ended = session.finished
    state: Literal["open", "done", "failed", "kept"] = "open"
    if session.kept:
        state = "kept"
    elif ended is not None:
        state = "done" if ended.failure is None else "failed"
    return SessionSummary(
        name=names[session.stream],
        stream=session.stream,
        agent=session.agent,
        step=session.step,
        state=state,
        depth=session.depth,
        parent=None if session.parent is None else names[session.parent],
        turns=session.turns,
        tool_calls=session.tool_calls,
        usage=session.usage,
        cost_usd=session.cost_usd,
        started_at=session.started_at,
        ended_at=None if ended is None else ended.at,
        time=TimeSpent(**session.spent),
        ending=None if ended is None else ended.ending,
        failure=None if ended is None else ended.failure,
        continues=session.continues,
    )
