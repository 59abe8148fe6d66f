"""What permissions say of an agent, as data and as lines of a plan."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agentflow.plan.permission_plan import PermissionLevel, PermissionRule
from agentflow.report.inert import inert_line

JSON = Any
_LONGEST = 200


def permissions_json(own: PermissionLevel, file: PermissionLevel) -> dict[str, JSON]:
    """What holds for an agent: its mode, and the rules of its file and its own, each with where it stands."""

    def rules(listed: Iterable[PermissionRule]) -> list[JSON]:
        return [{"rule": rule.text, "where": rule.where} for rule in listed]

    written = [level.allow for level in (file, own) if level.allow is not None]
    return {
        "mode": own.mode or file.mode or "default",
        "allow": rules(rule for allow in written for rule in allow) if written else None,
        "ask": rules((*file.ask, *own.ask)),
        "deny": rules((*file.deny, *own.deny)),
    }


def permission_lines(permissions: Mapping[str, JSON]) -> Iterator[str]:
    """The same for people; nothing where nothing is said."""
    if permissions["mode"] != "default":
        yield f"    mode: {permissions['mode']}"
    for key in ("deny", "ask", "allow"):
        if permissions[key] is not None and (permissions[key] or key == "allow"):
            listed = ", ".join(inert_line(rule["rule"], _LONGEST) for rule in permissions[key])
            yield f"    {key}: {listed or 'nothing'}"
