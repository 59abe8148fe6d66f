"""One run for each point: the workflow, the script of replies, and what a run leaves."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentflow.api import check
from agentflow.engine.drive import drive
from agentflow.engine.live import Live
from agentflow.engine.port import Surroundings
from agentflow.events.run_events import RunStarted
from agentflow.journal.port import Recorded
from agentflow.journal.sqlite import SqliteJournal, open_journal
from agentflow.models.anthropic import AnthropicModel
from agentflow.plan.model import Plan
from agentflow.tools.files import write
from tests.faults.points import KINDS, Point
from tests.messages_api import MessagesAPI, Reply, text, tool_use, turn_of
from tests.messages_api.script import first_user
from tests.messages_api.sse import Style, events_of

WORKFLOW = """\
agentflow: 1
name: faults
inputs: {point: {type: string}}
limits: {cost_usd: 2.00}
agents:
  clerk: {tools: ["Write(out/**)"], model: claude-haiku-5-5}
steps:
  a: {agent: clerk, prompt: "point={{ inputs.point }}"}
outputs: {said: steps.a.output}
"""
SAID = "Both are written."
UNTOUCHED = "none....000000"
_STARTED_AT = 1_800_000_000.0


def calls_of(point: str) -> list[tuple[str, dict[str, str]]]:
    """What the first reply asks for: two files, so that a name or a text that is cut shows."""
    return [
        ("Write", {"file_path": f"out/{point}-first.txt", "content": "One line,\nand ümlauts 😀 in another.\n"}),
        ("Write", {"file_path": f"out/{point}-second.txt", "content": '{"as": "JSON", "n": [1, 2]}'}),
    ]


@dataclass(slots=True)
class Script:
    """The replies: text and two calls, broken as the point says, then an end. `reply` holds the bytes of the first."""

    reply: bytes = b""

    def __call__(self, request: Mapping[str, Any]) -> Reply:
        name = first_user(request).partition("point=")[2][:14]
        if turn_of(request):
            return Reply((text(SAID),))
        content = (text("I write both files."), *(tool_use(tool, given) for tool, given in calls_of(name)))
        if name == UNTOUCHED:
            return Reply(content)
        point = Point.named(name)
        fault = KINDS[point.kind].fault(point.at, self.reply[point.at])
        return Reply(content, faults=(fault,))


@dataclass(slots=True)
class Ran:
    """What a run came to: its events, the calls that its tools were given, in order, its requests, and the first reply
    as it was sent."""

    point: str
    events: tuple[Recorded, ...]
    done: tuple[tuple[str, dict[str, Any]], ...]
    files: Mapping[str, str]
    asked: tuple[Mapping[str, Any], ...]
    sent: Mapping[str, Any]
    charged_usd: float


@dataclass(slots=True)
class Stage:
    """Runs points, several at a time, in one project.

    Attributes:
        done: the calls that tools were given, by run.
    """

    folder: Path
    plan: Plan
    journal: SqliteJournal
    api: MessagesAPI
    script: Script
    model: AnthropicModel
    impatient: AnthropicModel
    done: dict[str, list[tuple[str, dict[str, Any]]]] = field(default_factory=dict)

    async def measure(self) -> bytes:
        """The bytes of the first reply, from a run that nothing breaks."""
        await self.run(UNTOUCHED)
        first = next(request for request in self.api.requests if request.message is not None)
        assert first.message is not None
        self.script.reply = b"".join(events_of(first.message, Style()))
        return self.script.reply

    async def run_all(self, points: Sequence[Point], at_once: int) -> list[Ran]:
        """Runs them all."""
        turn = asyncio.Semaphore(at_once)

        async def one(point: Point) -> Ran:
            async with turn:
                return await self.run(point.name)

        return await asyncio.gather(*(one(point) for point in points))

    async def run(self, point: str) -> Ran:
        """Runs one point to its end."""
        first = len(self.api.requests)
        started = RunStarted(
            _STARTED_AT, point, self.plan.name, "faults.yaml", str(self.folder), {}, self.plan.digest, {"point": point}
        )
        lease = self.journal.create(started)
        stalls = point != UNTOUCHED and KINDS[Point.named(point).kind].stalls
        around = Surroundings(project=self.folder, chance=lambda: 0.0)
        model = self.impatient if stalls else self.model
        await drive(Live.begin(self.plan, started), self.journal, lease, model, around, None)
        spend = self.journal.spend(point)
        requests = [request for request in self.api.requests[first:] if point in first_user(request.body)]
        found = [path for path in (self.folder / "out").glob(f"{point}*") if path.is_file()]
        return Ran(
            point,
            tuple(self.journal.read(point)),
            tuple(self.done.pop(point, ())),
            {path.name: path.read_text() for path in found},
            tuple(request.body for request in requests),
            next(request.message for request in requests if request.message is not None),
            spend.settled_usd + spend.reserved_usd + spend.written_off_usd,
        )


@contextmanager
def counted(stage: Stage) -> Iterator[None]:
    """Notes each call that the `Write` tool is given before it does what it always does."""
    from agentflow.tools import toolbox

    async def noted(given: Mapping[str, Any], context: Any) -> Any:
        stage.done.setdefault(context.key.partition("/")[0], []).append(("Write", dict(given)))
        return await write(given, context)

    before = toolbox.BUILTIN
    toolbox.BUILTIN = {**before, "Write": noted}
    try:
        yield
    finally:
        toolbox.BUILTIN = before


async def stage_in(folder: Path, api: MessagesAPI, script: Script, impatience: float) -> Stage:
    """Sets a stage up; `impatience` is the read timeout, in seconds, where a stream is to hang."""
    (folder / "out").mkdir(parents=True)
    (folder / "faults.yaml").write_text(WORKFLOW)
    checked = check(folder / "faults.yaml")
    assert checked.plan is not None, checked.diagnostics
    journal = open_journal(folder / "journal" / "journal.db")
    model = AnthropicModel(base_url=api.base_url, connections=64, read_timeout=30.0)
    impatient = AnthropicModel(base_url=api.base_url, connections=64, read_timeout=impatience)
    return Stage(folder, checked.plan, journal, api, script, model, impatient)
