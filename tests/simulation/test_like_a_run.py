"""A simulated run goes where the engine goes, over plans of every kind of step and the same outcomes."""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from unittest.mock import patch

from hypothesis import given, settings

from agentflow.engine import effects, retries
from agentflow.engine.port import Answer
from agentflow.events.run_events import GateAnswered, RunFinished, StepFinished, StepStarted
from agentflow.events.values import Failure
from agentflow.journal.port import Gate
from agentflow.models.port import ModelError
from agentflow.plan.model import BlockStepPlan, every_step
from agentflow.run.state import StartCommand
from agentflow.simulation.dry import STARTED_AT, DryRun, dry_run
from agentflow.simulation.paths import general, steps_by_path
from agentflow.spec.stubs import Stub
from tests.engine.doubles import ModelDouble, Setting, reply
from tests.run.test_properties import World, worlds
from tests.simulation.flows import checked

FAILED = "broke"


class Lived:
    """A run of the engine in a world: its models, commands and people do what the world says."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.failed: Counter[str] = Counter()
        self.events: list[object] = []

    def breaks(self, path: str) -> bool:
        """Whether this attempt at a step fails."""
        fails = self.world.fails(path, self.failed[path])
        self.failed[path] += fails
        return fails

    def say(self, request):
        path = request.session.partition("#")[0]
        if self.breaks(path):
            raise ModelError("model_unavailable", FAILED, retryable=False)
        return reply(f"{path}: said")

    async def run_step(self, action: StartCommand, *_surroundings: object) -> StepFinished:
        await asyncio.sleep(0)
        if self.breaks(action.step):
            return StepFinished(STARTED_AT, action.step, "failed", failure=Failure("command_failed", FAILED))
        return StepFinished(STARTED_AT, action.step, "done", f"{action.step}: {action.stdin}", exit_code=0)

    async def ask(self, gate: Gate) -> Answer:
        if gate.form is not None:
            return Answer(True, "ada", answers={"said": gate.step})
        return Answer(self.world.approves(gate.step), "ada")

    def run(self) -> RunFinished:
        around = {"ask": self.ask, "clock": lambda: STARTED_AT}
        with (
            tempfile.TemporaryDirectory() as folder,
            patch.object(retries, "rest", lambda *_: 0.0),
            patch.object(effects, "run_step", self.run_step),
        ):
            model, inputs = ModelDouble(self.say), dict(self.world.flags)
            setting = Setting(Path(folder), self.world.text, model=model, around=around, inputs=inputs)
            try:
                finished = asyncio.run(setting.run()).finished
                self.events = setting.events()
            finally:
                setting.sqlite.close()
        assert finished is not None
        return finished

    def stubs(self) -> dict[str, list[Stub]]:
        """What every start of an agent, a command or a gate came to, by its path."""
        plan = checked(self.world.text).plan
        assert plan is not None
        steps = steps_by_path(plan)
        blocks = {path for path, step in steps.items() if isinstance(step, BlockStepPlan)}
        stubs: dict[str, list[Stub]] = {}
        started: set[str] = set()
        for event in self.events:
            given = None
            if isinstance(event, StepStarted) and general(event.step) not in blocks:
                started.add(event.step)
            elif isinstance(event, GateAnswered) and event.answers is not None:
                given = {"output": event.answers, "by": event.by}
            elif isinstance(event, GateAnswered):
                given = {"answer": "yes" if event.approved else "no", "by": event.by}
            elif isinstance(event, StepFinished) and event.step in started:
                started.discard(event.step)
                failure = event.failure
                given = {"output": event.output}
                if failure is not None:
                    given = {"error": {"kind": failure.kind, "message": failure.message}}
            if given is not None:
                stubs.setdefault(event.step, []).append(Stub.model_validate(given))
        return stubs

    def ends(self) -> Counter[tuple[str, str, str | None]]:
        return Counter((e.step, e.status, e.reason) for e in self.events if isinstance(e, StepFinished))


def simulated(lived: Lived) -> DryRun:
    with patch.object(retries, "rest", lambda *_: 0.0):
        return dry_run(checked(lived.world.text), dict(lived.world.flags), lived.stubs())


SEEN: Counter[str] = Counter()


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(worlds())
def compare(world: World) -> None:
    lived = Lived(world)
    finished = lived.run()
    run = simulated(lived)
    assert (run.trace.result.status, run.trace.result.outputs) == (finished.status, finished.outputs)
    ends = lived.ends()
    # What had begun beside a failure, when that came, is a matter of pace.
    if not any(status == "failed" for _, status, _ in ends):
        assert Counter((traced.path, traced.status, traced.reason) for traced in run.trace.steps) == ends
        SEEN["whole"] += 1
    SEEN[finished.status] += 1
    SEEN.update({type(event).__name__ for event in lived.events})
    SEEN.update({type(step).__name__ for step in every_step(checked(world.text).plan.root)})


def test_over_the_same_outcomes_a_simulated_run_ends_as_the_engines():
    SEEN.clear()
    compare()
    kinds = {"RepeatStepPlan", "ChooseStepPlan", "FailStepPlan", "AskStepPlan", "ForEachStepPlan", "AgentStepPlan"}
    assert kinds | {"StepRetried", "RetryDue", "GateAnswered", "done", "failed"} <= set(SEEN)
    assert SEEN["whole"] >= 30
