"""Tool strings, `Name` or `Name(rule)`, read and checked: those of `tools` and those of `permissions`."""

import re
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from agentflow.plan.agent_plan import ToolSpec
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.companions import COMES_WITH
from agentflow.plan.findings import Findings
from agentflow.plan.hosts import DOMAIN, domain_rule_problem, site_rule_problem
from agentflow.plan.parameter_rules import Condition, RuleError, conditions_of
from agentflow.plan.paths import check_rule
from agentflow.plan.permission_plan import RuleKind
from agentflow.plan.rules import path_rule_problem
from agentflow.plan.service_tools import SERVICE_TOOLS
from agentflow.source.document import Loc

_TOOL = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)(?:\((.*)\))?", re.DOTALL)
_CONDITION = re.compile(r"\s*[A-Za-z_][A-Za-z0-9_-]*:")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# No path is longer, and a pattern is turned into a regular expression.
# Each is compiled, in forty microseconds.
_MOST_RULES = 2_000
_LONGEST = 4_096
_LONGEST_CONDITION = 900
HOST_RULES = {"host": domain_rule_problem, "site": site_rule_problem}
"""What keeps a rule of each kind that is about hosts from being used."""


class ToolRule(Struct, frozen=True):
    """A tool string that is sound.

    Attributes:
        name: of the tool.
        rule: what stands in the brackets; None: the whole tool.
        kind: how it is read.
        conditions: of a rule by parameter.
    """

    name: str
    rule: str | None = None
    kind: RuleKind = "whole"
    conditions: tuple[Condition, ...] = ()


class ToolRuleReader(Struct, frozen=True):
    """Reads the tool strings of one file.

    Attributes:
        own: the file's own tools.
        inputs: the schemas of its inputs.
        problems: what is wrong with each rule for paths that was met so far, None where nothing is.
    """

    findings: Findings
    own: Mapping[str, ToolSpec]
    inputs: Mapping[str, Mapping[str, Any]]
    problems: dict[tuple[str, bool], tuple[str, str] | None] = {}

    def read(self, text: str, loc: Loc, *, outside: bool = False) -> ToolRule | None:
        """A tool string; None where it is noted what is wrong with it.

        Parameters:
            loc: where it stands in the document.
            outside: paths may lie outside the project: no tool reaches them, but they may be denied all the same.
        """
        if len(text) > _LONGEST:
            self.refuse(f"a tool with more than {_LONGEST:,} characters", loc, "write several shorter rules")
            return None
        match = _TOOL.fullmatch(text)
        if match is None:
            self.refuse(f"`{text}` is not a tool", loc, "write `Name` or `Name(rule)`, without spaces around it")
            return None
        name, rule = match[1], match[2]
        if name not in self.own and name not in BUILTIN_TOOLS:
            self._unknown(name, loc)
            return None
        if rule is None:
            return ToolRule(name)
        kind = rule_kind(name, rule, own=name in self.own)
        if kind == "parameters" and name in SERVICE_TOOLS:
            hint = "narrow it to a site, as `domain:x.org`"
            self.refuse(f"`{text}`: the model's service uses this tool, and tells its input to nobody first", loc, hint)
            return None
        if kind == "parameters":
            return self._by_parameter(text, name, rule, loc)
        problem = self._problem(kind, rule, loc, outside=outside)
        if problem is not None:
            if problem[0]:
                self.refuse(f"`{text}`: {problem[0]}", loc, problem[1])
            return None
        return ToolRule(name, rule, kind)

    def _problem(self, kind: RuleKind, rule: str, loc: Loc, *, outside: bool) -> tuple[str, str] | None:
        if kind == "path":
            return self._path_problem(rule, loc, outside=outside)
        if kind == "bash":
            return bash_rule_problem(rule)
        problem_of = HOST_RULES.get(kind)
        return None if problem_of is None else problem_of(rule)

    def _path_problem(self, rule: str, loc: Loc, *, outside: bool) -> tuple[str, str] | None:
        key = (rule, outside)
        if key not in self.problems:
            if len(self.problems) == _MOST_RULES:
                self.findings.at("AF104", f"the file has more than {_MOST_RULES:,} rules", loc, "write wider patterns")
            if len(self.problems) >= _MOST_RULES:
                return "", ""
            self.problems[key] = path_rule_problem(rule, self.inputs, outside=outside)
        if self.problems[key] is None:
            check_rule(rule, self.inputs, loc, self.findings)
        return self.problems[key]

    def _by_parameter(self, text: str, name: str, rule: str, loc: Loc) -> ToolRule | None:
        spec = self.own[name] if name in self.own else BUILTIN_TOOLS[name].spec
        if len(rule) > _LONGEST_CONDITION:
            self.refuse(f"`{name}(…)`: a rule with {len(rule):,} characters", loc, "write a shorter one")
            return None
        if _CONTROL.search(rule):
            self.refuse(f"`{name}(…)`: the rule holds a control character", loc, "write `*` in its place")
            return None
        try:
            return ToolRule(name, rule, "parameters", conditions_of(rule, spec.input_schema))
        except RuleError as error:
            self.refuse(f"`{text}`: {error}", loc, error.hint)
            return None

    def _unknown(self, name: str, loc: Loc) -> None:
        if self.findings.is_broken(("tools", name)):
            return
        if (tool := COMES_WITH.get(name)) is not None:
            self.refuse(f"`{name}` comes with `{tool}` and is not granted by itself", loc, f"write `{tool}`")
            return
        if name.startswith("mcp__"):
            self.refuse(f"tool `{name}` is not supported yet", loc, "use a command tool of the file's own")
            return
        known = [*self.own, *BUILTIN_TOOLS]
        self.refuse(
            f"there is no tool `{name}`", loc, self.findings.similar(name, known) or f"the tools are {', '.join(known)}"
        )

    def refuse(self, message: str, loc: Loc, hint: str) -> None:
        """Notes what is wrong with a tool string."""
        self.findings.at("AF309", message, loc, hint)


def rule_kind(name: str, rule: str | None, *, own: bool) -> RuleKind:
    """How what stands in a tool's brackets is read.

    Parameters:
        own: the tool is one of the file's own.
    """
    if rule is None:
        return "whole"
    if own:
        return "parameters"
    if name == "Bash":
        return "bash"
    kind = BUILTIN_TOOLS[name].rule if name in BUILTIN_TOOLS else None
    if kind is None:
        return "parameters"
    # Paths may hold a colon; what else narrows tools may not, but for the `domain:` of hosts.
    if kind != "path" and _CONDITION.match(rule) and not rule.startswith((DOMAIN, "http:", "https:")):
        return "parameters"
    return kind


def bash_rule_problem(rule: str) -> tuple[str, str] | None:
    """What keeps a rule of `Bash` from being used, with the next move; None where nothing does."""
    if not rule.strip():
        return "the rule is empty", "name a command, as `npm run *`, or take the brackets away"
    if _CONTROL.search(rule) or "\n" in rule or "\t" in rule:
        return "the rule holds a line's end or a control character", "write one command in a line"
    return None
