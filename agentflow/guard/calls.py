"""A call of a tool as a person is shown it, and the digest that binds a yes to it alone. Pure."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from agentflow.guard.lookalikes import has_hidden, shown, strangers

JSON = Any


def digest_of(tool: str, tool_input: Mapping[str, JSON]) -> str:
    """SHA-256, in hex, of a tool's name and its arguments as compact JSON in ASCII with sorted keys."""
    text = json.dumps([tool, tool_input], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def call_text(tool: str, tool_input: Mapping[str, JSON]) -> str:
    """A call, whole: its arguments as JSON, every character that shows nothing of itself made visible; behind it what
    might deceive whoever reads it."""
    exact = json.dumps(tool_input, indent=2, ensure_ascii=False, sort_keys=True)
    rows = [f"{tool} {shown(exact)}", *_warnings(tool_input)]
    return "\n".join(rows)


def _warnings(tool_input: Mapping[str, JSON]) -> Iterator[str]:
    for name, value in tool_input.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        if has_hidden(text):
            yield f"! `{shown(name)}` holds characters that nobody sees, shown here as ⟦U+…⟧"
        if found := strangers(text):
            yield f"! `{shown(name)}` holds letters that look like others: {', '.join(found[:10])}"
