"""Bytes become text, or a diagnostic that says where they cannot."""

import re

from agentflow.source.diagnostics import Diagnostic, Place
from agentflow.source.limits import Limits
from agentflow.source.lines import Lines, count_breaks

_MAX_SHOWN = 80
_BYTE_ORDER_MARK = "\ufeff"
_OTHER_ENCODINGS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
# All that is not what YAML calls printable (YAML 1.2.2, section 5.1), and byte order marks inside the text. Said
# the other way round, as the specification does, the pattern takes 4 ms to compile.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


def decode(source: bytes | str, path: str, limits: Limits) -> str | Diagnostic:
    """Reads UTF-8.

    Args:
        source: the bytes of a file, or its text.
        path: the file as the user named it.
        limits: what the file may have.

    Returns:
        The text without a leading byte order mark, all of it printable; or what is wrong with it: AF104 when it is
        too long, else AF101.
    """
    if len(source) > limits.size or (isinstance(source, str) and _utf8_length(source) > limits.size):
        return Diagnostic(
            "AF104",
            f"the file is longer than {limits.size:,} bytes",
            Place(path, 1, 1),
            "move long texts into files of their own and name them with `{file: path}`",
        )
    text = source if isinstance(source, str) else _decode_utf8(source, path)
    if isinstance(text, Diagnostic):
        return text
    if count_breaks(text) > limits.lines:
        # Finding the line would cost as much as the bound saves.
        return Diagnostic("AF104", f"more than {limits.lines:,} lines", Place(path, 1, 1), "split the file")
    text = text.removeprefix(_BYTE_ORDER_MARK)
    found = _UNPRINTABLE.search(text)
    if found is None:
        return text
    return Diagnostic(
        "AF101",
        f"the character U+{ord(found[0]):04X} is not allowed in a text file",
        Lines(text).place(path, found.start(), found.end()),
        "delete it; where a value needs it, write it as an escape inside double quotes",
    )


def _utf8_length(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _decode_utf8(source: bytes, path: str) -> str | Diagnostic:
    for mark, name in _OTHER_ENCODINGS:
        if source.startswith(mark):
            return Diagnostic("AF101", f"the file is {name}, not UTF-8", Place(path, 1, 1), "save it again as UTF-8")
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError as error:
        before = source[: error.start].decode("utf-8").removeprefix(_BYTE_ORDER_MARK)
        # The bad byte stands in as one character, so that the place is on it and not on the one before.
        return Diagnostic(
            "AF101",
            f"the byte 0x{source[error.start]:02X} is not UTF-8",
            Lines(before + "?").place(path, len(before), len(before) + 1),
            "save the file again as UTF-8",
        )


def beginning(text: str) -> str:
    """Returns the beginning of `text`, without characters that could act on a terminal."""
    text = text[:_MAX_SHOWN]
    return text if text.isprintable() else repr(text)[1:-1]
