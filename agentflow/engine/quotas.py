"""How often a user's runs may call a tool, all of them together: the rates of the operator's policy."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agentflow.errors import JournalFullError
from agentflow.journal.port import Journal

if TYPE_CHECKING:
    from agentflow.engine.port import Loop

SECONDS_WITHOUT_ROOM = 1.0


@dataclass(slots=True)
class Quotas:
    """Asks the journal, which counts across processes.

    Parameters:
        journal: None: nobody has a policy.
    """

    loop: "Loop"
    journal: Journal | None

    def may_begin_at(self, tool: str) -> float | None:
        """When a call may begin, in seconds since the epoch; None: now, and it is counted."""
        entitled = self.loop.around.entitled
        rate = None if entitled is None else entitled.rates.get(tool)
        if entitled is None or rate is None or self.journal is None:
            return None
        now = self.loop.now()
        try:
            return self.journal.begin_call(entitled.user, tool, rate.calls, rate.seconds, now)
        except JournalFullError:
            return now + SECONDS_WITHOUT_ROOM
