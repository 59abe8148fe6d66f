"""Text from anywhere made safe to show: nothing in it moves the cursor, colours, links, hides or reorders.

Control characters are shown as pictures or escapes rather than dropped, so that nothing goes unnoticed.
"""

import re
from collections.abc import Mapping

_PICTURES = 0x2400
_DELETE = 0x7F
# Explicit embeddings, overrides and isolates (Unicode UAX #9, 2.1 to 2.4), separators that some terminals break
# lines at, the byte order mark, and tags, which carry invisible text.
_HIDDEN = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029, 0xFEFF, *range(0xE0000, 0xE0080))


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


_TABLE: Mapping[int, str] = {
    **{code: chr(_PICTURES + code) for code in range(0x20) if chr(code) not in "\n\t"},
    _DELETE: "\u2421",
    **{code: _escape(code) for code in (*range(0x80, 0xA0), *_HIDDEN)},
}
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]")


def inert(text: str) -> str:
    """The text with its lines and tabs, and everything else that is not plain to see made plain."""
    if _UNSAFE.search(text) is None:
        return text
    text = text.replace("\r\n", "\n")
    return _UNSAFE.sub(_shown, text)


def inert_line(text: str, limit: int = 200) -> str:
    """The text on one line of at most `limit` characters."""
    # Cut first: the work is bounded by what is shown, however long the text is.
    cut = text[: 4 * limit]
    line = inert(" ".join(cut.split()))
    if len(line) <= limit and len(cut) == len(text):
        return line
    return line[: limit - 1] + "…"


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    return _TABLE.get(code) or _escape(code)
