"""Calls of file tools that nothing opens: no rule allows them, and no person need be asked about them. Pure."""

import posixpath
from collections.abc import Iterable

from agentflow.guard.permissions import Decision
from agentflow.guard.protected import hidden_by, protected_by
from agentflow.guard.rule_lists import Anchors, ToolUse


def kept_closed(use: ToolUse, anchors: Anchors, own: Iterable[str]) -> Decision | None:
    """The refusal of what a file tool keeps closed whatever is granted; as it is named, since nothing is looked at."""
    path = anchors.path_of(use)
    if path is None:
        return None
    named = posixpath.relpath(path, anchors.project)
    entry = protected_by(named, own) if use.effects != "none" else hidden_by(named)
    return None if entry is None else Decision("deny", f"whatever is granted, `{entry.name}` {entry.why}")
