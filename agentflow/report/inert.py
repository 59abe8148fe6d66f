"""Text from anywhere made safe to show: nothing in it moves the cursor, colours, links, hides or reorders.

Which characters these are, and how they are written out rather than dropped, says `source/visible.py`.
"""

from agentflow.source.visible import visible


def inert(text: str) -> str:
    """The text with its lines and tabs, and everything else that is not plain to see made plain."""
    return visible(text.replace("\r\n", "\n"))


def inert_line(text: str, limit: int = 200) -> str:
    """The text on one line of at most `limit` characters."""
    # Cut first: the work is bounded by what is shown, however long the text is.
    cut = text[: 4 * limit]
    line = inert(" ".join(cut.split()))
    if len(line) <= limit and len(cut) == len(text):
        return line
    return line[: limit - 1] + "…"
