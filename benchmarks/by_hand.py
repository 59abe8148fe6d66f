"""The same work as one would write it by hand: the client, a loop, a few functions. No journal, no budget, no checks.

The requests are those of the workflow: the same system prompt, tools, cache breakpoint and reply bound. There are two
hands: `stream` is how the client's documentation does it; `lean` puts the reply together from the raw events and keeps
the history as plain dicts, which is the quickest way that the client offers.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

MODEL = "claude-sonnet-5-5"
SYSTEM = "Read what you are asked to read."
MAX_TOKENS = 16_000

READ: dict[str, Any] = {
    "name": "Read",
    "description": "Reads a file of the project.",
    "input_schema": {
        "type": "object",
        "properties": {
            "file_path": {"type": "string"},
            "offset": {"type": "integer", "minimum": 1},
            "limit": {"type": "integer", "minimum": 1},
        },
        "required": ["file_path"],
        "additionalProperties": False,
    },
}
NOTE: dict[str, Any] = {
    "name": "note",
    "description": "Notes a line.",
    "input_schema": {"type": "object", "properties": {"line": {"type": "string"}}, "required": ["line"]},
}
AGENT: dict[str, Any] = {
    "name": "Agent",
    "description": "Starts a subagent. worker: reads.",
    "input_schema": {
        "type": "object",
        "properties": {
            "description": {"type": "string"},
            "prompt": {"type": "string"},
            "subagent_type": {"type": "string"},
        },
        "required": ["description", "prompt", "subagent_type"],
        "additionalProperties": False,
    },
}


def read(folder: Path, tool_input: dict[str, Any]) -> str:
    lines = (folder / tool_input["file_path"]).read_text().splitlines()
    first = tool_input.get("offset", 1)
    wanted = lines[first - 1 : first - 1 + tool_input.get("limit", 2000)]
    return "\n".join(f"{first + n:6}\t{line}" for n, line in enumerate(wanted))


async def note(folder: Path, tool_input: dict[str, Any]) -> str:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec("tee", "-a", "notes", cwd=folder, stdin=pipe, stdout=pipe)
    said, _ = await process.communicate(f"{tool_input['line']}\n".encode())
    return said.decode()


async def session(client: Any, folder: Path, prompt: str, tools: list[dict[str, Any]]) -> str:
    """One agent's conversation to its end."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": prompt}]
    while True:
        request = {
            "model": MODEL,
            "max_tokens": MAX_TOKENS,
            "system": SYSTEM,
            "messages": messages,
            "tools": tools,
            "cache_control": {"type": "ephemeral"},
        }
        content, stop_reason = await REPLY[client.hand](client, request)
        messages.append({"role": "assistant", "content": content})
        if stop_reason != "tool_use":
            return "".join(_get(block, "text") for block in content if _get(block, "type") == "text")
        results = await asyncio.gather(
            *(use(client, folder, block) for block in content if _get(block, "type") == "tool_use")
        )
        messages.append({"role": "user", "content": results})


async def _stream(client: Any, request: dict[str, Any]) -> tuple[list[Any], str]:
    async with client.messages.stream(**request) as stream:
        message = await stream.get_final_message()
    return message.content, message.stop_reason


async def _lean(client: Any, request: dict[str, Any]) -> tuple[list[Any], str]:
    blocks: list[dict[str, Any]] = []
    pieces: list[str] = []
    stop_reason = ""
    async for event in await client.messages.create(**request, stream=True):
        if event.type == "content_block_start":
            kind = event.content_block.type
            blocks.append({"type": kind})
            if kind == "tool_use":
                blocks[-1] |= {"id": event.content_block.id, "name": event.content_block.name}
            pieces = []
        elif event.type == "content_block_delta":
            delta = event.delta
            pieces.append(delta.text if delta.type == "text_delta" else delta.partial_json)
        elif event.type == "content_block_stop":
            said = "".join(pieces)
            blocks[-1] |= {"text": said} if blocks[-1]["type"] == "text" else {"input": json.loads(said or "{}")}
        elif event.type == "message_delta":
            stop_reason = event.delta.stop_reason
    return blocks, stop_reason


REPLY = {"stream": _stream, "lean": _lean}


def _get(block: Any, name: str) -> Any:
    return block[name] if isinstance(block, dict) else getattr(block, name)


async def use(client: Any, folder: Path, block: Any) -> dict[str, Any]:
    tool_input = _get(block, "input")
    if _get(block, "name") == "Agent":
        content = await session(client, folder, tool_input["prompt"], [READ])
    elif _get(block, "name") == "note":
        content = await note(folder, tool_input)
    else:
        content = read(folder, tool_input)
    return {"type": "tool_result", "tool_use_id": _get(block, "id"), "content": content}


async def many(client: Any, folder: Path, sessions: int) -> str:
    said = await asyncio.gather(
        *(session(client, folder, f"worker {number}", [READ, NOTE]) for number in range(sessions))
    )
    return json.dumps(said)


async def reader(client: Any, folder: Path, turns: int) -> str:
    return await session(client, folder, f"reader {turns}", [READ])


async def one_agent(client: Any, folder: Path, turns: int) -> str:
    return await session(client, folder, f"turns {turns}", [READ])


async def fan_out(client: Any, folder: Path, agents: int) -> str:
    return await session(client, folder, f"agents {agents}", [AGENT])


async def chain(client: Any, folder: Path, agents: int) -> str:
    text = "begin"
    for _ in range(agents):
        text = await session(client, folder, f"turns 1: {text}", [])
    return text
