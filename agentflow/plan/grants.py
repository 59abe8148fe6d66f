"""Tool strings become grants, exactly: `Name`, or `Name(rule)`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from agentflow.plan.agent_plan import Grant, ToolSpec
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.companions import COMES_WITH
from agentflow.plan.findings import Findings
from agentflow.plan.hosts import domain_rule_problem, site_rule_problem
from agentflow.plan.paths import check_rule
from agentflow.plan.rules import path_rule_problem
from agentflow.plan.unused import check_repeats
from agentflow.source.document import Loc
from agentflow.spec.agents import Agent

_TOOL = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)(?:\((.*)\))?", re.DOTALL)
# No path is longer, and a pattern is turned into a regular expression.
# Each is compiled, in forty microseconds.
_MOST_RULES = 2_000
_LONGEST = 4_096
_HOST_RULES = {"host": domain_rule_problem, "site": site_rule_problem}
AGENT_TOOL = "Agent"
FINISH_TOOL = "finish"


class Granted(Struct, frozen=True):
    """What an agent's `tools` come to."""

    grants: tuple[Grant, ...]
    subagents: tuple[str, ...]


class GrantReader(Struct, frozen=True):
    """Reads the tool strings of a file's agents.

    Attributes:
        own: the file's own tools.
        agents: the file's agents.
        inputs: the schemas of its inputs.
        problems: what is wrong with each rule for paths that was met so far, None where nothing is.
    """

    findings: Findings
    own: Mapping[str, ToolSpec]
    agents: Mapping[str, Agent]
    inputs: Mapping[str, Mapping[str, Any]]
    problems: dict[str, tuple[str, str] | None] = {}

    def read(self, caller: str, tools: list[str], loc: Loc) -> Granted:
        """An agent's tools.

        Parameters:
            caller: the agent's name.
            loc: of the list in the document.
        """
        whole: set[str] = set()
        rules: dict[str, set[str]] = {}
        parsed_tools: list[tuple[str, str | None, Loc]] = []
        subagents: dict[str, None] = {}
        for index, text in enumerate(tools):
            parsed = self._parsed(text, (*loc, index))
            if parsed is None:
                continue
            name, rule = parsed
            parsed_tools.append((name, rule, (*loc, index)))
            if name == AGENT_TOOL:
                subagents.update(dict.fromkeys(self._subagents(caller, rule, (*loc, index))))
            found = rules.setdefault(name, set())
            if rule is None:
                whole.add(name)
            else:
                found.add(rule)
        check_repeats(parsed_tools, self.findings)
        grants = (self._grant(name, set() if name in whole else found) for name, found in rules.items())
        return Granted(tuple(grants), tuple(subagents))

    def _grant(self, name: str, rules: set[str]) -> Grant:
        spec = self.own[name] if name in self.own else BUILTIN_TOOLS[name].spec
        return Grant(spec, tuple(sorted(rules)))

    def _parsed(self, text: str, loc: Loc) -> tuple[str, str | None] | None:
        if len(text) > _LONGEST:
            self._refuse(f"a tool with more than {_LONGEST:,} characters", loc, "write several shorter rules")
            return None
        match = _TOOL.fullmatch(text)
        if match is None:
            self._refuse(f"`{text}` is not a tool", loc, "write `Name` or `Name(rule)`, without spaces around it")
            return None
        name, rule = match[1], match[2]
        if name in self.own:
            return self._own(name, rule, loc)
        builtin = BUILTIN_TOOLS.get(name)
        if builtin is None:
            self._unknown(name, loc)
            return None
        if rule is None:
            return name, None
        if name == "Bash":
            self._refuse(
                "rules of `Bash` are not supported yet", loc, "write `Bash`, or make a command a tool of its own"
            )
            return None
        if builtin.rule is None:
            self._refuse(f"`{name}` takes no rule", loc, f"write `{name}`")
            return None
        if builtin.rule == "path" and not self._is_sound(text, rule, loc):
            return None
        problem_of = _HOST_RULES.get(builtin.rule)
        if problem_of is not None and (problem := problem_of(rule)) is not None:
            self._refuse(f"`{text}`: {problem[0]}", loc, problem[1])
            return None
        return name, rule

    def _is_sound(self, text: str, rule: str, loc: Loc) -> bool:
        if rule not in self.problems:
            if len(self.problems) == _MOST_RULES:
                self.findings.at("AF104", f"the file has more than {_MOST_RULES:,} rules", loc, "write wider patterns")
            if len(self.problems) >= _MOST_RULES:
                return False
            self.problems[rule] = path_rule_problem(rule, self.inputs)
        problem = self.problems[rule]
        if problem is not None:
            self._refuse(f"`{text}`: {problem[0]}", loc, problem[1])
            return False
        check_rule(rule, self.inputs, loc, self.findings)
        return True

    def _own(self, name: str, rule: str | None, loc: Loc) -> tuple[str, str | None] | None:
        if rule is None:
            return name, None
        self._refuse(f"rules of the file's own tools are not supported yet: `{name}({rule})`", loc, f"write `{name}`")
        return None

    def _unknown(self, name: str, loc: Loc) -> None:
        if self.findings.is_broken(("tools", name)):
            return
        if (tool := COMES_WITH.get(name)) is not None:
            self._refuse(f"`{name}` comes with `{tool}` and is not granted by itself", loc, f"write `{tool}`")
            return
        if name.startswith("mcp__"):
            self._refuse(f"tool `{name}` is not supported yet", loc, "use a command tool of the file's own")
            return
        known = [*self.own, *BUILTIN_TOOLS]
        self._refuse(
            f"there is no tool `{name}`", loc, self.findings.similar(name, known) or f"the tools are {', '.join(known)}"
        )

    def _subagents(self, caller: str, rule: str | None, loc: Loc) -> Iterator[str]:
        """The agents that may be called: the one named, or every other one that says what it is for."""
        if rule is None:
            described = (name for name, agent in self.agents.items() if agent.description is not None)
            yield from (name for name in described if name != caller)
            return
        agent = self.agents.get(rule)
        if agent is None and self.findings.is_broken(("agents", rule)):
            return
        if agent is None:
            self.findings.at("AF308", f"there is no agent `{rule}`", loc, self.findings.similar(rule, self.agents))
            return
        if agent.description is None and not self.findings.is_broken(("agents", rule, "description")):
            message = f"agent `{rule}` may be called by another, and has no `description` to be chosen by"
            self.findings.at("AF202", message, ("agents", rule), "say in one line what it is for", key=True)
        yield rule

    def _refuse(self, message: str, loc: Loc, hint: str) -> None:
        self.findings.at("AF309", message, loc, hint)
