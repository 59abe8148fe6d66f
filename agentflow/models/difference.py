"""How two values differ, in lines that a person can read."""

import difflib
import json
from collections.abc import Iterator
from typing import Any

JSON = Any

_MAX_LINES = 400
_MAX_SHOWN = 60
_MAX_COLUMNS = 300
_MAX_DEPTH = 50
_CONTEXT = 2


def difference(before: JSON, after: JSON, before_name: str, after_name: str) -> str:
    """A unified diff of two values, bounded in lines and columns; '' where they read the same.

    Each line is a scalar behind its path, as `messages[0].content[0].text: Write.`; a text has a line for each of its
    own, so that a changed word in a long prompt is one line of the diff.
    """
    old, new = list(_lines("", before)), list(_lines("", after))
    start = _alike(old, new)
    end = _alike(old[start:][::-1], new[start:][::-1])
    shown_from = max(0, start - _CONTEXT)
    # Comparing costs the product of both lengths: only what differs is compared, and no more than anybody reads.
    old, new = (lines[shown_from : len(lines) - max(0, end - _CONTEXT)][:_MAX_LINES] for lines in (old, new))
    diff = list(difflib.unified_diff(old, new, before_name, after_name, n=_CONTEXT, lineterm=""))
    rows = [row if len(row) <= _MAX_COLUMNS else row[: _MAX_COLUMNS - 1] + "…" for row in diff[:_MAX_SHOWN]]
    if len(diff) > _MAX_SHOWN:
        rows.append(f"… {len(diff) - _MAX_SHOWN} more lines")
    return "\n".join(rows)


def _alike(old: list[str], new: list[str]) -> int:
    pairs = zip(old, new, strict=False)
    return next((index for index, (left, right) in enumerate(pairs) if left != right), min(len(old), len(new)))


def _lines(path: str, value: JSON, depth: int = 0) -> Iterator[str]:
    if isinstance(value, dict) and value and depth < _MAX_DEPTH:
        for key, item in value.items():
            yield from _lines(f"{path}.{key}" if path else key, item, depth + 1)
    elif isinstance(value, list) and value and depth < _MAX_DEPTH:
        for index, item in enumerate(value):
            yield from _lines(f"{path}[{index}]", item, depth + 1)
    elif isinstance(value, str) and value:
        for line in value.split("\n"):
            yield f"{path}: {line}" if path else line
    else:
        shown = json.dumps(value)
        yield f"{path}: {shown}" if path else shown
