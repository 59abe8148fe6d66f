"""What an agent finds in the whole history of its session, which no compaction shortens. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from agentflow.events.session_events import ModelReplied, SessionEvent, SessionKept, SessionStarted, ToolFinished
from agentflow.plan.context_tools import RECALL
from agentflow.session.transcript import block_text

JSON = Any

MOST_CHARACTERS = 20_000
"""Of one answer; the tool's description says so too."""

MOST_MATCHES = 20
AROUND = 300
"""Characters shown before and after what was found."""

_WHOLE = 1 << 30


class Said(Struct, frozen=True):
    """One thing that was said: a text, a call, or a result.

    Attributes:
        turn: from 1; 0 for the prompt, and for all of a session that this one carries on.
        call: the id of the call or of the call whose result it is.
    """

    turn: int
    text: str
    call: str | None = None
    is_result: bool = False


def recalled(events: Iterable[SessionEvent], given: Mapping[str, JSON]) -> tuple[str, bool]:
    """What a call of `Recall` gives, and whether it is an error."""
    listed = list(events)
    said = list(history(listed))
    asked = [name for name in ("words", "from_turn", "call") if name in given]
    if len(asked) != 1:
        return "Give one of `words`, `from_turn` (with `to_turn`) and `call`.", True
    offset = given.get("offset", 0)
    if asked == ["call"]:
        found = [one for one in said if one.call == given["call"]]
        return _bounded(found, offset) if found else (f"There was no call `{given['call'][:80]}`.", True)
    if asked == ["words"]:
        return _search(said, given["words"].casefold().split(), offset)
    first = given["from_turn"]
    last = given.get("to_turn", first)
    found = [one for one in said if first <= one.turn <= last]
    latest = max((event.turn for event in listed if isinstance(event, ModelReplied)), default=0)
    return _bounded(found, offset) if found else (f"There is nothing in these turns; the last one is {latest}.", True)


def history(events: Iterable[SessionEvent]) -> Iterator[Said]:
    """All that was said in a session, in its order; what `Recall` gave is left out, since it stands there already.

    Parameters:
        events: of the session, and before them those of the sessions that it carries on.
    """
    listed = list(events)
    own = max((index for index, event in enumerate(listed) if isinstance(event, SessionStarted)), default=0)
    turn = 0
    recalls: set[str] = set()
    for index, event in enumerate(listed):
        if isinstance(event, SessionStarted):
            turn = 0
            yield Said(0, f"Prompt: {event.prompt}")
        elif isinstance(event, SessionKept):
            yield from _kept(event, recalls)
        elif isinstance(event, ModelReplied):
            turn = event.turn if index > own else 0
            for block in event.content:
                if block.get("type") == "tool_use" and block.get("name") == RECALL.name:
                    recalls.add(str(block.get("id")))
                elif (text := block_text(block, _WHOLE)) is not None:
                    yield Said(turn, text, block.get("id"))
        elif isinstance(event, ToolFinished) and event.call not in recalls:
            block = {
                "type": "tool_result",
                "tool_use_id": event.call,
                "content": event.content,
                "is_error": event.is_error,
            }
            yield Said(turn, block_text(block, _WHOLE) or "", event.call, is_result=True)


def _kept(event: SessionKept, recalls: set[str]) -> Iterator[Said]:
    """What stood last in a conversation of an older run; the calls of `Recall` in it are added to `recalls`."""
    for message in event.messages:
        content = message["content"]
        for block in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            call = block.get("tool_use_id", block.get("id"))
            if block["type"] == "tool_use" and block["name"] == RECALL.name:
                recalls.add(str(call))
            elif call not in recalls and (text := block_text(block, _WHOLE)) is not None:
                yield Said(0, text, call, is_result=block["type"] == "tool_result")


def _search(said: list[Said], words: list[str], offset: int) -> tuple[str, bool]:
    if not words:
        return "Give words to look for.", True
    found = [one for one in said if all(word in one.text.casefold() for word in words)]
    if not found:
        return "Nothing was said with all of these words; try fewer, or read turns with `from_turn`.", False
    # The newest first: what was said last about a thing is what holds.
    shown = [_excerpt(one, words) for one in reversed(found)]
    more = f"\n\n[{len(shown) - MOST_MATCHES} more; give more words]" if len(shown) > MOST_MATCHES else ""
    text, is_error = _page("\n\n".join(shown[:MOST_MATCHES]), offset)
    return text + more, is_error


def _excerpt(one: Said, words: list[str]) -> str:
    """What stands around the first of the words."""
    folded = one.text.casefold()
    at = min(folded.find(word) for word in words)
    begin, end = max(0, at - AROUND), min(len(one.text), at + AROUND)
    before, after = "…" if begin else "", "…" if end < len(one.text) else ""
    where = f", call {one.call}" if one.call is not None else ""
    return f"[turn {one.turn}{where}]\n{before}{one.text[begin:end]}{after}"


def _bounded(found: list[Said], offset: int) -> tuple[str, bool]:
    lines = []
    turn = -1
    for one in found:
        if one.turn != turn:
            turn = one.turn
            lines.append(f"[turn {turn}]")
        lines.append(one.text)
    return _page("\n".join(lines), offset)


def _page(text: str, offset: int) -> tuple[str, bool]:
    if offset >= len(text):
        return f"There are only {len(text):,} characters.", True
    end = offset + MOST_CHARACTERS
    more = f"\n[… {len(text) - end:,} more characters: call again with `offset: {end}`]" if end < len(text) else ""
    return text[offset:end] + more, False
