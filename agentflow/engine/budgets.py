"""A budget of the run, or of whom it is charged to, is used up: what it held back stays as it is, and the run ends."""

from collections.abc import Mapping

from agentflow.engine.live import Live
from agentflow.engine.port import Loop
from agentflow.errors import UsageError
from agentflow.events.operator_events import BudgetWarned
from agentflow.events.run_events import RunFinished
from agentflow.guard.ledger import Exhausted
from agentflow.journal.port import RUN_STREAM


def end_held(loop: Loop) -> None:
    """Ends the run by the budget that holds it back; with more of that it goes on where it was."""
    first = _telling(list(loop.exhausted.values()))
    spent = loop.live.spent()
    loop.run_finished(RunFinished(loop.now(), "failed", None, first.failure, spent, held=True, until=first.until))


def _telling(exhausted: list[Exhausted]) -> Exhausted:
    """The one that the run is said to end by: a cap of its own, which no time lifts; else the last that time lifts."""
    return max(exhausted, key=lambda one: float("inf") if one.until is None else one.until)


def check_limits(limits: Mapping[str, float], live: Live) -> None:
    """Raises UsageError where bounds of a run that goes on cannot be changed so."""
    bounds = live.ledger.bounds()
    for name, value in limits.items():
        if name not in bounds:
            raise UsageError(f"there is no `{name}` to change", f"those that can be are {', '.join(bounds)}")
        if value <= bounds[name]:
            now = f"{bounds[name]:g}"
            raise UsageError(f"`{name}` of the run is {now}, and {value:g} is no more", "name a larger one")


def warn_of_own(loop: Loop) -> None:
    """Tells, once, that the share of the run's money is spent of which its author wanted to hear."""
    account, warn_at = loop.live.ledger.run, loop.live.plan.limits.warn_at
    if warn_at is None or loop.live.warned or account.settled_usd < warn_at * account.cap_usd:
        return
    loop.happen(RUN_STREAM, BudgetWarned(loop.now(), "run", account.settled_usd, account.cap_usd))
