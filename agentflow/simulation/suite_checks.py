"""What in the expectations of a test no run of its workflow could ever meet."""

from collections.abc import Iterable, Iterator, Mapping
from typing import get_args

from agentflow.events.values import FailureKind
from agentflow.plan.model import AgentStepPlan, CallStepPlan, Plan, RunStepPlan, ToolStepPlan
from agentflow.simulation.paths import step_named, steps_by_path
from agentflow.simulation.stubs import unknown_step
from agentflow.source.diagnostics import Diagnostic, Place
from agentflow.source.document import Document, Loc
from agentflow.source.suggest import did_you_mean
from agentflow.spec.suite import Case, ExpectedCalls, ExpectedFailure

_KEYS = {
    "agents": {"count", "prompt"},
    "commands": {"count", "args", "stdin"},
    "functions": {"count", "input"},
    "tools": {"count", "input"},
}
_CODES = {"agents": "AF308", "commands": "AF301", "functions": "AF301", "tools": "AF309"}
_ONE = {"agents": "the agent", "commands": "the command", "functions": "the function", "tools": "the tool"}


def check_expect(plan: Plan, case: Case, document: Document, loc: Loc) -> Iterator[Diagnostic]:
    """Unknown steps, outputs, kinds of failure, and what can be called; what needs a recording without one.

    Parameters:
        loc: of `expect`.
    """
    expect, steps = case.expect, steps_by_path(plan)
    for path, expected in expect.steps.items():
        at = (*loc, "steps", path)
        if step_named(path, steps) is None:
            yield unknown_step(path, steps, document.place(at, key=True))
        yield from _failure(expected.failure, document, (*at, "failure"))
    for index, path in enumerate(expect.order):
        if step_named(path, steps) is None:
            yield unknown_step(path, steps, document.place((*loc, "order", index)))
    yield from _failure(expect.failure, document, (*loc, "failure"))
    for key in ("outputs", "outputs_include"):
        for name in getattr(expect, key) or ():
            if name not in plan.outputs:
                where = document.place((*loc, key, name), key=True)
                yield _unknown("AF303", f"the workflow has no output `{name}`", where, name, plan.outputs)
    yield from _calls(plan, case, document, (*loc, "calls"))
    if expect.cost_usd is not None and case.recording is None:
        where = document.place((*loc, "cost_usd"), key=True)
        hint = "add a `recording`, or take `cost_usd` away"
        yield Diagnostic("AF209", "`cost_usd` needs a `recording`: stubs cost nothing", where, hint)


def _failure(expected: ExpectedFailure | None, document: Document, loc: Loc) -> Iterator[Diagnostic]:
    kinds = get_args(FailureKind)
    if expected is not None and expected.kind is not None and expected.kind not in kinds:
        where = document.place((*loc, "kind"))
        yield _unknown("AF203", f"there is no kind of failure `{expected.kind}`", where, expected.kind, kinds)


def _calls(plan: Plan, case: Case, document: Document, loc: Loc) -> Iterator[Diagnostic]:
    known, calls = _callable(plan), case.expect.calls
    for kind, keys in _KEYS.items():
        for name, expected in getattr(calls, kind).items():
            at = (*loc, kind, name)
            if name not in known[kind]:
                message = f"no step of the workflow uses {_ONE[kind]} `{name}`"
                yield _unknown(_CODES[kind], message, document.place(at, key=True), name, known[kind])
            given = expected.model_fields_set if isinstance(expected, ExpectedCalls) else set()
            for key in sorted(given - keys):
                hint = f"it takes {', '.join(f'`{word}`' for word in sorted(keys))}"
                message = f"calls of {_ONE[kind]} have no `{key}`"
                yield Diagnostic("AF201", message, document.place((*at, key), key=True), hint)
    of_agents = [name for name in calls.tools if name in known["tools"] - _tools_of_steps(plan)]
    if of_agents and case.recording is None:
        where = document.place((*loc, "tools"), key=True)
        message = f"`tools` needs a `recording`: only agents use `{of_agents[0]}`, and one with a stub calls none"
        yield Diagnostic("AF209", message, where, "add a `recording`, or take it away")


def _tools_of_steps(plan: Plan) -> frozenset[str]:
    """The tools that steps call without a model."""
    return frozenset(step.tool.name for step in steps_by_path(plan).values() if isinstance(step, ToolStepPlan))


def _callable(plan: Plan) -> Mapping[str, frozenset[str]]:
    """The names that calls can have, by kind."""
    steps = list(steps_by_path(plan).values())
    agents = [*plan.agents.values(), *(step.agent for step in steps if isinstance(step, AgentStepPlan))]
    programs = {
        "bash" if step.script is not None else step.argv[0].source for step in steps if isinstance(step, RunStepPlan)
    }
    tools = {grant.tool.name for agent in agents for grant in agent.grants}
    return {
        "agents": frozenset(agent.name for agent in agents),
        "commands": frozenset(programs),
        "functions": frozenset(f"{step.module}:{step.function}" for step in steps if isinstance(step, CallStepPlan)),
        "tools": _tools_of_steps(plan) | tools | {"finish"},
    }


def _unknown(code: str, message: str, where: Place, name: str, known: Iterable[str]) -> Diagnostic:
    listed = sorted(known)
    hint = did_you_mean(name, listed) or (f"there are {', '.join(listed[:20])}" if listed else "there are none")
    return Diagnostic(code, message, where, hint)
