"""Which part of a conversation stays when it is made smaller: the end of it, whole turns, no call without its result.

All of this is counted in bytes. A turn is a reply and what it was answered with; it stays or goes as one.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from agentflow.session.sizes import size

JSON = Any
Message = Mapping[str, JSON]
Turn = tuple[int, int]
"""The messages of a turn: from the first up to the second, which is the next turn's."""

TODO = "TodoWrite"
"""The tool whose last call is the agent's plan: it stays."""

TAIL_SHARE, KEPT_SHARE = 0.6, 0.2
"""Of what a smaller conversation may hold: for the turns at its end, and for older ones that are kept."""

RECENT_SHARE, LAST_SHARE = 0.2, 0.5
"""Of the same, for one result among the turns that stay: before the last of them, and in it."""

SMALLEST_RESULT = 400
"""A result of fewer bytes is not worth clearing."""

CUT_HEAD, CUT_TAIL = 3000, 1000
"""What stays of a result that alone is too large, in characters."""


class Shape(Struct, frozen=True):
    """What is to go.

    Attributes:
        until: so many messages from the first are replaced.
        kept: of those, the turns that stay all the same.
        cleared: what stands for a result, by the id of its call.
        left_bytes: a bound on what stays, as it then is.
    """

    until: int
    kept: tuple[Turn, ...]
    cleared: Mapping[str, str]
    left_bytes: int


def turns_of(messages: Sequence[Message]) -> list[Turn]:
    """The turns; what comes before the first is no turn: prompts, and what an earlier compaction left."""
    starts = [
        index
        for index, message in enumerate(messages)
        if message["role"] == "assistant"
        and not is_compaction(message)
        and (index == 0 or messages[index - 1]["role"] == "user")
    ]
    return list(zip(starts, [*starts[1:], len(messages)][: len(starts)], strict=True))


def is_compaction(message: Message) -> bool:
    """Whether a message is what the service's own compaction gave."""
    return bool(message["content"]) and message["content"][0]["type"] == "compaction"


def shape_of(
    messages: Sequence[Message], keep_last: int, keep: Collection[str], budget: int, *, clear: bool, recall: bool
) -> Shape:
    """What is to go so that what stays fits a budget.

    Parameters:
        keep_last: turns at the end that stay, as far as they fit; one always does.
        keep: the tools whose results stay.
        budget: bytes.
        clear: old results go first, and turns only where that is not enough.
        recall: the agent can have back what goes.
    """
    sizes = [size(message["content"]) for message in messages]
    turns = turns_of(messages)
    if not turns:
        return Shape(0, (), {}, sum(sizes))
    cleared: dict[str, str] = {}
    first = max(0, len(turns) - keep_last)
    # One huge result is not worth all the turns around it; what the agent has not seen yet is cut last.
    recent = [index for turn in turns[first:-1] for index in range(*turn)]
    _cut_over(messages, recent, recall, sizes, cleared, int(budget * RECENT_SHARE))
    _cut_over(messages, range(*turns[-1]), recall, sizes, cleared, int(budget * LAST_SHARE))
    if clear:
        _clear_old(messages, turns[:first], keep, recall, sizes, cleared, budget)
    until = 0
    kept: tuple[Turn, ...] = ()
    if not clear or sum(sizes) > budget:
        first = _tail(turns, sizes, first, int(budget * TAIL_SHARE))
        # Where no turn goes, what stands before the first one stays as it is.
        until = turns[first][0] if first else 0
        kept = _kept(messages, turns[:first], keep, recall, sizes, cleared, int(budget * KEPT_SHARE))
    staying = [*(index for turn in kept for index in range(*turn)), *range(until, len(messages))]
    _cut_largest(messages, staying, recall, sizes, cleared, budget)
    return Shape(until, kept, cleared, sum(sizes[index] for index in staying))


def replaced(messages: Sequence[Message], cleared: Mapping[str, str]) -> tuple[Message, ...]:
    """The messages, what was cleared of results in its place."""
    if not cleared:
        return tuple(messages)
    return tuple(_replaced(message, cleared) for message in messages)


def _replaced(message: Message, cleared: Mapping[str, str]) -> Message:
    if message["role"] != "user" or not any(block.get("tool_use_id") in cleared for block in message["content"]):
        return message
    content = [
        {**block, "content": cleared[block["tool_use_id"]]} if block.get("tool_use_id") in cleared else block
        for block in message["content"]
    ]
    return {**message, "content": content}


def _tail(turns: Sequence[Turn], sizes: Sequence[int], first: int, budget: int) -> int:
    """The first of the turns at the end that stay; the last one always does."""
    held = sum(sizes[turns[first][0] :])
    while first < len(turns) - 1 and held > budget:
        held -= sum(sizes[slice(*turns[first])])
        first += 1
    return first


def _kept(
    messages: Sequence[Message],
    older: Sequence[Turn],
    keep: Collection[str],
    recall: bool,
    sizes: list[int],
    cleared: dict[str, str],
    budget: int,
) -> tuple[Turn, ...]:
    """Of the older turns, those that hold what is always kept, from the newest on as far as they fit."""
    kept: list[Turn] = []
    todo_seen = False
    for turn in reversed(older):
        names = {name for _, name in _calls(messages[turn[0]])}
        wanted = bool(names & set(keep)) or (TODO in names and not todo_seen)
        todo_seen = todo_seen or TODO in names
        if not wanted:
            continue
        beside = list(_clearing(messages, range(*turn), keep, recall, cleared))
        held = sum(sizes[slice(*turn)]) - sum(saved for _, _, _, saved in beside)
        if held <= budget:
            budget -= held
            kept.append(turn)
            _clear(beside, sizes, cleared)
    return tuple(reversed(kept))


def _clear_old(
    messages: Sequence[Message],
    older: Sequence[Turn],
    keep: Collection[str],
    recall: bool,
    sizes: list[int],
    cleared: dict[str, str],
    budget: int,
) -> None:
    """Clears the results of older turns; errors, which tell what not to do again, only where that is not enough."""
    indexes = [index for turn in older for index in range(*turn)]
    _clear(list(_clearing(messages, indexes, keep, recall, cleared)), sizes, cleared)
    if sum(sizes) > budget:
        _clear(list(_clearing(messages, indexes, keep, recall, cleared, errors=True)), sizes, cleared)


def _clear(clearing: Sequence[tuple[int, str, str, int]], sizes: list[int], cleared: dict[str, str]) -> None:
    for index, call, notice, saved in clearing:
        cleared[call] = notice
        sizes[index] -= saved


def _clearing(
    messages: Sequence[Message],
    indexes: Sequence[int],
    keep: Collection[str],
    recall: bool,
    cleared: Mapping[str, str],
    *,
    errors: bool = False,
) -> Iterator[tuple[int, str, str, int]]:
    """The results that may be cleared: where one stands, its call, what is to stand there, the bytes it saves."""
    names = {call: name for index in indexes for call, name in _calls(messages[index])}
    for index, block in _results(messages, indexes):
        call = block["tool_use_id"]
        if call in cleared or names.get(call) in (*keep, TODO) or (block.get("is_error") and not errors):
            continue
        held = size(block.get("content", ""))
        if held >= SMALLEST_RESULT:
            notice = f"[This result was left out to make room.{_how_to_recall(call, recall)}]"
            yield index, call, notice, held - len(notice)


def _cut_largest(
    messages: Sequence[Message],
    staying: Sequence[int],
    recall: bool,
    sizes: list[int],
    cleared: dict[str, str],
    budget: int,
) -> None:
    """Cuts the largest results until what stays fits."""
    over = sum(sizes[index] for index in staying) - budget
    if over <= 0:
        return
    found = [(size(block.get("content", "")), index, block) for index, block in _results(messages, staying)]
    for held, index, block in sorted(found, key=lambda one: (-one[0], one[1])):
        if over <= 0 or held <= CUT_HEAD + CUT_TAIL + SMALLEST_RESULT:
            return
        call = block["tool_use_id"]
        if call in cleared:
            continue
        cleared[call] = _cut(block.get("content", ""), call, recall)
        saved = held - size(cleared[call])
        sizes[index] -= saved
        over -= saved


def _cut_over(
    messages: Sequence[Message],
    indexes: Sequence[int],
    recall: bool,
    sizes: list[int],
    cleared: dict[str, str],
    most: int,
) -> None:
    """Cuts the results that are larger than `most` bytes."""
    for index, block in _results(messages, indexes):
        held = size(block.get("content", ""))
        if held > max(most, CUT_HEAD + CUT_TAIL + SMALLEST_RESULT):
            cleared[block["tool_use_id"]] = cut = _cut(block.get("content", ""), block["tool_use_id"], recall)
            sizes[index] -= held - size(cut)


def _cut(content: JSON, call: str, recall: bool) -> str:
    """A result's beginning and end."""
    text = text_of(content)
    head, tail = text[:CUT_HEAD], text[len(text) - CUT_TAIL :] if len(text) > CUT_HEAD else ""
    left_out = len(text) - len(head) - len(tail)
    # An image or a document, which stands by its type among the text, is as a rule all that there is to leave out.
    what = f"{left_out:,} characters were" if left_out or isinstance(content, str) else "What is no text was"
    return f"{head}\n[… {what} left out to make room.{_how_to_recall(call, recall)} …]\n{tail}"


def _how_to_recall(call: str, recall: bool) -> str:
    return f" Recall gives it back: {json.dumps({'call': call})}." if recall else ""


def text_of(content: JSON) -> str:
    """The text of a result; what is no text is named by its type."""
    if isinstance(content, str):
        return content
    return "\n".join(
        block["text"] if block.get("type") == "text" else f"[{block.get('type', 'block')}]" for block in content
    )


def _calls(message: Message) -> Iterator[tuple[str, str]]:
    if message["role"] == "assistant":
        for block in message["content"]:
            if block["type"] == "tool_use":
                yield block["id"], block["name"]


def _results(messages: Sequence[Message], indexes: Sequence[int]) -> Iterator[tuple[int, Mapping[str, JSON]]]:
    for index in indexes:
        if messages[index]["role"] == "user":
            for block in messages[index]["content"]:
                if block["type"] == "tool_result":
                    yield index, block
