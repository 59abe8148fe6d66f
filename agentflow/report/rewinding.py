"""What a rewind did or would do, for people and for programs."""

from collections.abc import Iterator
from typing import Any

from agentflow.engine.rewinding import Rewind
from agentflow.report.inert import inert_line
from agentflow.report.style import Paint, count
from agentflow.tools.restoring import Look

JSON = Any
_MOST_CALLS = 20
_SHADES = {"conflict": "red", "same": "dim"}


def rewind_text(found: Rewind, paint: Paint, *, dry_run: bool) -> Iterator[str]:
    """One line for each file, and then what is not covered."""
    when = f"before {inert_line(found.to, 60)} began" if found.to else f"before rewind {found.undoes}"
    if found.conflicts and not found.done and not dry_run:
        yield f"nothing was done: {count(len(found.conflicts), 'conflict')}"
    elif not found.looks:
        yield f"Write and Edit have changed nothing since {inert_line(found.to, 60)} began"
    else:
        yield f"{'would put' if dry_run else 'put'} files back as they were {when}"
    for look in found.looks:
        yield f"  {paint(f'{look.fate:8}', _SHADES.get(look.fate, 'bold'))}  {_file(look)}"
    if found.not_covered:
        yield f"not covered: what {count(len(found.not_covered), 'other call')} may have changed since"
        for call in found.not_covered[:_MOST_CALLS]:
            what = f": {inert_line(call.what, 80)}" if call.what else ""
            yield f"  {inert_line(call.step, 60)}  {inert_line(call.tool, 40)}{what}"
        if len(found.not_covered) > _MOST_CALLS:
            yield f"  … and {len(found.not_covered) - _MOST_CALLS:,} more"


def _file(look: Look) -> str:
    where = f"{look.file.folder}/{look.file.path}" if look.file.folder else look.file.path
    by = ", ".join(look.file.by)
    why = f"; {inert_line(look.why, 200)}" if look.why else ""
    return f"{inert_line(where, 200)}  ({inert_line(by, 120)}{why})"


def rewind_json(found: Rewind) -> dict[str, JSON]:
    """The same as JSON data."""
    return {
        "type": "rewind",
        "run": found.run,
        "to": found.to or None,
        "undoes": found.undoes,
        "done": found.done,
        "number": found.number,
        "files": [
            {
                "path": look.file.path,
                "workspace": look.file.folder or None,
                "fate": look.fate,
                "why": look.why or None,
                "by": list(look.file.by),
            }
            for look in found.looks
        ],
        "not_covered": [{"step": call.step, "tool": call.tool, "what": call.what} for call in found.not_covered],
    }
