"""What agents may do, as JSON data, read off a plan."""

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from agentflow.plan.agent_plan import AgentPlan
from agentflow.plan.model import AgentStepPlan
from agentflow.plan.rules import inputs_of, resolved
from agentflow.report.plan_parts import Part
from agentflow.report.plan_permissions import permissions_json

JSON = Any


def agents_json(part: Part) -> list[JSON]:
    """The agents of a file, those that stand in its steps among them; the shape is told in `plan_json`."""
    started: dict[str, list[str]] = {name: [] for name in part.plan.agents}
    agents = dict(part.plan.agents)
    for path, step in part.steps:
        if isinstance(step, AgentStepPlan):
            agents.setdefault(step.agent.name, step.agent)
            started.setdefault(step.agent.name, []).append(path)
    return [_agent_json(agent, started[name], part) for name, agent in agents.items()]


def _agent_json(agent: AgentPlan, steps: list[str], part: Part) -> dict[str, JSON]:
    return {
        "name": agent.name,
        "file": part.file,
        "description": agent.description,
        "steps": steps,
        "model": agent.model,
        "fallback_model": agent.fallback_model,
        "effort": agent.effort,
        "thinking": agent.thinking,
        "max_tokens": agent.max_tokens,
        "service": structs.asdict(agent.service),
        "stop": {**structs.asdict(agent.stop), "when": None if agent.stop.when is None else agent.stop.when.source},
        "finish": agent.finish,
        "output": None if agent.output is None else dict(agent.output),
        "context": None if agent.context is None else structs.asdict(agent.context),
        "subagents": list(agent.subagents),
        "workspace": agent.workspace,
        "skills": [{"name": skill.name, "folder": skill.folder} for skill in agent.skills],
        "memory": agent.memory,
        "tools": [
            {
                "name": grant.tool.name,
                "effects": grant.tool.effects,
                "rules": [{"rule": rule, "resolved": _resolved(rule, part.values)} for rule in grant.rules],
            }
            for grant in agent.grants
        ],
        "permissions": permissions_json(agent.permissions, part.plan.permissions),
    }


def _resolved(rule: str, values: Mapping[str, JSON]) -> str | None:
    return resolved([rule], values)[0] if all(name in values for name in inputs_of(rule)) else None
