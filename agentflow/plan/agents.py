"""Agents with their defaults filled in, their tools granted, and all that they name looked up."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agentflow.plan.agent_plan import NO_PROGRESS, AgentPlan, Grant, StopRules
from agentflow.plan.contexts import UNKNOWN_WINDOW, check_context, context_plan
from agentflow.plan.draft import DraftBlock
from agentflow.plan.expressions import Expression, Template, verbatim
from agentflow.plan.findings import Findings
from agentflow.plan.flow import use_is_tainted
from agentflow.plan.grants import FINISH_TOOL, GrantReader
from agentflow.plan.graph import callers, cycles_of, sorted_by
from agentflow.plan.memory_tool import MEMORY_TOOL
from agentflow.plan.model_settings import refused_settings
from agentflow.plan.permission_rules import PermissionReader
from agentflow.plan.prices import context_window, known_models, max_output_tokens, price_of
from agentflow.plan.scopes import Scope, Variable, check
from agentflow.plan.service_settings import service_of, unpriced_settings
from agentflow.plan.skills import skills_of
from agentflow.plan.texts import TextReader
from agentflow.plan.types import BOOLEAN, INTEGER, NUMBER, STRING, kinds, record
from agentflow.source.document import Loc
from agentflow.spec.agents import Agent, AgentDefaults
from agentflow.spec.steps import AgentStep

TOOL_SEARCH = "ToolSearch"
DEFAULT_MODEL = "claude-sonnet-5-5"
DEFAULT_MAX_TOKENS = 16_000

STOP_NAMES = {
    "turn": Variable(INTEGER),
    "usage": Variable(record({"input_tokens": INTEGER, "output_tokens": INTEGER, "cost_usd": NUMBER})),
    "last": Variable(record({"text": STRING, "tool_calls": INTEGER})),
}
"""What `stop.when` sees beside `calls`."""


class AgentReader(Struct, frozen=True):
    """Makes the agents of one file.

    Attributes:
        names: what instructions may read.
    """

    findings: Findings
    read: TextReader
    grants: GrantReader
    permissions: PermissionReader
    defaults: AgentDefaults
    names: Mapping[str, Variable]

    def agent(self, name: str, agent: Agent, loc: Loc) -> AgentPlan:
        """An agent of the file or of a step.

        Parameters:
            loc: where it stands in the document.
        """
        merged = _merged(self.defaults, agent)
        model = merged.model or DEFAULT_MODEL
        granted = self.grants.read(name, agent.tools, (*loc, "tools"))
        self._check_search(granted.grants, (*loc, "tools"))
        output = None
        if agent.output is not None:
            output = self.findings.source.mapping((*loc, "output"), agent.output)
            _check_finish(agent.finish is not None, output, loc, self.findings)
        self._check_settings(merged, loc)
        self._check_searches(granted.grants, (model, merged.fallback_model), (*loc, "tools"))
        names = frozenset(grant.tool.name for grant in granted.grants)
        where = _written(self.findings, loc, "context")
        window = context_window(model) or UNKNOWN_WINDOW
        check_context(merged.context, names, window, where, agent.context is not None, self.findings)
        max_tokens = self._max_tokens(merged.max_tokens, model, merged.fallback_model, loc)
        return AgentPlan(
            name=name,
            description=agent.description or "",
            instructions=self._instructions(agent, loc),
            model=model,
            fallback_model=merged.fallback_model,
            effort=merged.effort,
            thinking=merged.thinking,
            max_tokens=max_tokens,
            output=output,
            finish=agent.finish is not None,
            stop=self._stop(agent, granted.grants, (*loc, "stop")),
            grants=_with_memory(granted.grants, agent),
            subagents=granted.subagents,
            workspace=agent.workspace,
            skills=skills_of(agent.skills, granted.grants, loc, self.findings),
            memory=agent.memory,
            service=service_of(merged),
            context=context_plan(merged.context, model, merged.fallback_model, max_tokens),
            permissions=self.permissions.of_agent(agent, granted.grants, loc),
        )

    def _instructions(self, agent: Agent, loc: Loc) -> Template | None:
        if agent.instructions is None:
            return None
        if isinstance(agent.instructions, str) and self.findings.source.is_verbatim((*loc, "instructions")):
            return verbatim(agent.instructions)
        use = self.read.prose((*loc, "instructions"), agent.instructions)
        if use is None:
            return None
        scope = Scope(self.names)
        check(use, scope, self.findings)
        known = all(reference.root in self.names for reference in use.code.references)
        if known and use_is_tainted(use, scope):
            offset = next((reference.offset for reference in use.code.references), 0)
            message = "instructions are the author's, and this text is not: an agent would follow it"
            hint = "put it into the `prompt`, or let it be chosen from an `enum`"
            self.findings.add("AF506", message, use.place(offset, 1), hint)
        return use.template

    def _check_search(self, grants: tuple[Grant, ...], loc: Loc) -> None:
        """Notes an agent that may search for tools and has none that would have to be found."""
        names = {grant.tool.name for grant in grants}
        if TOOL_SEARCH in names and not names & set(self.grants.own):
            message = f"`{TOOL_SEARCH}` finds the file's own tools, and the agent has none of them"
            self.findings.at("AF309", message, loc, "take it away, or give the agent tools of the file's own", key=True)

    def _check_settings(self, merged: AgentDefaults, loc: Loc) -> None:
        for model in (merged.model or DEFAULT_MODEL, merged.fallback_model):
            for key, message, hint in refused_settings(model or "", merged.effort, merged.thinking):
                self.findings.at("AF203", message, _written(self.findings, loc, key), hint)
            for key, message, hint in unpriced_settings(model or "", service_of(merged)):
                self.findings.at("AF601", message, _written(self.findings, loc, key), hint)

    def _check_searches(self, grants: Iterable[Grant], models: Iterable[str | None], loc: Loc) -> None:
        """Notes searches by a model that has no price for them."""
        if not any(grant.tool.by == "service" for grant in grants):
            return
        for model in models:
            price = None if model is None else price_of(model)
            if price is not None and price.web_search is None:
                message = f"model `{model}` has no price for web searches, and the cap on money could not hold"
                self.findings.at("AF601", message, loc, f"use a model that has one, as `{DEFAULT_MODEL}`", key=True)

    def _max_tokens(self, wanted: int | None, model: str, fallback: str | None, loc: Loc) -> int:
        bounds = {name: max_output_tokens(name) for name in (model, fallback) if name is not None}
        known = {name: most for name, most in bounds.items() if most is not None}
        if wanted is None:
            return min(DEFAULT_MAX_TOKENS, *known.values()) if known else DEFAULT_MAX_TOKENS
        for name, most in known.items():
            if wanted > most:
                where = _written(self.findings, loc, "max_tokens")
                self.findings.at("AF203", f"`{name}` replies with at most {most:,} tokens", where, "lower `max_tokens`")
        return wanted

    def _stop(self, agent: Agent, grants: Iterable[Grant], loc: Loc) -> StopRules:
        stop = agent.stop
        tools = [grant.tool.name for grant in grants] + ([FINISH_TOOL] if agent.finish else [])
        return StopRules(
            turns=stop.turns,
            repeated_calls=stop.repeated_calls,
            failed_calls=stop.failed_calls,
            no_progress=stop.no_progress or max(NO_PROGRESS, stop.repeated_calls),
            cost_usd=stop.cost_usd,
            tokens=stop.tokens,
            wall_time=stop.wall_time,
            tool_calls=stop.tool_calls,
            when=None if stop.when is None else self._stop_when(stop.when, tools, (*loc, "when")),
        )

    def _stop_when(self, text: str, tools: Iterable[str], loc: Loc) -> Expression | None:
        use = self.read.expression(loc, text)
        if use is None:
            return None
        calls = Variable(record(dict.fromkeys(tools, INTEGER)))
        found = kinds(check(use, Scope({**STOP_NAMES, "calls": calls}), self.findings))
        if not use.code.references:
            hint = "read `turn`, `usage`, `last` or `calls`"
            self.findings.add("AF403", "the condition is always the same", use.place(0, len(text)), hint)
        elif found is not None and found != kinds(BOOLEAN):
            message = f"`stop.when` wants true or false, not {' or '.join(sorted(found))}"
            self.findings.add("AF305", message, use.place(0, len(text)), "compare it, as `turn > 3`")
        return use.expression

    def check_models(self, agents: Iterable[tuple[Agent, Loc]]) -> None:
        """Notes models without a price, each where it is written; a run is always capped."""
        self._check_models(self.defaults, ("defaults",))
        for agent, loc in agents:
            self._check_models(agent, loc)

    def _check_models(self, holder: AgentDefaults, loc: Loc) -> None:
        named: list[tuple[Loc, str | None]] = [
            (("model",), holder.model),
            (("fallback_model",), holder.fallback_model),
            (("context", "model"), None if holder.context is None else holder.context.model),
        ]
        for key, model in named:
            if model is None or price_of(model) is not None:
                continue
            where = (*loc, *key)
            if "{{" in model:
                self.findings.at("AF307", "a model is constant", where, f"write its id, as `{DEFAULT_MODEL}`")
                continue
            hint = self.findings.similar(model, known_models())
            if hint is not None:
                self.findings.at("AF310", f"there is no model `{model}`", where, hint)
            else:
                message = f"model `{model}` has no price, and the cap on money could not hold"
                hint = f"use one that has, as `{DEFAULT_MODEL}`, or declare its price (docs/endpoints.md)"
                self.findings.at("AF601", message, where, hint)


def _with_memory(grants: tuple[Grant, ...], agent: Agent) -> tuple[Grant, ...]:
    return grants if agent.memory is None else (*grants, Grant(MEMORY_TOOL))


def _merged(defaults: AgentDefaults, agent: Agent) -> AgentDefaults:
    def of(key: str) -> Any:
        own = getattr(agent, key)
        return getattr(defaults, key) if own is None else own

    return AgentDefaults.model_construct(**{key: of(key) for key in AgentDefaults.model_fields})


def _written(findings: Findings, loc: Loc, key: str) -> Loc:
    """Where a key that may come from `defaults` is written."""
    return (*loc, key) if findings.source.has((*loc, key)) else ("defaults", key)


def inline_agents(block: DraftBlock, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Agent, Loc]]:
    """The agents that stand in steps, each named by the path of its step."""
    for draft in block.drafts.values():
        here = (*path, draft.id)
        if isinstance(draft.step, AgentStep) and isinstance(draft.step.agent, Agent):
            yield ".".join(here), draft.step.agent, (*draft.loc, "agent")
        if draft.body is not None:
            yield from inline_agents(draft.body, here)


def agents_of_steps(
    block: DraftBlock, named: Mapping[str, AgentPlan], inline: Mapping[Loc, AgentPlan], findings: Findings
) -> Iterator[tuple[Loc, AgentPlan]]:
    """The agent of each agent step, its `output` replaced where the step has one.

    Parameters:
        named: the file's agents.
        inline: those that stand in steps, by where they stand.
    """
    for draft in block.drafts.values():
        if draft.body is not None:
            yield from agents_of_steps(draft.body, named, inline, findings)
        step = draft.step
        if not isinstance(step, AgentStep):
            continue
        agent = inline.get((*draft.loc, "agent")) if isinstance(step.agent, Agent) else named.get(step.agent)
        if agent is None and findings.is_broken(("agents", str(step.agent))):
            continue
        if agent is None:
            hint = findings.similar(str(step.agent), named) or "add it to `agents`"
            findings.at("AF308", f"there is no agent `{step.agent}`", (*draft.loc, "agent"), hint)
            continue
        if step.output is not None:
            output = findings.source.mapping((*draft.loc, "output"), step.output)
            agent = replace(agent, output=output)
            _check_finish(agent.finish, output, draft.loc, findings)
        yield draft.loc, agent


def _check_finish(finish: bool, output: Mapping[str, Any] | None, loc: Loc, findings: Findings) -> None:
    """The output is the input of `finish`, and the API takes tools with objects as their input only."""
    where = (*loc, "output")
    if finish and output is not None and output.get("type") != "object" and not findings.is_broken(where):
        message = "with `finish: required` the output must be an object, since a model gives its arguments by name"
        findings.at("AF206", message, where, "write `type: object`")


def check_calls(agents: Mapping[str, AgentPlan], findings: Findings) -> None:
    """Agents that may call each other in a circle."""
    followers = callers({name: agent.subagents for name, agent in agents.items()})
    if len(sorted_by(followers)) == len(agents):
        return
    for cycle in cycles_of(followers):
        message = f"agent `{cycle[0]}` may call itself: {' → '.join(cycle)}"
        findings.at("AF401", message, ("agents", cycle[0]), "take one of these out of `tools`", key=True)
