"""Whether a run whose first reply was broken did what it was told, once, and lost nothing."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agentflow.events.run_events import RunFinished
from agentflow.events.session_events import ModelCalled, ModelFailed, ModelReplied, ToolCalled, ToolFinished
from tests.faults.points import KINDS, Point
from tests.faults.scene import SAID, UNTOUCHED, Ran, calls_of

CENT_FRACTION = 1e-6


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run is found to have done.

    Attributes:
        wrong: calls that ran and no whole reply had asked for, that ran twice, or that did not run.
        lost: turns that are missing, doubled, or out of order; an end that is not the right one.
        money: what does not add up.
        broken: attempts that brought no reply.
        altered: the reply that was taken was another one than was sent, as it could not be told.
        failed: the run failed, and said why.
    """

    point: str
    wrong: tuple[str, ...]
    lost: tuple[str, ...]
    money: tuple[str, ...]
    broken: int
    altered: bool
    failed: str | None

    @property
    def is_wrong(self) -> bool:
        return bool(self.wrong or self.lost or self.money)


def judge(ran: Ran) -> Verdict:
    """Judges a run."""
    replies = [entry.event for entry in ran.events if isinstance(entry.event, ModelReplied)]
    asked_for = [
        (str(block["name"]), dict(block["input"]))
        for reply in replies
        if reply.stop_reason == "tool_use"
        for block in reply.content
        if block["type"] == "tool_use"
    ]
    meant = calls_of(ran.point)
    may_alter = ran.point != UNTOUCHED and KINDS[Point.named(ran.point).kind].alters
    altered = may_alter and (not replies or _told(replies[0].content) != _told(ran.sent["content"]))
    altered = altered or (may_alter and replies[0].stop_reason != ran.sent["stop_reason"])
    last = ran.events[-1].event
    failed = last.failure.kind if isinstance(last, RunFinished) and last.failure is not None else None
    return Verdict(
        ran.point,
        tuple(_wrong(ran, asked_for, meant, altered=altered)),
        tuple(_lost(ran, replies, altered=altered)),
        tuple(_money(ran)),
        sum(isinstance(entry.event, ModelFailed) for entry in ran.events),
        altered,
        failed,
    )


def _told(content: Iterable[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(block.get(key) for key in ("type", "text", "id", "name", "input")) for block in content]


Calls = list[tuple[str, dict[str, Any]]]


def _wrong(ran: Ran, asked_for: Calls, meant: Calls, *, altered: bool) -> Iterator[str]:
    done = Counter(map(str, ran.done))
    announced = [entry.event.call for entry in ran.events if isinstance(entry.event, ToolCalled)]
    refused = [entry.event for entry in ran.events if isinstance(entry.event, ToolFinished) and entry.event.is_error]
    for call, times in done.items():
        if times > 1:
            yield f"{call} ran {times} times"
        if call not in map(str, asked_for):
            yield f"{call} ran, and no whole reply asks for it"
    if len(announced) != len(set(announced)) or len(announced) != sum(done.values()):
        yield f"{len(announced)} calls were announced and {sum(done.values())} ran"
    if altered:
        unmade = [call for call in asked_for if str(call) not in done]
        if _ended_well(ran) and len(unmade) > len(refused):
            yield f"{unmade} was asked for and neither ran nor was refused"
        return
    if list(ran.done) != meant:
        yield f"{list(ran.done)} ran in place of {meant}"
    written = {given["file_path"].removeprefix("out/"): given["content"] for _, given in meant}
    if dict(ran.files) != written:
        yield f"the files are {dict(ran.files)}"


def _lost(ran: Ran, replies: list[ModelReplied], *, altered: bool) -> Iterator[str]:
    last = ran.events[-1].event
    if not isinstance(last, RunFinished):
        yield "the run did not end"
        return
    turns = [reply.turn for reply in replies]
    if turns != list(range(1, len(turns) + 1)):
        yield f"the turns are {turns}"
    if altered and (not _ended_well(ran) or len(turns) == 1):
        return
    if not _ended_well(ran) or last.outputs != {"said": SAID}:
        yield f"the run ended with {last.outputs}, {last.failure}"
    if not altered and len(turns) != 2:
        yield f"there were {len(turns)} turns"
    if len(ran.asked[-1]["messages"]) < 3:
        yield "the model was not asked again"
        return
    results = [block for block in ran.asked[-1]["messages"][-1]["content"] if block["type"] == "tool_result"]
    wanted = [block["id"] for block in ran.asked[-1]["messages"][1]["content"] if block["type"] == "tool_use"]
    if [block["tool_use_id"] for block in results] != wanted:
        yield "the model was not given a result for each call, in order"


def _ended_well(ran: Ran) -> bool:
    last = ran.events[-1].event
    return isinstance(last, RunFinished) and last.status == "done"


def _money(ran: Ran) -> Iterator[str]:
    """Each call is settled once, for no more than was kept back for it; the sums agree."""
    out: ModelCalled | None = None
    total = 0.0
    for entry in ran.events:
        event = entry.event
        if isinstance(event, ModelCalled):
            if out is not None:
                yield "a call went out while one was out"
            out = event
        elif isinstance(event, ModelReplied | ModelFailed):
            charged = event.cost_usd if isinstance(event, ModelReplied) else event.charged_usd
            total += charged
            if out is None or charged > out.reserved_usd + CENT_FRACTION:
                yield f"${charged} was charged of what was kept back: {out}"
            out = None
        elif isinstance(event, RunFinished) and abs(event.spent.cost_usd - total) > CENT_FRACTION:
            yield f"the run says ${event.spent.cost_usd}, its calls ${total}"
    if out is not None:
        yield "a call was never settled"
    if abs(ran.charged_usd - total) > CENT_FRACTION:
        yield f"the journal says ${ran.charged_usd}, the calls ${total}"
