"""May it? Every call of a tool is judged here before its intent is recorded. Pure, and microseconds for most calls.

Order: deny, ask, allow, mode; else no. Rules are compiled once per agent; which is more specific never matters.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from agentflow.guard.bash_rules import BashVerdict, decide_bash
from agentflow.guard.rule_lists import AT_THE_ROOT, SEARCHED, Anchors, RuleList, ToolUse
from agentflow.plan.agent_plan import Grant, ToolSpec
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.parameter_rules import conditions_of
from agentflow.plan.permission_plan import MODES, PermissionLevel, PermissionRule
from agentflow.plan.service_tools import SERVICE_TOOLS
from agentflow.plan.tool_rules import rule_kind
from agentflow.spec.permissions import Mode

JSON = Any
Verdict = Literal["allow", "ask", "deny"]

_EDITS = frozenset({"Write", "Edit"})
_BASH = "Bash"
_SCRIPT = "command"


class Decision(Struct, frozen=True):
    """What becomes of a call.

    Attributes:
        why: in a sentence without its full stop.
        rule: the rule that decides, as it is written, and `where` it stands; None: the mode, or that nothing grants it.
    """

    verdict: Verdict
    why: str
    rule: str | None = None
    where: str | None = None


class Level(Struct, frozen=True):
    """One level of permissions.

    Attributes:
        of: `policy` and `file` hold for all, and what a policy allows is all that there is under it; `caller`: of an
            agent that called this one, of which only what narrows counts; `agent`: its own.
        mode: of a caller: the one it works in.
    """

    rules: PermissionLevel
    of: Literal["policy", "file", "caller", "agent"]
    mode: Mode | None = None


class Permissions:
    """The permissions of one agent, or of a file's `tool` steps, compiled as they are asked for.

    Parameters:
        levels: from the outermost in; inputs in their paths are in place.
        grants: what `tools` gives the agent; None: every tool, as `tool` steps have them.
        free: further tools that are there without a grant, by name.
        tools: what tools are that nothing grants here, by name.
        anchors: what paths are seen from.

    Attributes:
        mode: the one it works in.
    """

    def __init__(
        self,
        levels: Sequence[Level],
        grants: Iterable[Grant] | None,
        *,
        free: Iterable[str] = (),
        tools: Mapping[str, ToolSpec] = {},
        anchors: Anchors = AT_THE_ROOT,
    ) -> None:
        self.levels = tuple(levels)
        self.anchors = anchors
        self._grants = None if grants is None else {grant.tool.name: grant for grant in grants}
        self._free = frozenset(free)
        self._tools = tools
        self._compiled: dict[str, ToolRules] = {}
        callers = [level.mode for level in self.levels if level.of == "caller"]
        self.mode: Mode = _mode(self.levels)
        self.plans_only = self.mode == "plan" or "plan" in callers
        self.never_asks = self.mode == "dont_ask" or "dont_ask" in callers
        self._lifts_all = self.mode == "bypass" and not any(
            level.of == "agent" and level.rules.mode is not None for level in self.levels
        )
        unasked = [level.rules for level in self.levels if level.of in ("file", "agent")]
        allows = [rules.allow for rules in unasked if rules.allow is not None]
        self._bounds = [level.rules.allow for level in self.levels if level.of == "policy"]
        self.is_listed = bool(allows)
        self._allow = [rule for allow in allows for rule in allow]
        self._ask = [rule for level in self.levels if not self._lifts(level) for rule in level.rules.ask]
        self._deny = [rule for level in self.levels for rule in level.rules.deny]

    def of(self, tool: str) -> "ToolRules":
        """What is said of a tool."""
        found = self._compiled.get(tool)
        if found is None:
            found = self._compiled[tool] = self._compile(tool)
        return found

    def _lifts(self, level: Level) -> bool:
        """Whether the mode lifts what a level asks: `bypass` does where it was written, and not for others' levels."""
        if self.mode != "bypass":
            return False
        return level.of == "agent" or (level.of == "file" and self._lifts_all and level.rules.mode == "bypass")

    def _compile(self, tool: str) -> "ToolRules":
        grant = None if self._grants is None else self._grants.get(tool)
        is_there = self._grants is None or grant is not None or tool in self._free
        spec = grant.tool if grant is not None else self._tools.get(tool)
        if spec is None and tool in BUILTIN_TOOLS:
            spec = BUILTIN_TOOLS[tool].spec
        schema = {} if spec is None else spec.input_schema
        # What an agent notes, asks and hands on is bounded by what the others may do.
        acts = tool not in self._free and (spec is None or spec.by in ("toolbox", "service"))

        def about(rules: Iterable[PermissionRule]) -> RuleList:
            return RuleList([rule for rule in rules if _names(rule, tool)], schema, self.anchors)

        return ToolRules(
            is_there=is_there,
            grant=None if grant is None or not grant.rules else about(_as_rules(grant)),
            deny=about(self._deny),
            ask=about(self._ask),
            allow=about(self._allow) if self.is_listed else None,
            bounds=tuple(about(bound) for bound in self._bounds if bound is not None) if acts else (),
        )


def _mode(levels: Sequence[Level]) -> Mode:
    """The mode that the innermost level says, as far as the files around its own leave it.

    A file that says what runs unasked, or that works in `plan` or `dont_ask`, holds for those that its steps run.
    """
    files = [level.rules for level in levels if level.of == "file"]
    own = [*files[-1:], *(level.rules for level in levels if level.of == "agent")]
    said = (rules.mode for rules in (*reversed(own), *reversed(files[:-1])) if rules.mode is not None)
    modes: list[Mode] = [next(said, "default")]
    for rules in files[:-1]:
        if rules.allow is not None or rules.mode in ("plan", "dont_ask"):
            modes.append(rules.mode or "default")
    return min(modes, key=MODES.index)


class ToolRules(Struct, frozen=True):
    """What all levels say of one tool.

    Attributes:
        is_there: `tools` grants it.
        grant: what it is narrowed to; None: nothing narrows it.
        allow: None: no level says what runs unasked.
        bounds: what each part of the policy leaves of it; a call needs the yes of all of them.
    """

    is_there: bool
    grant: RuleList | None
    deny: RuleList
    ask: RuleList
    allow: RuleList | None
    bounds: tuple[RuleList, ...] = ()


def decide(call: ToolUse, permissions: Permissions) -> Decision:
    """Whether a call runs, is asked about, or is refused, and what says so."""
    rules = permissions.of(call.tool)
    found = _of_script(call, rules) if call.tool == _BASH else _of_rules(call, rules, permissions.anchors)
    if found is not None and found.verdict == "deny":
        return found
    if permissions.plans_only and call.effects != "none":
        return Decision("deny", f"in the mode `plan` nothing with effects runs, and `{call.tool}` has some")
    if found is None:
        found = _by_mode(call, permissions)
    if found.verdict == "ask" and permissions.never_asks:
        why = f"{found.why}, and in the mode `dont_ask` what would be asked about is denied"
        return Decision("deny", why, found.rule, found.where)
    return found


def _of_rules(call: ToolUse, rules: ToolRules, anchors: Anchors) -> Decision | None:
    if (rule := rules.deny.first(call)) is not None:
        return _by("deny", rule)
    if not rules.is_there:
        return _no_tool(call.tool)
    path = anchors.path_of(call)
    if path is not None and not anchors.holds(path):
        return Decision("deny", f"`{path}` is outside the project")
    # What a search finds is narrowed when it is found: file by file, or by the model's service.
    by_finding = call.kept or call.tool in SEARCHED or call.tool in SERVICE_TOOLS
    if rules.grant is not None and not by_finding and rules.grant.first(call, surely=True) is None:
        return Decision("deny", f"`tools` grants {_listed(rules.grant.rules)} only")
    if (outside := _out_of_bounds(call, rules)) is not None:
        return outside
    if (rule := rules.ask.first(call)) is not None:
        return _by("ask", rule)
    if rules.allow is None:
        return Decision("allow", "`tools` grants it" if not call.own else "the file itself calls it")
    rule = rules.allow.first(call, surely=True)
    return None if rule is None else _by("allow", rule)


def _of_script(call: ToolUse, rules: ToolRules) -> Decision | None:
    """The same for `Bash`, whose rules are about every command of a script."""
    if rules.deny.whole is not None:
        return _by("deny", rules.deny.whole)
    if not rules.is_there:
        return _no_tool(call.tool)
    script = str(call.input.get(_SCRIPT, ""))
    grant = {} if rules.grant is None else rules.grant.scripts
    if grant or rules.deny.scripts:
        found = decide_bash(
            script, allow=list(grant), allow_all=rules.grant is None, ask=(), deny=list(rules.deny.scripts)
        )
        if found.verdict == "none":
            return Decision("deny", f"`tools` grants {_listed(grant.values())} only: {found.why}")
        if found.verdict != "allow":
            return _told(found, rules.deny.scripts)
    for bound in rules.bounds:
        if bound.whole is None and decide_bash(script, allow=list(bound.scripts), ask=(), deny=()).verdict != "allow":
            return _beyond(call, bound)
    if rules.ask.whole is not None:
        return _by("ask", rules.ask.whole)
    if rules.ask.scripts:
        found = decide_bash(script, allow=(), allow_all=True, ask=list(rules.ask.scripts), deny=())
        if found.verdict in ("ask", "deny"):
            return _told(found, rules.ask.scripts)
    if rules.allow is None:
        return Decision("allow", "`tools` grants it" if not call.own else "the file itself calls it")
    if rules.allow.whole is not None:
        return _by("allow", rules.allow.whole)
    found = decide_bash(script, allow=list(rules.allow.scripts), ask=(), deny=())
    return _told(found, rules.allow.scripts) if found.verdict == "allow" else None


def _out_of_bounds(call: ToolUse, rules: ToolRules) -> Decision | None:
    """The refusal of a call that a part of the policy leaves out."""
    by_finding = call.kept or call.tool in SEARCHED  # file by file, as what `tools` grants
    bounds = (bound for bound in rules.bounds if not (by_finding and _is_of_paths(bound)))
    bound = next((bound for bound in bounds if bound.first(call, surely=True) is None), None)
    return None if bound is None else _beyond(call, bound)


def _is_of_paths(bound: RuleList) -> bool:
    return bool(bound.rules) and all(rule.kind == "path" for rule in bound.rules)


def _beyond(call: ToolUse, bound: RuleList) -> Decision:
    if not bound.rules:
        return Decision("deny", f"the policy does not allow `{call.tool}`")
    return Decision("deny", f"the policy allows {_listed(bound.rules)} only", None, bound.rules[0].where or None)


def _told(found: BashVerdict, rules: Mapping[str, PermissionRule]) -> Decision:
    """A verdict on a script, with the rule that it names."""
    rule = None if found.rule is None else rules.get(found.rule)
    verdict: Verdict = "deny" if found.verdict == "none" else found.verdict
    if rule is None:
        return Decision(verdict, found.why)
    return Decision(verdict, f"{_by(verdict, rule).why}: {found.why}", rule.text, rule.where or None)


def _by_mode(call: ToolUse, permissions: Permissions) -> Decision:
    """What becomes of a call that no rule decides, where `allow` is written."""
    if call.effects == "none":
        return Decision("allow", "it has no effects")
    if call.own:
        return Decision("allow", "the file itself calls it")
    if permissions.mode == "bypass":
        return Decision("allow", "in the mode `bypass` all that is not denied runs")
    if permissions.mode == "accept_edits" and call.tool in _EDITS:
        return Decision("allow", "in the mode `accept_edits` files of the project are changed unasked")
    return Decision("ask", "no rule of `allow` covers it")


def _by(verdict: Verdict, rule: PermissionRule) -> Decision:
    words = {"deny": "denies it", "ask": "asks about it", "allow": "allows it"}
    return Decision(verdict, f"`{rule.text}` {words[verdict]}", rule.text, rule.where or None)


def _no_tool(tool: str) -> Decision:
    return Decision("deny", f"`tools` does not grant `{tool}`")


def _listed(rules: Iterable[PermissionRule]) -> str:
    return ", ".join(f"`{rule.text}`" for rule in rules)


def _as_rules(grant: Grant) -> list[PermissionRule]:
    """What `tools` narrows a tool to, as rules."""
    name, own = grant.tool.name, grant.tool.name not in BUILTIN_TOOLS
    found = []
    for rule in grant.rules:
        kind = rule_kind(name, rule, own=own)
        conditions = conditions_of(rule, grant.tool.input_schema) if kind == "parameters" else ()
        found.append(PermissionRule(f"{name}({rule})", (name,), kind, rule, conditions))
    return found


def _names(rule: PermissionRule, tool: str) -> bool:
    return any(tool == name or (name.endswith("*") and tool.startswith(name[:-1])) for name in rule.tools)
