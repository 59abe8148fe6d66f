"""The loop on one machine: one asyncio loop in one process, a cache of the journal.

Everything that happens goes through `happen`: it is taken up in memory, the deciders say what follows, and what must be
on record before that is done goes to the recorder in one piece. All of this is synchronous, so nothing can come
between an event and what follows from it; only performing awaits.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from agentflow.engine.admission import Admission
from agentflow.engine.budgets import end_held, warn_of_own
from agentflow.engine.cancelling import look_for_cancellation
from agentflow.engine.deadlines import Deadlines
from agentflow.engine.live import Live
from agentflow.engine.open_files import allow_open_files
from agentflow.engine.people import Askers
from agentflow.engine.port import Outcome, Surroundings
from agentflow.engine.purse import Purse
from agentflow.engine.questions import rest_idle
from agentflow.engine.quotas import Quotas
from agentflow.engine.recorder import Recorder
from agentflow.engine.run_actions import RUN_ACTIONS
from agentflow.engine.secrets import Secrets
from agentflow.engine.service import Service, Waiting, bound
from agentflow.engine.service_waits import asks_again_soon, hold_and_free, pauses_for
from agentflow.engine.session_actions import SESSION_ACTIONS
from agentflow.engine.slots import Bounds, Slots
from agentflow.engine.timers import Timers
from agentflow.engine.workspaces import Workspaces
from agentflow.errors import AgentflowError, JournalFullError
from agentflow.events.codec import Event
from agentflow.events.run_events import RunFinished, RunLimitReached, RunPaused
from agentflow.events.session_events import (
    Compacted,
    CompactionFailed,
    ModelFailed,
    ModelReplied,
    SessionEvent,
    SessionStarted,
)
from agentflow.events.values import Failure
from agentflow.guard.ledger import Exhausted
from agentflow.journal.port import LEASE_SECONDS, RUN_STREAM, Journal, Lease
from agentflow.models.port import Model, calls_at_first
from agentflow.run.decide import decide as decide_run
from agentflow.run.files import files_around
from agentflow.session.decide import decide as decide_session
from agentflow.tools.kept_results import KeptResults
from agentflow.tools.toolbox import Toolbox


@dataclass(slots=True)
class Performance:
    """A call that holds a slot, from the moment it is asked for.

    Attributes:
        call: what tells it from others of its stream.
        bounds: what else bounds how many there are at once.
    """

    stream: str
    work: Callable[[], Coroutine[Any, Any, Event]]
    call: str = ""
    bounds: tuple[str, ...] = ()
    task: "asyncio.Task[None] | None" = None
    cancelled: bool = False

    def cancel(self) -> None:
        # Once only: a second time would cut off how it puts things in order.
        if self.cancelled:
            return
        self.cancelled = True
        if self.task is not None:
            self.task.cancel()


@dataclass(slots=True)
class LocalEngine:
    """Drives one run under one lease until it ends, waits for people, or is interrupted."""

    live: Live
    journal: Journal
    lease: Lease
    model: Model | None
    tools: Toolbox
    around: Surroundings
    slots: Slots = field(init=False)
    timers: Timers = field(init=False)
    recorder: Recorder = field(init=False)
    secrets: Secrets = field(init=False)
    admission: Admission = field(init=False)
    results: KeptResults = field(init=False)
    people: Askers = field(init=False)
    deadlines: Deadlines = field(init=False)
    workspaces: Workspaces = field(init=False)
    service: Service = field(init=False)
    purse: Purse = field(init=False)
    quotas: Quotas = field(init=False)
    short_of_money: dict[str, Callable[[], bool]] = field(default_factory=dict)
    exhausted: dict[str, Exhausted] = field(default_factory=dict)
    _changed: dict[str, None] = field(default_factory=dict)
    _out: dict[str, list[Performance]] = field(default_factory=dict)
    _done: "asyncio.Future[Outcome]" = field(init=False)
    _ending: bool = False

    def __post_init__(self) -> None:
        self.slots = Slots(self.live.plan.limits.parallel, self._bounds_of)
        self.timers = Timers(self._fail)
        self.service = Service(
            self.live.plan.limits.parallel, None if self.model is None else calls_at_first(self.model)
        )
        self.workspaces = Workspaces(self.around.project)
        self.recorder = Recorder(self.journal, self.lease, self.around.observe, self.around.disk_full)
        ask, also = self.around.ask_secret, (self.live.plan.redact == "likely", self.around.hidden)
        self.secrets = Secrets(self.around.secrets, ask, self._secret_came, self._task_ended, *also)
        self.admission = Admission(self)
        self.results = KeptResults(self.around.project, self.live.run.id)
        self.people = Askers(self, self.journal, self._task_ended)
        self.purse, self.quotas = Purse(self, self.journal), Quotas(self, self.journal)
        self.deadlines = Deadlines(self)

    async def run(self, prepare: Callable[["LocalEngine"], None] | None = None) -> Outcome:
        """Drives the run.

        Parameters:
            prepare: is called once before anything is decided; `recover` for a run that is taken up again.

        Raises:
            LeaseLostError: another process owns the run now; everything here was stopped.
            JournalError: the journal cannot be written.
        """
        self._done = asyncio.get_running_loop().create_future()
        allow_open_files(self.live.plan.limits.parallel)
        recording = asyncio.create_task(self.recorder.run(self._look_around))
        recording.add_done_callback(self._task_ended)
        renewing = asyncio.create_task(self._renew())
        renewing.add_done_callback(self._task_ended)
        try:
            if prepare is not None:
                prepare(self)
            self._changed[RUN_STREAM] = None
            self._watch_the_clock()
            look_for_cancellation(self, self.journal)
            self.settle()
            return await self._done
        finally:
            self._ending = True
            self.timers.clear()
            await self._stop([recording, renewing])

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.around.clock()

    def history(self, stream: str) -> Iterator[SessionEvent]:
        """What is on record of a session, from its beginning; first that of the one it carries on."""
        for entry in self.journal.read(self.live.run.id, stream):
            if isinstance(entry.event, SessionStarted) and entry.event.continues is not None:
                yield from self.history(entry.event.continues)
            yield entry.event  # type: ignore[misc]  # a session's stream holds nothing else

    # What happens, and what follows

    def happen(self, stream: str, event: Event, *, durable: bool = False) -> None:
        """Takes an event up and has it recorded; `settle` then does what follows."""
        event = self.secrets.event(event)
        self.live.apply(stream, event)
        self.admission.heard()
        self.recorder.add(stream, event, durable=durable)
        self._changed[stream] = None
        if self.live.run.gates and stream != RUN_STREAM:
            rest_idle(self, stream)
        if (step := getattr(event, "step", None)) is not None and stream == RUN_STREAM:
            self.deadlines.follow(step)
        if isinstance(event, ModelReplied | ModelFailed | Compacted | CompactionFailed):
            self.service.came(self, stream, event)
            warn_of_own(self)
            short, self.short_of_money = self.short_of_money, {}
            for waiting, begin in short.items():
                self.slots.request(waiting, "model", begin)

    def settle(self) -> None:
        """Asks the deciders until nothing more is to be done now."""
        while not self._ending:
            while self._changed and not self._ending:
                stream = next(iter(self._changed))
                del self._changed[stream]
                self.decide(stream)
            if self._ending or not (self.slots.fill() or self._changed):
                break
        self._look_around()

    def decide(self, stream: str) -> None:
        """Does what a stream's decider wants now."""
        if stream == RUN_STREAM:
            failing = self.live.run.failing
            for action in decide_run(self.live.plan, self.live.run):
                RUN_ACTIONS[type(action)](self, action)
                if self.live.run.failing > failing:
                    # What was to start may not start any more; the stream has changed, so it is decided on anew.
                    return
        elif stream in self.live.sessions:
            for session_action in decide_session(self.live.plans[stream], self.live.sessions[stream]):
                SESSION_ACTIONS[type(session_action)](self, stream, session_action)

    # What is in flight

    def perform(self, stream: str, work: Callable[[], Coroutine[Any, Any, Event]], call: str = "") -> None:
        """Starts a call that holds a slot, once everything that has happened so far is on record."""
        performance = Performance(stream, work, call, self.slots.beginning)
        self._out.setdefault(stream, []).append(performance)
        self.recorder.then(lambda: self._launch(performance))

    def cancel(self, stream: str, call: str | None = None) -> None:
        """Ends whatever a stream has in flight, in line, or on a timer; or one call of it."""
        self.slots.forget(stream, call)
        self.admission.forget(stream, call)
        if call is not None:
            for performance in self._out.get(stream, ()):
                if performance.call == call:
                    performance.cancel()
            return
        self.timers.forget(stream)
        self.service.forget(stream)
        self.short_of_money.pop(stream, None)
        self.exhausted.pop(stream, None)
        for performance in self._out.get(stream, ()):
            performance.cancel()

    def at_work(self, stream: str) -> bool:
        """Whether a stream has anything in flight, in line, or about to be tried again."""
        asks = self.timers.is_set(stream, "retry") or stream in self.short_of_money
        return asks or stream in self._out or self.slots.waits(stream) or self.admission.waits(stream)

    def _bounds_of(self, stream: str, call: str) -> Bounds:
        """What bounds how many calls are in flight: the files around a call, and what the model's service admits."""
        around = files_around(self.live.run, call if stream == RUN_STREAM else self.live.sessions[stream].step)
        bounds = {
            scope.path: scope.file.limits.parallel
            for scope in around
            if scope.file is not None and scope.file.limits.parallel is not None
        }
        if call == "model" and (model := self.service.asks.get(stream)) is not None:
            bounds[bound(model)] = self.service.allowed(model)
        return bounds

    def cancel_everything(self) -> None:
        """Ends whatever is in flight."""
        for stream in list(self._out):
            self.cancel(stream)

    def interrupt(self) -> None:
        """Ends what is in flight and lets the run go, so that `resume` can go on; safe to call more than once."""
        if self._ending or self._done.done():
            return
        self.cancel_everything()
        self.live.apply(RUN_STREAM, paused := RunPaused(self.now(), "interrupted"))
        self.recorder.add(RUN_STREAM, paused)
        self._end(Outcome("interrupted"))

    def _launch(self, performance: Performance) -> None:
        if performance.cancelled:
            self._landed(performance)
            self.settle()
            return
        performance.task = asyncio.create_task(self._perform(performance))
        performance.task.add_done_callback(self._task_ended)

    async def _perform(self, performance: Performance) -> None:
        try:
            event = await performance.work()
        except asyncio.CancelledError:
            if not performance.cancelled:
                if not self._ending:
                    self._fail(AgentflowError("a call in flight was cancelled from outside the run", "resume the run"))
                raise
            self._landed(performance)
            self.settle()
            return
        self._landed(performance)
        if not performance.cancelled:
            self.happen(performance.stream, event)
        self.settle()

    def _landed(self, performance: Performance) -> None:
        out = self._out[performance.stream]
        out.remove(performance)
        if not out:
            del self._out[performance.stream]
        self.slots.release(performance.bounds)

    # Ends

    def run_finished(self, finished: RunFinished) -> None:
        """The run has ended for good, with nothing in flight."""
        self.happen(RUN_STREAM, finished, durable=True)
        self._end(Outcome("finished", finished))

    def _end(self, outcome: Outcome) -> None:
        self._ending = True
        self.timers.clear()
        self.people.close()
        self.recorder.then(lambda: None if self._done.done() else self._done.set_result(outcome))

    def _look_around(self) -> None:
        """Ends the run when a used-up cap holds back all that is left of it; pauses it when it only waits for people
        whom nobody here can ask, or for the model's service."""
        if not (self._ending or self._changed) and hold_and_free(self):
            self.settle()
            return
        if self._ending or self._out or self._changed or not self.secrets.idle:
            return
        if not (self.slots.idle and self.recorder.idle and self.admission.idle) or asks_again_soon(self):
            return
        service = pauses_for(self)
        if service is None and self.service.waiting:
            return
        if service is None and self.exhausted:
            end_held(self)
            return
        if self.people.idle:
            self._pause(service)

    def _pause(self, service: Waiting | None) -> None:
        waiting = tuple(sorted(self.live.run.gates))
        if not waiting and service is None:
            self._fail(AgentflowError("the run has nothing left to do and has not ended", "please report this"))
            return
        self.people.look()
        if self._changed:
            self.settle()
            return
        until, why = (None, None) if service is None else (service.until, service.failure)
        paused = RunPaused(self.now(), "waiting", waiting, until, why)
        self.live.apply(RUN_STREAM, paused)
        self.recorder.add(RUN_STREAM, paused)
        self._end(Outcome("waiting", waiting=waiting, until=until, service=why))

    def _secret_came(self) -> None:
        """What waited for a secret is decided on again."""
        if not self._ending:
            self._changed[RUN_STREAM] = None
            self.settle()

    def _watch_the_clock(self) -> None:
        """Ends the run when its time at work is over."""
        run = self.live.run
        worked = run.active_seconds + (max(0.0, self.now() - run.last_at) if run.at_work else 0.0)
        allowed = self.live.plan.limits.wall_time
        if worked < allowed:
            self.timers.set(RUN_STREAM, "clock", max(allowed - worked, 0.01), self._watch_the_clock)
            return
        message = f"the run has worked for its {allowed:g} s; raise `limits.wall_time`"
        self.happen(RUN_STREAM, RunLimitReached(self.now(), Failure("wall_time", message)))
        self.settle()

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            # Without room on the disk the run waits; should the lease run out meanwhile, the next write tells.
            with suppress(JournalFullError):
                self.journal.renew(self.lease)

    def _task_ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        """Stops at once: what cannot be recorded must not be followed by anything."""
        self._ending = True
        self.timers.clear()
        self.cancel_everything()
        if not self._done.done():
            self._done.set_exception(error)

    async def _stop(self, tasks: list["asyncio.Task[None]"]) -> None:
        """Leaves nothing behind: every call is cancelled and has ended when this returns."""
        self.people.close()
        calls = [performance for out in self._out.values() for performance in out]
        for performance in calls:
            performance.cancel()
        for task in tasks:
            task.cancel()
        at_work = [performance.task for performance in calls if performance.task is not None]
        await asyncio.gather(*tasks, *at_work, return_exceptions=True)
        await self.people.wait_closed()
        await self.secrets.close()
