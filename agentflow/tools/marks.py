"""What models were shown in the place of something, on its way back into a file.

A model sees `⟦U+200B⟧` where a file holds a character that nobody sees, and `[secret NAME]` or `[likely secret: KIND]`
where one holds a secret. When it writes the whole file anew, the first is put back; the second cannot be, and nothing
is written.
"""

import re

from agentflow.guard.likely_secrets import LikelySecrets
from agentflow.source.visible import meant
from agentflow.tools.failures import ToolError, shortened

_SHOWN = re.compile("⟦U\\+[0-9A-F]{4,6}⟧|[\u2400-\u2421]")
_MASK = re.compile(r"\[(?:secret [A-Za-z_][A-Za-z0-9_]*|likely secret: [A-Za-z ]{3,40})\]")


def may_be_shown(text: str) -> bool:
    """Whether anything in a text could stand for something else."""
    return _SHOWN.search(text) is not None or _MASK.search(text) is not None


def is_mask(text: str) -> bool:
    """Whether the mask of a secret stands in a text."""
    return _MASK.search(text) is not None


def put_back(content: str, before: str) -> str:
    """A file's new text with the hidden characters that the old one held where the model wrote how they are shown."""

    def character(found: re.Match[str]) -> str:
        meaning = meant(found[0])
        return meaning if meaning in before and found[0] not in before else found[0]

    return _SHOWN.sub(character, content)


def require_no_masks(name: str, content: str, before: str) -> None:
    """Refuses to write the mask of a secret into a file that holds the secret. Raises ToolError.

    Where a value was declared only the engine knows it, so that a file without the mask counts as one that holds it.
    """
    masked = None
    for found in _MASK.finditer(content):
        if found[0] in before:
            continue
        if masked is None:
            masked = LikelySecrets().masked(before)
        if found[0].startswith("[secret ") or found[0] in masked:
            raise ToolError(
                f"`{shortened(name)}` was not written: `{found[0]}` stands for a value that you were not shown, and it "
                "would be lost",
                "change the other parts of the file with Edit, and leave this one as it is",
            )
