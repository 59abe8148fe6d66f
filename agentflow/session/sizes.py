"""How many tokens something that will be sent can come to at most, told without a tokenizer."""

import json
from collections.abc import Iterator
from typing import Any

JSON = Any

IMAGE_TOKENS = 4_784
"""An image is scaled down to so many patches, however large it is
(https://platform.claude.com/docs/en/build-with-claude/vision)."""
DOCUMENT_TOKENS = 20 * (IMAGE_TOKENS + 3_000)
"""Each page is an image and its text, of 1,500 to 3,000 tokens (…/build-with-claude/pdf-support); Read shows at most
twenty pages at once."""
_MEDIA = {"image": IMAGE_TOKENS, "document": DOCUMENT_TOKENS}


def size(value: JSON, *, media: int | None = None) -> int:
    """A bound on the tokens of a text, of JSON, or of messages and blocks in which images and documents stand.

    Text and JSON count their bytes, for no token is shorter than one.

    Parameters:
        media: what the images and documents come to, where it is known better.
    """
    if isinstance(value, str):
        return _length(value)
    found = list(_media_in(value))
    text = _length(json.dumps(value, ensure_ascii=False)) - sum(len(data) for _, data in found)
    return text + (sum(_MEDIA[kind] for kind, _ in found) if media is None else media)


def _length(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _media_in(value: JSON) -> Iterator[tuple[str, str]]:
    """The kind and the base64 data of each image and document, wherever blocks may stand."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _media_in(item)
    elif isinstance(value, dict):
        kind, source = value.get("type"), value.get("source")
        if kind in _MEDIA and isinstance(source, dict) and source.get("type") == "base64":
            yield kind, str(source.get("data", ""))
        elif isinstance(content := value.get("content"), list | tuple):
            yield from _media_in(content)
