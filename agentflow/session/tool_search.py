"""`ToolSearch`: which of an agent's deferred tools a query means. Pure."""

import re
from collections.abc import Iterable

from agentflow.plan.agent_plan import ToolSpec

DEFAULT_RESULTS = 5
_SELECT = "select:"
_WORD = re.compile(r"[a-z0-9]+")
_NAME_COUNTS = 4
_SHORTEST = 3


def found(query: str, tools: Iterable[ToolSpec], most: int = DEFAULT_RESULTS) -> list[str]:
    """The names of the tools that a query means, the likeliest first.

    Parameters:
        query: words, of which a tool needs one in its name or description; or `select:` and names with commas.
        tools: those that are deferred.
    """
    if query.strip().lower().startswith(_SELECT):
        known = {tool.name.lower(): tool.name for tool in tools}
        wanted = (name.strip().lower() for name in query.strip()[len(_SELECT) :].split(","))
        return [known[name] for name in dict.fromkeys(wanted) if name in known][:most]
    words = set(_WORD.findall(query.lower()))
    scored = [(_score(words, tool), tool.name) for tool in tools]
    return [name for score, name in sorted(scored, key=lambda entry: -entry[0]) if score > 0][:most]


def _score(words: set[str], tool: ToolSpec) -> int:
    name, said = _WORD.findall(tool.name.lower()), set(_WORD.findall(tool.description.lower()))
    in_name = sum(any(word in part for part in name) for word in words)
    return _NAME_COUNTS * in_name + sum(any(_alike(word, given) for given in said) for word in words)


def _alike(word: str, given: str) -> bool:
    """Whether one of two words begins with the other: `bird` finds `birds`, and the other way round."""
    shorter = min(len(word), len(given))
    return word[:shorter] == given[:shorter] and (shorter >= _SHORTEST or word == given)
