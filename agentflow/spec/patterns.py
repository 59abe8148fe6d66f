"""Regular expressions that an author wrote, matched in time linear in the text: the one door to RE2 of this room."""

from collections.abc import Callable
from functools import lru_cache

_MEMORY = 1 << 20
_LONGEST = 200


class PatternError(ValueError):
    """A pattern cannot be used; the message says why."""


def searcher(pattern: str) -> Callable[[str], bool]:
    """Returns a function that tells whether `pattern`, in RE2's syntax, is found anywhere in a text.

    Raises:
        PatternError: the pattern is malformed, too large, or needs what RE2 does not have (look-around, references
            back), because no engine that has them is safe against every text.
    """
    return _compiled(pattern)[0]


def program_size(pattern: str) -> int:
    """Returns how many instructions a pattern became: a thousand take some 0.4 ms to make. Raises as `searcher`."""
    return _compiled(pattern)[1]


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> tuple[Callable[[str], bool], int]:
    import re2  # type: ignore[import-untyped]  # the package ships no types

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "malformed"
        words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        # The words hold the part of the pattern that is wrong, which may be all of it.
        raise PatternError(words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…") from None
    except UnicodeEncodeError:
        raise PatternError("a surrogate on its own is not a character") from None

    def search(text: str) -> bool:
        try:
            return compiled.search(text) is not None
        except UnicodeEncodeError:
            # JSON can carry half of a surrogate pair, which no UTF-8 has.
            return compiled.search(text.encode("utf-8", "replace").decode("utf-8")) is not None

    return search, compiled.programsize
