"""How much a value can count, without asking anyone. Pure.

A text counts at most its bytes: no token is shorter than a byte. An image counts by its pixels, whatever its bytes
(the vision page of the Claude API: at most 4,784 tokens, for 2,576 pixels on the longer side).
"""

import json
from typing import Any

JSON = Any

IMAGE_TOKENS = 5000
"""A bound on any image."""


def size(value: JSON) -> int:
    """A bound, in tokens, on what a text, a content block, or a list of either comes to."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    images, rest = _without_images(value)
    return images * IMAGE_TOKENS + len(json.dumps(rest, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _without_images(value: JSON) -> tuple[int, JSON]:
    """How many images stand in a value, and the value without their bytes; blocks hold blocks in `content` alone."""
    if isinstance(value, dict):
        if value.get("type") == "image":
            return 1, None
        if not isinstance(value.get("content"), list | tuple):
            return 0, value
        count, content = _without_images(value["content"])
        return (count, {**value, "content": content}) if count else (0, value)
    if isinstance(value, list | tuple):
        found = [_without_images(item) for item in value]
        count = sum(images for images, _ in found)
        return (count, [rest for _, rest in found]) if count else (0, value)
    return 0, value
