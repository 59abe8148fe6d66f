"""Questions that agents ask people: gates that stand inside an agent's step, and the step's time while they do."""

from msgspec.structs import replace

from agentflow.events.run_events import GateAnswered, GateOpened, QuestionWithdrawn, StepIdled
from agentflow.plan.model import Plan
from agentflow.run.clocks import clocked
from agentflow.run.moves import counted, scope_of, with_step
from agentflow.run.state import RunState, split


def next_address(state: RunState, step: str, what: str = "question") -> str:
    """Where the next question of a step's agents can be answered, as `find.question1`, or `find.call1`."""
    return f"{step}.{what}{state.asked.get(step, 0) + 1}"


def step_of(address: str) -> str:
    """The path of the step whose agent asks at an address."""
    return split(address)[0]


def opened(_plan: Plan, state: RunState, event: GateOpened) -> RunState:
    """An agent asks; its step goes on, for there may be more agents at work in it."""
    step = step_of(event.step)
    scope, _ = scope_of(state, step)
    asked = state.asked.insert(step, state.asked.get(step, 0) + 1)
    state = replace(state, gates=state.gates.insert(event.step, event), asked=asked)
    return counted(state, scope.path, asking=1)


def closed(_plan: Plan, state: RunState, event: GateAnswered | QuestionWithdrawn) -> RunState:
    """A question has its answer, or nobody wants it any more. Raises ValueError where none is open there."""
    gate = state.gates.get(event.step)
    if gate is None or gate.session is None:
        raise ValueError(f"no agent asks at {event.step}")
    scope, _ = scope_of(state, step_of(event.step))
    return counted(replace(state, gates=state.gates.remove(event.step)), scope.path, asking=-1)


def idled(_plan: Plan, state: RunState, event: StepIdled) -> RunState:
    """The time of an agent's step stands still, or goes on. Raises ValueError where it did so already."""
    scope, name = scope_of(state, event.step)
    step = scope.steps[name]
    if step.status != "running" or step.session is None or step.idle == event.idle:
        raise ValueError(f"step {event.step} cannot become {'idle' if event.idle else 'busy'} now")
    less = -1 if event.idle else 1
    state = with_step(state, scope, name, replace(step, idle=event.idle))
    state = counted(replace(state, running=state.running + less), scope.path, busy=less)
    return clocked(state, event.step, 0, -less)
