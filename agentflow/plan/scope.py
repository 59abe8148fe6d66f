"""What an edited file lets agents do beyond what it did: asked for before a run goes on with it."""

from collections.abc import Iterator

from msgspec import Struct

from agentflow.plan.agent_plan import AgentPlan, CommandToolPlan, FunctionToolPlan, OwnToolPlan
from agentflow.plan.model import AgentStepPlan, Block, BlockStepPlan, Plan, WorkflowStepPlan
from agentflow.plan.permission_plan import MODES, NO_RULES, PermissionLevel, PermissionRule, both
from agentflow.plan.sandbox_plan import SandboxPlan
from agentflow.plan.sandbox_plan import wider as beyond


class _Scope(Struct, frozen=True):
    """An agent with what its file says of it."""

    agent: AgentPlan
    level: PermissionLevel


def wider(before: Plan, after: Plan) -> tuple[str, ...]:
    """What agents may do now and could not before, in words; rules count by their text."""
    had, has = dict(_scopes(before, "")), dict(_scopes(after, ""))
    found = list(_reaches(before, after))
    for name, scope in has.items():
        known = had.get(name)
        found += _grants(name, scope, known)
        found += _permissions(name, scope.level, PermissionLevel() if known is None else known.level)
    tools = dict(_tools(before, ""))
    for name, tool in _tools(after, ""):
        known_tool = tools.get(name)
        if known_tool is not None and _does(known_tool) != _does(tool):
            found.append(f"tool `{name}` does something else")
    return tuple(dict.fromkeys(found))


def _reaches(before: Plan, after: Plan) -> Iterator[str]:
    """What commands may reach now; those of a file that is new were to reach no more than those of the outermost."""
    had = dict(_sandboxes(before, ""))
    for file, sandbox in _sandboxes(after, ""):
        for key, grant in beyond(sandbox, had.get(file, before.sandbox)):
            if key == "sandbox":
                yield f"commands{file} run without a sandbox"
            else:
                yield f"the sandbox of commands{file} grants `{key}: {grant}`"


def _sandboxes(plan: Plan, file: str) -> Iterator[tuple[str, SandboxPlan]]:
    yield file, plan.sandbox
    for part in _files(plan.root):
        yield from _sandboxes(part.plan, f" of {part.file}")


def _scopes(plan: Plan, file: str, around: PermissionLevel = NO_RULES) -> Iterator[tuple[str, _Scope]]:
    of_file = both(around, plan.permissions)
    agents = {**dict(_inline(plan.root, "")), **plan.agents}
    for name, agent in agents.items():
        yield f"{name}{file}", _Scope(agent, both(of_file, agent.permissions))
    for part in _files(plan.root):
        yield from _scopes(part.plan, f" of {part.file}", of_file)


def _tools(plan: Plan, file: str) -> Iterator[tuple[str, OwnToolPlan]]:
    yield from ((f"{name}{file}", tool) for name, tool in plan.tools.items())
    for part in _files(plan.root):
        yield from _tools(part.plan, f" of {part.file}")


def _does(tool: OwnToolPlan) -> object:
    """What a call comes to; what it is said to have of effects decides whether it is asked about."""
    around = tool.spec.effects, {name: value.source for name, value in tool.env.items()}
    if isinstance(tool, CommandToolPlan):
        return around, [word.source for word in tool.argv], None if tool.stdin is None else tool.stdin.source
    assert isinstance(tool, FunctionToolPlan)
    return around, tool.file, tool.function, tool.text


def _inline(block: Block, prefix: str) -> Iterator[tuple[str, AgentPlan]]:
    for name, step in block.steps.items():
        if isinstance(step, AgentStepPlan):
            yield step.agent.name, step.agent
        elif isinstance(step, BlockStepPlan):
            yield from _inline(step.body, f"{prefix}{name}.")


def _files(block: Block) -> Iterator[WorkflowStepPlan]:
    for step in block.steps.values():
        if isinstance(step, WorkflowStepPlan):
            yield step
        elif isinstance(step, BlockStepPlan):
            yield from _files(step.body)


def _grants(name: str, scope: _Scope, known: _Scope | None) -> Iterator[str]:
    had = {} if known is None else {grant.tool.name: grant.rules for grant in known.agent.grants}
    for grant in scope.agent.grants:
        tool = grant.tool.name
        if tool in had and not had[tool]:
            continue  # all of it was granted
        new = [rule for rule in grant.rules if rule not in had.get(tool, ())] if grant.rules else [None]
        yield from (f"agent `{name}` may use `{tool if rule is None else f'{tool}({rule})'}`" for rule in new)
    called = frozenset[str]() if known is None else frozenset(known.agent.subagents)
    for subagent in scope.agent.subagents:
        if subagent not in called:
            yield f"agent `{name}` may call agent `{subagent}`"


def _permissions(name: str, now: PermissionLevel, then: PermissionLevel) -> Iterator[str]:
    mode, was = now.mode or "default", then.mode or "default"
    if MODES.index(mode) > MODES.index(was):
        yield f"agent `{name}` works in the mode `{mode}`, and not in `{was}`"
    for rule in _missing(then.deny, now.deny):
        yield f"agent `{name}` is not denied `{rule}` any more"
    for rule in _missing(then.ask, now.ask):
        if rule not in {each.text for each in now.deny}:
            yield f"nobody is asked any more when agent `{name}` uses `{rule}`"
    if then.allow is not None and now.allow is None:
        yield f"agent `{name}` uses all that it is granted without asking"
    elif then.allow is not None and now.allow is not None:
        yield from (f"agent `{name}` may use `{rule}` without asking" for rule in _missing(now.allow, then.allow))


def _missing(rules: tuple[PermissionRule, ...], others: tuple[PermissionRule, ...]) -> list[str]:
    known = {rule.text for rule in others}
    return [rule.text for rule in rules if rule.text not in known]
