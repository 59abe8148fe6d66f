"""What a run says of budgets: a share that is taken, one that is used up, and how it goes on."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from agentflow.events.operator_events import BudgetWarned, GateEscalated
from agentflow.events.run_events import RunFinished, RunResumed
from agentflow.report.inert import inert_line
from agentflow.report.style import money

if TYPE_CHECKING:
    from agentflow.report.node import Node
    from agentflow.report.view import RunView


def warned_text(event: BudgetWarned) -> str:
    """Which share of which cap is taken."""
    whose = "the run" if event.whose == "run" else f"the {event.whose} {inert_line(event.name)}"
    period = {"": "", "day": " today", "month": " this month"}.get(event.period, "")
    share = event.used_usd / event.cap_usd if event.cap_usd else 1.0
    return f"{whose} has used {money(event.used_usd)} of {money(event.cap_usd)}{period} ({share:.0%})"


def escalated_text(event: GateEscalated) -> str:
    """Who may answer by now, too."""
    return f"nobody has answered: {', '.join(map(inert_line, event.to))} may answer, too"


def operator_line(event: BudgetWarned | GateEscalated) -> tuple[str, str]:
    """What a line about it is about, and what it says."""
    return ("run", warned_text(event)) if isinstance(event, BudgetWarned) else (event.step, escalated_text(event))


def finished_text(event: RunFinished) -> str:
    """How a run ended; one that a budget ended is held where it was."""
    kind = "" if event.failure is None else f" by {event.failure.kind}"
    return f"{event.status}: held{kind}" if event.held else event.status


def resumed_text(run: str, event: RunResumed) -> str:
    """That a run goes on, and with which bounds."""
    limits = ", ".join(f"{name} {value:g}" for name, value in event.limits.items())
    return f"{run} resumed" + (f", with {limits}" if limits else "")


def budget_warned(view: "RunView", event: BudgetWarned) -> None:
    """A share of a cap is taken."""
    view.warnings.append(warned_text(event))


def cost_cap(view: "RunView") -> float | None:
    """The most that the run may spend, in US dollars, as it is now; None where it is not known."""
    return view.raised.get("cost_usd", view.outline.cost_cap)


def take_up(view: "RunView", event: RunResumed, nodes: Iterable["Node"]) -> list["Node"]:
    """A run that a budget had ended goes on; returns those of its nodes that were stopped then."""
    view.raised.update(event.limits)
    finished, view.finished = view.finished, None
    if finished is None:
        return []
    return [node for node in nodes if node.state == "stopped" and node.ended_at == finished.at]
