"""Read and Write."""

import os
from collections.abc import Mapping
from io import BufferedReader

from agentflow.tools import media
from agentflow.tools.failures import ToolError, reports_failures, shortened
from agentflow.tools.lines import DEFAULT_LINES, numbered
from agentflow.tools.marks import may_be_shown, put_back, require_no_masks
from agentflow.tools.paths import Place, locate, open_to_read, require_regular
from agentflow.tools.port import JSON, ToolContext, ToolOutput
from agentflow.tools.replacing import replace
from agentflow.tools.signatures import PROBE_BYTES, kind_of
from agentflow.tools.threads import Stop, in_thread

INLINE_BYTES = 256 << 10  # from the page cache this takes less time than handing it to a thread
MAX_FILE_BYTES = 50 << 20


@reports_failures
async def read(tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
    """Read: the lines of a text file with their numbers; an image or a PDF as it is."""
    first = max(1, int(tool_input.get("offset") or 1))
    count = int(tool_input.get("limit") or DEFAULT_LINES)
    name, pages = tool_input["file_path"], tool_input.get("pages")
    with _opened(context, name) as file:
        kind = kind_of(file.peek(PROBE_BYTES)[:PROBE_BYTES])
        if kind.media_type:
            data = await in_thread(lambda _: file.read(media.MAX_FILE_BYTES + 1))
        elif not kind.encoding:
            raise ToolError(f"`{shortened(name)}` is {kind.name}; Read shows text, images and PDFs", kind.advice)
        elif pages is not None:
            raise ToolError(f"`{shortened(name)}` is text and has no pages", "use `offset` and `limit` instead")
        elif os.fstat(file.fileno()).st_size <= INLINE_BYTES:
            return numbered(file, name, kind.encoding, first, count, Stop())
        else:
            return await in_thread(lambda stop: numbered(file, name, kind.encoding, first, count, stop))
    return await media.shown(data, kind.media_type, name, pages)


@reports_failures
async def write(tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
    """Write: the whole of a text file."""
    name, text = tool_input["file_path"], tool_input["content"]
    encoded(text, "content")

    def work(stop: Stop) -> ToolOutput:
        with locate(context, name, tool="Write", for_write=True, makes=True) as place:
            shown = shortened(place.named)
            before = None
            if place.status is not None:
                require_regular(place.named, place.status)
            content = encoded(_as_meant(place, text), "content")
            if place.status is not None:
                if place.status.st_size == len(content) or context.keep is not None:
                    before = whole(place)
                if before == content:
                    return ToolOutput(f"`{shown}` already held exactly this; nothing was written.")
            replace(place, content, expected=place.status, before=before, keep=context.keep, stop=stop)
        lines = content.count(b"\n") + (not content.endswith(b"\n") and bool(content))
        did = "Created" if place.status is None else "Overwrote"
        return ToolOutput(f"{did} `{shown}`: {lines:,} lines, {len(content):,} bytes.{other_names(place)}")

    return await in_thread(work)


def other_names(place: Place) -> str:
    """A word on the other names of a file that was replaced, where it has such."""
    if place.status is None or place.status.st_nlink == 1:
        return ""
    return " (It had other names too, as hard links; those keep what they held.)"


def _as_meant(place: Place, text: str) -> str:
    """What is to be written, with what the model was shown in the place of hidden characters put back. Raises ToolError
    where it was shown a mask, which would take the place of a secret."""
    if place.status is None or place.status.st_size > MAX_FILE_BYTES or not may_be_shown(text):
        return text
    before = whole(place).decode("utf-8", "replace")
    require_no_masks(place.named, text, before)
    return put_back(text, before)


def encoded(text: str, parameter: str) -> bytes:
    """The bytes of text that will be written.

    Raises:
        ToolError: it is no text, or too much.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise ToolError(
            f"{parameter} is not valid text: it holds half a surrogate pair",
            "write the whole character, or leave it out",
        ) from error
    if len(data) > MAX_FILE_BYTES:
        raise ToolError(
            f"{parameter} has {len(data):,} bytes; {MAX_FILE_BYTES:,} are the most", "spread it over several files"
        )
    return data


def whole(place: Place) -> bytes:
    """Everything in the file at a place.

    Raises:
        ToolError: it is no regular file, or too large.
    """
    with open(open_to_read(place), "rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise ToolError(
            f"`{shortened(place.named)}` is larger than {MAX_FILE_BYTES:,} bytes", "have a command change it"
        )
    return data


def _opened(context: ToolContext, name: str) -> BufferedReader:
    with locate(context, name, tool="Read", for_write=False) as place:
        return open(open_to_read(place), "rb")
