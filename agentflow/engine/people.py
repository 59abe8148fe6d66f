"""People at gates: they are asked here, answer from elsewhere, or let the time run out."""

import asyncio
from collections.abc import Awaitable, Callable

from agentflow.engine.leave import answer_call
from agentflow.engine.port import Answer, Loop
from agentflow.engine.questions import answer_question
from agentflow.events.operator_events import GateEscalated
from agentflow.events.run_events import GateAnswered, GateOpened
from agentflow.guard.entitlements import PolicyError
from agentflow.journal.port import RUN_STREAM, Gate, Journal
from agentflow.spec.forms import checked, defaults_of

SECONDS_BETWEEN_LOOKS = 0.5


async def say_yes(gate: Gate) -> Answer | None:
    """Answers with yes, and a question with the defaults of its form where these answer it.

    Nobody said yes to a call of a tool before it was there to be seen: it waits for a person.
    """
    if gate.about == "call":
        return None
    if gate.form is None:
        return Answer(True, "--yes")
    answered, answers = defaults_of(gate.form)
    return Answer(True, "--yes", "the form's defaults", answers) if answered else None


class Askers:
    """Gets each open gate its answer.

    Parameters:
        journal: where answers from elsewhere are left.
        ended: hears of every task that asked, so that its faults are not lost.
    """

    def __init__(self, loop: Loop, journal: Journal, ended: Callable[["asyncio.Task[None]"], None]) -> None:
        self._loop = loop
        self._journal = journal
        self._ended = ended
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._asked: set[asyncio.Task[None]] = set()

    @property
    def idle(self) -> bool:
        """Nobody is being asked here."""
        return not self._asking

    def close(self) -> None:
        """Asks nobody any more."""
        for path in list(self._asking):
            self.closed(path)

    async def wait_closed(self) -> None:
        """Returns when everyone who was asked has been told that it is over."""
        await asyncio.gather(*self._asked, return_exceptions=True)

    def opened(self, path: str) -> None:
        """Sees to it that an open gate gets its answer: from a person here, from elsewhere, or from the clock."""
        gate = self._loop.live.run.gates.get(path)
        if gate is None:  # a failure made it pointless before it was on record
            return
        if gate.expires_at is not None:
            self._loop.timers.set(path, "expiry", gate.expires_at - self._loop.now(), lambda: self._expired(path))
        if (approvers := gate.approvers) is not None and approvers.escalates_at is not None:
            self._escalates(path, approvers.escalates_at)
        if self._loop.around.ask is not None and self._may_answer_here(gate):
            asked = Gate(
                run=self._loop.live.run.id,
                step=path,
                about=gate.about,
                message=gate.message,
                show=gate.show,
                opened_at=gate.at,
                expires_at=gate.expires_at,
                form=gate.form,
                approvers=gate.approvers,
            )
            task = asyncio.create_task(self._ask(self._loop.around.ask, asked))
            self._asking[path] = task
            self._asked.add(task)
            task.add_done_callback(self._asked.discard)
            task.add_done_callback(self._ended)
        self._look_later()

    def closed(self, path: str) -> None:
        """Nobody need answer any more."""
        self._loop.timers.forget(path, "expiry")
        self._loop.timers.forget(path, "escalation")
        if (asking := self._asking.pop(path, None)) is not None:
            asking.cancel()

    def answer(self, path: str, answer: Answer, *, expired: bool = False) -> None:
        """Records an answer to an open gate; an answer that comes too late is dropped.

        Raises:
            UsageError: it does not meet the form of the question, which is still open.
        """
        gate = self._loop.live.run.gates.get(path)
        if gate is None:
            return
        answers = None
        if gate.form is not None and not expired:
            answers = checked(gate.form, answer.answers)
        self.closed(path)
        if gate.session is not None and gate.about == "call":
            answer_call(self._loop, gate, answer)
        elif gate.session is not None:
            answer_question(self._loop, gate, answers, answer.comment)
        event = GateAnswered(self._loop.now(), path, answer.approved, answer.by, answer.comment, expired, answers)
        self._loop.happen(RUN_STREAM, event, durable=True)

    def look(self) -> None:
        """Takes up the answers that were left in the journal."""
        for gate in self._journal.gates(self._loop.live.run.id):
            if gate.approved is not None and gate.by is not None:
                self.answer(gate.step, Answer(gate.approved, gate.by, gate.comment, gate.answers))

    def _look_later(self) -> None:
        def again() -> None:
            self.look()
            self._loop.settle()
            if self._loop.live.run.gates:
                self._look_later()

        self._loop.timers.set(RUN_STREAM, "answers", SECONDS_BETWEEN_LOOKS, again)

    def _may_answer_here(self, gate: GateOpened) -> bool:
        """Whether who sits here has a role that the gate wants; without a policy nobody is known to have one."""
        if gate.approvers is None:
            return True
        around = self._loop.around
        try:
            roles = frozenset[str]() if around.entitled is None else around.entitled.may_approve(around.user)
        except PolicyError:
            return False
        return bool(roles & gate.approvers.at(self._loop.now()))

    def _escalates(self, path: str, at: float) -> None:
        """Tells, once, when others may answer, too; a process that takes the run up later tells it then."""
        gate = self._loop.live.run.gates.get(path)
        if gate is None or gate.approvers is None or path in self._loop.live.escalated:
            return
        to = gate.approvers.to

        def now() -> None:
            self._loop.happen(RUN_STREAM, GateEscalated(self._loop.now(), path, to), durable=True)
            if path not in self._asking and path in self._loop.live.run.gates:
                self.opened(path)
            self._loop.settle()

        self._loop.timers.set(path, "escalation", at - self._loop.now(), now)

    async def _ask(self, ask: Callable[[Gate], Awaitable[Answer | None]], gate: Gate) -> None:
        answer = await ask(gate)
        self._asking.pop(gate.step, None)
        if answer is not None:
            self.answer(gate.step, answer)
        self._loop.settle()

    def _expired(self, path: str) -> None:
        # An answer that was left in time counts, though nobody has looked since.
        self.look()
        self.answer(path, Answer(False, "timeout"), expired=True)
        self._loop.settle()
