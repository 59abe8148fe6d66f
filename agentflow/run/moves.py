"""What is to be decided, who is busy, and how one of the steps changes: the small moves of a run's state."""

from msgspec.structs import replace

from agentflow.run import files
from agentflow.run.clocks import clocked
from agentflow.run.state import ROOT, RunState, ScopeState, StepState, item_of, split, step_path


def due(state: RunState, path: str) -> RunState:
    """Puts a path in line to be decided on."""
    state = replace(state, todo=state.todo.insert(path, state.line), line=state.line + 1)
    return counted(state, _counting_scope(path), busy=1)


def taken(state: RunState, path: str) -> RunState:
    """Takes a path out of the line. Raises ValueError where it does not stand in it."""
    if path not in state.todo:
        raise ValueError(f"nothing was to be decided on {path}")
    return counted(replace(state, todo=state.todo.remove(path)), _counting_scope(path), busy=-1)


def taken_to_begin(state: RunState, path: str) -> RunState:
    """As `taken`, for a step that has not begun, that has rested for another attempt, that a crash has cut off, or
    whose call a person has judged."""
    scope, name = scope_of(state, path)
    step = scope.steps[name]
    rested = step.status == "retrying" and step.retry_at is not None
    judged = step.answer is not None and step.gate is not None and step.gate.about == "call"
    if step.status != "waiting" and not (rested or step.unknown or judged):
        raise ValueError(f"{path} has begun already")
    return taken(state, path)


def _counting_scope(path: str) -> str:
    """The scope a due path counts in: an item or the root in itself, a step in the scope it stands in."""
    return path if path == ROOT or item_of(path) is not None else split(path)[0]


def counted(state: RunState, path: str | None, *, busy: int = 0, asking: int = 0, held: int = 0) -> RunState:
    """Counts in a scope and in all around it; a loop learns which of its items only wait for people."""
    while path is not None:
        before = state.scopes[path]
        after = replace(before, busy=before.busy + busy, asking=before.asking + asking, held=before.held + held)
        after = files.clocked(before, after, state.last_at)
        state = replace(state, scopes=state.scopes.insert(path, after))
        if after.parked != before.parked and (item := item_of(path)) is not None:
            loop = state.loops[item[0]]
            parked = loop.parked + (1 if after.parked else -1)
            state = replace(state, loops=state.loops.insert(item[0], replace(loop, parked=parked)))
        if state.clocks and before.above is not None:
            state = clocked(state, step_path(before.above, before.holder), busy, asking + held)
        path = before.above
    return state


def scope_of(state: RunState, path: str) -> tuple[ScopeState, str]:
    """The scope a step stands in, and its id there. Raises ValueError where there is none."""
    scope, name = split(path)
    if scope not in state.scopes or name not in state.scopes[scope].steps:
        raise ValueError(f"there is no step {path} at work")
    return state.scopes[scope], name


def with_step(state: RunState, scope: ScopeState, name: str, step: StepState) -> RunState:
    """With a step as it is now."""
    here = state.scopes[scope.path]
    return replace(state, scopes=state.scopes.insert(scope.path, replace(here, steps=here.steps.insert(name, step))))
