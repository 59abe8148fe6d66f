"""A conversation as text: for a model that summarises it, and for an agent that looks something up in it. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentflow.session.windows import text_of

JSON = Any
Message = Mapping[str, JSON]

LONGEST_RESULT = 8_000
"""Characters of a result that a summary is made from, where there is room; the rest is left out of its middle."""

SHORTEST_RESULT = 200


def transcript(messages: Sequence[Message], budget: int) -> str:
    """The conversation, its results cut as far as it takes to fit.

    A call that was made again, word for word, is shown without its earlier results: the last one answers it.

    Parameters:
        budget: characters.
    """
    again = _superseded(messages)
    longest = LONGEST_RESULT
    while True:
        text = "\n\n".join(_lines(messages, again, longest))
        if len(text) <= budget:
            return text
        if longest <= SHORTEST_RESULT:
            return f"[… the beginning was left out …]\n{text[-budget:]}"
        longest //= 2


def block_text(block: Mapping[str, JSON], longest: int) -> str | None:
    """One block as text, or None for what is nobody's words: thinking, and what only the service reads."""
    kind = block["type"]
    if kind == "text":
        return shortened(block["text"], 4 * longest)
    if kind == "tool_use":
        return (
            f"Call {block['name']} ({block['id']}) {shortened(json.dumps(block['input'], ensure_ascii=False), longest)}"
        )
    if kind == "tool_result":
        failed = ", an error" if block.get("is_error") else ""
        content = shortened(text_of(block.get("content", "")), longest)
        return f"Result ({block['tool_use_id']}{failed}): {content}"
    if kind == "compaction":
        return f"[Summary of what came before]\n{block.get('content') or ''}"
    return None if kind in ("thinking", "redacted_thinking") else f"[{kind}]"


def shortened(text: str, longest: int) -> str:
    """A text without its middle where it is longer."""
    if len(text) <= longest:
        return text
    head = longest * 2 // 3
    tail = longest - head
    return f"{text[:head]} [… {len(text) - head - tail:,} characters …] {text[-tail:]}"


def _lines(messages: Sequence[Message], again: frozenset[str], longest: int) -> Iterator[str]:
    for message in messages:
        who = "Agent" if message["role"] == "assistant" else "Given to the agent"
        said = []
        for block in message["content"]:
            if block["type"] == "tool_result" and block["tool_use_id"] in again:
                said.append(f"Result ({block['tool_use_id']}): the same call was made again later")
            elif (text := block_text(block, longest)) is not None:
                said.append(text)
        if said:
            yield f"## {who}\n" + "\n".join(said)


def _superseded(messages: Sequence[Message]) -> frozenset[str]:
    """The ids of calls that were made again with the same input."""
    last: dict[str, str] = {}
    found = set()
    for message in messages:
        if message["role"] != "assistant":
            continue
        for block in message["content"]:
            if block["type"] == "tool_use":
                form = f"{block['name']} {json.dumps(block['input'], sort_keys=True)}"
                if form in last:
                    found.add(last[form])
                last[form] = block["id"]
    return frozenset(found)
