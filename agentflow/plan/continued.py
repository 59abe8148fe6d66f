"""The plan of a run that only carries a session of an older run on."""

from msgspec.structs import replace

from agentflow.plan.agent_plan import AgentPlan
from agentflow.plan.expressions import verbatim
from agentflow.plan.model import AgentStepPlan, Block, Plan, StepPlan, WorkflowStepPlan
from agentflow.plan.permission_plan import PermissionLevel, both, called_by
from agentflow.plan.templates import parse_expression

EARLIER = "earlier"
"""The id of the step that stands for the older run's session; the one that carries it on keeps its own id."""


def file_at(plan: Plan, path: str) -> tuple[Plan, StepPlan]:
    """A step, and the plan of the file that it stands in.

    Parameters:
        path: of a step, with or without the numbers of items and rounds.

    Raises:
        KeyError: there is none.
    """
    block: Block | None = plan.root
    step: StepPlan | None = None
    for segment in path.split("."):
        if isinstance(step, WorkflowStepPlan):
            plan = step.plan
        if block is None:
            raise KeyError(path)
        step = block.steps[segment.partition("[")[0]]
        block = getattr(step, "body", None)
    if step is None:
        raise KeyError(path)
    return plan, step


def continued_plan(plan: Plan, path: str, prompt: str, system: str | None, subagent: str | None) -> Plan:
    """A plan of one step that carries a session on: same agent, tools and bounds.

    Parameters:
        plan: of the whole file that is stored with the run.
        path: of the step that the session worked for.
        prompt: what a person says to it; it stands for itself.
        system: the system prompt that it has had.
        subagent: the agent's name, where it is not the step's own.
    """
    file, step = file_at(plan, path)
    if not isinstance(step, AgentStepPlan):
        raise KeyError(path)
    agent = step.agent if subagent is None else _as_called(file, step.agent, subagent)
    agent = replace(agent, instructions=None if system is None else verbatim(system), workspace=None)
    # A case of a `choose` has a number for an id.
    name = step.id if step.id.isidentifier() and step.id != EARLIER else "continued"
    steps = {EARLIER: _step(EARLIER, agent, "…", None), name: _step(name, agent, prompt, EARLIER)}
    root = Block(steps, {EARLIER: (name,), name: ()}, None, (EARLIER, name))
    outputs = {"reply": parse_expression(f"steps.{name}.output")}
    permissions = _permissions_at(plan, path)
    return replace(file, root=root, outputs=outputs, limits=plan.limits, digest=plan.digest, permissions=permissions)


def _permissions_at(plan: Plan, path: str) -> PermissionLevel:
    """What the files around a step say together, the outermost first."""
    segments = path.split(".")
    found = plan.permissions
    for index in range(1, len(segments)):
        _, step = file_at(plan, ".".join(segments[:index]))
        if isinstance(step, WorkflowStepPlan):
            found = both(found, step.plan.permissions)
    return found


def _as_called(file: Plan, caller: AgentPlan, name: str) -> AgentPlan:
    """An agent with what narrows those that may have called it, on any way from the step's own agent."""
    agent = file.agents[name]
    between = [caller, *(file.agents[each] for each in sorted(_callers(file, caller.name, name)))]
    for one in reversed(between):
        narrows = replace(one.permissions, mode=one.permissions.mode or file.permissions.mode)
        agent = replace(agent, permissions=called_by(narrows, agent.permissions))
    return agent


def _callers(file: Plan, first: str, last: str) -> set[str]:
    """The agents between two, on any way from one to the other; agents call each other in no circle."""

    def leads(name: str) -> bool:
        return any(each == last or leads(each) for each in file.agents[name].subagents)

    return {name for name in file.agents if name not in (first, last) and leads(name)}


def _step(name: str, agent: AgentPlan, prompt: str, continues: str | None) -> AgentStepPlan:
    return AgentStepPlan(
        id=name,
        needs=(),
        reads=(),
        join="all",
        when=None,
        has_if_skipped=False,
        if_skipped=None,
        continues=False,
        retry=None,
        time_limit=None,
        reruns=False,
        workspace=None,
        agent=agent,
        prompt=verbatim(prompt),
        continues_session=continues,
    )
