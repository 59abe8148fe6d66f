"""Text made plain to see, for pages: what `inert` shows, and every other character that takes no room of its own."""

import re
from typing import Any

from agentflow.report.inert import inert

JSON = Any

# Format characters (Unicode's category Cf) that `inert` leaves, since terminals need some of them; fillers that look
# like nothing; and variation selectors but the one that makes an emoji of a sign, since in a row they carry text.
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u2060-\u2064\u206a-\u206f\u3164"
    "\ufe00-\ufe0e\uffa0\ufff0-\ufffb\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0080-\U000e0fff]"
)


def revealed(text: str) -> str:
    """The text with its lines and tabs; hidden characters stand there as escapes."""
    return _HIDDEN.sub(_shown, inert(text))


def revealed_data(value: JSON) -> JSON:
    """JSON data with every text in it, names too, made plain to see."""
    if isinstance(value, str):
        return revealed(value)
    if isinstance(value, dict):
        return {revealed(key): revealed_data(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [revealed_data(inner) for inner in value]
    return value


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
