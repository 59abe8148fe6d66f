"""The same work as one would write it by hand: the client, a loop, a few functions. No journal, no budget, no checks.

The requests are those of the workflow: the same system prompt, tools, cache breakpoint and reply bound.
"""

import asyncio
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


async def session(client: Any, folder: Path, prompt: str, tools: list[dict[str, Any]]) -> str:
    """One agent's conversation to its end."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": prompt}]
    while True:
        async with client.messages.stream(
            model=MODEL,
            max_tokens=MAX_TOKENS,
            system=SYSTEM,
            messages=messages,
            tools=tools,
            cache_control={"type": "ephemeral"},
        ) as stream:
            message = await stream.get_final_message()
        messages.append({"role": "assistant", "content": message.content})
        if message.stop_reason != "tool_use":
            return "".join(block.text for block in message.content if block.type == "text")
        results = await asyncio.gather(
            *(use(client, folder, block) for block in message.content if block.type == "tool_use")
        )
        messages.append({"role": "user", "content": results})


async def use(client: Any, folder: Path, block: Any) -> dict[str, Any]:
    if block.name == "Agent":
        content = await session(client, folder, block.input["prompt"], [READ])
    else:
        content = read(folder, block.input)
    return {"type": "tool_result", "tool_use_id": block.id, "content": content}


async def one_agent(client: Any, folder: Path, turns: int) -> str:
    return await session(client, folder, f"turns {turns}", [READ])


async def fan_out(client: Any, folder: Path, agents: int) -> str:
    return await session(client, folder, f"agents {agents}", [AGENT])


async def chain(client: Any, folder: Path, agents: int) -> str:
    text = "begin"
    for _ in range(agents):
        text = await session(client, folder, f"turns 1: {text}", [])
    return text
