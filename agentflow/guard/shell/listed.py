"""Tables of words."""


def listed(words: str) -> frozenset[str]:
    """The words of a text, as a table to look in."""
    return frozenset(words.split())
