"""What stands in for the world: one function for each kind of action of the run decider."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from agentflow.engine import run_actions, session_actions
from agentflow.events.run_events import CommandCalled, StepFinished, StepStarted
from agentflow.events.values import Failure, FailureKind, StepStatus
from agentflow.journal.port import RUN_STREAM
from agentflow.plan.model import ForEachStepPlan
from agentflow.run.state import FinishRun, FinishStep, OpenGate, StartBlock, StartCommand, StartSession
from agentflow.session.state import End
from agentflow.simulation.kinds import generated
from agentflow.simulation.loop import DryLoop
from agentflow.spec.stubs import Stub

JSON = Any


def start_session(loop: DryLoop, action: StartSession) -> None:
    """An agent's step: its stub, or its recorded session, or an output that meets its schema."""
    if (exhausted := loop.live.ledger.no_more_agents()) is not None:
        loop.exhausted[action.step] = exhausted
        return
    stub = loop.book.take(action.step)
    if _skipped(loop, action.step, stub):
        return
    replayed = stub is None and loop.recording is not None
    if not replayed:
        loop.silent.add(action.session)
    run_actions.start_session(loop, action)
    entry = loop.tracer.last(action.step)
    entry.asked = {
        "agent": action.agent.name,
        "model": action.agent.model,
        "instructions": action.instructions,
        "prompt": action.prompt,
    }
    if replayed:
        entry.stubbed = "recorded"
        return
    output, failure = _comes_to(loop, action.step, stub)
    end = End("done" if failure is None else failure.kind, output, failure)
    loop.in_a_slot(action.session, "model", lambda: session_actions.end(loop, action.session, end))


def start_command(loop: DryLoop, action: StartCommand) -> None:
    """A command's step: its stub, or the first exit code that counts as done and an output."""
    stub = loop.book.take(action.step)
    if _skipped(loop, action.step, stub):
        return
    loop.happen(RUN_STREAM, StepStarted(loop.now(), action.step, action.attempt))
    loop.tracer.last(action.step).asked = {"argv": list(action.argv), "stdin": action.stdin, "cwd": action.cwd}
    loop.happen(RUN_STREAM, CommandCalled(loop.now(), action.step, action.argv))
    code = None if stub is None else stub.exit_code
    if code is not None and code not in action.exit_codes:
        output: JSON = None
        failure: Failure | None = _failure(
            action.step, stub, "command_failed", f"`{action.argv[0]}` exited with {code}"
        )
        loop.note(action.step, True, _given(stub))
    else:
        output, failure = _comes_to(loop, action.step, stub)
        code = action.exit_codes[0] if code is None and failure is None else code
    status: StepStatus = "done" if failure is None else "failed"

    def ended() -> None:
        end = StepFinished(loop.now(), action.step, status, output, failure, exit_code=code)
        loop.happen(RUN_STREAM, end)

    loop.in_a_slot(RUN_STREAM, action.step, ended)


def start_block(loop: DryLoop, action: StartBlock) -> None:
    """A block runs its steps, unless a stub stands for the whole of it."""
    stub = loop.book.take(action.step)
    if _skipped(loop, action.step, stub):
        return
    if stub is None:
        run_actions.start_block(loop, action)
        return
    output, failure = _comes_to(loop, action.step, stub)
    step = loop.step(action.step)
    collects = isinstance(step, ForEachStepPlan) and step.collects and failure is None
    status: StepStatus = "done" if failure is None else "failed"
    end = StepFinished(loop.now(), action.step, status, output, failure, errors=[] if collects else None)
    loop.happen(RUN_STREAM, end)


def open_gate(loop: DryLoop, action: OpenGate) -> None:
    """A gate asks, and its stub answers; without one the answer is yes."""
    stub = loop.book.take(action.step)
    if _skipped(loop, action.step, stub):
        return
    if stub is not None and stub.status == "failed":
        _, failure = _comes_to(loop, action.step, stub)
        loop.happen(RUN_STREAM, StepFinished(loop.now(), action.step, "failed", failure=failure))
        return
    loop.people.stubs[action.step] = stub
    run_actions.open_gate(loop, action)
    loop.tracer.last(action.step).asked = {"message": action.message, "show": action.show}


def finish_step(loop: DryLoop, action: FinishStep) -> None:
    """As in a real run: nothing is asked of the world."""
    run_actions.finish_step(loop, action)


def finish_run(loop: DryLoop, action: FinishRun) -> None:
    """As in a real run: nothing is asked of the world."""
    run_actions.finish_run(loop, action)


DRY_ACTIONS: Mapping[type[Any], Callable[[DryLoop, Any], None]] = {
    StartSession: start_session,
    StartCommand: start_command,
    StartBlock: start_block,
    OpenGate: open_gate,
    FinishStep: finish_step,
    FinishRun: finish_run,
}


def _skipped(loop: DryLoop, path: str, stub: Stub | None) -> bool:
    """Ends a step that its stub skips; says whether it did."""
    if stub is None or stub.status != "skipped":
        return False
    reason = stub.reason or "its stub says so"
    loop.happen(RUN_STREAM, StepFinished(loop.now(), path, "skipped", reason=reason))
    loop.note(path, True, _given(stub))
    return True


def _comes_to(loop: DryLoop, path: str, stub: Stub | None) -> tuple[JSON, Failure | None]:
    """The output or the failure of a start, which is noted."""
    if stub is not None and (stub.error is not None or stub.status == "failed"):
        loop.note(path, True, _given(stub))
        return None, _failure(path, stub, "step_failed", "its stub says that it fails")
    if stub is not None and "output" in stub.model_fields_set:
        loop.note(path, True, _given(stub))
        return stub.output, None
    output = generated(loop.step(path), path)
    loop.note(path, False, {**({} if stub is None else _given(stub)), "output": output})
    return output, None


def _failure(path: str, stub: Stub | None, kind: FailureKind, message: str) -> Failure:
    """The failure that a stub tells of, or the one given where it does not say."""
    error = None if stub is None else stub.error
    if error is None:
        return Failure(kind, message, step=path)
    # `check_stubs` has looked the kind up.
    return Failure(cast(FailureKind, error.kind), error.message or message, step=path)


def _given(stub: Stub | None) -> Mapping[str, JSON]:
    """A stub as its file has it."""
    return {} if stub is None else stub.model_dump(exclude_unset=True)
