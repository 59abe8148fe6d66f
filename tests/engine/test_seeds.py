"""What a new run keeps of an older one: whatever is kept, it ends as a run would that keeps nothing."""

import random
from collections.abc import Callable, Iterable
from dataclasses import replace

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.engine.past import OlderRun
from agentflow.engine.seeds import Seed, edited_seed, fork_seed
from agentflow.errors import UsageError
from agentflow.events.run_events import RunStarted, StepFinished, StepKept, StepStarted
from agentflow.journal.port import RUN_STREAM, Recorded
from agentflow.run.reuse import Fate, bare
from agentflow.run.starting import effect_of
from tests.builders import Run, plan_of, run_started
from tests.run.test_properties import (
    SEEDS,
    World,
    complete,
    end,
    late,
    pending,
    result,
    state_of,
    take_up,
    whole,
    worlds,
)

OFTEN = settings(max_examples=80, deadline=None)


def older(run: Run) -> OlderRun:
    """A run, read as the journal would give it."""
    events = [run.begun, *run.events]
    return OlderRun.read(run.plan, [Recorded(RUN_STREAM, seq, event) for seq, event in enumerate(events, 1)])


def begun(seed: Seed) -> Run:
    """The new run, nothing decided yet."""
    return Run.folded(seed.plan, seed.started, [entry.event for entry in seed.kept if entry.stream == RUN_STREAM])


def fork(run: Run, *steps: str, **inputs: object) -> Run:
    return begun(fork_seed(older(run), steps, inputs))


def kept(run: Run) -> list[str]:
    return sorted(event.step for event in run.events if isinstance(event, StepKept))


def ran(run: Run) -> set[str]:
    return {event.step for event in run.events if isinstance(event, StepStarted)}


def ran_although_kept(run: Run) -> set[str]:
    """Steps that were kept and ran all the same, but in another attempt at a block around them."""
    again = {event.step for event in run.events if isinstance(event, StepStarted) and event.attempt > 1}
    return {path for path in ran(run) & set(kept(run)) if not any(_is_in(path, block) for block in again)}


@OFTEN
@given(worlds(), SEEDS, SEEDS, st.data())
def test_a_fork_in_the_same_world_ends_as_the_older_run_did(world: World, one: int, other: int, data: st.DataObject):
    run = whole(world, one)
    paths = sorted({e.step for e in run.events if isinstance(e, StepStarted | StepFinished)})
    steps = data.draw(st.lists(st.sampled_from(paths), min_size=1, max_size=2))
    forked = fork(run, *steps)
    assert not {path for path in kept(forked) if any(_is_in(path, step) for step in steps)}, "it was to run again"
    complete(forked, world, other)
    assert result(forked) == result(run)
    assert not ran_although_kept(forked)


def told_anew(run: Run, world: World, seed: int, anew: Callable[[str], bool]) -> Run:
    """Completes a run in which the steps of those paths come to something else than before."""
    chance = random.Random(seed)
    run.settle()
    while run.state.finished is None:
        if over := late(run, world):
            run.time_out(over[0])
            continue
        path = chance.choice(pending(run))
        step = state_of(run, path)
        is_leaf = path not in run.state.retrying and path not in run.state.gates
        if is_leaf and anew(path) and not world.fails(path, step.failed_attempts):
            agent = step.session is not None
            said = "session" if agent else effect_of(run.plan, run.state, path).stdin
            run.finish(path, f"anew {path}: {said}")
        else:
            end(run, world, path)
    return run


@OFTEN
@given(worlds(), SEEDS, SEEDS, st.data())
def test_nothing_that_is_kept_has_read_what_runs_again(world: World, one: int, other: int, data: st.DataObject):
    run = whole(world, one)
    paths = sorted({e.step for e in run.events if isinstance(e, StepStarted | StepFinished)})
    forked = told_anew(fork(run, data.draw(st.sampled_from(paths))), world, other, lambda path: True)
    again = ran(forked)
    if any(isinstance(event, StepStarted) and event.attempt > 1 for event in forked.events):
        # What is kept counts for the first attempt at a block only.
        return
    assert result(forked) == result(told_anew(Run(run.plan, **world.flags), world, one, lambda path: path in again))


@OFTEN
@given(worlds(), SEEDS, SEEDS)
def test_a_fork_of_what_failed_ends_as_a_run_that_never_failed(world: World, one: int, other: int):
    run = whole(world, one)
    if run.finished.status == "done":
        return
    forked = fork(run)
    settled = older(run).settled.values()
    mended = replace(world, failing=frozenset(), flaky=frozenset(), late=frozenset())
    complete(forked, mended, other)
    assert not ran_although_kept(forked)
    if not any(event.status == "failed" or event.errors for event in settled):
        # A failure with which the older run went on is kept, and a run that never failed has none.
        assert result(forked) == result(whole(mended, other))


@OFTEN
@given(worlds(), SEEDS, SEEDS, st.data())
def test_a_fork_of_a_fork_that_was_cut_short_ends_as_the_first_run_did(
    world: World, one: int, other: int, data: st.DataObject
):
    run = whole(world, one)
    name = data.draw(st.sampled_from(list(run.plan.root.steps)))
    first = complete(fork(run, name), world, other)
    cut = data.draw(st.integers(len(kept(first)), len(first.events) - 1))
    folded = Run.folded(first.plan, first.begun, first.events[:cut])
    again = fork(folded, name)
    assert result(complete(again, world, other)) == result(run)


@OFTEN
@given(worlds(), SEEDS, SEEDS, st.data())
def test_a_fork_that_a_crash_cut_short_comes_to_the_same_end(world: World, one: int, other: int, data: st.DataObject):
    run = whole(world, one)
    name = data.draw(st.sampled_from(list(run.plan.root.steps)))
    first = complete(fork(run, name), world, other)
    # What is kept is recorded with the run's first event, or there is no run.
    cut = data.draw(st.integers(len(kept(first)), len(first.events) - 1))
    folded = Run.folded(first.plan, first.begun, first.events[:cut])
    take_up(folded)
    assert result(complete(folded, world, one)) == result(run)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 7), st.data())
def test_a_fork_runs_exactly_what_depends_on_the_step(size: int, data: st.DataObject):
    names = [f"s{number}" for number in range(size)]
    steps = []
    for number, name in enumerate(names):
        needs = data.draw(st.lists(st.sampled_from(names[:number]), max_size=3, unique=True)) if number else []
        steps.append(f"  {name}: {{run: [work], effects: writes, needs: [{', '.join(needs)}]}}")
    run = Run("steps:\n" + "\n".join(steps))
    while run.at_work:
        run.finish(run.at_work[0], "first")
    step = data.draw(st.sampled_from(names))
    forked = fork(run, step)
    forked.settle()
    while forked.at_work:
        forked.finish(forked.at_work[0], "second")
    depends = {step, *networkx.descendants(run.plan.root.graph, step)}
    assert ran(forked) == depends
    assert set(kept(forked)) == set(names) - depends
    assert forked.finished.status == "done"


def _is_in(path: str, block: str) -> bool:
    return path == block or path.startswith((f"{block}.", f"{block}["))


# What is kept


LOOP = """
inputs: {word: {type: string, default: hi}}
steps:
  list: {value: "[1, 2, 3]"}
  each:
    for_each: steps.list.output
    steps:
      find: {run: [find, --, "{{ item }}"], effects: none}
      check: {run: [check], stdin: "{{ steps.find.output }}", effects: none}
    output: steps.check.output
  write: {run: [write], stdin: "{{ steps.each.output }} {{ inputs.word }}", effects: none}
  apart: {run: [apart], effects: sends}
outputs: {write: steps.write.output}
"""


def loop_that_failed() -> Run:
    run = Run(LOOP, word="hi")
    run.finish("apart", "sent")
    for index in range(3):
        run.finish(f"each[{index}].find", f"found {index}")
    run.finish("each[0].check", "good 0")
    run.finish("each[2].check", "good 2")
    run.fail("each[1].check")
    return run


def test_items_that_were_done_are_kept_where_another_one_failed():
    forked = fork(loop_that_failed())
    done = ["each[0].check", "each[0].find", "each[1].find", "each[2].check", "each[2].find"]
    assert kept(forked) == ["apart", *done, "list"]
    forked.settle()
    assert forked.at_work == ["each[1].check"]
    forked.finish("each[1].check", "good 1")
    assert forked.actions["write"].stdin == '["good 0", "good 1", "good 2"] hi'


def test_what_is_kept_costs_nothing_and_says_so():
    forked = fork(loop_that_failed())
    forked.settle()
    ends = {event.step: event for event in forked.events if isinstance(event, StepFinished)}
    assert ends["apart"].reused
    assert ends["apart"].output == "sent"
    assert ends["apart"].spent is None
    assert forked.state.spent.cost_usd == 0


def test_a_step_inside_a_block_runs_again_in_every_item_or_in_one():
    run = loop_that_failed()
    every = fork(run, "each.find")
    assert [path for path in kept(every) if path.startswith("each")] == []
    one = fork(run, "each[0].find")
    assert [path for path in kept(one) if path.startswith("each[0]")] == []
    assert "each[2].check" in kept(one)
    item = fork(run, "each[2]")
    assert [path for path in kept(item) if path.startswith("each[2]")] == []
    assert "each[0].check" in kept(item)


def test_rounds_after_one_that_runs_again_run_again_too():
    text = """
steps:
  r:
    repeat: {until: "steps.b.output == 'end'", max: 4}
    steps:
      a: {run: [a], stdin: "{{ previous.b.output | default('') }}", effects: none}
      b: {run: [b], stdin: "{{ steps.a.output }}", effects: none}
    output: steps.b.output
outputs: {r: steps.r.output}
"""
    run = Run(text)
    for number in range(3):
        run.finish(f"r[{number}].a", number)
        run.finish(f"r[{number}].b", "end" if number == 2 else number)
    assert kept(fork(run, "r[1].b")) == ["r[0].a", "r[0].b", "r[1].a"]


def test_another_attempt_at_a_block_finds_nothing_kept():
    text = """
steps:
  g:
    retry: {attempts: 2}
    steps: {a: {run: [a], effects: none}, b: {run: [b], effects: none, needs: [a]}}
"""
    run = Run(text)
    run.finish("g.a")
    run.fail("g.b")
    run.rested("g")
    run.finish("g.a")
    run.fail("g.b")
    forked = fork(run)
    forked.settle()
    assert forked.at_work == ["g.b"]
    forked.fail("g.b")
    forked.rested("g")
    assert forked.at_work == ["g.a"], "a whole attempt"


def test_answers_of_people_are_kept_and_what_nobody_answered_is_asked():
    run = Run("steps: {yes: {approve: y}, no: {approve: n}, open: {approve: o}, last: {approve: l, needs: [open]}}")
    run.answer("yes", True)
    run.answer("no", False)
    forked = fork(run, "last")
    forked.settle()
    assert forked.asked == ["open"]
    assert (forked.status("yes"), forked.status("no")) == ("done", "rejected")


def test_a_failure_with_which_the_run_went_on_is_kept():
    run = Run("steps: {a: {run: [a], effects: sends, on_error: continue}, b: {run: [b], needs: [a], join: done}}")
    run.fail("a")
    run.finish("b")
    forked = fork(run, "b")
    forked.settle()
    assert forked.at_work == ["b"]
    assert forked.status("a") == "failed"


def test_a_block_whose_files_were_its_own_runs_again_as_a_whole():
    text = """
steps:
  g:
    workspace: copy
    steps: {a: {run: [a], effects: writes}, b: {run: [b], needs: [a]}}
  each:
    for_each: "[1, 2]"
    workspace: copy
    steps: {a: {run: [a], effects: writes}, b: {run: [b], needs: [a]}}
"""
    run = Run(text)
    for path in ("g.a", "each[0].a", "each[1].a", "each[1].b"):
        run.finish(path)
    run.fail("g.b")
    run.fail("each[0].b")
    assert kept(fork(run)) == ["each[1].a", "each[1].b"]


# What cannot be


def test_a_fork_without_a_step_wants_a_run_that_failed():
    run = Run("steps: {a: {run: [a]}, b: {run: [b]}}")
    with pytest.raises(UsageError, match="has not ended"):
        fork(run)
    run.finish("a")
    run.finish("b")
    with pytest.raises(UsageError, match="nothing of it failed") as raised:
        fork(run)
    assert "a, b" in str(raised.value.hint)


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("lits", "did you mean `list`"),
        ("each.nothing", "there is no step"),
        ("", "there is no step"),
        ("each[7]", "has no `each"),
        ("each[7].find", "has no `each"),
    ],
)
def test_a_step_that_is_not_there_is_named_with_those_that_are(step: str, says: str):
    with pytest.raises(UsageError, match=says) as raised:
        fork(loop_that_failed(), step)
    assert "each" in str(raised.value.hint)


def test_an_effect_that_was_cut_off_is_not_repeated_unless_it_is_named():
    run = Run("steps: {send: {run: [send], effects: sends}, a: {run: [a], effects: none}}")
    run.call("send")
    run.call("a")
    with pytest.raises(UsageError, match="step `send` of run run-1 was cut off"):
        fork(run, "a")
    forked = fork(run, "a", "send")
    forked.settle()
    assert sorted(forked.at_work) == ["a", "send"]


def test_an_input_may_be_another_where_nothing_kept_has_read_it():
    run = loop_that_failed()
    run_again = fork(run, "write", word="ho")
    assert run_again.state.inputs == {"word": "ho"}
    done = Run(LOOP.replace("{{ item }}", "{{ inputs.word }}"), word="hi")
    done.finish("apart")
    for name in ("find", "check"):
        for index in range(3):
            done.finish(f"each[{index}].{name}")
    done.finish("write")
    with pytest.raises(UsageError, match=r"step `each` has read `inputs\.word`"):
        fork(done, "write", word="ho")
    with pytest.raises(UsageError, match="no input `nothing`"):
        fork(done, "write", nothing=1)


# What an edit touches


def edited(run: Run, text: str, **inputs: object) -> tuple[Run, tuple[Fate, ...]]:
    plan = plan_of(text)
    started: RunStarted = run_started(plan)
    seed = edited_seed(older(run), plan, started, inputs)
    return begun(seed), seed.fates


def why(fates: Iterable[Fate]) -> dict[str, str | None]:
    return {fate.step: None if fate.reused else fate.why for fate in fates}


def done() -> Run:
    run = Run(LOOP, word="hi")
    run.finish("apart", "sent")
    for name in ("find", "check"):
        for index in range(3):
            run.finish(f"each[{index}].{name}", f"{name} {index}")
    run.finish("write", "written")
    return run


def test_a_file_that_is_as_it_was_runs_nothing():
    forked, fates = edited(done(), LOOP)
    assert set(why(fates).values()) == {None}
    forked.settle()
    assert forked.outputs == {"write": "written"}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("[write]", "[rewrite]", {"write": "its command changed"}),
        ("[1, 2, 3]", "[1, 2, 4]", {"list": "its expression changed", "each": "it reads steps.list, which runs again"}),
        ("find, --", "find, -x, --", {"each.find": "its command changed", "each": "`each[0].find` runs again"}),
        ("[check]", "[recheck]", {"each.check": "its command changed", "each": "`each[0].check` runs again"}),
        ("output: steps.check.output", "output: steps.find.output", {"each": "its `output` changed"}),
        ("for_each: steps.list.output", "for_each: steps.list.output | list", {"each": "its list changed"}),
        ("default: hi", "default: hi, maxLength: 9", {}),
        ("effects: sends}", "effects: sends, timeout: 1h, retry: {attempts: 2, repeat_effects: true}}", {}),
    ],
)
def test_a_step_runs_again_where_what_it_is_made_of_changed(old: str, new: str, expected: dict[str, str]):
    if any(name.startswith(("each", "list")) for name in expected):
        expected = {**expected, "write": "it reads steps.each, which runs again"}
    _, fates = edited(done(), LOOP.replace(old, new))
    assert {step: reason for step, reason in why(fates).items() if reason is not None} == expected


def test_inside_a_block_only_what_the_edit_touches_runs_again():
    forked, _ = edited(done(), LOOP.replace("[check]", "[recheck]"))
    forked.settle()
    assert forked.at_work == ["each[0].check", "each[1].check", "each[2].check"]
    forked, _ = edited(done(), LOOP.replace("      check:", "      extra: {run: [extra]}\n      check:"))
    forked.settle()
    assert forked.at_work == ["each[0].extra", "each[1].extra", "each[2].extra"]


def test_another_value_of_an_input_runs_what_reads_it():
    forked, fates = edited(done(), LOOP, word="ho")
    assert {step for step, reason in why(fates).items() if reason is not None} == {"write"}
    assert why(fates)["write"] == "`inputs.word` is another"
    forked.settle()
    assert forked.actions["write"].stdin.endswith("ho")


def test_a_step_that_is_new_or_of_another_kind_runs_and_one_that_is_gone_is_forgotten():
    forked, fates = edited(done(), LOOP.replace("apart: {run: [apart], effects: sends}", "apart: {value: '1'}"))
    assert why(fates)["apart"] == "it is another kind of step"
    forked, fates = edited(done(), LOOP.replace("  apart: {run: [apart], effects: sends}", "  new: {run: [new]}"))
    assert why(fates)["new"] == "it is new"
    assert "apart" not in kept(forked)


AGENTS = """
env: {A: "1"}
tools:
  count: {description: Counts., input: {type: object, properties: {}}, run: [wc], effects: none}
agents:
  lead: {instructions: Lead., tools: ["Agent(aide)"]}
  aide: {description: Aides., instructions: Aide., tools: [count]}
  other: {instructions: Other., tools: [Read]}
steps:
  a: {agent: lead, prompt: a}
  b: {agent: other, prompt: b}
"""


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("Instructions", "Instructions", {}),
        ("Lead.", "Lead well.", {"a": "agent lead changed: instructions"}),
        ("Aide.,", "Aide well.,", {"a": "agent aide changed: instructions"}),
        ("Aides.", "Aides well.", {"a": "the description of agent aide changed: description"}),
        ("[wc]", "[wc, -l]", {"a": "tool count changed: command"}),
        ("tools: [Read]", "tools: [Read, Glob]", {"b": "agent other changed: tools"}),
        ("Other.,", "Other., stop: {turns: 3},", {}),
        ('A: "1"', 'A: "2"', {"a": "the file's `env` changed"}),
    ],
)
def test_agents_and_tools_within_reach_are_part_of_a_step(old: str, new: str, expected: dict[str, str]):
    run = Run(AGENTS)
    run.finish("a")
    run.finish("b")
    _, fates = edited(run, AGENTS.replace(old, new))
    assert {step: reason for step, reason in why(fates).items() if reason is not None} == expected


def test_paths_lose_the_numbers_of_items_and_rounds():
    assert bare("a[3].b[0].c") == "a.b.c"
