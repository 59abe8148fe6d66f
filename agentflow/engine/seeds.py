"""Where a run begins that goes on from an older one: with what that one's steps came to, or with one of its sessions.

A seed is the new run's first event and those that take over what is kept. They are recorded in one piece, so that a
crash leaves the whole new run or none, and they hold what they keep, so that the older run may be deleted.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agentflow.engine.past import OlderRun
from agentflow.errors import UsageError
from agentflow.events.run_events import RunStarted, StepKept
from agentflow.events.values import Lineage
from agentflow.journal.port import RUN_STREAM, Entry
from agentflow.journal.run_ids import new_run_id
from agentflow.plan.arrange import PREVIOUS
from agentflow.plan.checked import Checked, InvalidWorkflowError
from agentflow.plan.declared_models import to_data
from agentflow.plan.endpoints import endpoint_of
from agentflow.plan.inputs import resolve_inputs
from agentflow.plan.makeup import changed, inputs_read, parts_of
from agentflow.plan.model import AgentStepPlan, Block, Plan, StepPlan, WorkflowStepPlan, every_step
from agentflow.plan.scope import wider
from agentflow.run.reuse import Fate, Reuse, around, bare, paths_like, step_at
from agentflow.session.kept import kept_session
from agentflow.source.project import Project
from agentflow.source.suggest import did_you_mean

JSON = Any


class Seed(Struct, frozen=True):
    """A run that has not begun, and what it takes over from an older one.

    Attributes:
        started: its first event, but for its id and its time.
        kept: what it takes over, in its streams.
        fates: of each step, whether it is reused, and why it runs again.
        before: the older run's plan, where this one's is another.
        wider: what its agents may do beyond what they could in the older run; `agreed`: a person has said yes to it.
    """

    plan: Plan
    started: RunStarted
    kept: tuple[Entry, ...] = ()
    fates: tuple[Fate, ...] = ()
    before: Plan | None = None
    wider: tuple[str, ...] = ()
    agreed: bool = False

    @property
    def kept_steps(self) -> frozenset[str]:
        """The paths of the steps that do not run."""
        return frozenset(entry.event.step for entry in self.kept if isinstance(entry.event, StepKept))


def begun_by(checked: Checked) -> tuple[Plan, RunStarted]:
    """The plan of a file and the event that begins a run of it, but for its id, time and inputs.

    Raises InvalidWorkflowError where the file has errors.
    """
    plan, source = checked.plan, checked.source
    if plan is None or source is None:
        raise InvalidWorkflowError(checked)
    project = Project.of(Path(checked.path))
    return plan, RunStarted(
        at=0.0,
        run="",
        workflow=plan.name,
        path=checked.path,
        project=str(project.root),
        sources=source.sources(),
        plan_digest=plan.digest,
        inputs={},
        folder=project.relative(Path(checked.path).parent),
        declared=to_data(endpoint_of(os.environ).catalogue),
    )


def begun(seed: Seed, now: float) -> tuple[RunStarted, tuple[Entry, ...]]:
    """The first events of a run that begins now, under a new id."""
    started = replace(seed.started, at=now, run=new_run_id(now))
    return started, tuple(Entry(entry.stream, replace(entry.event, at=now)) for entry in seed.kept)


def fork_seed(older: OlderRun, steps: Iterable[str], given: Mapping[str, JSON]) -> Seed:
    """A run of the same file in which `steps` and what follows them run anew; none named: what had failed.

    Parameters:
        given: inputs with another value.

    Raises:
        UsageError: there is no such step, nothing failed, an effect is cut off and not named, or what is kept has
            read an input that is to be another.
    """
    plan, steps = older.live.plan, tuple(steps)
    for name in steps:
        _check_step(plan, name)
    if not steps:
        _check_failed(older)
    reuse = Reuse(plan, older.past)
    for name in steps:
        found = paths_like(_paths(older), name)
        if not found and "[" in name:
            raise UsageError(f"run {older.started.run} has no `{name}`", f"it has {_listed(_alike(older, name))}")
        reuse.because(found or [name], bare(name), "you asked for it")
    _check_cut_off(older, reuse)
    inputs = _with(older, plan, given)
    reuse.settle()
    _run_fresh_files(reuse, older)
    kept = reuse.kept()
    _check_unread(plan, kept, _differing(older.started.inputs, inputs), older.started.run)
    lineage = Lineage(older.started.run, "fork", steps)
    return _seed(older, plan, replace(older.started, inputs=inputs, lineage=lineage), reuse, kept)


def edited_seed(older: OlderRun, plan: Plan, started: RunStarted, given: Mapping[str, JSON]) -> Seed:
    """A run of an edited file that keeps what the edit does not touch.

    Parameters:
        plan: of the file as it is now; `started`: the event that begins a run of it, without its inputs.
        given: inputs with another value.

    Raises:
        UsageError: the inputs do not fit the file any more, or an effect is cut off that would run again.
    """
    reuse = Reuse(plan, older.past)
    inputs = _with(older, plan, given)
    _compare(reuse, older, (older.live.plan, plan), (older.live.plan.root, plan.root), "", inputs)
    _check_cut_off(older, reuse)
    reuse.settle()
    _run_fresh_files(reuse, older)
    lineage = Lineage(older.started.run, "edited")
    started = replace(started, inputs=inputs, lineage=lineage, continued=None)
    seed = _seed(older, plan, started, reuse, reuse.kept())
    return replace(seed, before=older.live.plan, wider=wider(older.live.plan, plan))


def _seed(older: OlderRun, plan: Plan, started: RunStarted, reuse: Reuse, kept: Mapping[str, StepKept]) -> Seed:
    entries = [Entry(RUN_STREAM, one) for one in kept.values()]
    for stream in _carried_on(plan, kept):
        earlier = older.left(stream)
        if earlier is not None:
            agent, step = older.agents[stream]
            entries.append(Entry(stream, kept_session(started.at, agent, step, earlier)))
    return Seed(plan, started, tuple(entries), reuse.fates(kept))


def _carried_on(plan: Plan, kept: Mapping[str, StepKept]) -> list[str]:
    """The sessions of kept steps that another step may carry on."""
    wanted = _continued_ids(plan)
    return [one.session for path, one in kept.items() if one.session is not None and path.rpartition(".")[2] in wanted]


def _continued_ids(plan: Plan) -> frozenset[str]:
    steps = (step for step in every_step(plan.root) if isinstance(step, AgentStepPlan))
    return frozenset(step.continues_session.removeprefix(PREVIOUS) for step in steps if step.continues_session)


def _run_fresh_files(reuse: Reuse, older: OlderRun) -> None:
    """A session whose files were the older run's alone cannot be carried on without them: it runs again."""
    wanted = _continued_ids(reuse.plan)
    for path in older.workspaces:
        if path in older.settled and path.rpartition(".")[2] in wanted:
            reuse.again(path, "its session is carried on, and the files it worked on belong to the older run")


# What is asked for


def _check_step(plan: Plan, name: str) -> None:
    if not name or step_at(plan, name) is None:
        known = list(_names(plan.root, ""))
        near = did_you_mean(bare(name), known)
        raise UsageError(
            f"there is no step `{name}`" + (f" ({near})" if near else ""),
            f"the steps are {_listed(known)}",
        )


def _names(block: Block, prefix: str) -> Iterable[str]:
    for name, step in block.steps.items():
        yield f"{prefix}{name}"
        body = getattr(step, "body", None)
        if body is not None:
            yield from _names(body, f"{prefix}{name}.")


def _listed(names: Iterable[str], most: int = 20) -> str:
    names = list(names)
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more if names else "none"


def _paths(older: OlderRun) -> list[str]:
    """Every step and item that the run came to, items after what is inside them."""
    steps = [*older.settled, *older.unsettled]
    return list(dict.fromkeys([*steps, *(here for path in steps for here in around(path))]))


def _alike(older: OlderRun, name: str) -> list[str]:
    """The paths that differ in the numbers of items and rounds alone."""
    item = name.endswith("]")
    return sorted(path for path in _paths(older) if bare(path) == bare(name) and path.endswith("]") == item)


def _check_failed(older: OlderRun) -> None:
    run = older.started.run
    finished = older.live.run.finished
    if finished is None:
        raise UsageError(
            f"run {run} has not ended",
            f"`agentflow resume {run}` goes on with it; name a step with --from to begin anew there",
        )
    if finished.status == "done":
        steps = _listed(older.live.plan.root.order)
        raise UsageError(f"run {run} is done: nothing of it failed", f"name a step with --from: {steps}")


def _check_cut_off(older: OlderRun, reuse: Reuse) -> None:
    """Raises UsageError for an effect that may have happened and that nobody said is to run again."""
    for path in sorted(older.cut_off):
        if path not in reuse.dropped:
            raise UsageError(
                f"step `{path}` of run {older.started.run} was cut off; whether it took effect cannot be told",
                f"look whether it did; `agentflow fork {older.started.run} --from '{path}'` runs it again",
            )


# Inputs


def _with(older: OlderRun, plan: Plan, given: Mapping[str, JSON]) -> Mapping[str, JSON]:
    """The older run's inputs, as far as the file still has them, with others in their places."""
    before = {name: value for name, value in older.started.inputs.items() if name in plan.inputs}
    return resolve_inputs(plan, {**before, **given}, Path(older.started.project))


def _differing(before: Mapping[str, JSON], after: Mapping[str, JSON]) -> frozenset[str]:
    return frozenset(name for name in after if name not in before or before[name] != after[name])


def _check_unread(plan: Plan, kept: Mapping[str, StepKept], differing: frozenset[str], run: str) -> None:
    """Raises UsageError where something that is kept, or a block around it, has read an input that is another now."""
    if not differing:
        return
    for path in kept:
        for here in (path, *around(path)):
            step = step_at(plan, here)
            if step is None or any(isinstance(step_at(plan, block), WorkflowStepPlan) for block in around(here)):
                continue
            read = sorted(differing & _read_inside(plan, step))
            if read:
                raise UsageError(
                    f"step `{bare(here)}` has read `inputs.{read[0]}`, and is not run again",
                    f"fork from it too: `agentflow fork {run} --from {bare(here)}`, or leave the input as it was",
                )


def _read_inside(plan: Plan, step: StepPlan) -> frozenset[str]:
    found = inputs_read(plan, step)
    body = None if isinstance(step, WorkflowStepPlan) else getattr(step, "body", None)
    return found.union(*(() if body is None else (_read_inside(plan, inner) for inner in body.steps.values())))


# What an edit touches


def _compare(
    reuse: Reuse,
    older: OlderRun,
    plans: tuple[Plan, Plan],
    blocks: tuple[Block, Block],
    prefix: str,
    inputs: Mapping[str, JSON] | None,
) -> None:
    """Has run again what differs between two blocks.

    Parameters:
        plans: of the files that they stand in.
        prefix: of the paths of their steps.
        inputs: of the new run, where that is the file's; else the step that runs the file has told already.
    """
    before, after = blocks
    differing = frozenset[str]() if inputs is None else _differing(older.started.inputs, inputs)
    for name, step in after.steps.items():
        path = f"{prefix}{name}"
        old = before.steps.get(name)
        if old is None:
            _new_step(reuse, older, path)
            continue
        why = changed(parts_of(plans[0], old), parts_of(plans[1], step))
        if why is None and (read := sorted(differing & inputs_read(plans[1], step))):
            why = f"`inputs.{read[0]}` is another"
        if why is not None:
            only_output = why in ("its `output` changed", "its `outputs` of its file changed") and hasattr(step, "body")
            reuse.because(paths_like(_paths(older), path), path, why, inside=not only_output)
            if not only_output:
                continue
        if isinstance(step, WorkflowStepPlan) and isinstance(old, WorkflowStepPlan):
            _compare(reuse, older, (old.plan, step.plan), (old.body, step.body), f"{path}.", None)
        elif (body := getattr(step, "body", None)) is not None and (was := getattr(old, "body", None)) is not None:
            _compare(reuse, older, plans, (was, body), f"{path}.", inputs)


def _new_step(reuse: Reuse, older: OlderRun, path: str) -> None:
    """A step that the older run did not have: what holds it is opened, wherever it ran."""
    reuse.causes.setdefault(path, "it is new")
    holder = path.rpartition(".")[0]
    if holder:
        reuse.because(paths_like(_paths(older), holder), holder, f"`{path}` is new", inside=False)
