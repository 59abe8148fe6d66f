"""What became of a run that was killed: what was lost, done twice, or paid for twice."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentflow.errors import JournalError
from agentflow.events.run_events import CommandCalled, GateAnswered, GateOpened, OutcomeUnknown, RunFinished
from agentflow.events.session_events import ModelCalled, ModelFailed, ModelReplied, ToolCalled, ToolFinished
from agentflow.journal.port import RUN_STREAM, Recorded
from agentflow.journal.sqlite import open_journal
from tests.kills.boundaries import digest
from tests.kills.child import Folder, runs_in
from tests.kills.script import CALLED

CAP_USD = 20.0
"""`limits.cost_usd` of the workflow."""

EFFECT = "effect.sh"
RETRIED = frozenset({"backup"})
"""The steps with `on_unknown: retry`."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a run has left behind.

    Attributes:
        events: of its journal, each verified.
        acknowledged: what its processes were told is on record: events, and answers at gates.
        effects: the labels of the effects that happened, in their order.
        charged_usd: what the journal's own sum says.
    """

    events: tuple[Recorded, ...]
    acknowledged: tuple[dict[str, Any], ...]
    effects: tuple[str, ...]
    charged_usd: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found wrong, and what was told as it must be.

    Attributes:
        lost: acknowledged events and answers that the journal does not hold.
        repeated: effects that happened again and nobody was told that they might.
        vanished: effects that did not happen and nobody was told that they might not have.
        unknown: effects told as unknown, to the agent or to a person.
        told: effects that happened again, after a person or the file said so.
        outputs: of the run, as JSON text; None: it has not ended well.
        problems: whatever else is wrong, in words.
    """

    lost: int
    repeated: tuple[str, ...]
    vanished: tuple[str, ...]
    unknown: int
    told: int
    outputs: str | None
    problems: tuple[str, ...] = ()


def evidence_in(folder: Folder) -> Evidence:
    """Reads what a run has left. Raises JournalError where the journal is damaged, or holds not one run."""
    runs = runs_in(folder)
    if len(runs) != 1:
        raise JournalError(f"the journal holds {len(runs)} runs, not one")
    with closing(open_journal(folder.journal, access="read")) as journal:
        events = tuple(journal.read(runs[0].run))
        spend = journal.spend(runs[0].run)
    charged = spend.settled_usd + spend.reserved_usd + spend.written_off_usd
    lines = _lines(folder.effects)
    return Evidence(events, tuple(acknowledged_in(folder)), tuple(line.split()[0] for line in lines), charged)


def acknowledged_in(folder: Folder) -> Iterator[dict[str, Any]]:
    """What the processes of a run were told is on record."""
    for line in _lines(folder.acknowledged):
        yield json.loads(line)


def judge(evidence: Evidence, expected: Iterable[str]) -> Verdict:
    """Judges a run.

    Parameters:
        expected: the labels of all effects of an undisturbed run.
    """
    calls = _calls(evidence.events)
    unknown, permitted = _unknown(evidence.events), _permitted(evidence.events)
    happened = Counter(evidence.effects)
    repeated, vanished, problems = [], [], []
    told = 0
    for label in sorted(set(expected) | set(happened)):
        doubts = unknown[calls[label]] if label in calls else 0
        again = max(0, happened[label] - 1)
        allowed = permitted[calls[label]] if label in calls else 0
        told += min(again, allowed)
        if again > allowed:
            repeated.append(label)
        if not happened[label] and not doubts:
            vanished.append(label)
        if label not in set(expected):
            problems.append(f"the effect {label} is not one of an undisturbed run")
    return Verdict(
        lost=_lost(evidence),
        repeated=tuple(repeated),
        vanished=tuple(vanished),
        unknown=sum(unknown.values()),
        told=told,
        outputs=_outputs(evidence.events),
        problems=(*problems, *_problems(evidence)),
    )


Call = tuple[str, str]
"""The stream and id of a tool call; the path of a step, and an empty text, for a command."""


def _calls(events: Sequence[Recorded]) -> dict[str, Call]:
    """What each effect was asked for by."""
    calls: dict[str, Call] = {}
    for entry in events:
        event = entry.event
        if isinstance(event, ToolCalled) and event.tool == "note":
            calls[event.call.removeprefix(CALLED)] = (entry.stream, event.call)
        elif isinstance(event, CommandCalled) and EFFECT in event.argv:
            calls[event.argv[-1]] = (event.step, "")
    return calls


def _unknown(events: Sequence[Recorded]) -> Counter[Call]:
    """How often each call was told as unknown."""
    unknown: Counter[Call] = Counter()
    for entry in events:
        event = entry.event
        if isinstance(event, ToolFinished) and event.unknown:
            unknown[entry.stream, event.call] += 1
        elif isinstance(event, OutcomeUnknown):
            unknown[event.step, ""] += 1
    return unknown


def _permitted(events: Sequence[Recorded]) -> Counter[Call]:
    """How often each command was let run again: by a person, or by its `on_unknown: retry`.

    A tool that was cut off is its agent's to call again, by another call, which the script's agents never do.
    """
    permitted: Counter[Call] = Counter()
    asked: dict[str, str] = {}
    for entry in events:
        event = entry.event
        if isinstance(event, GateOpened):
            asked[event.step] = event.about
        elif isinstance(event, GateAnswered):
            permitted[event.step, ""] += event.approved and asked[event.step] == "unknown"
        elif isinstance(event, OutcomeUnknown) and event.step in RETRIED:
            permitted[event.step, ""] += 1
    return permitted


def _lost(evidence: Evidence) -> int:
    recorded = {(entry.stream, entry.seq): digest(entry.event) for entry in evidence.events}
    answers = Counter(
        (entry.event.step, entry.event.comment) for entry in evidence.events if isinstance(entry.event, GateAnswered)
    )
    lost = 0
    for told in evidence.acknowledged:
        if "step" in told:
            lost += answers[told["step"], told["comment"]] == 0
        else:
            lost += recorded.get((told["stream"], told["seq"])) != told["digest"]
    return lost


def _outputs(events: Sequence[Recorded]) -> str | None:
    last = events[-1].event
    if not isinstance(last, RunFinished) or last.status != "done":
        return None
    return json.dumps(last.outputs, sort_keys=True)


def _problems(evidence: Evidence) -> Iterator[str]:
    yield from _money(evidence)
    yield from _results(evidence.events)
    gates = Counter(e.event.step for e in evidence.events if isinstance(e.event, GateOpened))
    answers = Counter(e.event.step for e in evidence.events if isinstance(e.event, GateAnswered))
    for step in gates | answers:
        if gates[step] != answers[step]:
            yield f"{step} was asked {gates[step]} times and answered {answers[step]} times"
    finished = [entry for entry in evidence.events if isinstance(entry.event, RunFinished)]
    if len(finished) != 1 or evidence.events[-1] != finished[0] or finished[0].stream != RUN_STREAM:
        yield f"the run finished {len(finished)} times, or something came after its end"


def _money(evidence: Evidence) -> Iterator[str]:
    """Each model call is settled once, and their sum is below the cap and what the journal says."""
    out: dict[str, ModelCalled] = {}
    total = 0.0
    for entry in evidence.events:
        event, stream = entry.event, entry.stream
        if isinstance(event, ModelCalled):
            if stream in out:
                yield f"{stream}: a model call while one is out"
            out[stream] = event
        elif isinstance(event, ModelReplied | ModelFailed):
            asked = out.pop(stream, None)
            if asked is None:
                yield f"{stream}: a model call settled twice"
            charged = event.cost_usd if isinstance(event, ModelReplied) else event.charged_usd
            total += charged
            if asked is not None and charged > asked.reserved_usd + 1e-9:
                yield f"{stream}: ${charged} charged of ${asked.reserved_usd} reserved"
        elif isinstance(event, RunFinished) and abs(event.spent.cost_usd - total) > 1e-6:
            yield f"the run says it spent ${event.spent.cost_usd}, its calls say ${total}"
    if out:
        yield f"model calls never settled: {', '.join(out)}"
    if evidence.charged_usd > CAP_USD:
        yield f"${evidence.charged_usd} charged, over the cap of ${CAP_USD}"
    if abs(evidence.charged_usd - total) > 1e-6:
        yield f"the journal's sum is ${evidence.charged_usd}, its events' ${total}"


def _results(events: Sequence[Recorded]) -> Iterator[str]:
    """Each tool call has one result, and was begun once."""
    wanted: Counter[Call] = Counter()
    begun: Counter[Call] = Counter()
    given: Counter[Call] = Counter()
    for entry in events:
        event = entry.event
        if isinstance(event, ModelReplied):
            wanted.update((entry.stream, block["id"]) for block in event.content if block["type"] == "tool_use")
        elif isinstance(event, ToolCalled):
            begun[entry.stream, event.call] += 1
        elif isinstance(event, ToolFinished):
            given[entry.stream, event.call] += 1
    for call in wanted | given:
        if wanted[call] != given[call]:
            yield f"{' '.join(call)}: asked for {wanted[call]} times, {given[call]} results"
    for call, times in begun.items():
        if times > 1:
            yield f"{' '.join(call)}: begun {times} times"


def _lines(path: Path) -> list[str]:
    """The whole lines of a file: one that a kill cut off was never told to anybody."""
    if not path.exists():
        return []
    text = path.read_text()
    return text[: text.rfind("\n") + 1].splitlines()
