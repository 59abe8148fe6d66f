"""The one door of re2: patterns from models and files, matched in time linear in the text."""

from typing import Any

from agentflow.errors import AgentflowError

MAX_PATTERN_CHARS = 2_000
MAX_PATTERN_MEMORY = 8 << 20


class PatternError(AgentflowError):
    """A pattern that cannot be used; the message says why."""


class Pattern:
    """A compiled pattern. Matching holds no state, so threads may share one."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str, compiled: Any) -> None:
        self.text = text
        self._compiled = compiled

    def find(self, data: bytes, start: int = 0) -> tuple[int, int] | None:
        """The first match that begins at byte `start` or later.

        Parameters:
            data: UTF-8; bytes that are not UTF-8 match nothing but do no harm.
            start: where to begin, in bytes.

        Returns: the match's first byte and the byte after its last, or None.
        """
        found = self._compiled.search(data, start)
        if found is None:
            return None
        begin, end = found.span()
        return begin, end


def require_length(text: str) -> None:
    """Refuses a pattern that is too long, before any work is put into it. Raises PatternError."""
    if len(text) > MAX_PATTERN_CHARS:
        raise PatternError(
            f"the pattern has {len(text):,} characters; {MAX_PATTERN_CHARS:,} are the most", "search for less at a time"
        )


def compile_pattern(text: str, *, ignore_case: bool = False, multiline: bool = False) -> Pattern:
    """Compiles a regular expression of RE2's syntax (https://github.com/google/re2/wiki/Syntax).

    Parameters:
        text: the expression; `^` and `$` match at the ends of lines.
        ignore_case: letters match in either case.
        multiline: a match may span lines, and `.` matches a line's end; else no match holds a line's end.

    Raises:
        PatternError: the expression is malformed, uses what RE2 lacks (look-around, back-references) or is too large.
    """
    require_length(text)
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise PatternError(
            "the pattern is not valid text: it holds half a surrogate pair",
            "write the whole character, or leave it out",
        ) from error
    import re2  # type: ignore[import-untyped]  # google-re2 ships no types

    options = re2.Options()
    options.log_errors = False
    options.max_mem = MAX_PATTERN_MEMORY
    options.case_sensitive = not ignore_case
    options.never_nl = not multiline
    options.dot_nl = multiline
    try:
        return Pattern(text, re2.compile(b"(?m)" + encoded, options))
    except re2.error as error:
        reason = error.args[0] if error.args else "malformed"
        readable = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise PatternError(
            f"the pattern `{text[:200]}` cannot be used: {readable[:200]}",
            "the syntax is RE2's: no look-around, no back-references; escape a literal ( [ { . with a backslash",
        ) from error


def compile_own(text: str, *, longest: bool = False, max_memory: int = 64 << 20) -> Pattern:
    """Compiles an expression that this program made, however long it is; it finds bytes, Latin-1 as written.

    Parameters:
        longest: of the matches that begin first, the longest; else the first alternative.
        max_memory: bytes, for the program and its caches.

    Raises:
        PatternError: the expression takes more memory than that.
    """
    import re2

    options = re2.Options()
    options.log_errors = False
    options.max_mem = max_memory
    options.longest_match = longest
    options.dot_nl = False
    options.encoding = re2.Options.Encoding.LATIN1
    try:
        return Pattern(text[:100], re2.compile(text.encode("latin-1"), options))
    except re2.error as error:
        raise PatternError("a pattern takes too much memory", "give fewer or shorter values at a time") from error
