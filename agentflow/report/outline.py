"""What a reader of a run knows of its plan: what is to come, and how far things may go."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from agentflow.plan.agent_plan import AgentPlan
    from agentflow.plan.model import Plan


class Outline(Struct, frozen=True):
    """The plan of a run as far as a display wants it.

    Attributes:
        steps: the ids of the file's steps, in order.
        cost_cap: of the run, in US dollars; None: there is none, or it is not known.
        wall_time: of the run, in seconds, likewise.
        turns: the most turns of a session, by the name of its agent.
    """

    steps: tuple[str, ...] = ()
    cost_cap: float | None = None
    wall_time: float | None = None
    turns: Mapping[str, int] = {}


def outline_of(plan: "Plan") -> Outline:
    """The outline of a plan and of the files that its steps run."""
    turns: dict[str, int] = {}
    ambiguous = set()
    for agent in _agents(plan):
        if turns.setdefault(agent.name, agent.stop.turns) != agent.stop.turns:
            # Two files have an agent of this name: nothing is said rather than what is wrong of one of them.
            ambiguous.add(agent.name)
    known = {name: most for name, most in turns.items() if name not in ambiguous}
    return Outline(tuple(plan.root.steps), plan.limits.cost_usd, plan.limits.wall_time, known)


def _agents(plan: "Plan") -> "Iterator[AgentPlan]":
    from agentflow.plan.model import AgentStepPlan, WorkflowStepPlan, every_step

    yield from plan.agents.values()
    for step in every_step(plan.root):
        if isinstance(step, AgentStepPlan):
            yield step.agent
        elif isinstance(step, WorkflowStepPlan):
            yield from step.plan.agents.values()
