"""What holds of every plan, in every order of completions, at every point of its history."""

import json
import random
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.events.run_events import (
    GateAnswered,
    GateOpened,
    RunEvent,
    RunFinished,
    RunResumed,
    StepFinished,
    StepStarted,
)
from agentflow.events.values import Failure
from agentflow.plan.model import AgentStepPlan
from agentflow.run import apply as run_apply
from agentflow.run.decide import decide
from agentflow.run.starting import command_of
from agentflow.run.state import ROOT, item_of, split
from tests.builders import Run, leaves_at_work, plan_of, recounted, refuses

FLAGS = ("f0", "f1", "f2")


@dataclass(frozen=True)
class World:
    """A plan, and what becomes of its commands and gates: by their ids, and of an id in some items only."""

    text: str
    flags: dict[str, bool]
    failing: frozenset[str]
    refused: frozenset[str]

    def fails(self, path: str) -> bool:
        return split(path)[1] in self.failing and _parity(path)

    def approves(self, path: str) -> bool:
        return not (split(path)[1] in self.refused and _parity(path))


def _parity(path: str) -> bool:
    return sum(int(letter) for letter in path if letter.isdigit()) % 2 == 0


@st.composite
def worlds(draw: st.DrawFn) -> World:
    names: list[str] = []
    steps, reads = draw(blocks(names, (), draw(st.integers(0, 2)), 0))
    outputs = {name: f"steps.{name}.output | default('-')" for name in reads}
    inputs = {name: {"type": "boolean"} for name in FLAGS}
    document = {"inputs": inputs, "steps": steps, "outputs": outputs}
    some = st.frozensets(st.sampled_from(names), max_size=3)
    flags = draw(st.fixed_dictionaries({name: st.booleans() for name in FLAGS}))
    lines = (f"{key}: {json.dumps(value)}" for key, value in document.items())
    return World("\n".join(lines), flags, draw(some), draw(some))


@st.composite
def blocks(draw: st.DrawFn, names: list[str], outer: tuple[str, ...], depth: int, loops: int) -> tuple[dict, list[str]]:
    """The steps of a block, and the ids in it that can be read."""
    steps: dict[str, dict] = {}
    for _ in range(draw(st.integers(1, 3))):
        name = f"{'abcdefgh'[loops]}{chr(97 + len(names) % 26)}{chr(97 + len(names) // 26)}"
        names.append(name)
        kinds = ["value", "run", "agent", "approve", *(["group", "for_each"] if depth else [])]
        read = draw(st.lists(st.sampled_from([*outer, *steps]), max_size=2, unique=True)) if (*outer, *steps) else []
        listed = ", ".join(f"steps.{other}.output{draw(st.sampled_from(['', ' | default(0)']))}" for other in read)
        kind = draw(st.sampled_from(kinds))
        if kind == "value":
            step = {"value": f"[{listed}, 'v']".replace("[, ", "[")}
        elif kind == "run":
            step = {"run": ["work"], "stdin": f"{{{{ [{listed}] }}}}"}
        elif kind == "agent":
            step = {"agent": {}, "prompt": f"do {{{{ [{listed}] }}}}"}
        elif kind == "approve":
            step = {"approve": f"ok {{{{ [{listed}] }}}}?", "on_reject": draw(st.sampled_from(["skip", "continue"]))}
        else:
            inside = (*outer, *steps)
            body, readable = draw(blocks(names, inside, depth - 1, loops + (kind == "for_each")))
            output = ", ".join(f"steps.{other}.output | default('-')" for other in readable)
            step = {"steps": body, "output": f"[{output}]"}
            if kind == "for_each":
                items = list(range(draw(st.integers(0, 3))))
                step |= {"for_each": json.dumps(items), "as": f"i{name}", "parallel": draw(st.integers(1, 3))}
                step["on_error"] = draw(st.sampled_from(["fail", "collect", "continue"]))
        if draw(st.booleans()):
            step["if_skipped"] = f"no {name}"
        if draw(st.integers(0, 3)) == 0:
            step["when"] = f"inputs.{draw(st.sampled_from(FLAGS))}"
        if "for_each" not in step and draw(st.integers(0, 2)) == 0:
            step["on_error"] = "continue"
        if steps and draw(st.integers(0, 2)) == 0:
            step["needs"] = draw(st.lists(st.sampled_from(list(steps)), min_size=1, max_size=2, unique=True))
            step["join"] = draw(st.sampled_from(["all", "any", "done"]))
        steps[name] = step
    return steps, list(steps)


def pending(run: Run) -> list[str]:
    return sorted([*leaves_at_work(run.state), *run.state.gates])


def end(run: Run, world: World, path: str) -> None:
    """Ends a command, session or gate as its world has it."""
    if path in run.state.gates:
        run.happen(GateAnswered(run.now, path, world.approves(path), "ada"))
    elif world.fails(path):
        run.happen(StepFinished(run.now, path, "failed", failure=Failure("command_failed", "broke", step=path)))
    else:
        scope, name = split(path)
        is_agent = isinstance(run.state.scopes[scope].block.steps[name], AgentStepPlan)
        said = "session" if is_agent else command_of(run.plan, run.state, path).stdin
        run.happen(StepFinished(run.now, path, "done", f"{path}: {said}"))
    run.settle()


def complete(run: Run, world: World, seed: int) -> Run:
    chance = random.Random(seed)
    run.settle()
    while run.state.finished is None:
        end(run, world, chance.choice(pending(run)))
    return run


def whole(world: World, seed: int) -> Run:
    return complete(Run(world.text, **world.flags), world, seed)


def result(run: Run) -> tuple[str, object]:
    return run.finished.status, run.finished.outputs


SEEDS = st.integers(0, 2**16)
BRIEFLY = settings(max_examples=60, deadline=None)


@BRIEFLY
@given(worlds(), SEEDS, SEEDS)
def test_any_order_of_completions_gives_the_same_outputs(world: World, one: int, other: int):
    assert result(whole(world, one)) == result(whole(world, other))


@BRIEFLY
@given(worlds(), SEEDS, SEEDS, st.data())
def test_any_prefix_folded_and_gone_on_with_comes_to_the_same_end(
    world: World, one: int, other: int, data: st.DataObject
):
    run = whole(world, one)
    cut = data.draw(st.integers(0, len(run.events) - 1))
    resumed = Run.folded(run.plan, run.begun, run.events[:cut])
    resumed.happen(RunResumed(resumed.now + 100, resumed.now))
    assert result(complete(resumed, world, other)) == result(run)


@BRIEFLY
@given(worlds(), SEEDS)
def test_every_count_is_what_a_recount_gives_and_no_state_is_changed_in_place(world: World, seed: int):
    run = whole(world, seed)
    state = run_apply.begin(run.plan, run.begun)
    for event in run.events:
        assert recounted(state) == state
        after = run_apply.apply(run.plan, state, event)
        again = run_apply.apply(run.plan, state, event)
        assert after == again, "the same state and event gave two results: the state was changed"
        state = after
    assert state == run.state


@BRIEFLY
@given(worlds(), SEEDS)
def test_loops_hold_no_more_items_at_work_than_parallel(world: World, seed: int):
    run = whole(world, seed)
    state = run_apply.begin(run.plan, run.begun)
    for event in run.events:
        state = run_apply.apply(run.plan, state, event)
        for path, loop in state.loops.items():
            open_items = [f"{path}[{index}]" for index in range(loop.begun) if index not in loop.results]
            assert len(open_items) == loop.open
            # An item that waited for a person comes back into its place whoever took it meanwhile.
            came_back = sum("." in rest for rest in _answered_in(run.events, path))
            assert loop.open - loop.parked <= loop.parallel + came_back


def _answered_in(events: list[RunEvent], loop: str) -> list[str]:
    return [e.step[len(loop) :] for e in events if isinstance(e, GateAnswered) and e.step.startswith(f"{loop}[")]


@BRIEFLY
@given(worlds(), SEEDS)
def test_what_was_announced_is_not_asked_for_again_nor_accepted_twice(world: World, seed: int):
    run = whole(world, seed)
    state = run_apply.begin(run.plan, run.begun)
    for event in run.events:
        state = run_apply.apply(run.plan, state, event)
        if isinstance(event, StepStarted | GateOpened | StepFinished | RunFinished | GateAnswered):
            assert refuses(run_apply.apply, run.plan, state, event)
        if isinstance(event, StepStarted | GateOpened):
            wanted = [action for action in decide(run.plan, state) if getattr(action, "step", None) == event.step]
            assert all(type(action).__name__ == "FinishStep" for action in wanted)


@BRIEFLY
@given(worlds(), SEEDS, st.data())
def test_what_nothing_asked_for_is_refused(world: World, seed: int, data: st.DataObject):
    run = whole(world, seed)
    cut = data.draw(st.integers(0, len(run.events) - 1))
    state = Run.folded(run.plan, run.begun, run.events[:cut]).state
    for scope in state.scopes.values():
        for name, step in scope.steps.items():
            path = f"{scope.path}.{name}" if scope.path else name
            if path in state.todo:
                continue
            for event in (StepStarted(1.0, path), GateOpened(1.0, path, "?")):
                assert refuses(run_apply.apply, run.plan, state, event)
            if step.status != "running" or hasattr(scope.block.steps[name], "body"):
                assert refuses(run_apply.apply, run.plan, state, StepFinished(1.0, path, "done"))
    if ROOT not in state.todo:
        assert refuses(run_apply.apply, run.plan, state, RunFinished(1.0, "done", {}, None, state.spent))


@BRIEFLY
@given(worlds(), SEEDS)
def test_deciding_is_the_same_each_time_and_every_item_and_step_ends_once(world: World, seed: int):
    run = whole(world, seed)
    state = run_apply.begin(run.plan, run.begun)
    for event in run.events:
        assert decide(run.plan, state) == decide(run.plan, state)
        state = run_apply.apply(run.plan, state, event)
    ends = [event.step for event in run.events if isinstance(event, StepFinished)]
    assert len(ends) == len(set(ends))
    assert set(run.plan.root.steps) <= set(ends)
    assert all(
        event.status in ("done", "failed", "skipped")
        for event in run.events
        if isinstance(event, StepFinished) and item_of(event.step)
    )


def test_the_worlds_are_not_all_alike():
    """The strategy reaches what the properties are about."""
    seen: set[str] = set()

    @settings(max_examples=150, deadline=None, database=None, derandomize=True)
    @given(worlds())
    def look(world: World) -> None:
        run = whole(world, 1)
        seen.update(event.status for event in run.events if isinstance(event, StepFinished))
        seen.update(type(event).__name__ for event in run.events)
        seen.add(run.finished.status + " run")

    look()
    assert {"done", "failed", "skipped", "rejected", "GateOpened", "done run", "failed run"} <= seen
    assert plan_of("steps: {a: {value: \"'x'\"}}")
