"""Names that an author may have meant."""

import difflib
from collections.abc import Iterable
from itertools import islice

# Comparing costs the product of both lengths for each candidate: names are short, and so are lists worth searching.
_MAX_LENGTH = 64
_MAX_CANDIDATES = 1_000
_SIMILARITY = 0.7


def did_you_mean(word: str, candidates: Iterable[str]) -> str | None:
    """Returns a hint that names the candidate most like `word`, as "did you mean `prompt`?"; see `nearest`."""
    name = nearest(word, candidates)
    return f"did you mean `{name}`?" if name is not None else None


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """Returns the candidate most like `word`, or None where none is like it.

    Args:
        word: what the author wrote.
        candidates: the names there are; a name that differs only in case wins over any other, the first of equals
            over later ones. Only the first thousand are compared in any other way.
    """
    if not 0 < len(word) <= _MAX_LENGTH:
        return None
    wanted = word.casefold()
    by_folded: dict[str, str] = {}
    for candidate in candidates:
        if candidate != word and len(candidate) <= _MAX_LENGTH and candidate.isprintable():
            by_folded.setdefault(candidate.casefold(), candidate)
    if wanted in by_folded:
        return by_folded[wanted]
    near = difflib.get_close_matches(wanted, islice(by_folded, _MAX_CANDIDATES), n=1, cutoff=_SIMILARITY)
    return by_folded[near[0]] if near else None
