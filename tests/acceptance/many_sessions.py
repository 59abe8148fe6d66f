"""Many sessions at once, and one that is long: what the model says to them, and what must be left of them.

One workload for the tests and for `python -m benchmarks sessions`. Every reply depends on the request alone, and every
final text tells what its session was told, so that a lost, doubled or mixed-up result shows in the outputs.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentflow import api
from agentflow.events.run_events import StepFinished
from agentflow.events.session_events import ModelReplied, SessionFinished, SessionStarted, ToolFinished
from tests.messages_api import Reply, first_user, text, tool_use, turn_of
from tests.messages_api.script import texts_of

LINES = 2_000
TURNS_OF_MANY = 4
LINES_A_READ = 12
MODEL = "claude-sonnet-5-5"
SYSTEM = "Work."
_WHO = re.compile(r"(worker|reader) (\d+)")
_LINE = re.compile(r"Line (\d+) of")

_HEAD = """\
agentflow: 1
name: sessions
sandbox: "off"
limits: {{cost_usd: 100000, turns: 100000, agents: 100000, parallel: {parallel}, wall_time: 1h}}
"""
MANY = (
    _HEAD
    + """\
inputs: {{numbers: {{type: array, items: {{type: integer}}}}}}
tools:
  note:
    description: Notes a line.
    input: {{type: object, properties: {{line: {{type: string}}}}, required: [line]}}
    run: [tee, -a, notes]
    stdin: "{{{{ input.line }}}}\\n"
    effects: writes
agents:
  worker: {{instructions: Work., tools: [Read, note]}}
steps:
  work:
    for_each: inputs.numbers
    as: number
    max: {parallel}
    parallel: {parallel}
    step: {{agent: worker, prompt: "worker {{{{ number }}}}"}}
outputs: {{said: steps.work.output}}
"""
)
LONG = (
    _HEAD
    + """\
agents:
  reader: {{instructions: Work., tools: [Read], stop: {{turns: 1000, tool_calls: 100000}}}}
steps:
  work: {{agent: reader, prompt: "reader {turns}"}}
outputs: {{said: steps.work.output}}
"""
)


def make_project(folder: Path, workflow: str) -> Path:
    """A project with a workflow and what its agents read; returns the workflow's path."""
    (folder / ".git").mkdir()
    lines = (f"Line {number} of a text that is as long as a line of code usually is." for number in range(1, LINES + 1))
    (folder / "text.txt").write_text("\n".join(lines))
    file = folder / "sessions.yaml"
    file.write_text(workflow)
    return file


def script(request: dict[str, Any]) -> Reply | None:
    """`worker N` reads two lines, notes one, reads a third and ends; `reader N` reads a dozen lines in N - 1 turns."""
    found = _WHO.search(first_user(request))
    if found is None:
        return None
    number, turn = int(found[2]), turn_of(request)
    if found[1] == "reader":
        return _reader(request, number, turn)
    first = number % (LINES - 2) + 1
    turns = (
        [_read(first, 1), _read(first + 1, 1)],
        [tool_use("note", {"line": f"worker {number}"})],
        [text("I look at one more line."), _read(first + 2, 1)],
    )
    return Reply(turns[turn]) if turn < len(turns) else Reply([text(f"{number}: {_told(request)}")])


def _reader(request: dict[str, Any], turns: int, turn: int) -> Reply:
    if turn < turns - 1:
        thought = (
            f"These lines say what I expected of them; I go on with part {turn + 1}, and keep what I found in mind."
        )
        return Reply([text(thought), _read(LINES_A_READ * turn % (LINES - LINES_A_READ) + 1, LINES_A_READ)])
    return Reply([text(_told(request))])


def _read(offset: int, limit: int) -> dict[str, Any]:
    return tool_use("Read", {"file_path": "text.txt", "offset": offset, "limit": limit})


def _told(request: dict[str, Any]) -> str:
    return " ".join(line for message in request["messages"] for line in _LINE.findall(texts_of(message["content"])))


def said_by_many(count: int) -> list[str]:
    """What the workers must have said, in order."""
    firsts = ((number, number % (LINES - 2) + 1) for number in range(count))
    return [f"{number}: {first} {first + 1} {first + 2}" for number, first in firsts]


def said_by_reader(turns: int) -> str:
    """What the reader must have said."""
    starts = (LINES_A_READ * turn % (LINES - LINES_A_READ) + 1 for turn in range(turns - 1))
    return " ".join(str(line) for start in starts for line in range(start, start + LINES_A_READ))


@dataclass(frozen=True, slots=True)
class Left:
    """What a run has left in its journal and beside it.

    Attributes:
        results: tool results, of which `unknown` are of calls that a kill cut off.
        doubled: sessions that began or ended twice, calls with two results, lines noted twice.
        lost: sessions without an end, calls without a result, lines that were neither noted nor told as unknown.
        said: the outputs, where the run is done.
    """

    status: str
    sessions: int
    results: int
    unknown: int
    doubled: int
    lost: int
    said: Any


def left_by(project: Path, run: str) -> Left:
    """Reads what a run has left."""
    started: Counter[str] = Counter()
    ended: Counter[str] = Counter()
    called: Counter[tuple[str, str]] = Counter()
    told: Counter[tuple[str, str]] = Counter()
    unknown = 0
    journal = api.open_journal(project)
    try:
        summary = next(each for each in journal.runs() if each.run == run)
        outputs = None
        for stream, event in ((entry.stream, entry.event) for entry in journal.read(run)):
            match event:
                case SessionStarted():
                    started[stream] += 1
                case SessionFinished():
                    ended[stream] += 1
                case ModelReplied():
                    called.update((stream, block["id"]) for block in event.content if block["type"] == "tool_use")
                case ToolFinished():
                    told[stream, event.call] += 1
                    unknown += event.unknown
                case StepFinished(step="work"):
                    outputs = event.output
    finally:
        journal.close()
    notes = Counter((project / "notes").read_text().splitlines()) if (project / "notes").exists() else Counter()
    twice = sum(count - 1 for counter in (started, ended, called, told, notes) for count in counter.values())
    missing = len(started - ended) + len(called - told)
    if notes:
        missing += max(0, len(started) - len(notes) - unknown)
    return Left(summary.status, len(started), len(told), unknown, twice, missing, outputs)
