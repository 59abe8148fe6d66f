"""A tool call in a few words."""

from collections.abc import Mapping
from typing import Any

from agentflow.report.inert import inert_line

_TELLING = ("pattern", "query", "command", "file_path", "path", "url", "description", "prompt")
_QUOTED = frozenset({"pattern", "query", "description", "prompt"})


def call_in_words(block: Mapping[str, Any]) -> str:
    """A tool call in a few words: its name, and what tells most of its input."""
    name = inert_line(str(block.get("name")), 40)
    given = block.get("input")
    if not isinstance(given, Mapping):
        return name
    if name == "Agent" and isinstance(given.get("subagent_type"), str):
        return f"{name} {inert_line(given['subagent_type'], 40)}"
    texts = [(key, given[key]) for key in _TELLING if isinstance(given.get(key), str)]
    texts += [(key, value) for key, value in given.items() if isinstance(value, str)]
    if not texts:
        return name
    key, text = texts[0]
    shown = inert_line(text, 60)
    return f'{name} "{shown}"' if key in _QUOTED else f"{name} {shown}"


def brief_of(block: Mapping[str, Any]) -> str:
    """What a subagent is sent out for; empty for every other call."""
    given = block.get("input")
    if block.get("name") != "Agent" or not isinstance(given, Mapping):
        return ""
    return inert_line(str(given.get("description", "")), 40)
