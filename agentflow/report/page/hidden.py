"""Text made plain to see, for pages: `inert`, for everything that a report holds."""

from typing import Any

from agentflow.report.inert import inert

JSON = Any


def revealed(text: str) -> str:
    """The text with its lines and tabs; hidden characters stand there written out."""
    return inert(text)


def revealed_data(value: JSON) -> JSON:
    """JSON data with every text in it, names too, made plain to see."""
    if isinstance(value, str):
        return revealed(value)
    if isinstance(value, dict):
        return {revealed(key): revealed_data(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [revealed_data(inner) for inner in value]
    return value
