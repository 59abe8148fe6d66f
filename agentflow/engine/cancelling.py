"""The owner of a run looks in the journal for somebody's wish that it ends."""

from contextlib import suppress

from agentflow.engine.port import Loop
from agentflow.errors import JournalError
from agentflow.events.run_events import RunCancelled
from agentflow.journal.port import RUN_STREAM, Cancellation, Journal

SECONDS_BETWEEN_LOOKS = 0.5


def look_for_cancellation(loop: Loop, journal: Journal) -> None:
    """Records the wish where there is one, which ends the run; else looks again, as long as the run is at work."""
    wish = _left(journal, loop.live.run.id)
    if wish is None:
        _look_later(loop, journal)
    elif loop.live.run.limit is None:
        loop.happen(RUN_STREAM, RunCancelled(loop.now(), wish.by, wish.reason), durable=True)


def _look_later(loop: Loop, journal: Journal) -> None:
    def again() -> None:
        look_for_cancellation(loop, journal)
        loop.settle()

    loop.timers.set(RUN_STREAM, "cancellation", SECONDS_BETWEEN_LOOKS, again)


def _left(journal: Journal, run: str) -> Cancellation | None:
    with suppress(JournalError):  # what keeps it from being read meets the next write too, which has somebody to tell
        return journal.cancellation(run)
    return None
