"""What keeps a step from starting."""

from agentflow.plan.model import StepPlan
from agentflow.run.state import RunState, ScopeState, item_of


def halted(state: RunState, scope: ScopeState, step: StepPlan) -> str | None:
    """Why nothing new starts here, or None. A step that joins on `done` runs after a failure beside it all the same."""
    here, holder = scope, step
    while True:
        if here.failing is not None and holder.join != "done":
            return f"not started: step `{here.failing.step}` failed"
        if (item := item_of(here.path)) is not None and (failing := state.loops[item[0]].failing) is not None:
            return f"not started: step `{failing.step}` failed"
        if here.above is None:
            return None
        above = state.scopes[here.above]
        here, holder = above, above.block.steps[here.holder]
