"""What a run came to, in one short block for people, and as data for programs."""

from collections.abc import Iterator
from heapq import nlargest
from typing import Any

from msgspec import Struct

from agentflow.events.values import Failure
from agentflow.report.budgets import cost_cap
from agentflow.report.inert import inert_line
from agentflow.report.node import Node
from agentflow.report.style import Paint, count, duration, money, tokens
from agentflow.report.tally import ModelUse, Tally
from agentflow.report.view import RunView

JSON = Any

SLOWEST = 3
_TOLD = 5
_LISTED = 100
_LEAST_SECONDS = 1.0
_ORDER = ("done", "failed", "rejected", "skipped", "stopped", "running", "asking", "waiting")
_WORDS = {"waiting": "not begun"}


class NotDone(Struct, frozen=True):
    """A step that did not come to its end, and why."""

    path: str
    status: str
    reason: str


class Summary(Struct, frozen=True):
    """What a run came to.

    Attributes:
        steps: how many of all steps, those inside blocks included, ended how.
        not_done: the steps that failed, were rejected, skipped or stopped, in the order of the run; at most 100, and
            `not_done_total` is how many there are.
        slowest: the steps that took longest, with their seconds; blocks and questions to people are not among them.
        cost_cap: in US dollars, where it is known.
        warnings: shares of caps that were taken, in words.
    """

    steps: dict[str, int]
    tally: Tally
    cost_usd: float
    cost_cap: float | None
    not_done: tuple[NotDone, ...]
    not_done_total: int
    slowest: tuple[tuple[str, float], ...]
    warnings: tuple[str, ...] = ()


def summary_of(view: RunView) -> Summary:
    """The summary of a run as far as it is."""
    steps: dict[str, int] = {}
    not_done: list[NotDone] = []
    total = 0
    took: list[tuple[float, str]] = []
    for node in _steps(view.root):
        state = _state(node)
        steps[state] = steps.get(state, 0) + 1
        if state in ("failed", "rejected", "skipped", "stopped"):
            total += 1
            if len(not_done) < _LISTED:
                not_done.append(NotDone(node.path, state, _why(node)))
        seconds = node.seconds(view.last_at)
        if seconds is not None and node.gate is None and node.state != "skipped" and not _holds_steps(node):
            took.append((seconds, node.path))
    slowest = tuple((path, seconds) for seconds, path in nlargest(SLOWEST, took))
    ordered = {state: steps[state] for state in _ORDER if state in steps}
    root = view.root
    warned = tuple(view.warnings)
    return Summary(ordered, view.tally, root.cost_usd, cost_cap(view), tuple(not_done), total, slowest, warned)


def summary_json(summary: Summary) -> dict[str, JSON]:
    """The summary as JSON data. Fields may be added, and none is taken away or changes its meaning."""
    tally = summary.tally
    share = tally.cached_share
    return {
        "steps": summary.steps,
        "agents": tally.agents,
        "tool_calls": tally.tool_calls,
        "tool_errors": tally.tool_errors,
        "model_calls_again": tally.calls_again,
        "compactions": tally.compactions,
        "steps_again": tally.steps_again,
        "tokens": _tokens_json(ModelUse(usage=tally.usage)),
        "cached_share": None if share is None else round(share, 4),
        "cost_cap_usd": summary.cost_cap,
        "models": [
            {"model": model, "turns": use.turns, "cost_usd": round(use.cost_usd, 9), "tokens": _tokens_json(use)}
            for model, use in _by_cost(tally)
        ],
        "warnings": list(summary.warnings),
        "slowest": [{"path": path, "seconds": round(seconds, 3)} for path, seconds in summary.slowest],
        "not_done": [{"path": step.path, "status": step.status, "reason": step.reason} for step in summary.not_done],
        "not_done_total": summary.not_done_total,
    }


def summary_text(summary: Summary, paint: Paint, told: Failure | None = None) -> str:
    """The summary for people: a row for each thing worth knowing, none for what goes without saying.

    Parameters:
        told: a failure that is told beside it.
    """
    rows = [*_counts(summary), *_spent(summary), *_slowest(summary), *_not_done(summary, told)]
    return "\n".join(f"  {paint(f'{head:8}', 'dim')} {text}" for head, text in rows)


def _counts(summary: Summary) -> Iterator[tuple[str, str]]:
    if sum(summary.steps.values()) > 1:
        yield "steps", ", ".join(f"{number:,} {_WORDS.get(state, state)}" for state, number in summary.steps.items())
    tally = summary.tally
    if not tally.agents:
        return
    parts = [f"{tally.agents:,}", count(sum(use.turns for use in tally.models.values()), "turn")]
    if tally.tool_calls:
        failed = f" ({tally.tool_errors:,} failed)" if tally.tool_errors else ""
        parts.append(count(tally.tool_calls, "tool call") + failed)
    yield "agents", ", ".join(parts)


def _spent(summary: Summary) -> Iterator[tuple[str, str]]:
    tally = summary.tally
    usage = tally.usage
    if usage.total:
        kinds = [f"{tokens(usage.input_tokens)} in"]
        if usage.cache_read_tokens:
            kinds.append(f"{tokens(usage.cache_read_tokens)} read from the cache ({tally.cached_share or 0:.0%})")
        if written := usage.cache_write_5m_tokens + usage.cache_write_1h_tokens:
            kinds.append(f"{tokens(written)} written to it")
        note = " (estimated: the server did not count them)" if usage.estimated else ""
        yield "tokens", ", ".join([*kinds, f"{tokens(usage.output_tokens)} out{note}"])
    if tally.models:
        cap = "" if summary.cost_cap is None else f" of {money(summary.cost_cap)}"
        used = _by_cost(tally)
        models = ", ".join(f"{inert_line(model, 60)} {money(use.cost_usd)}" for model, use in used)
        by_model = f": {models}" if len(used) > 1 else f" ({inert_line(used[0][0], 60)})"
        yield "cost", f"{money(summary.cost_usd)}{cap}{by_model}"
    for warning in summary.warnings[:_TOLD]:
        yield "warned", warning
    again = [count(tally.calls_again, "call") + " to a model"] if tally.calls_again else []
    again += [count(tally.steps_again, "step")] if tally.steps_again else []
    if again:
        yield "again", ", ".join(again)


def _slowest(summary: Summary) -> Iterator[tuple[str, str]]:
    if len(summary.slowest) > 1 and summary.slowest[0][1] >= _LEAST_SECONDS:
        yield "slowest", ", ".join(f"{inert_line(path, 60)} {duration(seconds)}" for path, seconds in summary.slowest)


def _not_done(summary: Summary, told: Failure | None) -> Iterator[tuple[str, str]]:
    """Each reason once, with the steps that share it."""
    together: dict[tuple[str, str], list[str]] = {}
    for step in summary.not_done:
        if not step.reason or (told is not None and _goes_without_saying(step, told)):
            continue
        together.setdefault((step.status, step.reason), []).append(step.path)
    for (status, reason), paths in list(together.items())[:_TOLD]:
        more = f" and {len(paths) - 3:,} more" if len(paths) > 3 else ""
        yield status, f"{', '.join(inert_line(path, 60) for path in paths[:3])}{more}: {reason}"
    if len(together) > _TOLD:
        yield "", f"and {len(together) - _TOLD:,} more reasons; `agentflow show` has them all"


def _state(node: Node) -> str:
    # What the end of the run, or of what is around it, cut off has not failed by itself.
    cut_off = node.state == "failed" and node.failure is not None and node.failure.kind == "cancelled"
    return "stopped" if cut_off else node.state


def _why(node: Node) -> str:
    if node.failure is not None:
        return _in_words(node.failure)
    return inert_line(node.reason, 200) if node.reason is not None else ""


def _goes_without_saying(step: NotDone, told: Failure) -> bool:
    return step.path == told.step or step.reason == _in_words(told) or step.status == "stopped"


def _in_words(failure: Failure) -> str:
    return f"{inert_line(failure.message, 200)} ({failure.kind})"


def _steps(node: Node) -> Iterator[Node]:
    """Every step, in the order in which they came up, without recursion: files may be nested deep."""
    waiting = list(reversed(node.inner.values()))
    while waiting:
        here = waiting.pop()
        if here.kind == "step":
            yield here
        waiting += reversed(here.inner.values())


def _holds_steps(node: Node) -> bool:
    inside = [inner for inner in node.inner.values() if inner.kind not in ("agent", "question")]
    return node.items is not None or node.rounds is not None or bool(inside)


def _by_cost(tally: Tally) -> list[tuple[str, ModelUse]]:
    return sorted(tally.models.items(), key=lambda entry: -entry[1].cost_usd)


def _tokens_json(use: ModelUse) -> dict[str, int]:
    usage = use.usage
    return {
        "input": usage.input_tokens,
        "cache_read": usage.cache_read_tokens,
        "cache_write": usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
        "output": usage.output_tokens,
    }
