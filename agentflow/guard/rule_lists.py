"""Rules over one tool, compiled: which of them is about a call. Pure.

What allows must surely be about the call; what denies or asks is about it as soon as it may be.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from agentflow.guard.parameters import Conditions
from agentflow.guard.path_rules import PathRules, absolute
from agentflow.plan.agent_plan import Effects
from agentflow.plan.hosts import HostError, canonical_host, covers
from agentflow.plan.permission_plan import PermissionRule

JSON = Any

PATHS: Mapping[str, str] = {
    "Read": "file_path",
    "Write": "file_path",
    "Edit": "file_path",
    "Glob": "path",
    "Grep": "path",
}
"""The parameter that names what each file tool touches."""

SEARCHED = frozenset({"Glob", "Grep"})
"""Tools that look into a folder: what they find there is judged file by file when it is found."""

_NAMED = {"Agent": "subagent_type", "Skill": "skill"}
_URL = "url"


class ToolUse(Struct, frozen=True):
    """A call that is to be judged.

    Attributes:
        own: it is made by who wrote the file, in a `tool` step: what is not denied or asked about runs.
        kept: what it names is a large result of its own run, which no rule for paths is about.
    """

    tool: str
    input: Mapping[str, JSON]
    effects: Effects = "sends"
    own: bool = False
    kept: bool = False


class Anchors(Struct, frozen=True):
    """What paths are seen from: the real folder that file tools stay inside, and the user's own. Absolute."""

    project: str = "/"
    home: str = "/"

    def path_of(self, call: ToolUse) -> str | None:
        """What a call of a file tool names, absolute; None: it is no such call, or its run's own result."""
        parameter = PATHS.get(call.tool)
        if parameter is None or call.kept:
            return None
        return absolute(self.project, str(call.input.get(parameter) or "."))

    def holds(self, path: str) -> bool:
        """Whether a path is inside the project, or the project itself."""
        root = self.project.rstrip("/")
        return path == (root or "/") or path.startswith(f"{root}/")


AT_THE_ROOT = Anchors()


class RuleList:
    """Rules of one kind (deny, ask, allow, or what a grant is narrowed to) over one tool.

    Parameters:
        rules: all of them about the tool.
        schema: of the tool's input.
    """

    __slots__ = ("_anchors", "_conditions", "_named", "_paths", "rules", "scripts", "whole")

    def __init__(self, rules: Sequence[PermissionRule], schema: Mapping[str, JSON], anchors: Anchors) -> None:
        properties = schema.get("properties", {})
        self._anchors = anchors
        self.rules = tuple(rules)
        self.whole = next((rule for rule in rules if rule.kind == "whole"), None)
        self.scripts = {rule.pattern: rule for rule in rules if rule.kind == "bash"}
        paths = [rule for rule in rules if rule.kind == "path"]
        self._paths = PathRules(paths, anchors.project, anchors.home) if paths else None
        conditions = [rule for rule in rules if rule.kind == "parameters"]
        self._conditions = [(rule, Conditions(rule.conditions, properties)) for rule in conditions]
        self._named = [rule for rule in rules if rule.kind in ("host", "agent", "skill")]

    def first(self, call: ToolUse, *, surely: bool = False) -> PermissionRule | None:
        """The first rule about a call; with `surely` one that nothing leaves in doubt."""
        if self.whole is not None:
            return self.whole
        for rule, conditions in self._conditions:
            if conditions.allow(call.input) if surely else conditions.concern(call.input):
                return rule
        path = None if self._paths is None else self._anchors.path_of(call)
        if self._paths is not None and path is not None:
            # Of a folder that is searched all must be allowed; one file in it may be denied.
            found = self._paths.about(path, folder=call.tool in SEARCHED and not surely)
            if found is not None:
                return found
        return next((rule for rule in self._named if _is_about(rule, call, surely=surely)), None)

    def about_path(self, path: str) -> PermissionRule | None:
        """The first rule about a file, by its absolute path."""
        return None if self._paths is None else self._paths.about(path)

    def about_host(self, host: str) -> PermissionRule | None:
        """The first rule about a host, in its canonical form."""
        return next((rule for rule in self._named if rule.kind == "host" and covers([rule.pattern], host)), None)

    @property
    def has_paths(self) -> bool:
        """Whether any rule is about paths."""
        return self._paths is not None


def _is_about(rule: PermissionRule, call: ToolUse, *, surely: bool) -> bool:
    if rule.kind != "host":
        return bool(call.input.get(_NAMED[call.tool]) == rule.pattern)
    try:
        host = canonical_host(urlsplit(str(call.input.get(_URL, ""))).hostname or "")
    except (HostError, ValueError):
        return not surely  # which host that is cannot be told; the tool refuses it too
    return covers([rule.pattern], host)
