"""The ways in which a value may be written: as it is, escaped, encoded, wrapped.

`pattern` covers mixtures of them, character by character, as an expression of RE2 over bytes; `literals` are the plain
ones alone, for what is looked at in pieces. Neither can cover what a program computes at will (compressed, encrypted,
one letter a line): what must not be told must not be handed out at all.
"""

import base64
import html
import json
import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, urlsplit

SHORTEST = 6
"""Characters; shorter values would be found by chance in any text."""
SHORTEST_OPERATORS = 12
"""The same for values that no file declares, such as the password of a database for trying things out: `postgres`."""

_WRAPPED_FROM = 16
"""Characters; of shorter ones no program breaks the line in the middle."""
_SPELLED_UP_TO = 400
"""Characters; longer lines are looked for in fewer ways."""
_DUMPED_UP_TO = 512

# What stands between two characters of a wrapped, quoted-printable, coloured or UTF-16 text, or in `od -c`.
_BETWEEN_NARROW = r"\x00{0,3}"
_BETWEEN = (
    r"(?:\x00{1,3}|\x1b\[[0-9;]*[A-Za-z](?:\x1b\[K)?|[=\\]?\r?\n[ \t>#|]*|(?:\\+r)?\\+n| {1,3}|\n[0-7]{7} {1,3})?"
)
_BETWEEN_BASE64 = r"(?:\r?\n[ \t>#|]*|(?:\\+r)?\\+n|%0[aAdD]|\x00)?"
# In dumps: separators, the sign before each byte, and where a row turns: its column of text and the next address.
_BETWEEN_BYTES = r"(?: {1,3}\|?[^\n]{1,18}\n[0-9a-fA-F]{6,16}:?)?[ \t\r\n:,;-]{0,6}(?:0x|%|\\+x)?"
_REST_OF_ROW = r"(?: [ 0-9a-fA-F]{0,60}  \|?[^\n|]{1,17}\|?)?"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(?::\\*/\\*/|%3[aA]%2[fF]%2[fF])")
_NAMED = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
_CONTROLS = {"\n": "n", "\r": "r", "\t": "t"}


def lines_of(value: str, shortest: int = SHORTEST) -> tuple[str, ...]:
    """A value as it may be met: whole, by its lines where it has several, and where it is an address its password.

    What has fewer than `shortest` characters is not among them, and neither are the lines that frame a key: every key
    has them.
    """
    # What a command prints is read as UTF-8 with replacements, and so must be what is looked for.
    plain = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace").strip()
    found = dict.fromkeys([plain, *(line.strip() for line in plain.splitlines()), _password(plain)])
    return tuple(one for one in found if len(one) >= shortest and not (one.startswith("-----") and "\n" not in one))


def pattern(line: str) -> str:
    """An expression of RE2, over bytes, for every way in which a text may be written."""
    data = line.encode("utf-8", "replace")
    spelled = len(line) <= _SPELLED_UP_TO
    between = _BETWEEN if len(line) >= _WRAPPED_FROM else _BETWEEN_NARROW
    forms = [between.join(map(_spelled, line)) if spelled else re.escape(data).decode("latin-1")]
    forms += [_BETWEEN_BASE64.join(map(_base64_letter, core)) for core in _base64_cores(line)]
    forms += [_literal(one) for one in sorted(literals(line))]
    if len(data) <= _DUMPED_UP_TO:
        forms.append(_BETWEEN_BYTES.join(f"{_any_case(f'{byte:02x}')}" for byte in data) + _REST_OF_ROW)
        forms.append(r"[, \t\r\n]{1,12}".join(str(byte) for byte in data))
        forms.append(_literal(line[::-1]))
    return "|".join(forms)


def literals(line: str) -> frozenset[str]:
    """The plain ways in which a text may be written, each from one of its ends to the other."""
    ascii_json, any_json = json.dumps(line)[1:-1], json.dumps(line, ensure_ascii=False)[1:-1]
    forms = {line, ascii_json, any_json, json.dumps(any_json)[1:-1], quote(line, safe=""), quote_plus(line)}
    forms |= {html.escape(line), line.replace("'", "'\"'\"'"), line.replace("'", "'\\''"), line[::-1]}
    data = line.encode("utf-8", "replace")
    cores = list(_base64_cores(line))
    forms |= {data.hex(), data.hex().upper(), *cores, *(core.replace("+", "-").replace("/", "_") for core in cores)}
    forms |= {base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()}
    return frozenset(form for form in forms if len(form) >= SHORTEST)


def told_by_all(form: str) -> int:
    """How many characters at the beginning of a form of a value say nothing of it: the scheme of an address."""
    found = _SCHEME.match(form)
    return 0 if found is None else found.end()


def _password(plain: str) -> str:
    if "://" not in plain or "@" not in plain:
        return ""
    try:
        return urlsplit(plain).password or ""
    except ValueError:
        return ""


def _literal(text: str) -> str:
    return re.escape(text.encode("utf-8", "replace")).decode("latin-1")


def _any_case(digits: str) -> str:
    return "".join(f"[{one}{one.upper()}]" if one.isalpha() else one for one in digits)


def _spelled(character: str) -> str:
    """Every way to write one character."""
    data = character.encode("utf-8", "replace")
    code = ord(character)
    ways = [re.escape(data).decode("latin-1")]
    ways.append("".join(f"%{_any_case(f'{byte:02x}')}" for byte in data))
    ways.append("".join(rf"\\+x{_any_case(f'{byte:02x}')}" for byte in data))
    ways.append("".join(rf"\\+0?{byte:03o}" for byte in data))
    ways.append("".join(f"={byte:02X}" for byte in data))
    if code > 0x7F:
        ways.append(" {1,3}".join(f"{byte:03o}" for byte in data))  # as `od -c` has them
    units = [code] if code < 0x10000 else [0xD800 + ((code - 0x10000) >> 10), 0xDC00 + (code & 0x3FF)]
    ways.append("".join(rf"\\+u{_any_case(f'{unit:04x}')}" for unit in units))
    ways.append(f"&#(?:0*{code}|[xX]0*{_any_case(f'{code:x}')});?")
    if not character.isalnum():
        ways.append(r"\\+" + ways[0])
    if character in _NAMED:
        ways.append(f"&{_NAMED[character]};")
    if character in _CONTROLS:
        ways.append(rf"\\+{_CONTROLS[character]}")
    if character == " ":
        ways.append(r"\+")
    if character == "'":
        ways += [r"'\\''", "'\"'\"'", "''"]
    if character == '"':
        ways.append('""')
    return f"(?:{'|'.join(ways)})"


def _base64_letter(letter: str) -> str:
    if letter in "+-":
        return r"(?:[+-]|%2[bB]|\\+u002[bB])"
    if letter in "/_":
        return r"(?:[/_]|%2[fF]|\\+/|\\+u002[fF])"
    return letter


def _base64_cores(line: str) -> Iterator[str]:
    """What stands of a text in base64, whatever comes before it: of each of the three places to begin at, the letters
    that the text alone decides. Also of its UTF-16, which PowerShell encodes."""
    for data in (line.encode("utf-8", "replace"), line.encode("utf-16-le", "replace")):
        for shift in range(3):
            letters = base64.b64encode(b"\0" * shift + data).decode()
            first, end = -(-8 * shift // 6), 8 * (shift + len(data)) // 6
            if end - first >= SHORTEST:
                yield letters[first:end]
