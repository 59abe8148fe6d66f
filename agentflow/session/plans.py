"""From an agent's plan to what a session of it works with."""

from collections.abc import Mapping
from os.path import normpath
from pathlib import PurePath

from msgspec.structs import replace

from agentflow.plan.agent_plan import AgentPlan, Grant, ToolSpec
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.companions import COMPANIONS
from agentflow.plan.context_tools import RECALL
from agentflow.plan.memory_tool import MEMORY
from agentflow.plan.service_tools import with_options
from agentflow.session.state import AGENT, FINISH, SKILL, TOOL_SEARCH, SessionPlan
from agentflow.spec.contracts import Contract

_HERE = PurePath()
_PLAIN_RESULT: Mapping[str, object] = {
    "type": "object",
    "properties": {"result": {"type": "string", "description": "The final result."}},
    "required": ["result"],
    "additionalProperties": False,
}


def session_plan(
    agent: AgentPlan,
    agents: Mapping[str, AgentPlan],
    *,
    siblings: bool = False,
    folder: PurePath = _HERE,
    denied: tuple[str, ...] | None = (),
) -> SessionPlan:
    """What a session of `agent` works with.

    Parameters:
        agents: the file's, for the descriptions of those it may call.
        siblings: other sessions will send the same system prompt and tools.
        folder: of the workflow file, seen from the project.
        denied: the sites that tools of the model's service may not find; None: it has none of these tools.
    """
    if denied is None:
        agent = replace(agent, grants=tuple(grant for grant in agent.grants if grant.tool.by != "service"))
    searches = any(grant.tool.name == TOOL_SEARCH for grant in agent.grants)
    shown = (_as_shown(grant, agent, agents, searches=searches, denied=denied or ()) for grant in agent.grants)
    # One whose every site is denied is not there at all: the service takes an empty list for none.
    tools = [tool for tool in shown if tool.service.get("allowed_domains") != []]
    tools += [companion for grant in agent.grants for companion in COMPANIONS.get(grant.tool.name, ())]
    if agent.finish:
        tools.append(
            ToolSpec(
                FINISH,
                "Ends your work and hands over its result. Call it once, when everything else is done.",
                agent.output or _PLAIN_RESULT,
                "none",
                by="session",
            )
        )
    named = {tool.name: tool for tool in tools}
    if tools and agent.context is not None:
        named.setdefault(RECALL.name, RECALL)
    return SessionPlan(
        agent=agent,
        tools=tuple(tools),
        by_name=named,
        contracts={name: Contract(tool.input_schema) for name, tool in named.items()},
        output=None if agent.output is None else Contract(agent.output),
        may_call=agent.subagents,
        siblings=siblings,
        skills=tuple(replace(skill, folder=normpath(folder / skill.folder)) for skill in agent.skills),
    )


def _as_shown(
    grant: Grant, agent: AgentPlan, agents: Mapping[str, AgentPlan], *, searches: bool, denied: tuple[str, ...]
) -> ToolSpec:
    """A tool with what it tells of this agent: whom it may call, its skills; with `searches` the file's own wait to
    be found."""
    tool = grant.tool
    if tool.by == "service":
        return with_options(grant, agent.stop, denied)
    if tool.name == AGENT:
        return _with_agents(tool, agent, agents)
    if tool.name == SKILL:
        listed = "\n".join(f"- {skill.name}: {skill.description}" for skill in agent.skills)
        return replace(tool, description=f"{tool.description}\n\nSkills you have:\n{listed}")
    if searches and tool.name not in BUILTIN_TOOLS and tool.name != MEMORY:
        return replace(tool, deferred=True)
    return tool


def _with_agents(tool: ToolSpec, agent: AgentPlan, agents: Mapping[str, AgentPlan]) -> ToolSpec:
    listed = "\n".join(f"- {name}: {agents[name].description}" for name in agent.subagents)
    schema = dict(tool.input_schema)
    properties = dict(schema["properties"])
    properties["subagent_type"] = {**properties["subagent_type"], "enum": list(agent.subagents)}
    schema["properties"] = properties
    return replace(tool, description=f"{tool.description}\n\nAgents you may call:\n{listed}", input_schema=schema)
