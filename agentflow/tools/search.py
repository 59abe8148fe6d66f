"""Glob and Grep."""

import heapq
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from msgspec import Struct

from agentflow.guard.patterns import Pattern, compile_pattern
from agentflow.tools import ripgrep
from agentflow.tools.failures import ToolError, readable, reports_failures
from agentflow.tools.paths import Place, locate, open_to_read
from agentflow.tools.port import JSON, ToolContext, ToolOutput
from agentflow.tools.rust_patterns import translated
from agentflow.tools.signatures import PROBE_BYTES, UTF_8_MARK, kind_of
from agentflow.tools.threads import Stop, in_thread
from agentflow.tools.tree import MAX_ENTRIES, Found, Tree, glob_matcher, is_readable

MAX_FILES = 1_000
FILES_WITHOUT_RIPGREP = 400
"""So many are searched here before ripgrep is asked about the rest: by then many a search has found all it can show."""
BYTES_WITHOUT_RIPGREP = 16 << 20
"""For less, ripgrep is not worth its start."""
RARE = 8
"""Where more than one file in so many holds a match, ripgrep would read most of them for nothing."""
DEFAULT_HEAD = 250
MAX_SEARCHED_BYTES = 16 << 20
MAX_SHOWN_CHARS = 500
MAX_OUTPUT_CHARS = 98_000
_PIECE_BYTES = 1 << 20
NOTHING_MATCHES = "No files match. (Hidden folders are looked into only where the pattern names them.)"
_INCOMPLETE = f"(The search stopped after {MAX_ENTRIES:,} files and folders or very deep ones; narrow `path`.)"


@reports_failures
async def glob(tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
    """Glob: the files whose path matches a pattern, newest first, then by name."""
    pattern = tool_input["pattern"]
    start = tool_input.get("path") or "."
    prefix = f"{context.project}/"
    pattern = pattern.removeprefix(prefix) if start == "." else pattern
    matches = glob_matcher(pattern)
    hidden = any(part.startswith(".") and part not in (".", "..") for part in pattern.split("/"))

    def work(stop: Stop) -> ToolOutput:
        tree = Tree(context, hidden=hidden, stop=stop)
        found: list[tuple[int, str]] = []
        with locate(context, start, tool="Glob", for_write=False, narrowed=False) as place:
            for file in tree.beneath(place):
                linked = stat.S_ISLNK(file.status.st_mode)
                if matches(file.below) and not (linked and not is_readable(context, file.real, tool="Glob")):
                    found.append((-file.status.st_mtime_ns, file.real))
        lines = [readable(path) for _, path in heapq.nsmallest(MAX_FILES, found)]
        if len(found) > MAX_FILES:
            lines.append(f"(The newest {MAX_FILES:,} of {len(found):,} files; narrow the pattern.)")
        if tree.incomplete:
            lines.append(_INCOMPLETE)
        return ToolOutput("\n".join(lines) if lines else NOTHING_MATCHES)

    return await in_thread(work)


class _Query(Struct, frozen=True):
    pattern: Pattern
    ignore_case: bool
    mode: str
    multiline: bool
    numbers: bool
    before: int
    after: int
    head: int


@dataclass(slots=True)
class _Report:
    """What a search has found so far. `files` are sort keys and lines; `lines` those of `content`."""

    files: list[tuple[int, str, str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    chars: int = 0
    matched: int = 0
    searched: int = 0
    hits: int = 0
    too_large: int = 0
    unreadable: int = 0
    full: bool = False

    def add(self, line: str, head: int) -> None:
        self.chars += len(line) + 1
        if len(self.lines) >= head or self.chars > MAX_OUTPUT_CHARS:
            self.full = True
        else:
            self.lines.append(line)


@reports_failures
async def grep(tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
    """Grep: the files or lines in which a regular expression is found."""
    multiline = bool(tool_input.get("multiline"))
    around = int(tool_input.get("-C") or 0)
    ignore_case = bool(tool_input.get("-i"))
    query = _Query(
        pattern=compile_pattern(tool_input["pattern"], ignore_case=ignore_case, multiline=multiline),
        ignore_case=ignore_case,
        mode=tool_input.get("output_mode") or "files_with_matches",
        multiline=multiline,
        numbers=tool_input.get("-n", True) is not False,
        before=int(tool_input.get("-B") or around),
        after=int(tool_input.get("-A") or around),
        head=int(tool_input.get("head_limit") or DEFAULT_HEAD),
    )
    search = _Search(context, query, tool_input.get("path") or ".", _name_matcher(tool_input.get("glob")))
    rg = None if multiline else ripgrep.program(context.project)
    if rg is None or (expression := translated(query.pattern.text, ignore_case=query.ignore_case)) is None:
        return await in_thread(lambda stop: search.go(stop))
    output = await in_thread(lambda stop: search.go(stop, ours=FILES_WITHOUT_RIPGREP))
    if not search.left:
        return output
    only = await _worth_searching(rg, expression, search)
    return await in_thread(lambda stop: search.go(stop, only=only))


async def _worth_searching(rg: str, expression: str, search: "_Search") -> set[str]:
    """Of the files that are left those that may hold a match, or that must be told of."""
    names = [name for name, size in search.left if size <= MAX_SEARCHED_BYTES]
    too_large = {name for name, size in search.left if size > MAX_SEARCHED_BYTES}
    if not search.matches_are_rare or sum(size for _, size in search.left) < BYTES_WITHOUT_RIPGREP:
        return too_large.union(names)
    ignore_case = search.query.ignore_case
    found = await ripgrep.candidates(rg, search.context.project, names, expression, ignore_case=ignore_case)
    return too_large | found


def _name_matcher(pattern: str | None) -> Callable[[str], bool]:
    if not pattern:
        return lambda path: True
    # As in a .gitignore, a pattern without a slash is about names in any folder.
    return glob_matcher(pattern if "/" in pattern else f"**/{pattern}")


@dataclass(slots=True)
class _Search:
    """A search of a file or of all beneath a folder, in one go or in two.

    Attributes:
        left: the files that the first go has left to the second, with their sizes.
    """

    context: ToolContext
    query: _Query
    start: str
    wanted: Callable[[str], bool]
    left: list[tuple[str, int]] = field(default_factory=list)
    _report: _Report = field(default_factory=_Report)

    @property
    def matches_are_rare(self) -> bool:
        """Of the files searched so far few held a match."""
        return self._report.hits * RARE <= self._report.searched

    def go(self, stop: Stop, *, ours: int | None = None, only: set[str] | None = None) -> ToolOutput:
        """Searches, in the order of names, and tells what was found so far.

        Parameters:
            ours: after so many files the rest are left; None: none are.
            only: of those that were left; None: this is the first go.
        """
        tree = Tree(self.context, hidden=False, stop=stop)
        with locate(self.context, self.start, tool="Grep", for_write=False, narrowed=False) as place:
            folder = place.status is None or stat.S_ISDIR(place.status.st_mode)
            for file in tree.beneath(place) if folder else ():
                if not stat.S_ISREG(file.status.st_mode) or not self.wanted(file.below):
                    continue
                if ours == 0:
                    self.left.append((file.real, file.status.st_size))
                    continue
                if only is not None and file.real not in only:
                    continue
                ours = None if ours is None else ours - 1
                try:
                    place_of_file = _place_of(file, place)
                    _search_file(place_of_file, self.query, self._report, stop)
                except (OSError, ToolError):  # protected, or changed since it was listed
                    self._report.unreadable += 1
                if self._report.full:
                    self.left.clear()
                    break
        if not folder:
            with locate(self.context, self.start, tool="Grep", for_write=False) as place:
                _search_file(place, self.query, self._report, stop)
        return ToolOutput("") if self.left and only is None else _told(self.query, self._report, tree.incomplete)


def _place_of(file: Found, start: Place) -> Place:
    return Place(file.folder, file.name, file.real, file.real, file.status, start.root, start.device)


def _search_file(place: Place, query: _Query, report: _Report, stop: Stop) -> None:
    stop.check()
    if place.status is not None and place.status.st_size > MAX_SEARCHED_BYTES:
        report.too_large += 1
        return
    data = searched_text(_content(place))
    if data is None:
        return
    spans = _matched_lines(data, query, stop)
    modified = -place.status.st_mtime_ns if place.status is not None else 0
    report.searched += 1
    shown = readable(place.real)
    before = report.matched + len(report.files)
    if query.mode == "content":
        _show(data, spans, shown, query, report)
    elif query.mode == "count":
        if count := sum(1 for _ in spans):
            report.files.append((0, shown, f"{shown}:{count}"))
            report.matched += count
    elif next(spans, None) is not None:
        report.files.append((modified, shown, shown))
    report.hits += report.matched + len(report.files) > before


def _content(place: Place) -> bytes:
    descriptor = open_to_read(place)
    try:
        # Asked for no more than there is: room for the most that could be would be made and given back each time.
        pieces = [os.read(descriptor, (place.status.st_size if place.status is not None else 0) + 1)]
        while pieces[-1] and sum(map(len, pieces)) < MAX_SEARCHED_BYTES:
            pieces.append(os.read(descriptor, _PIECE_BYTES))
    finally:
        os.close(descriptor)
    return b"".join(pieces)


def searched_text(data: bytes) -> bytes | None:
    """A file's text as it is searched: UTF-8 without byte order mark, lines ending in LF alone. None: it is no text."""
    kind = kind_of(data[:PROBE_BYTES])
    if not kind.encoding:
        return None
    if kind.encoding == "utf-32":
        return None  # to ripgrep it is none either
    if kind.encoding != "utf-8":
        data = data.decode(kind.encoding, "replace").encode("utf-8", "replace")
    # So that `^` and `$` are where a reader sees a line begin and end.
    data = data.removeprefix(UTF_8_MARK)
    return data.replace(b"\r\n", b"\n") if b"\r" in data else data


def _matched_lines(data: bytes, query: _Query, stop: Stop) -> Iterator[tuple[int, int]]:
    """The bytes of each run of lines that holds a match, line ends left out, in order."""
    at = 0
    while at < len(data) and (found := query.pattern.find(data, at)) is not None:
        stop.check()
        begin = data.rfind(b"\n", 0, found[0]) + 1
        # The end of a match that takes in its line's end is not in the next line.
        last = max(found[0], found[1] - 1) if found[1] > found[0] else found[0]
        end = data.find(b"\n", last)
        end = len(data) if end < 0 else end
        if begin == len(data) and data.endswith(b"\n"):
            return  # there is no line after the last line's end
        yield begin, end
        at = end + 1


def _show(data: bytes, spans: Iterator[tuple[int, int]], path: str, query: _Query, report: _Report) -> None:
    lines: list[bytes] | None = None
    number, counted = 1, 0  # the line at byte `counted` has this number
    shown_to = 0  # the number of the last line shown
    pending_to = 0  # context after the last match goes to here
    for begin, end in spans:
        if lines is None:
            lines = data.split(b"\n")
            total = len(lines) - (1 if data.endswith(b"\n") else 0)
        number += data.count(b"\n", counted, begin)
        counted = begin
        last = number + data.count(b"\n", begin, end)
        for behind in range(shown_to + 1, min(pending_to, number - 1) + 1):
            report.add(_line(path, behind, lines[behind - 1], "-", query), query.head)
            shown_to = behind
        first = max(shown_to + 1, number - query.before)
        if (query.before or query.after) and report.lines and first > shown_to + 1:
            report.add("--", query.head)
        for here in range(first, last + 1):
            mark = ":" if here >= number else "-"
            report.add(_line(path, here, lines[here - 1], mark, query), query.head)
        shown_to, pending_to = last, min(total, last + query.after)
        report.matched += 1
        if report.full:
            return
    for behind in range(shown_to + 1, pending_to + 1):
        report.add(_line(path, behind, (lines or [])[behind - 1], "-", query), query.head)


def _line(path: str, number: int, line: bytes, mark: str, query: _Query) -> str:
    text = line[: MAX_SHOWN_CHARS * 4].decode(errors="replace")
    if len(text) > MAX_SHOWN_CHARS or len(line) > MAX_SHOWN_CHARS * 4:
        text = text[:MAX_SHOWN_CHARS] + "… (line cut)"
    return f"{path}{mark}{number}{mark}{text}" if query.numbers else f"{path}{mark}{text}"


def _told(query: _Query, report: _Report, incomplete: bool) -> ToolOutput:
    lines = report.lines
    if query.mode != "content":
        report.files.sort()
        for _, _, line in report.files:
            report.add(line, query.head)
    notes = []
    if not lines:
        notes.append("No matches.")
    if report.full:
        of = f" of {len(report.files):,}" if query.mode != "content" else ""
        notes.append(f"(The first {len(lines):,}{of}; narrow the search, or raise head_limit.)")
    if query.mode == "count" and lines:
        notes.append(f"({report.matched:,} matching lines in {len(report.files):,} files.)")
    if report.too_large:
        notes.append(f"({report.too_large:,} files over {MAX_SEARCHED_BYTES >> 20} MiB were not searched.)")
    if report.unreadable:
        notes.append(f"({report.unreadable:,} files could not be opened.)")
    if incomplete:
        notes.append(_INCOMPLETE)
    return ToolOutput("\n".join([*lines, *notes]))
