"""Text as it is: characters that nobody sees, or that change how others are seen, are written out.

One place says which these are, for models, terminals, pages and logs alike. Controls become their pictures (`␛`),
everything else its number between brackets (`⟦U+202E⟧`). Where a script or an emoji needs a character without room of
its own, and it stands as it is used there, it stays. `meant` goes the way back, so that a model can name in an edit
what it was shown.

Sources: Unicode 16, Default_Ignorable_Code_Point and Bidi_Class; UAX #9, 2.1 to 2.4 (embeddings, overrides,
isolates); UTS #51, 2.2 and C.1 (joined emoji, the tags of flags); UTS #55, 3.1 and UAX #31, 2.3.1 (where joiners have a
visible effect).
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

JSON = Any

MOST_MARKS = 8
"""Combining marks on one letter that are shown; no writing needs more."""

_PICTURES = 0x2400
_DELETE_PICTURE = "\u2421"
_BELOW = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff"
)
_HIDDEN = f"{_BELOW}\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
_MARKS = (
    "\u0300-\u034e\u0350-\u036f\u0483-\u0489\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20f0"
    "\ufe20-\ufe2f"
)
# Of flags that tags make, the three that everybody draws: England, Scotland and Wales.
_FLAGS = "|".join(
    "".join(chr(0xE0000 + ord(letter)) for letter in name) + "\U000e007f" for name in ("gbeng", "gbsct", "gbwls")
)
_FLAG = "\U0001f3f4"
# One class of characters and nothing else, and where that is enough one without those beyond U+FFFF: a search for it
# takes a fraction of the time of any other expression.
_FOUND = re.compile(f"[{_HIDDEN}{_MARKS}\r{_FLAG}]+")
_FOUND_BELOW = re.compile(f"[{_BELOW}{_MARKS}\r]+")
_ABOVE = re.compile("[\U00010000-\U0010ffff]")
_PIECES = re.compile(f"{_FLAG}(?:{_FLAGS})|\r(?!\n)|[{_HIDDEN}]|[{_MARKS}]{{{MOST_MARKS + 1},}}")
_HALVES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_IS_HIDDEN = re.compile(f"[{_HIDDEN}]")
_TO_THE_LEFT = re.compile("[\u0590-\u05ff\u0620-\u085f\u0870-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff]")
_WRITTEN = re.compile("⟦U\\+([0-9A-F]{4,6})⟧|[\u2400-\u2408\u240b-\u241f\u2421]")

_ZERO_WIDTH_SPACE, _NON_JOINER, _JOINER, _SOFT_HYPHEN = "\u200b", "\u200c", "\u200d", "\u00ad"
_DIRECTION_MARKS = frozenset("\u200e\u200f\u061c")
_EMOJI_STYLES = frozenset("\ufe0e\ufe0f")
_SKINS = range(0x1F3FB, 0x1F400)
# Arabic to Mongolian and the presentation forms of Arabic: scripts in which letters join.
_JOINING = (range(0x0600, 0x1900), range(0x1A20, 0x1AB0), range(0xA800, 0xABFF), range(0xFB50, 0xFE00))
# Thai, Lao, Tibetan, Myanmar, Khmer, Tai Tham: words stand without spaces between them.
_WITHOUT_SPACES = (range(0x0E00, 0x10A0), range(0x1780, 0x1800), range(0x1A20, 0x1AB0))
_IDEOGRAPHS = (range(0x3400, 0xA000), range(0xF900, 0xFB00), range(0x20000, 0x32000))
_JAMO = (range(0x1100, 0x1200),)
_MONGOLIAN = (range(0x1820, 0x18AB),)


def visible(text: str) -> str:
    """The text with everything in it that hides, reorders, erases or acts on a terminal written out.

    Lines and tabs stay, and so do CRLF line ends; two halves of a character become it. What is written out once stays
    as it is.
    """
    look = _FOUND_BELOW if text.isascii() or _ABOVE.search(text) is None else _FOUND
    if look.search(text) is None:
        return text
    text = _HALVES.sub(lambda found: found[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le"), text)
    leftward = _TO_THE_LEFT.search(text) is not None
    return look.sub(lambda found: "".join(_run(text, found, leftward)), text)


def visible_data(value: JSON) -> JSON:
    """JSON data with every text in it, names too, made visible."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(key): visible_data(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [visible_data(inner) for inner in value]
    return value


def visible_blocks(content: JSON) -> JSON:
    """Text, or content blocks of the API, with every text made visible; what is no text is left as it is."""
    if isinstance(content, str):
        return visible(content)
    if not isinstance(content, list):
        return content
    return [
        {**block, "text": visible(block["text"])}
        if isinstance(block, dict) and block.get("type") == "text" and isinstance(block.get("text"), str)
        else block
        for block in content
    ]


def meant(text: str) -> str:
    """The text with characters in the place of how `visible` writes them; nothing else between brackets is changed."""
    return _WRITTEN.sub(_character, text)


def hidden(text: str) -> str | None:
    """The first character of a text that `visible` would write out, as it writes it; None where there is none."""
    leftward = _TO_THE_LEFT.search(text) is not None
    for run in _FOUND.finditer(text):
        for found in _PIECES.finditer(text, run.start(), run.end() + 1):
            if found.end() <= run.end() and (shown := _shown(text, found, leftward)) != found[0]:
                return shown
    return None


def _run(text: str, run: re.Match[str], leftward: bool) -> Iterator[str]:
    """What stands in the place of a run of such characters."""
    at = run.start()
    # One more, since an end of a line may follow a return.
    for found in _PIECES.finditer(text, at, run.end() + 1):
        if found.end() > run.end():
            break
        yield text[at : found.start()]
        yield _shown(text, found, leftward)
        at = found.end()
    yield text[at : run.end()]


def _character(found: re.Match[str]) -> str:
    if found[1] is None:
        code = ord(found[0]) - _PICTURES
        return "\x7f" if found[0] == _DELETE_PICTURE else chr(code)
    code = int(found[1], 16)
    character = chr(code) if code < 0x110000 else ""
    return character if _IS_HIDDEN.fullmatch(character) else found[0]


def _shown(text: str, found: re.Match[str], leftward: bool) -> str:
    """What stands in the place of what was found; `leftward`: some of the text is written from right to left."""
    character = found[0]
    if len(character) == 1 and ord(character) < 0x20:
        return chr(_PICTURES + ord(character))
    if character == "\x7f":
        return _DELETE_PICTURE
    if character.startswith(_FLAG):
        return character
    if _IS_HIDDEN.fullmatch(character) is None:
        # Marks beyond the most that are shown are one thing, however many they are.
        return f"{character[:MOST_MARKS]}⟦{len(character) - MOST_MARKS:,} more marks⟧"
    before = text[found.start() - 1] if found.start() else ""
    after = text[found.end()] if found.end() < len(text) else ""
    earlier = text[found.start() - 2] if found.start() > 1 else ""
    if character in _DIRECTION_MARKS:
        belongs = leftward and _may_turn(before, after)
    else:
        belongs = bool(before) and _belongs(character, before, after, earlier)
    if belongs:
        return character
    return f"⟦U+{ord(character):04X}⟧"


def _belongs(character: str, before: str, after: str, earlier: str) -> bool:
    """Whether a character that takes no room stands where writing needs it.

    Parameters:
        earlier: what stands before `before`.
    """
    if character == _JOINER:
        return _joins_emoji(before, after, earlier) or _is_letter_of(before, _JOINING)
    if character in _EMOJI_STYLES:
        return before in "0123456789#*" or _is_pictograph(before)
    if character == _NON_JOINER:
        return _is_letter_of(before, _JOINING) and _is_letter_of(after, _JOINING)
    if character == _ZERO_WIDTH_SPACE:
        return _is_letter_of(before, _WITHOUT_SPACES) and _is_letter_of(after, _WITHOUT_SPACES)
    if character == _SOFT_HYPHEN:
        return before.isalpha() and after.isalpha()
    if "\ufe00" <= character <= "\ufe0d":
        return unicodedata.category(before) in ("Sm", "So") or _is_letter_of(before, (*_IDEOGRAPHS, *_JOINING))
    if "\U000e0100" <= character <= "\U000e01ef":
        return _is_letter_of(before, _IDEOGRAPHS)
    if character in "\u115f\u1160":
        return _is_letter_of(before, _JAMO) or _is_letter_of(after, _JAMO)
    return "\u180b" <= character <= "\u180d" and _is_letter_of(before, _MONGOLIAN)


def _joins_emoji(before: str, after: str, earlier: str) -> bool:
    # An emoji may carry its style or the colour of its skin.
    styled = before in _EMOJI_STYLES or ord(before) in _SKINS
    return _is_pictograph(after) and (_is_pictograph(earlier) if styled else _is_pictograph(before))


def _is_pictograph(character: str) -> bool:
    return bool(character) and (unicodedata.category(character) in ("So", "Sm", "Sk") or character in "‼⁉©®〰〽")


def _is_letter_of(character: str, scripts: tuple[range, ...]) -> bool:
    return (
        bool(character)
        and any(ord(character) in script for script in scripts)
        and unicodedata.category(character)[0] in "LM"
        and _IS_HIDDEN.fullmatch(character) is None
    )


def _may_turn(before: str, after: str) -> bool:
    """Whether a mark of direction can be of use here: not between letters that are written from left to right, where it
    changes nothing, and not beside another character that nobody sees."""
    if any(_IS_HIDDEN.fullmatch(one) is not None for one in (before, after)):
        return False
    return any(not one or unicodedata.bidirectional(one) not in ("L", "EN") for one in (before, after))
