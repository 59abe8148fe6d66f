"""What the start of a step comes to: what its stub says, or the smallest output that meets its schema."""

from collections.abc import Mapping
from typing import Any, cast

from agentflow.events.run_events import StepFinished
from agentflow.events.values import Failure, FailureKind
from agentflow.journal.port import RUN_STREAM
from agentflow.plan.model import StepPlan
from agentflow.simulation.loop import DryLoop
from agentflow.spec.stubs import Stub

JSON = Any


def skipped(loop: DryLoop, path: str, stub: Stub | None) -> bool:
    """Ends a step that its stub skips; says whether it did."""
    if stub is None or stub.status != "skipped":
        return False
    reason = stub.reason or "its stub says so"
    loop.happen(RUN_STREAM, StepFinished(loop.now(), path, "skipped", reason=reason))
    loop.note(path, True, _given(stub))
    return True


def fails(stub: Stub | None) -> bool:
    """Whether a stub says that its step fails."""
    return stub is not None and (stub.error is not None or stub.status == "failed")


def comes_to(loop: DryLoop, path: str, stub: Stub | None) -> tuple[JSON, Failure | None]:
    """The output or the failure of a start, which is noted."""
    if stub is not None and fails(stub):
        return None, failing(loop, path, stub, _plain_kind(loop.step(path)), "its stub says that it fails")
    if stub is not None and "output" in stub.model_fields_set:
        loop.note(path, True, _given(stub))
        return stub.output, None
    output = loop.generated(path)
    loop.note(path, False, {**({} if stub is None else _given(stub)), "output": output})
    return output, None


def failing(loop: DryLoop, path: str, stub: Stub, kind: FailureKind, message: str) -> Failure:
    """The failure that a stub tells of, or the one given where it does not say; it is noted."""
    loop.note(path, True, _given(stub))
    error = stub.error
    if error is None:
        return Failure(kind, message, step=path)
    # `check_stubs` has looked the kind up.
    return Failure(cast(FailureKind, error.kind or kind), error.message or message, step=path)


def _plain_kind(step: StepPlan) -> FailureKind:
    """The kind of a failure that its stub gives none: one after which the step is tried again, if it is at all."""
    if step.retry is None:
        return "step_failed"
    return "failed" if "failed" in step.retry.on else cast(FailureKind, step.retry.on[0])


def _given(stub: Stub) -> Mapping[str, JSON]:
    """A stub as its file has it."""
    return stub.model_dump(exclude_unset=True)
