"""What a step is made of: itself, its agent, the tools and agents within its reach, and the inputs it reads.

Two plans are compared by this, so that an edit of a file tells which steps it touches. Bounds are left out: one that a
done step did not reach has not made it what it is.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from agentflow.plan.agent_plan import AgentPlan, CommandToolPlan, StopRules
from agentflow.plan.expressions import Expression, Template
from agentflow.plan.model import (
    AgentStepPlan,
    Block,
    BoundPlan,
    CallStepPlan,
    Plan,
    RunStepPlan,
    StepPlan,
    ToolStepPlan,
)
from agentflow.plan.rules import inputs_of

JSON = Any

_BOUNDS: Mapping[type[Any], frozenset[str]] = {
    StepPlan: frozenset({"retry", "time_limit", "timeout", "continues", "reruns", "on_unknown", "parallel", "limits"}),
    AgentPlan: frozenset({"name", "description"}),
    StopRules: frozenset(
        {"turns", "repeated_calls", "failed_calls", "no_progress", "cost_usd", "tokens", "wall_time", "tool_calls"}
    ),
    CommandToolPlan: frozenset({"timeout"}),
}
"""What is left out: bounds, and how an agent is called, which those that may call it are told (see `parts_of`)."""

_WORDS: Mapping[str, str] = {
    "prompt": "prompt",
    "argv": "command",
    "script": "command",
    "text": "module",
    "function": "function",
    "arguments": "`with`",
    "input": "`with`",
    "value": "expression",
    "items": "list",
    "message": "message",
    "agent": "agent",
    "plan": "file",
    "has_if_skipped": "`if_skipped`",
    "accepts": "`at_max`",
    "collects": "`on_error`",
    "as_name": "`as`",
    "continues_session": "`session`",
}
"""What to call a field of a step; every other goes by the name of its key."""

_REACHED: Mapping[str, str] = {"grants": "tools", "argv": "command", "spec": "description, input or effects"}
"""The same for a field of an agent or tool."""

Parts = Mapping[tuple[str, str], JSON]
"""Of each thing (`""`: the step itself) and each part of it, what it is, as plain data."""


def parts_of(plan: Plan, step: StepPlan) -> Parts:
    """What a step is made of; of a block all but the steps in it.

    Parameters:
        plan: of the file that the step stands in.
    """
    found: dict[tuple[str, str], JSON] = {("", "kind"): type(step).__name__}
    for name, value in _fields(step):
        if name in ("needs", "reads"):
            # They say when it starts and what it is skipped with; what it reads shows in its texts.
            found["", "`needs`"] = list(step.needs)
        elif name == "body" and isinstance(value, Block):
            found["", "`output`"] = plain(value.output)
        elif name == "plan":
            found["", "`outputs` of its file"] = plain(value.outputs)
        elif name != "agent":
            word = _WORDS.get(name, f"`{name}`")
            found["", word] = [found.get(("", word)), plain(value)] if ("", word) in found else plain(value)
    for thing, whole in _within_reach(plan, step):
        found |= {(thing, _REACHED.get(name, f"`{name}`")): plain(value) for name, value in _fields(whole)}
    if plan.env and _runs_commands(plan, step):
        found["the file's `env`", ""] = plain(plan.env)
    return found


def changed(before: Parts, after: Parts) -> str | None:
    """What differs, in words that go after "because", or None: `its prompt changed`."""
    if before.get(("", "kind")) != after.get(("", "kind")):
        return "it is another kind of step"
    things: dict[str, list[str]] = {}
    for thing, part in dict.fromkeys([*before, *after]):
        if before.get((thing, part), _ABSENT) != after.get((thing, part), _ABSENT):
            things.setdefault(thing, []).append(part)
    if not things:
        return None
    said = [
        f"its {' and '.join(parts)} changed" if not thing else _told(thing, parts) for thing, parts in things.items()
    ]
    return "; ".join(said)


_ABSENT = object()


def _told(thing: str, parts: list[str]) -> str:
    listed = ", ".join(part.strip("`") for part in parts if part)
    return f"{thing} changed: {listed}" if listed and len(parts) < 8 else f"{thing} changed"


def inputs_read(plan: Plan, step: StepPlan) -> frozenset[str]:
    """The inputs of its file that a step reads, or what is within its reach; of a block, without what is in it."""
    found: set[str] = set()
    own = [getattr(step, name) for name in step.__struct_fields__ if name != "body"]
    wholes: list[Any] = [own, getattr(getattr(step, "body", None), "output", None)]
    wholes += [whole for _, whole in _within_reach(plan, step)]
    if _runs_commands(plan, step):
        wholes.append(plan.env)
    for value in _values(wholes):
        if isinstance(value, Expression | Template):
            for reference in value.references:
                if reference.root == "inputs":
                    found |= {str(reference.path[0])} if reference.path else set(plan.inputs)
        elif isinstance(value, BoundPlan) and value.input is not None:
            found.add(value.input)
        elif isinstance(value, str):
            found |= set(inputs_of(value)) if "{{" in value else set()
    return frozenset(found)


def plain(value: Any) -> JSON:
    """A part of a plan as plain data: what two of them are compared by."""
    if isinstance(value, Expression):
        return value.source
    if isinstance(value, Template):
        return [value.source, value.constant]
    if isinstance(value, Struct):
        return {name: plain(inner) for name, inner in _fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value


def _fields(value: Struct) -> Iterator[tuple[str, Any]]:
    left_out = frozenset[str]().union(*(names for kind, names in _BOUNDS.items() if isinstance(value, kind)))
    if isinstance(value, Plan):
        left_out = frozenset({"name", "description", "path", "digest", "limits"})
    for name in value.__struct_fields__:
        if name not in left_out:
            yield name, getattr(value, name)


def _within_reach(plan: Plan, step: StepPlan) -> Iterator[tuple[str, Struct]]:
    """A step's agent, those it may call, and the file's own tools that any of them has."""
    if isinstance(step, ToolStepPlan) and step.tool.name in plan.tools:
        yield f"tool {step.tool.name}", plan.tools[step.tool.name]
    if not isinstance(step, AgentStepPlan):
        return
    waiting, seen = (
        [("its agent" if step.agent.name not in plan.agents else f"agent {step.agent.name}", step.agent)],
        set(),
    )
    while waiting:
        thing, agent = waiting.pop(0)
        if thing in seen:
            continue
        seen.add(thing)
        yield thing, agent
        for grant in agent.grants:
            if (tool := plan.tools.get(grant.tool.name)) is not None and f"tool {grant.tool.name}" not in seen:
                seen.add(f"tool {grant.tool.name}")
                yield f"tool {grant.tool.name}", tool
        for name in agent.subagents:
            yield f"the description of agent {name}", _Described(plan.agents[name].description)
            waiting.append((f"agent {name}", plan.agents[name]))


class _Described(Struct, frozen=True):
    """What an agent is told of another that it may call."""

    description: str


def _runs_commands(plan: Plan, step: StepPlan) -> bool:
    if isinstance(step, RunStepPlan | CallStepPlan | ToolStepPlan):
        return True
    names = {
        grant.tool.name
        for _, whole in _within_reach(plan, step)
        if isinstance(whole, AgentPlan)
        for grant in whole.grants
    }
    return "Bash" in names or any(name in plan.tools for name in names)


def _values(value: Any) -> Iterator[Any]:
    """Everything in a part of a plan, but what is in another file."""
    if isinstance(value, Plan):
        return
    yield value
    if isinstance(value, Expression | Template):
        return
    if isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from _values(getattr(value, name))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _values(inner)
