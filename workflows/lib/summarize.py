"""Grouping for `summarize.yaml`."""


def groups(parts: list[dict], size: int) -> list[list[dict]]:
    """The summaries that say something, in groups of at most `size`, as even as they can be."""
    telling = [part for part in parts if part["says"].strip().lower().rstrip(".") != "nothing"]
    count = -(-len(telling) // size)
    return [telling[number::count] for number in range(count)]
