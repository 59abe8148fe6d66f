"""Tool strings become grants, exactly: `Name`, or `Name(rule)`."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from agentflow.plan.agent_plan import Grant, ToolSpec
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.tool_rules import ToolRuleReader
from agentflow.plan.unused import check_repeats
from agentflow.source.document import Loc
from agentflow.spec.agents import Agent

AGENT_TOOL = "Agent"
FINISH_TOOL = "finish"


class Granted(Struct, frozen=True):
    """What an agent's `tools` come to."""

    grants: tuple[Grant, ...]
    subagents: tuple[str, ...]


class GrantReader(Struct, frozen=True):
    """Reads the tool strings of a file's agents.

    Attributes:
        rules: reads one.
        agents: the file's agents.
    """

    rules: ToolRuleReader
    agents: Mapping[str, Agent]

    @property
    def own(self) -> Mapping[str, ToolSpec]:
        """The file's own tools."""
        return self.rules.own

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
            parsed = self.rules.read(text, (*loc, index))
            if parsed is None:
                continue
            name, rule = parsed.name, parsed.rule
            parsed_tools.append((name, rule, (*loc, index)))
            if name == AGENT_TOOL:
                called = rule if parsed.kind == "agent" else None
                subagents.update(dict.fromkeys(self._subagents(caller, called, (*loc, index))))
            found = rules.setdefault(name, set())
            if rule is None:
                whole.add(name)
            else:
                found.add(rule)
        check_repeats(parsed_tools, self.rules.findings)
        grants = (self._grant(name, set() if name in whole else found) for name, found in rules.items())
        return Granted(tuple(grants), tuple(subagents))

    def _grant(self, name: str, rules: set[str]) -> Grant:
        spec = self.own[name] if name in self.own else BUILTIN_TOOLS[name].spec
        return Grant(spec, tuple(sorted(rules)))

    def _subagents(self, caller: str, rule: str | None, loc: Loc) -> Iterator[str]:
        """The agents that may be called: the one named, or every other one that says what it is for."""
        if rule is None:
            described = (name for name, agent in self.agents.items() if agent.description is not None)
            yield from (name for name in described if name != caller)
            return
        agent = self.agents.get(rule)
        if agent is None and self.rules.findings.is_broken(("agents", rule)):
            return
        if agent is None:
            self.rules.findings.at(
                "AF308", f"there is no agent `{rule}`", loc, self.rules.findings.similar(rule, self.agents)
            )
            return
        if agent.description is None and not self.rules.findings.is_broken(("agents", rule, "description")):
            message = f"agent `{rule}` may be called by another, and has no `description` to be chosen by"
            self.rules.findings.at("AF202", message, ("agents", rule), "say in one line what it is for", key=True)
        yield rule
