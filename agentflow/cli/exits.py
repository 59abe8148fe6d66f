"""What the exit code says."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agentflow.api import RunResult

DONE = 0
FAILED = 1
INVALID = 2
LIMIT = 3
WAITING = 4
BUG = 5
INTERRUPTED = 130


def exit_code(result: "RunResult") -> int:
    """The exit code of a run."""
    from agentflow.events.values import LIMITS

    if result.status == "failed":
        return LIMIT if result.failure is not None and result.failure.kind in LIMITS else FAILED
    return {"done": DONE, "waiting": WAITING, "interrupted": INTERRUPTED}[result.status]
