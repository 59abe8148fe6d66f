"""Read and Write."""

import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from io import BufferedReader

from agentflow.tools.failures import ToolError, reports_failures, shortened
from agentflow.tools.paths import Place, locate, open_to_read, require_regular
from agentflow.tools.port import JSON, ToolContext, ToolOutput
from agentflow.tools.threads import Stop, in_thread

DEFAULT_LINES = 2_000
MAX_LINE_CHARS = 2_000
MAX_READ_CHARS = 98_000
INLINE_BYTES = 256 << 10  # from the page cache this takes less time than handing it to a thread
MAX_FILE_BYTES = 50 << 20
_PROBE_BYTES = 8 << 10
_PIECE_BYTES = 64 << 10
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@reports_failures
async def read(tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
    """Read: the lines of a text file with their numbers."""
    first = max(1, int(tool_input.get("offset") or 1))
    count = int(tool_input.get("limit") or DEFAULT_LINES)
    name = tool_input["file_path"]
    with _opened(context, name) as file:
        if os.fstat(file.fileno()).st_size <= INLINE_BYTES:
            return _numbered(file, name, first, count, Stop())
        return await in_thread(lambda stop: _numbered(file, name, first, count, stop))


@reports_failures
async def write(tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
    """Write: the whole of a text file."""
    name = tool_input["file_path"]
    content = encoded(tool_input["content"], "content")

    def work(_: Stop) -> ToolOutput:
        with locate(context, name, tool="Write", for_write=True, makes=True) as place:
            shown = shortened(place.named)
            if place.status is not None:
                require_regular(place.named, place.status)
                if place.status.st_size == len(content) and whole(place) == content:
                    return ToolOutput(f"`{shown}` already held exactly this; nothing was written.")
            replace(place, content)
        lines = content.count(b"\n") + (not content.endswith(b"\n") and bool(content))
        did = "Created" if place.status is None else "Overwrote"
        return ToolOutput(f"{did} `{shown}`: {lines:,} lines, {len(content):,} bytes.")

    return await in_thread(work)


def encoded(text: str, parameter: str) -> bytes:
    """The bytes of text that will be written.

    Raises:
        ToolError: it is no text, or too much.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise ToolError(f"{parameter} is not valid text: it holds half a surrogate pair") from error
    if len(data) > MAX_FILE_BYTES:
        raise ToolError(f"{parameter} has {len(data):,} bytes; {MAX_FILE_BYTES:,} are the most")
    return data


def whole(place: Place) -> bytes:
    """Everything in the file at a place.

    Raises:
        ToolError: it is no regular file, or too large.
    """
    with open(open_to_read(place), "rb") as file:
        data = file.read(MAX_FILE_BYTES + 1)
    if len(data) > MAX_FILE_BYTES:
        raise ToolError(f"`{shortened(place.named)}` is larger than {MAX_FILE_BYTES:,} bytes")
    return data


def replace(place: Place, content: bytes, *, expected: os.stat_result | None = None) -> None:
    """Puts a file in place, whole or not at all, also when the power fails; mode and owner stay as they were.

    Parameters:
        expected: what `content` was made from; where something else is there by now, it stays.

    Raises:
        ToolError: the file there is write-protected, or is not what was expected.
        OSError: as the system says; nothing has changed then.
    """
    before = place.status
    if before is not None and not os.access(
        place.name, os.W_OK, dir_fd=place.folder, effective_ids=os.access in os.supports_effective_ids
    ):
        # Renaming over it would work all the same, and undo the protection.
        raise ToolError(f"`{shortened(place.named)}` is write-protected")
    temporary = f".agentflow-{secrets.token_hex(8)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o666, dir_fd=place.folder)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if before is not None:
                _take_over(descriptor, before)
            os.fsync(descriptor)
        if expected is not None and _identity(_now(place)) != _identity(expected):
            raise ToolError(f"`{shortened(place.named)}` was changed by somebody else meanwhile", "read it again first")
        os.rename(temporary, place.name, src_dir_fd=place.folder, dst_dir_fd=place.folder)
    except BaseException:
        os.unlink(temporary, dir_fd=place.folder)
        raise


def _now(place: Place) -> os.stat_result:
    return os.stat(place.name, dir_fd=place.folder, follow_symlinks=False)


def _identity(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _take_over(descriptor: int, before: os.stat_result) -> None:
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (before.st_uid, before.st_gid) and os.geteuid() == 0:
        os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


def _opened(context: ToolContext, name: str) -> BufferedReader:
    with locate(context, name, tool="Read", for_write=False) as place:
        return open(open_to_read(place), "rb")


def _numbered(file: BufferedReader, name: str, first: int, count: int, stop: Stop) -> ToolOutput:
    probe = file.peek(_PROBE_BYTES)[:_PROBE_BYTES]
    if b"\0" in probe:
        raise ToolError(f"`{shortened(name)}` is a binary file", "only text can be read")
    if not probe:
        return ToolOutput(f"(`{shortened(name)}` is empty)")
    if probe.startswith(_BYTE_ORDER_MARK):
        file.read(len(_BYTE_ORDER_MARK))
    shown: list[str] = []
    room = MAX_READ_CHARS
    number = 0
    for number, line in enumerate(_lines(file, stop), 1):
        if number < first:
            continue
        text = f"{number:>6}\t{_cut(line)}"
        room -= len(text) + 1
        if room < 0 or number >= first + count:
            shown.append(f"\n(More lines follow. Go on with offset={number}.)")
            break
        shown.append(text)
    if not shown:
        return ToolOutput(f"`{shortened(name)}` has {number:,} lines; none from line {first:,} on.", is_error=True)
    return ToolOutput("\n".join(shown))


def _lines(file: BufferedReader, stop: Stop) -> Iterator[bytes]:
    """The lines, each no longer than a piece: what is beyond is read past, never held."""
    while line := file.readline(_PIECE_BYTES):
        stop.check()
        rest = line
        while len(rest) == _PIECE_BYTES and not rest.endswith(b"\n"):
            stop.check()
            rest = file.readline(_PIECE_BYTES)
        yield line


def _cut(line: bytes) -> str:
    text = line.rstrip(b"\r\n").decode(errors="replace")
    if len(text) <= MAX_LINE_CHARS:
        return text
    return text[:MAX_LINE_CHARS] + "… (line cut)"
