"""The world of an engine, made up: a model, tools, a clock, a journal that can be told to fail."""

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from agentflow.engine.live import Live
from agentflow.engine.local import LocalEngine
from agentflow.engine.port import Outcome, Surroundings
from agentflow.engine.recover import recover
from agentflow.events.codec import Event
from agentflow.events.values import Timings, Usage
from agentflow.journal.port import Entry, Journal, Lease
from agentflow.journal.sqlite import SqliteJournal, open_journal
from agentflow.models.port import Reply, Request
from agentflow.plan.model import Plan
from agentflow.tools.port import ToolContext, ToolOutput
from tests.builders import STARTED_AT, Called, plan_of, run_started, tool_uses

RUN = "run-1"
MODEST = Usage(100, 20)

FAN = """
limits: {parallel: %d, agents: 100000, turns: 100000, cost_usd: 1000}
inputs: {items: {type: array, items: {type: integer}}}
steps:
  l:
    for_each: inputs.items
    max: 10000
    parallel: %d
    step: {agent: {}, prompt: "{{ item }}"}
outputs: {l: steps.l.output}
"""
"""A loop of agents: `parallel` of the run and of the loop are to be filled in."""
Answering = Callable[[Request], Reply | Awaitable[Reply]]


def reply(text: str = "", *calls: Called, stop_reason: str | None = None, usage: Usage = MODEST) -> Reply:
    content = [*([{"type": "text", "text": text}] if text else []), *tool_uses(*calls)]
    stop_reason = stop_reason or ("tool_use" if calls else "end_turn")
    return Reply(tuple(content), stop_reason, None, "claude-sonnet-5-5", usage, None, Timings(0.0, 0.0, 0.0))


def prompt_of(request: Request) -> str:
    return str(request.messages[0]["content"][0]["text"])


@dataclass
class InFlight:
    """Counts what is at work in it."""

    now: int = 0
    most: int = 0
    seen: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    async def through(self, name: str, work: Awaitable[object]) -> object:
        self.now += 1
        self.most = max(self.most, self.now)
        self.seen.append(name)
        try:
            return await work
        finally:
            self.now -= 1
            self.left.append(name)


@dataclass
class ModelDouble:
    """Answers by a function of the request."""

    answer: Answering = lambda request: reply("done")
    in_flight: InFlight = field(default_factory=InFlight)
    requests: list[Request] = field(default_factory=list)

    async def reply(self, request: Request, on_text: Callable[[str], None] | None = None) -> Reply:
        self.requests.append(request)
        return await self.in_flight.through(f"{request.session}:{request.turn}", self._reply(request))

    async def _reply(self, request: Request) -> Reply:
        await asyncio.sleep(0)
        answer = self.answer(request)
        return await answer if inspect.isawaitable(answer) else answer

    async def close(self) -> None:
        return None


@dataclass
class ToolsDouble:
    """Does what a function says, and remembers what was done, in order, with the keys it was handed."""

    answer: Callable[[str, Mapping[str, object]], ToolOutput | Awaitable[ToolOutput]] = lambda name, given: ToolOutput(
        f"{name} did {given.get('at', '')}"
    )
    in_flight: InFlight = field(default_factory=InFlight)
    done: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    async def run(self, name: str, tool_input: Mapping[str, object], context: ToolContext) -> ToolOutput:
        self.keys.append(context.key)
        return await self.in_flight.through(name, self._run(name, tool_input))

    def end_session(self, session: str) -> None:
        return None

    async def _run(self, name: str, tool_input: Mapping[str, object]) -> ToolOutput:
        await asyncio.sleep(0)
        answer = self.answer(name, tool_input)
        output = await answer if inspect.isawaitable(answer) else answer
        self.done.append(f"{name} {tool_input.get('at', '')}".strip())
        return output


@dataclass
class Clock:
    """Seconds since the epoch that pass only when told."""

    now: float = STARTED_AT

    def __call__(self) -> float:
        return self.now


class CrashError(Exception):
    """The process is gone."""


class JournalDouble:
    """A real journal that can be told to crash the process, to be full, or to be slow.

    Attributes:
        appended: the entries of each append that went through.
        crash_at: raises in that append, counted from 0; `recorded` says whether its entries are on record by then.
        before: awaited before each append.
    """

    def __init__(self, inner: Journal) -> None:
        self.inner = inner
        self.appended: list[Sequence[Entry]] = []
        self.crash_at: int | None = None
        self.recorded = True
        self.before: Callable[[Sequence[Entry]], Awaitable[None]] | None = None

    async def append(self, lease: Lease, entries: Sequence[Entry], *, durable: bool = False) -> None:
        crashes = self.crash_at == len(self.appended)
        if crashes and not self.recorded:
            raise CrashError
        if self.before is not None:
            await self.before(entries)
        await self.inner.append(lease, entries, durable=durable)
        self.appended.append(entries)
        if crashes:
            raise CrashError

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


@dataclass
class Setting:
    """A run in a folder of its own; may be run, and resumed, as often as is wanted.

    Attributes:
        heard: every event that was observed, with its stream.
    """

    folder: Path
    text: str
    files: dict[str, str] = field(default_factory=dict)
    model: ModelDouble = field(default_factory=ModelDouble)
    tools: ToolsDouble = field(default_factory=ToolsDouble)
    around: dict[str, object] = field(default_factory=dict)
    inputs: dict[str, object] = field(default_factory=dict)
    heard: list[tuple[str, Event]] = field(default_factory=list)
    journal: JournalDouble = field(init=False)
    engine: LocalEngine | None = None
    begun: bool = False

    def __post_init__(self) -> None:
        self.plan: Plan = plan_of(self.text, self.files)
        self.folder = self.folder.resolve()
        self.sqlite: SqliteJournal = open_journal(self.folder / "journal" / "journal.db")
        self.journal = JournalDouble(self.sqlite)

    async def run(self, drive: Callable[[LocalEngine], Awaitable[None]] | None = None) -> Outcome:
        """Starts the run, or takes it up again; `drive` runs beside it."""
        if self.begun:
            lease = self.journal.take(RUN)
            live = Live.replay(self.plan, self.journal.read(RUN))
            prepare = recover
        else:
            started = run_started(self.plan, self.inputs, str(self.folder))
            lease = self.journal.create(started)
            live = Live.begin(self.plan, started)
            prepare, self.begun = None, True
        hear = self.around | {"observe": lambda stream, event: self.heard.append((stream, event))}
        around = Surroundings(project=self.folder, **hear)
        self.engine = LocalEngine(live, self.journal, lease, self.model, self.tools, around)
        try:
            running = asyncio.ensure_future(self.engine.run(prepare))
            if drive is not None:
                try:
                    await drive(self.engine)
                except BaseException:
                    running.cancel()
                    await asyncio.gather(running, return_exceptions=True)
                    raise
            return await running
        finally:
            self.sqlite.release(lease)

    async def outputs(self) -> object:
        """The outputs of the run, which is done when it has ended."""
        finished = (await self.run()).finished
        assert finished is not None
        assert finished.status == "done", finished.failure
        return finished.outputs

    async def failure(self) -> str:
        """The kind of the failure that the run ends with."""
        finished = (await self.run()).finished
        assert finished is not None
        assert finished.failure is not None
        return finished.failure.kind

    def events(self, kind: type[Event] | None = None, stream: str | None = None) -> list[Event]:
        """What is on record, in order."""
        recorded = self.sqlite.read(RUN, stream)
        return [entry.event for entry in recorded if kind is None or isinstance(entry.event, kind)]


async def until(holds: Callable[[], bool]) -> None:
    """Waits, tick by tick, for what is sure to come."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110  # what is waited for is another process's or the journal's to tell
            await asyncio.sleep(0.001)


def others() -> set["asyncio.Task[object]"]:
    """The tasks beside the test's own."""
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}


def echo(request: Request) -> Reply:
    """Says what it was asked."""
    return reply(f"got {prompt_of(request)}")


async def forever(*_args: object) -> Reply:
    """Never answers."""
    await asyncio.Event().wait()
    raise AssertionError


def alive(pid_file: Path) -> bool:
    """Whether the process that wrote its id there is still at work."""
    try:
        os.kill(int(pid_file.read_text()), 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True
