"""The people of a simulated run."""

from typing import TYPE_CHECKING, Any

from agentflow.engine.questions import go_on
from agentflow.events.run_events import GateAnswered, GateOpened
from agentflow.events.session_events import ToolFinished
from agentflow.journal.port import RUN_STREAM
from agentflow.spec.forms import with_defaults
from agentflow.spec.stubs import Stub

if TYPE_CHECKING:
    from agentflow.simulation.loop import DryLoop

JSON = Any
ANSWER = "answer"


class StubbedPeople:
    """People who say what the stubs of their gates say; without one yes, or the smallest answer that meets the form.

    Attributes:
        stubs: of the gates that are about to open, by path.
    """

    def __init__(self, loop: "DryLoop") -> None:
        self._loop = loop
        self.stubs: dict[str, Stub | None] = {}

    def opened(self, path: str) -> None:
        """Has the answer come in its turn; an answer of `timeout` when its time has passed."""
        loop, gate = self._loop, self._loop.live.run.gates[path]
        if gate.session is not None:
            loop.line.put(path, ANSWER, "", 0.0, lambda: self._as_recorded(path, gate))
            return
        stub = self.stubs.pop(path) or Stub()
        said = stub.answer or "yes"
        answers = self._answers(path, gate, stub) if said == "yes" else None
        told = {"answer": said} if gate.form is None or said != "yes" else {"output": answers}
        given = bool(stub.model_fields_set & {"answer", "output"})
        loop.note(path, given, {**told, **stub.model_dump(include={"by", "comment"}, exclude_none=True)})
        if said == "wait":
            return
        expired = said == "timeout"
        seconds = 0.0 if not expired or gate.expires_at is None else gate.expires_at - loop.now()

        def answer() -> None:
            by = "timeout" if expired else stub.by or "stub"
            given = GateAnswered(loop.now(), path, said == "yes", by, stub.comment, expired, answers)
            loop.happen(RUN_STREAM, given)

        loop.line.put(path, ANSWER, "", seconds, answer)

    def _as_recorded(self, path: str, gate: GateOpened) -> None:
        """Answers an agent's question as it was answered in the recording, without which no agent asks any."""
        loop, stream, call = self._loop, gate.session or "", gate.call or ""
        result = loop.recording.result_of(stream, call) if loop.recording is not None else None
        content, is_error = result or ("The recording does not tell what was answered.", True)
        go_on(loop, stream)
        loop.happen(stream, ToolFinished(loop.now(), call, content, is_error=is_error))
        loop.happen(RUN_STREAM, GateAnswered(loop.now(), path, True, "the recording"))

    def _answers(self, path: str, gate: GateOpened, stub: Stub) -> JSON:
        """What meets the form of an `ask`, its defaults filled in; None where a yes or no is asked for."""
        if gate.form is None:
            return None
        given = stub.output if "output" in stub.model_fields_set else self._loop.generated(path)
        return with_defaults(gate.form, given)

    def closed(self, path: str) -> None:
        """Nobody need answer any more."""
        self._loop.line.forget(path, ANSWER)

    def look(self) -> None:
        """Nobody leaves answers elsewhere."""
