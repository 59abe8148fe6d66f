"""`permissions` of agents and files, read and checked: what they name is there, and what they say can come true."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from agentflow.plan.agent_plan import Grant
from agentflow.plan.findings import Findings
from agentflow.plan.permission_plan import NO_RULES, PermissionLevel, PermissionRule
from agentflow.plan.tool_rules import ToolRule, ToolRuleReader
from agentflow.source.document import Loc
from agentflow.spec.agents import Agent
from agentflow.spec.permissions import Permissions

FAMILIES: Mapping[str, tuple[str, ...]] = {"Edit": ("Edit", "Write"), "Read": ("Read", "Grep", "Glob")}
"""The tools that a rule of one is about, as Claude Code's users know it: those that change files, those that read."""

_SEARCH = "WebSearch"


class PermissionReader(Struct, frozen=True):
    """Reads the permissions of a file and its agents.

    Attributes:
        rules: reads one.
        agents: the file's agents.
        file: what the file says for all of them.
        read_already: the file's own level, once it was read: its problems are told once.
    """

    rules: ToolRuleReader
    agents: Mapping[str, Agent]
    file: Permissions | None
    read_already: list[PermissionLevel] = []

    @property
    def findings(self) -> Findings:
        """Where problems are noted."""
        return self.rules.findings

    def of_file(self) -> PermissionLevel:
        """What holds for every agent of the file."""
        if not self.read_already:
            self.read_already.append(self._level(self.file, ("permissions",)))
        return self.read_already[0]

    def of_agent(self, agent: Agent, grants: Iterable[Grant], loc: Loc) -> PermissionLevel:
        """What an agent says itself.

        Parameters:
            grants: its tools.
            loc: of the agent.
        """
        where = (*loc, "permissions")
        file, level = self.of_file(), self._level(agent.permissions, where)
        granted = {grant.tool.name for grant in grants}
        for index, rule in enumerate(agent.permissions.allow or () if agent.permissions is not None else ()):
            name = rule.partition("(")[0]
            known = name in self.rules.own or any(name in each.tools for each in level.allow or ())
            if known and not granted & {*FAMILIES.get(name, ()), name}:
                message = f"`allow` cannot grant what `tools` does not: the agent has no tool `{name}`"
                self.rules.refuse(message, (*where, "allow", index), f"add `{name}` to its `tools`")
        if level.mode == "accept_edits" and level.allow is None and file.allow is None:
            message = "`mode: accept_edits` changes nothing, since without `allow` all that `tools` grants runs unasked"
            self.findings.warn("AF406", message, (*where, "mode"), "write `allow`, or take the mode away")
        return level

    def _level(self, spec: Permissions | None, loc: Loc) -> PermissionLevel:
        if spec is None:
            return NO_RULES
        deny = self._read(spec.deny, (*loc, "deny"))
        ask = self._read(spec.ask, (*loc, "ask"))
        allow = None if spec.allow is None else self._read(spec.allow, (*loc, "allow"))
        self._check_covered(ask, deny, "deny", (*loc, "ask"))
        self._check_covered(allow or (), deny, "deny", (*loc, "allow"))
        self._check_covered(allow or (), ask, "ask", (*loc, "allow"))
        self._check_searches(ask, (*loc, "ask"))
        if spec.mode == "bypass" and ask:
            message = "under `mode: bypass` nothing is asked"
            self.findings.warn("AF406", message, (*loc, "ask"), "take `ask` away, or choose another mode")
        return PermissionLevel(
            spec.mode,
            None if allow is None else tuple(rule for _, rule in allow),
            tuple(rule for _, rule in ask),
            tuple(rule for _, rule in deny),
        )

    def _read(self, texts: Sequence[str], loc: Loc) -> list[tuple[int, PermissionRule]]:
        found: list[tuple[int, PermissionRule]] = []
        seen: set[str] = set()
        for index, text in enumerate(texts):
            here = (*loc, index)
            if text in seen:
                self.findings.warn("AF404", f"`{text}` stands here twice", here, "take one of the two out")
                continue
            seen.add(text)
            rule = self.rules.read(text, here, outside=True)
            if rule is not None and self._names_somebody(rule, here):
                found.append((index, self._rule(text, rule, here)))
        return found

    def _rule(self, text: str, rule: ToolRule, loc: Loc) -> PermissionRule:
        place = self.findings.source.place(loc)
        key = ".".join(str(part) for part in loc[:-1])
        return PermissionRule(
            text=text,
            tools=FAMILIES.get(rule.name, (rule.name,)) if rule.name not in self.rules.own else (rule.name,),
            kind=rule.kind,
            pattern=rule.rule or "",
            conditions=rule.conditions,
            where=f"{place.path}:{place.line}, {key}",
        )

    def _names_somebody(self, rule: ToolRule, loc: Loc) -> bool:
        if rule.kind != "agent" or rule.rule in self.agents:
            return True
        assert rule.rule is not None
        if not self.findings.is_broken(("agents", rule.rule)):
            hint = self.findings.similar(rule.rule, self.agents)
            self.findings.at("AF308", f"there is no agent `{rule.rule}`", loc, hint)
        return False

    def _check_covered(
        self,
        rules: Iterable[tuple[int, PermissionRule]],
        stronger: Iterable[tuple[int, PermissionRule]],
        key: str,
        loc: Loc,
    ) -> None:
        """Notes rules that one of a stronger list always comes before."""
        whole = {name: rule for _, rule in stronger if rule.kind == "whole" for name in rule.tools}
        same = {rule.text: rule for _, rule in stronger}
        for index, rule in rules:
            covering = same.get(rule.text)
            if covering is None and all(name in whole for name in rule.tools):
                covering = whole[rule.tools[0]]
            if covering is not None:
                message = f"`{rule.text}` can never count: `{key}` has `{covering.text}`, which comes first"
                hint = f"take one of the two away; `{key}` wins, however narrow the other is"
                self.findings.at("AF406", message, (*loc, index), hint)

    def _check_searches(self, rules: Iterable[tuple[int, PermissionRule]], loc: Loc) -> None:
        for index, rule in rules:
            if _SEARCH in rule.tools:
                message = f"`{rule.text}`: the model's service searches while it replies, and nobody can be asked then"
                self.rules.refuse(message, (*loc, index), "deny it, or narrow it in `tools`")
