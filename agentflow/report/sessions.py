"""Sessions as text for people and as JSON for programs."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agentflow.engine.continuing import SessionStory
from agentflow.engine.sessions import SessionSummary, TimeSpent
from agentflow.report.inert import inert, inert_line
from agentflow.report.json_out import struct_json
from agentflow.report.style import Paint, count, duration, money, tokens
from agentflow.report.text import COLOURS, bounded_lines, table

JSON = Any

SHORT = 12
"""Lines of each text that are shown, where not all are asked for."""
_EVERY = 1 << 31
_RIGHT = frozenset({3, 4, 5, 6, 7})


def sessions_table(sessions: Iterable[SessionSummary]) -> str:
    """Sessions, one a line, subagents below who called them."""
    rows = [
        (
            "  " * (one.depth - 1) + inert_line(one.name, 100),
            inert_line(one.agent, 40),
            one.state if one.failure is None else f"failed ({one.failure.kind})",
            str(one.turns),
            str(one.tool_calls),
            tokens(one.usage.total),
            money(one.cost_usd),
            duration(one.seconds),
        )
        for one in sessions
    ]
    return table(("SESSION", "AGENT", "STATE", "TURNS", "TOOLS", "TOKENS", "COST", "TIME"), rows, _RIGHT)


def session_json(summary: SessionSummary) -> dict[str, JSON]:
    """A session as lists show it."""
    return {**struct_json(summary), "seconds": round(summary.seconds, 3)}


def story_json(story: SessionStory) -> dict[str, JSON]:
    """A session, whole: also what was said, the last request and its reply."""
    return {
        "type": "session",
        **session_json(story.summary),
        "prompt": story.prompt,
        "system": story.earlier.system,
        "tools": [struct_json(tool) for tool in story.earlier.tools],
        "messages": [dict(message) for message in story.earlier.messages],
        "workspace": None if story.workspace is None else struct_json(story.workspace),
        "last_request": None if story.request is None else struct_json(story.request),
        "last_reply": None if story.reply is None else struct_json(story.reply),
    }


def story_text(story: SessionStory, run: str, paint: Paint, *, full: bool) -> Iterator[str]:
    """A session as a person reads it, line by line.

    Parameters:
        full: nothing is cut.
    """
    one = story.summary
    lines, columns = (_EVERY, _EVERY) if full else (SHORT, 400)
    colours = COLOURS.get(one.state, ("yellow",))
    head = [paint(inert_line(one.name, 200), "bold"), f"agent {inert_line(one.agent, 60)}", paint(one.state, *colours)]
    yield "  ".join([*head, f"run {run}"])
    if one.failure is not None:
        yield f"  {one.failure.kind}: {inert_line(one.failure.message, 500)}"
    parts = [count(one.turns, "turn"), count(one.tool_calls, "tool call"), f"{tokens(one.usage.total)} tokens"]
    yield " · ".join([*parts, money(one.cost_usd)])
    yield f"{duration(one.seconds)}: {_time_text(one.time)}"
    if one.continues is not None:
        yield f"carries session {inert_line(one.continues, 100)} on"
    if story.earlier.system is not None:
        yield ""
        yield paint("system", "bold")
        yield from bounded_lines(story.earlier.system, lines, columns)
    yield ""
    names = ", ".join(inert_line(tool.name, 60) for tool in story.earlier.tools)
    yield f"{paint('tools', 'bold')}  {names or 'none'}"
    for message in story.earlier.messages:
        yield ""
        yield from _message(message, paint, lines, columns)
    yield ""
    yield from _last(story, paint)


def _time_text(time: TimeSpent) -> str:
    spent = struct_json(time)
    return ", ".join(f"{name} {duration(seconds)}" for name, seconds in spent.items() if seconds or name == "ours")


def _message(message: Mapping[str, JSON], paint: Paint, lines: int, columns: int) -> Iterator[str]:
    who = "agent" if message["role"] == "assistant" else "user"
    content = message["content"]
    for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
        head, text = _block(block, who)
        yield paint(head, "bold" if head in ("agent", "user") else "dim")
        yield from bounded_lines(text, lines, columns)


def _block(block: Mapping[str, JSON], who: str) -> tuple[str, str]:
    """What a content block is, and what it says."""
    match block.get("type"):
        case "text":
            return who, str(block.get("text", ""))
        case "tool_use":
            return f"calls {inert_line(str(block.get('name')), 60)}", _data_text(block.get("input"))
        case "tool_result":
            failed = ", which failed" if block.get("is_error") else ""
            return f"result{failed}", _data_text(block.get("content", ""))
        case "thinking":
            return "thinking", str(block.get("thinking", ""))
        case kind:
            return inert_line(str(kind), 60), _data_text({key: value for key, value in block.items() if key != "type"})


def _data_text(value: JSON) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(part, Mapping) and part.get("type") == "text" for part in value):
        return "".join(str(part.get("text", "")) for part in value)
    return json.dumps(value, ensure_ascii=False)


def _last(story: SessionStory, paint: Paint) -> Iterator[str]:
    """The last request and what came of it."""
    asked, reply = story.request, story.reply
    if asked is None:
        yield f"{paint('last request', 'bold')}  none went out"
        return
    said = [f"turn {asked.turn}", inert_line(asked.model, 60), count(len(asked.messages), "message")]
    yield f"{paint('last request', 'bold')}  {', '.join([*said, f'at most {tokens(asked.max_tokens)} tokens'])}"
    if reply is None:
        yield f"{paint('last reply', 'bold')}  none came"
        return
    usage = f"{tokens(reply.usage.input_total)} tokens in, {tokens(reply.usage.output_tokens)} out"
    known = "" if reply.request_id is None else f", {inert_line(reply.request_id, 80)}"
    took = "" if reply.timings is None else f", {duration(reply.timings.total)}"
    yield f"{paint('last reply', 'bold')}  {inert(reply.stop_reason)}, {usage}{took}, {money(reply.cost_usd)}{known}"
