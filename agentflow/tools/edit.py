"""Edit: replaces exact text in a file."""

import difflib
from collections.abc import Mapping

from agentflow.source.visible import meant
from agentflow.tools.failures import ToolError, reports_failures, shortened
from agentflow.tools.files import MAX_FILE_BYTES, other_names, whole
from agentflow.tools.marks import is_mask, require_no_masks
from agentflow.tools.paths import locate
from agentflow.tools.port import JSON, ToolContext, ToolOutput
from agentflow.tools.replacing import replace
from agentflow.tools.signatures import PROBE_BYTES, kind_of
from agentflow.tools.threads import Stop, in_thread

_COMPARED_LINES = 5_000
_COMPARED_CHARS = 200


@reports_failures
async def edit(tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
    """Edit: one occurrence of exact text, or with `replace_all` every one."""
    name = tool_input["file_path"]
    old, new = tool_input["old_string"], tool_input["new_string"]
    every = bool(tool_input.get("replace_all"))
    if not old:
        raise ToolError("old_string is empty", "say which text to replace, or write the whole file with Write")
    if old == new:
        raise ToolError(
            "old_string and new_string are the same: nothing would change", "say what new_string shall be, or go on"
        )

    def work(stop: Stop) -> ToolOutput:
        with locate(context, name, tool="Edit", for_write=True) as place:
            before = whole(place)
            _require_utf_8(name, before)
            # Bytes that are no UTF-8 come through unharmed.
            text = before.decode("utf-8", "surrogateescape")
            require_no_masks(name, new, text)
            after, count = replaced(text, old, new, every=every)
            content, keep = _encoded(after), context.keep
            replace(place, content, expected=place.status, before=before, keep=keep, stop=stop)
        many = "s" if count > 1 else ""
        return ToolOutput(f"Edited `{shortened(name)}`: {count:,} replacement{many}.{other_names(place)}")

    return await in_thread(work)


def _require_utf_8(name: str, content: bytes) -> None:
    if b"\0" not in content:
        return
    encoding = kind_of(content[:PROBE_BYTES]).encoding
    if encoding not in ("", "utf-8"):
        raise ToolError(
            f"`{shortened(name)}` is {encoding.upper()} text, and Edit takes UTF-8 alone",
            "write the whole file anew with Write, which makes it UTF-8, if that is wanted",
        )
    raise ToolError(f"`{shortened(name)}` is a binary file", "only text can be edited; have a command change it")


def replaced(text: str, old: str, new: str, *, every: bool) -> tuple[str, int]:
    """Text with `old` replaced, and how many times.

    Where the file's lines mostly end in CRLF, line ends in `old` and `new` stand for CRLF. Where `old` does not occur,
    what was shown of hidden characters (`⟦U+200B⟧`) stands for them, in `new` too.

    Raises:
        ToolError: `old` does not occur, occurs more than once without `every`, or the result would be too large.
    """
    if text.count("\r\n") * 2 > text.count("\n"):
        windows_old, windows_new = _with_crlf(old), _with_crlf(new)
        if windows_old in text:
            old, new = windows_old, windows_new
    if old not in text and (character := meant(old)) != old and character in text:
        old, new = character, meant(new)
    count = text.count(old)
    if not count and is_mask(old):
        raise ToolError(
            "old_string holds the mask of a secret, and the file holds the secret itself, which you were not shown",
            "take text beside it that has no mask",
        )
    if not count:
        raise ToolError("old_string does not occur in the file", _nearest(text, old, new))
    if count > 1 and not every:
        raise ToolError(
            f"old_string occurs {count:,} times",
            "take in more of the surrounding lines until it occurs once, or set replace_all",
        )
    if len(text) + count * (len(new) - len(old)) > MAX_FILE_BYTES:
        raise ToolError(
            f"the file would grow beyond {MAX_FILE_BYTES:,} bytes", "replace fewer occurrences, or put less in"
        )
    return text.replace(old, new), count


def _with_crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise ToolError(
            "new_string is not valid text: it holds half a surrogate pair", "write the whole character, or leave it out"
        ) from error


def _nearest(text: str, old: str, new: str) -> str:
    """What may have been meant: the line of the file most like the first line looked for."""
    wanted = next((line.strip() for line in old.splitlines() if line.strip()), "")[:_COMPARED_CHARS]
    lines = [line.strip()[:_COMPARED_CHARS] for line in text.splitlines()[:_COMPARED_LINES]]
    done = "; new_string is there already: perhaps this edit was made before" if new and new in text else ""
    if wanted and wanted in lines:
        number = lines.index(wanted) + 1
        return f"line {number:,} begins alike, so white space or a later line differs; read the file from there{done}"
    close = difflib.get_close_matches(wanted, lines, n=1)
    if close:
        return f"the nearest is line {lines.index(close[0]) + 1:,}: `{shortened(close[0])}`{done}"
    return f"nothing like it was found; read the file again, it may have changed{done}"
