"""The ports of a loop that has no world: a line of what is about to happen, timers without time, no journal."""

import heapq
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, TypeVar

from msgspec import Struct

from agentflow.engine.recorder import Recorder
from agentflow.engine.secrets import Secrets
from agentflow.engine.timers import Timers
from agentflow.engine.workspaces import Workspaces
from agentflow.errors import JournalError
from agentflow.events.codec import Event
from agentflow.events.values import Failure, Workspace
from agentflow.models.replay import Recording
from agentflow.plan.secrets import EnvText, Secret
from agentflow.tools.kept_results import KeptResults
from agentflow.tools.port import JSON, ToolContext, ToolOutput
from agentflow.tools.toolbox import Toolbox

Result = TypeVar("Result")
TIMER = "timer"


def at_once(work: Coroutine[Any, Any, Result]) -> Result:
    """What a coroutine that waits for nothing returns."""
    try:
        work.send(None)
    except StopIteration as end:
        result: Result = end.value
        return result
    work.close()
    raise RuntimeError("nothing in a simulated run may wait")


class Act(Struct, frozen=True, order=True):
    """Something that is about to happen; `number` keeps the order in which acts of one time were put in line."""

    at: float
    number: int
    stream: str
    kind: str
    name: str
    do: Callable[[], None]


class Line:
    """What is about to happen, by its time and then in the order in which it was put in line.

    Attributes:
        now: seconds since the epoch; it passes only from one act to the next.
    """

    def __init__(self, now: float) -> None:
        self.now = now
        self._acts: list[Act] = []
        self._number = 0

    def put(self, stream: str, kind: str, name: str, seconds: float, do: Callable[[], None]) -> None:
        """Has `do` called that many seconds from now."""
        self._number += 1
        heapq.heappush(self._acts, Act(self.now + max(seconds, 0.0), self._number, stream, kind, name, do))

    def forget(self, stream: str, kind: str, name: str | None = None) -> int:
        """Takes a stream's acts of a kind, and of that name or any, out of the line; returns how many."""
        kept = [act for act in self._acts if act.stream != stream or act.kind != kind or name not in (None, act.name)]
        gone = len(self._acts) - len(kept)
        if gone:
            heapq.heapify(kept)
            self._acts = kept
        return gone

    def any_named(self, kind: str, name: str) -> bool:
        """Whether an act of that kind and name is in line."""
        return any((act.kind, act.name) == (kind, name) for act in self._acts)

    def streams_with(self, kind: str, name: str) -> list[str]:
        """The streams that have an act of that kind and name in line."""
        return [act.stream for act in self._acts if (act.kind, act.name) == (kind, name)]

    def due(self) -> bool:
        """Whether something is to happen before any time passes."""
        return bool(self._acts) and self._acts[0].at <= self.now

    def next(self) -> bool:
        """Lets the first act happen; false where there is none."""
        if not self._acts:
            return False
        act = heapq.heappop(self._acts)
        self.now = max(self.now, act.at)
        act.do()
        return True

    def clear(self, kind: str) -> None:
        """Takes every act of a kind out."""
        self._acts = [act for act in self._acts if act.kind != kind]
        heapq.heapify(self._acts)


class VirtualTimers(Timers):
    """Timers that fire when nothing else is left to happen before them."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def set(self, stream: str, name: str, seconds: float, act: Callable[[], None]) -> None:
        """As the engine's."""
        self.forget(stream, name)
        self._line.put(stream, TIMER, name, seconds, act)

    def any_named(self, name: str) -> bool:
        """As the engine's."""
        return self._line.any_named(TIMER, name)

    def is_set(self, stream: str, name: str) -> bool:
        """As the engine's."""
        return stream in self.streams_with(name)

    def streams_with(self, name: str) -> list[str]:
        """As the engine's."""
        return self._line.streams_with(TIMER, name)

    def forget(self, stream: str, name: str | None = None) -> None:
        """As the engine's."""
        self._line.forget(stream, TIMER, name)

    def clear(self) -> None:
        """As the engine's."""
        self._line.clear(TIMER)


class NoRecorder(Recorder):
    """Records nothing, so that whatever waits for a record goes on at once."""

    def __init__(self) -> None:
        """Takes nothing."""

    @property
    def idle(self) -> bool:
        """Always."""
        return True

    def add(self, stream: str, event: Event, *, durable: bool = False) -> None:
        """Drops an event."""

    def then(self, start: Callable[[], None]) -> None:
        """Calls `start`."""
        start()

    async def run(self, recorded: Callable[[], None]) -> None:
        """Raises JournalError: there is no journal."""
        raise JournalError("a simulated run has no journal")

    async def flush(self) -> None:
        """There is nothing to record."""


class NoWorkspaces(Workspaces):
    """Makes no copy and no worktree: nothing works in them."""

    async def within(
        self,
        workspace: Workspace | None,
        work: Callable[[], Coroutine[Any, Any, Event]],
        failed: Callable[[Failure], Event],
    ) -> Event:
        """Does the work."""
        return await work()


class RecordedTools(Toolbox):
    """Gives tool calls the results that a recording tells of."""

    def __init__(self, recording: Recording | None, run: str) -> None:
        super().__init__({})
        self._recording = recording
        self._run = run

    async def run(self, name: str, tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
        """The recorded result."""
        session, _, call = context.key.removeprefix(f"{self._run}/").rpartition("/")
        result = None if self._recording is None else self._recording.result_of(session, call)
        if result is None:
            return ToolOutput(f"The recording does not tell what {name} gave.", is_error=True)
        return ToolOutput(result[0], result[1])


class NothingKept(KeptResults):
    """Shows of a large result what a run would, and writes nothing."""

    async def shown_later(self, tool: str, content: JSON, *, can_read: bool) -> JSON:
        """The same as `shown`, at once."""
        return self.shown(tool, content, can_read=can_read)

    def write(self, name: str, data: bytes) -> None:
        """Nothing is written."""


class NoSecrets(Secrets):
    """Nobody is asked for a value, and none is used: a secret's name stands in its place."""

    def __init__(self) -> None:
        super().__init__({})

    def ready(self, names: Iterable[str]) -> bool:
        """Always: nothing is started that could use one."""
        return True

    def filled(self, env: Mapping[str, EnvText]) -> dict[str, str]:
        """Variables with names in the places of values."""
        return {name: text if isinstance(text, str) else "".join(map(_shown, text)) for name, text in env.items()}


def _shown(piece: str | Secret) -> str:
    return piece if isinstance(piece, str) else f"[secret {piece.name}]"
