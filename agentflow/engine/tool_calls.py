"""A tool call of a session, performed, and what stands around it.

A result goes through these, in this order: the tool itself and what its `output` promises (`tools/own.py`); the values
of secrets out of it; another attempt, where its `retry` names the failure; its beginning and its end in the place of
what is too large to show (`tools/kept_results.py`).
"""

import time

from agentflow.engine.contents import redacted_content
from agentflow.engine.port import Loop
from agentflow.events.session_events import ToolFinished, ToolRetried
from agentflow.plan.agent_plan import ToolSpec
from agentflow.run.retries import rest
from agentflow.session.state import Call
from agentflow.tools.port import ToolContext, ToolOutput

_PAGED = frozenset({"Read", "Grep", "WebFetch", "memory"})
"""They bound what they give, and say how to go on: keeping it would make a copy of what can be read already."""


async def run_tool(loop: Loop, stream: str, call: Call, context: ToolContext) -> ToolFinished | ToolRetried:
    """Runs a call that was announced and holds a slot."""
    began = time.perf_counter()
    output = await loop.tools.run(call.name, call.input, context)
    content, detail = redacted_content(loop.secrets, output.content), loop.secrets.redacted(output.detail)
    now = loop.now()
    next_at = _next_attempt(loop, loop.live.plans[stream].by_name[call.name], call, output, now)
    if next_at is not None:
        said = detail or (content if isinstance(content, str) else "")
        message = said[:_LONGEST_MESSAGE]
        return ToolRetried(now, call.id, call.name, call.failures + 1, str(output.failure), message, next_at)
    if call.name not in _PAGED:
        can_read = loop.live.can_read(stream)
        content = await loop.results.shown_later(call.name, content, can_read=can_read)
    return ToolFinished(
        at=loop.now(),
        call=call.id,
        content=content,
        is_error=output.is_error,
        seconds=round(time.perf_counter() - began, 6),
        cause=output.failure,
        detail=detail or None,
        media_tokens=output.media_tokens,
    )


_LONGEST_MESSAGE = 2_000


def _next_attempt(loop: Loop, tool: ToolSpec, call: Call, output: ToolOutput, now: float) -> float | None:
    """When a call that failed is made again, in seconds since the epoch; None: not at all."""
    retry = tool.options.retry
    if retry is None or output.failure not in retry.on or call.failures + 1 >= retry.attempts:
        return None
    return now + rest(retry, call.failures + 2, loop.around.chance())
