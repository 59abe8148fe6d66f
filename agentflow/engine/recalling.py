"""`Recall`: an agent looks something up in its own history, which the journal holds whole."""

import time
from collections.abc import Callable, Iterable

from agentflow.events.session_events import SessionEvent, ToolFinished
from agentflow.session.history import recalled
from agentflow.session.state import Call


async def recall(call: Call, events: Iterable[SessionEvent], clock: Callable[[], float]) -> ToolFinished:
    """Answers a call.

    Parameters:
        events: of the session, from its beginning; read only now, when all that came before the call is on record.
    """
    began = time.perf_counter()
    content, is_error = recalled(events, call.input)
    return ToolFinished(clock(), call.id, content, is_error, seconds=round(time.perf_counter() - began, 6))
