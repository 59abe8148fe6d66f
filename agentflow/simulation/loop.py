"""The engine's loop with nothing around it: the same deciders and performances, over virtual ports."""

from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

from agentflow.api import RunResult
from agentflow.engine.admission import Admission
from agentflow.engine.deadlines import Deadlines
from agentflow.engine.live import Live
from agentflow.engine.port import Surroundings
from agentflow.engine.purse import Purse
from agentflow.engine.quotas import Quotas
from agentflow.engine.recorder import Recorder
from agentflow.engine.secrets import Secrets
from agentflow.engine.service import Service
from agentflow.engine.session_actions import SESSION_ACTIONS
from agentflow.engine.slots import Slots
from agentflow.engine.timers import Timers
from agentflow.engine.workspaces import Workspaces
from agentflow.errors import AgentflowError
from agentflow.events.codec import Event
from agentflow.events.run_events import RunFinished, RunLimitReached, RunStarted
from agentflow.events.session_events import Compacted, CompactionFailed, ModelFailed, ModelReplied
from agentflow.guard.ledger import Exhausted
from agentflow.journal.port import RUN_STREAM, Lease
from agentflow.models.port import Model
from agentflow.models.replay import Recording, ReplayModel
from agentflow.plan.model import Plan, StepPlan
from agentflow.run.decide import decide as decide_run
from agentflow.session.decide import decide as decide_session
from agentflow.simulation.kinds import generated
from agentflow.simulation.paths import general, round_of, steps_by_path
from agentflow.simulation.people import StubbedPeople
from agentflow.simulation.stubs import StubBook
from agentflow.simulation.trace import Tracer
from agentflow.simulation.virtual import (
    Line,
    NoRecorder,
    NoSecrets,
    NothingKept,
    NoWorkspaces,
    RecordedTools,
    VirtualTimers,
    at_once,
)
from agentflow.spec.stubs import StubsByPath
from agentflow.tools.kept_results import KeptResults
from agentflow.tools.toolbox import Toolbox

JSON = Any

RUN_ID = "dry-run"
LANDING = "landing"


class DryLoop:
    """The engine's loop over virtual ports; its attributes are those of `engine.port.Loop`.

    Attributes:
        book: the stubs.
        recording: what agents without a stub say, or None.
        tracer: hears every event.
        silent: sessions that a stub ends, so that nobody is asked for a word.

    Parameters:
        actions: what stands in for each of the run decider's actions.
    """

    def __init__(
        self,
        plan: Plan,
        started: RunStarted,
        project: Path,
        actions: "Actions",
        stubs: StubsByPath,
        recording: Recording | None,
    ) -> None:
        self._actions = actions
        self.live = Live.begin(plan, started)
        self.book = StubBook(stubs)
        self.recording = recording
        self.steps = steps_by_path(plan)
        self.tracer = Tracer(self.steps)
        self.line = Line(started.at)
        self.lease = Lease(started.run, 1, "", True)
        self.model: Model | None = None if recording is None else ReplayModel(recording)
        self.tools: Toolbox = RecordedTools(recording, started.run)
        self.around = Surroundings(project=project, clock=self.now, chance=lambda: 0.0)
        self.slots = Slots(plan.limits.parallel)
        self.timers: Timers = VirtualTimers(self.line)
        self.recorder: Recorder = NoRecorder()
        self.workspaces: Workspaces = NoWorkspaces(project)
        self.secrets: Secrets = NoSecrets()
        self.admission = Admission(self)
        self.results: KeptResults = NothingKept(project, started.run)
        self.people = StubbedPeople(self)
        self.purse, self.quotas = Purse(self, None), Quotas(self, None)
        self.deadlines = Deadlines(self)
        self.service = Service(plan.limits.parallel)
        self.short_of_money: dict[str, Callable[[], bool]] = {}
        self.exhausted: dict[str, Exhausted] = {}
        self.silent: set[str] = set()
        self._changed: dict[str, None] = {RUN_STREAM: None}
        self._finished: RunFinished | None = None

    def run(self) -> RunResult:
        """Runs until the run ends, or only waits for people who do not answer."""
        while True:
            self.settle()
            if self._finished is not None:
                end = self._finished
                return RunResult(RUN_ID, end.status, end.outputs, end.failure, end.spent)
            if self.line.due():
                self.line.next()
            elif self.exhausted and self.admission.idle and not self.timers.any_named("retry"):
                self.happen(RUN_STREAM, RunLimitReached(self.now(), next(iter(self.exhausted.values())).failure))
            elif not self.line.next():
                return self._waiting()

    def _waiting(self) -> RunResult:
        waiting = tuple(sorted(self.live.run.gates))
        service = next((each.failure for each in self.service.waiting.values()), None)
        if not waiting and service is None:
            raise AgentflowError("the run has nothing left to do and has not ended", "please report this")
        return RunResult(RUN_ID, "waiting", spent=self.live.spent(), waiting=waiting, service=service)

    # What the engine's actions ask of a loop

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.line.now

    def history(self, stream: str) -> None:
        """Nothing is on record: what a recorded agent recalled, its recording tells."""

    def happen(self, stream: str, event: Event, *, durable: bool = False) -> None:
        """Takes an event up; `settle` then does what follows."""
        self.live.apply(stream, event)
        self.admission.heard()
        self.tracer.hear(self.live, stream, event)
        self._changed[stream] = None
        if (step := getattr(event, "step", None)) is not None and stream == RUN_STREAM:
            self.deadlines.follow(step)
        if isinstance(event, ModelReplied | ModelFailed | Compacted | CompactionFailed):
            self.service.came(self, stream, event)
            short, self.short_of_money = self.short_of_money, {}
            for waiting, begin in short.items():
                self.slots.request(waiting, "model", begin)

    def settle(self) -> None:
        """Asks the deciders until nothing more is to be done now."""
        while self._finished is None:
            while self._changed and self._finished is None:
                stream = next(iter(self._changed))
                del self._changed[stream]
                self.decide(stream)
            if self._finished is not None or not (self.slots.fill() or self._changed):
                return

    def decide(self, stream: str) -> None:
        """Does what a stream's decider wants now."""
        if stream == RUN_STREAM:
            failing = self.live.run.failing
            for action in decide_run(self.live.plan, self.live.run):
                self._actions[type(action)](self, action)
                if self.live.run.failing > failing:
                    return
        elif (state := self.live.sessions.get(stream)) is not None:
            if stream in self.silent and state.failure is None:
                return
            for session_action in decide_session(self.live.plans[stream], state):
                SESSION_ACTIONS[type(session_action)](self, stream, session_action)

    def at_work(self, stream: str) -> bool:
        """Whether a stream has anything in line or about to be tried again."""
        return self.timers.is_set(stream, "retry") or self.slots.waits(stream)

    def perform(self, stream: str, work: Callable[[], Coroutine[Any, Any, Event]], call: str = "") -> None:
        """Takes what came of a call, which a recording tells at once, up in its turn."""
        event = at_once(work())
        self.land(stream, call, lambda: self.happen(stream, event))

    def cancel(self, stream: str, call: str | None = None) -> None:
        """Ends whatever a stream has in flight, in line, or on a timer; or one call of it."""
        self.slots.forget(stream, call)
        self.admission.forget(stream, call)
        for _ in range(self.line.forget(stream, LANDING, call)):
            self.slots.release()
        if call is not None:
            return
        self.timers.forget(stream)
        self.service.forget(stream)
        self.short_of_money.pop(stream, None)
        self.exhausted.pop(stream, None)

    def run_finished(self, finished: RunFinished) -> None:
        """The run has ended for good."""
        self.happen(RUN_STREAM, finished)
        self._finished = finished

    # What stands in for the world

    def land(self, stream: str, call: str, act: Callable[[], None]) -> None:
        """Has what came of a call happen after all that is in line, and gives its slot back."""

        def landed() -> None:
            self.slots.release()
            act()

        self.line.put(stream, LANDING, call, 0.0, landed)

    def in_a_slot(self, stream: str, call: str, act: Callable[[], None], intent: Event | None = None) -> None:
        """Has a stubbed call begin when a slot is free for it, and come to its end.

        Parameters:
            intent: tells that it begins.
        """

        def begin() -> bool:
            if intent is not None:
                self.happen(stream, intent)
            self.land(stream, call, act)
            return True

        self.slots.request(stream, call, begin)

    def step(self, path: str) -> StepPlan:
        """The step of a path."""
        return self.steps[general(path)]

    def generated(self, path: str) -> JSON:
        """What a start comes to that nobody has given anything for. Raises NoSampleError, naming the step."""
        return generated(self.step(path), path, round_of(path, self.steps))

    def note(self, path: str, given: bool, stub: Mapping[str, JSON]) -> None:
        """Notes what stood in for a step, and whether somebody had given it."""
        self.tracer.last(path).stubbed = "given" if given else "generated"
        self.book.use(path, stub)


Actions = Mapping[type[Any], Callable[[DryLoop, Any], None]]
