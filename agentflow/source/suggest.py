"""Names that an author may have meant."""

import difflib
from collections.abc import Iterable
from itertools import islice

# Comparing costs the product of both lengths for each candidate: names are short, and so are lists worth searching.
_MAX_LENGTH = 64
_MAX_CANDIDATES = 1_000
_MAX_COMPARED = 10_000
_MAX_CLOSE = 10
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
            over later ones. Only the first thousand are compared in any other way, and fewer where they are long.
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
    near = difflib.get_close_matches(wanted, _promising(wanted, by_folded), n=1, cutoff=_SIMILARITY)
    return by_folded[near[0]] if near else None


def _promising(wanted: str, candidates: Iterable[str]) -> list[str]:
    """Returns those that could be similar, the likeliest first.

    The longest common subsequence bounds what `difflib` can find in common, and costs a hundredth of it: one row of
    its table is one integer (Hyyrö, "Bit-parallel LCS-length computation revisited", 2004).
    """
    places: dict[str, int] = {}
    for index, character in enumerate(wanted):
        places[character] = places.get(character, 0) | 1 << index
    ones = (1 << len(wanted)) - 1
    promising: list[tuple[float, str]] = []
    compared = 0
    for candidate in islice(candidates, _MAX_CANDIDATES):
        compared += len(candidate)
        if compared > _MAX_COMPARED:
            break
        row = ones
        for character in candidate:
            met = row & places.get(character, 0)
            row = (row + met | row - met) & ones
        likeness = 2 * (len(wanted) - row.bit_count()) / (len(wanted) + len(candidate))
        if likeness >= _SIMILARITY:
            promising.append((likeness, candidate))
    promising.sort(key=lambda found: -found[0])
    return [candidate for _, candidate in promising[:_MAX_CLOSE]]
