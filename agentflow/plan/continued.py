"""The plan of a run that only carries a session of an older run on."""

from msgspec.structs import replace

from agentflow.plan.agent_plan import AgentPlan
from agentflow.plan.expressions import verbatim
from agentflow.plan.model import AgentStepPlan, Block, Plan, StepPlan, WorkflowStepPlan
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
    agent = step.agent if subagent is None else file.agents[subagent]
    agent = replace(agent, instructions=None if system is None else verbatim(system), workspace=None)
    # A case of a `choose` has a number for an id.
    name = step.id if step.id.isidentifier() and step.id != EARLIER else "continued"
    steps = {EARLIER: _step(EARLIER, agent, "…", None), name: _step(name, agent, prompt, EARLIER)}
    root = Block(steps, {EARLIER: (name,), name: ()}, None, (EARLIER, name))
    outputs = {"reply": parse_expression(f"steps.{name}.output")}
    return replace(file, root=root, outputs=outputs, limits=plan.limits, digest=plan.digest)


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
