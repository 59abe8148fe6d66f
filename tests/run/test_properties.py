"""What holds of every plan, in every order of completions, at every point of its history."""

import json
import random
from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.engine.deadlines import holders_of
from agentflow.events.run_events import (
    GateAnswered,
    GateOpened,
    RetryDue,
    RunEvent,
    RunFinished,
    RunResumed,
    StepFinished,
    StepReset,
    StepRetried,
    StepStarted,
)
from agentflow.events.values import Failure
from agentflow.plan.model import AgentStepPlan, RepeatStepPlan, every_step
from agentflow.run import apply as run_apply
from agentflow.run.decide import decide
from agentflow.run.reruns import stale_steps
from agentflow.run.starting import effect_of
from agentflow.run.state import ROOT, StepState, item_of, split
from tests.builders import Run, leaves_at_work, plan_of, recounted, refuses

FLAGS = ("f0", "f1", "f2")


@dataclass(frozen=True)
class World:
    """A plan, and what becomes of its commands, gates and blocks: by their ids, and of an id in some items only."""

    text: str
    flags: dict[str, bool]
    failing: frozenset[str]
    flaky: frozenset[str]
    refused: frozenset[str]
    late: frozenset[str]

    def fails(self, path: str, failed_attempts: int) -> bool:
        name = split(path)[1]
        return _parity(path) and (name in self.failing or (name in self.flaky and failed_attempts == 0))

    def times_out(self, path: str) -> bool:
        return split(path)[1] in self.late and _parity(path)

    def approves(self, path: str) -> bool:
        return not (split(path)[1] in self.refused and _parity(path))


def _parity(path: str) -> bool:
    return sum(int(letter) for letter in path if letter.isdigit()) % 2 == 0


@st.composite
def worlds(draw: st.DrawFn) -> World:
    names: list[str] = []
    steps, reads = draw(blocks(names, Surroundings(), draw(st.integers(0, 2))))
    outputs = {name: f"steps.{name}.output | default('-')" for name in reads}
    inputs = {name: {"type": "boolean"} for name in FLAGS}
    document = {"inputs": inputs, "steps": steps, "outputs": outputs}
    some = st.frozensets(st.sampled_from([*names, "1", "otherwise"]), max_size=3)
    flags = draw(st.fixed_dictionaries({name: st.booleans() for name in FLAGS}))
    lines = (f"{key}: {json.dumps(value)}" for key, value in document.items())
    return World("\n".join(lines), flags, draw(some), draw(some), draw(some), draw(some))


@dataclass(frozen=True)
class Surroundings:
    """What a step may read: steps, and of the last round of the nearest `repeat` those before it in its body."""

    readable: tuple[str, ...] = ()
    last_round: tuple[str, ...] = ()
    loops: int = 0


@st.composite
def blocks(
    draw: st.DrawFn, names: list[str], around: Surroundings, depth: int, is_round: bool = False
) -> tuple[dict, list[str]]:
    """The steps of a block, and the ids in it that can be read."""
    steps: dict[str, dict] = {}
    readable: list[str] = []
    reruns: list[dict] = []
    for _ in range(draw(st.integers(1, 3))):
        name = f"{'abcdefgh'[around.loops]}{chr(97 + len(names) % 26)}{chr(97 + len(names) // 26)}"
        names.append(name)
        inside = replace(
            around,
            readable=(*around.readable, *readable),
            last_round=tuple(readable) if is_round else around.last_round,
        )
        step = draw(steps_of(names, name, inside, depth, ("fail",)))
        if "fail" in step or draw(st.integers(0, 3)) == 0:
            step["when"] = f"inputs.{draw(st.sampled_from(FLAGS))}"
        if steps and draw(st.integers(0, 2)) == 0:
            step["needs"] = draw(st.lists(st.sampled_from(list(steps)), min_size=1, max_size=2, unique=True))
            step["join"] = draw(st.sampled_from(["all", "any", "done"]))
        if "fail" not in step and draw(st.integers(0, 2)) == 0:
            reruns.append(step)
        steps[name] = step
        readable += [] if "fail" in step else [name]
    for name, step in steps.items():
        # Only a step that another one of its scope waits for can be run again.
        if step in reruns and any(_waits_for(other, name) for other in steps.values()):
            step["on_resume"] = "rerun"
    return steps, readable


@st.composite
def steps_of(
    draw: st.DrawFn, names: list[str], name: str, inside: Surroundings, depth: int, more: tuple[str, ...] = ()
) -> dict:
    """A step, but for what its neighbours have to do with it."""
    holders = ["group", "for_each", "repeat", "choose"] if depth else []
    kind = draw(st.sampled_from(["value", "run", "agent", "approve", "ask", *more, *holders]))
    listed = draw(reads(inside))
    if kind == "value":
        step = {"value": f"[{listed}, 'v']".replace("[, ", "[")}
    elif kind == "run":
        step = {"run": ["work"], "effects": "none", "stdin": f"{{{{ [{listed}] }}}}"}
    elif kind == "agent":
        step = {"agent": {}, "prompt": f"do {{{{ [{listed}] }}}}"}
    elif kind == "approve":
        step = {"approve": f"ok {{{{ [{listed}] }}}}?", "on_reject": draw(st.sampled_from(["skip", "continue"]))}
    elif kind == "ask":
        form = {"type": "object", "properties": {"said": {"type": "string"}}}
        step = {"ask": f"what {{{{ [{listed}] }}}}?", "output": form}
    elif kind == "fail":
        step = {"fail": f"no {{{{ [{listed}] }}}}"}
    elif kind == "choose":
        step = draw(choices(names, name, inside, depth))
    else:
        step = draw(bodies(names, name, inside, depth, kind))
    if kind != "fail" and draw(st.booleans()):
        step["if_skipped"] = f"no {name}"
    if kind != "fail" and draw(st.integers(0, 2)) == 0:
        step["retry"] = {"attempts": draw(st.integers(2, 3))}
    if kind != "fail" and draw(st.integers(0, 2)) == 0:
        step["timeout"] = "1m"
    if "for_each" not in step and draw(st.integers(0, 2)) == 0:
        step["on_error"] = "continue"
    return step


@st.composite
def reads(draw: st.DrawFn, inside: Surroundings) -> str:
    """What a step reads, as the inside of a list."""
    found = draw(st.lists(st.sampled_from(inside.readable), max_size=2, unique=True)) if inside.readable else []
    listed = [f"steps.{other}.output{draw(st.sampled_from(['', ' | default(0)']))}" for other in found]
    if inside.last_round and draw(st.booleans()):
        listed.append(f"previous.{draw(st.sampled_from(inside.last_round))}.output | default('first')")
    return ", ".join(listed)


@st.composite
def choices(draw: st.DrawFn, names: list[str], name: str, inside: Surroundings, depth: int) -> dict:
    flags = draw(st.lists(st.sampled_from(FLAGS), min_size=1, max_size=3, unique=True))
    cases = []
    for index, flag in enumerate(flags):
        condition = f"{draw(st.sampled_from(['', 'not ']))}inputs.{flag}"
        cases.append({**draw(steps_of(names, name, inside, depth - 1, ("fail",) if index else ())), "when": condition})
    step = {"choose": cases}
    if draw(st.booleans()):
        step["otherwise"] = draw(steps_of(names, name, inside, depth - 1, ("fail",)))
    return step


@st.composite
def bodies(draw: st.DrawFn, names: list[str], name: str, inside: Surroundings, depth: int, kind: str) -> dict:
    loops = inside.loops + (kind != "group")
    body, readable = draw(blocks(names, replace(inside, loops=loops), depth - 1, kind == "repeat"))
    output = ", ".join(f"steps.{other}.output | default('-')" for other in readable)
    step = {"steps": body, "output": f"[{output}]"}
    if kind == "for_each":
        items = list(range(draw(st.integers(0, 3))))
        step |= {"for_each": json.dumps(items), "as": f"i{name}", "parallel": draw(st.integers(1, 3))}
        step["on_error"] = draw(st.sampled_from(["fail", "collect", "continue"]))
    if kind == "repeat":
        ends = [f"(steps.{other}.output | default('-')) != '-'" for other in readable]
        until = draw(st.sampled_from(["loop.index >= 2", "previous is defined", "loop.index > 5", *ends]))
        step["repeat"] = {
            "until": until,
            "max": draw(st.integers(1, 3)),
            "at_max": draw(st.sampled_from(["fail", "accept"])),
        }
    return step


def _waits_for(step: dict, name: str) -> bool:
    return name in step.get("needs", ()) or f"steps.{name}." in json.dumps(step)


def pending(run: Run) -> list[str]:
    return sorted([*leaves_at_work(run.state), *run.state.gates, *run.state.retrying])


def late(run: Run, world: World) -> list[str]:
    """The blocks at work whose time is over at once."""
    open_blocks = (*run.state.scopes, *run.state.loops)
    return [
        path
        for path in open_blocks
        if path != ROOT and item_of(path) is None and world.times_out(path)
        if state_of(run, path).overdue is None
    ]


def state_of(run: Run, path: str) -> StepState:
    scope, name = split(path)
    return run.state.scopes[scope].steps[name]


def end(run: Run, world: World, path: str) -> None:
    """Ends a command, session, gate or rest as its world has it."""
    if path in run.state.retrying:
        run.happen(RetryDue(run.now, path))
    elif path in run.state.gates and run.state.gates[path].about == "ask":
        run.happen(GateAnswered(run.now, path, True, "ada", answers={"said": path}))
    elif path in run.state.gates:
        run.happen(GateAnswered(run.now, path, world.approves(path), "ada"))
    elif world.fails(path, state_of(run, path).failed_attempts):
        run.happen(StepFinished(run.now, path, "failed", failure=Failure("command_failed", "broke", step=path)))
    else:
        scope, name = split(path)
        is_agent = isinstance(run.state.scopes[scope].block.steps[name], AgentStepPlan)
        said = "session" if is_agent else effect_of(run.plan, run.state, path).stdin
        run.happen(StepFinished(run.now, path, "done", f"{path}: {said}"))
    run.settle()


def complete(run: Run, world: World, seed: int) -> Run:
    chance = random.Random(seed)
    run.settle()
    while run.state.finished is None:
        if blocks_over := late(run, world):
            run.time_out(blocks_over[0])
        else:
            end(run, world, chance.choice(pending(run)))
    return run


def take_up(run: Run) -> None:
    """Another process goes on; it first ends what was left inside blocks that had timed out."""
    run.happen(RunResumed(run.now + 100, run.now))
    for path in leaves_at_work(run.state):
        if any(state_of(run, around).overdue is not None for around in holders_of(path)):
            run.happen(StepFinished(run.now, path, "failed", failure=Failure("cancelled", "over", step=path)))
    for path in stale_steps(run.state):
        run.happen(StepReset(run.now, path))


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
    take_up(resumed)
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
            if isinstance(loop.step, RepeatStepPlan):
                assert loop.open <= 1
                continue
            # An item that waited for a person comes back into its place whoever took it meanwhile.
            came_back = sum("." in rest for rest in _answered_in(run.events, path))
            assert loop.open - loop.parked <= loop.parallel + came_back


def _answered_in(events: list[RunEvent], loop: str) -> list[str]:
    """The gates in a loop that were answered, or that nobody needed to answer any more."""
    opened = {e.step for e in events if isinstance(e, GateOpened)}
    closed = [e.step for e in events if isinstance(e, GateAnswered)]
    closed += [e.step for e in events if isinstance(e, StepFinished) and e.status == "skipped" and e.step in opened]
    return [path[len(loop) :] for path in closed if path.startswith(f"{loop}[")]


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
    again = [event.step for event in run.events if isinstance(event, StepRetried)]
    if not again:
        assert len(ends) == len(set(ends))
    assert all(ends.count(path) == 1 + again.count(path) for path in run.plan.root.steps)
    assert set(run.plan.root.steps) <= set(ends)
    assert all(
        event.status in ("done", "failed", "skipped")
        for event in run.events
        if isinstance(event, StepFinished) and item_of(event.step)
    )


def test_the_worlds_are_not_all_alike():
    """The strategy reaches what the properties are about."""
    seen: set[str] = set()

    @settings(max_examples=300, deadline=None, database=None, derandomize=True)
    @given(worlds())
    def look(world: World) -> None:
        run = whole(world, 1)
        seen.update(event.status for event in run.events if isinstance(event, StepFinished))
        seen.update(type(event).__name__ for event in run.events)
        seen.add(run.finished.status + " run")
        seen.update(type(step).__name__ for step in every_step(run.plan.root))
        for event in run.events:
            if isinstance(event, StepFinished) and event.converged is not None:
                seen.add(f"converged {event.converged}")
            if isinstance(event, StepStarted) and event.choice is not None:
                seen.add(f"chose {event.choice}")

    look()
    assert {"done", "failed", "skipped", "rejected", "GateOpened", "done run", "failed run"} <= seen
    assert {"RepeatStepPlan", "ChooseStepPlan", "FailStepPlan", "converged True", "converged False"} <= seen
    assert {"chose 1", "chose 2", "chose otherwise"} <= seen
    assert {"StepRetried", "RetryDue", "StepTimedOut"} <= seen
    assert plan_of("steps: {a: {value: \"'x'\"}}")
