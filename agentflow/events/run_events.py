"""What can happen to a run. `at` is seconds since the epoch; a step is named by its path, as `research[3].find`."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from agentflow.events.values import JSON, Failure, Spent, StepStatus


class RunStarted(Struct, frozen=True):
    """The run exists.

    Attributes:
        workflow: the workflow's name.
        path: the file as it was named, which is how `sources` names it too.
        project: the absolute path of the project's folder, where the run works.
        sources: every source text the plan was made from, by path; a resume runs these.
        plan_digest: of the plan that `sources` give; another one refuses to resume.
        inputs: resolved, defaults filled in.
    """

    at: float
    run: str
    workflow: str
    path: str
    project: str
    sources: Mapping[str, str]
    plan_digest: str
    inputs: Mapping[str, JSON]


class RunResumed(Struct, frozen=True):
    """A process took the run over; the time since `worked_until`, the last event of any stream, was nobody's work."""

    at: float
    worked_until: float


class RunPaused(Struct, frozen=True):
    """The process let the run go: it waits for people, or was interrupted. `resume` goes on."""

    at: float
    reason: Literal["waiting", "interrupted"]
    waiting: tuple[str, ...] = ()


class RunLimitReached(Struct, frozen=True):
    """A bound of the whole run is reached, and ends it: its time, its money, its turns, its agents."""

    at: float
    failure: Failure


class WorkflowLimitReached(Struct, frozen=True):
    """A bound of a file that runs as the step `step` is reached, and ends that step: nothing new starts in it."""

    at: float
    step: str
    failure: Failure


class RunFinished(Struct, frozen=True):
    """The run has ended for good."""

    at: float
    status: Literal["done", "failed"]
    outputs: JSON
    failure: Failure | None
    spent: Spent


class StepStarted(Struct, frozen=True):
    """A step began: a command, a session, a block.

    Attributes:
        attempt: from 1.
        session: the stream of the session that does it, for an agent step.
        items: how many, for a `for_each`.
    """

    at: float
    step: str
    attempt: int = 1
    session: str | None = None
    items: int | None = None


class CommandCalled(Struct, frozen=True):
    """A step's command is about to run: the intent that comes before its effect."""

    at: float
    step: str
    argv: tuple[str, ...]


class StepFinished(Struct, frozen=True):
    """A step, or an item of a `for_each` (as `research[3]`), has ended.

    Attributes:
        output: what readers see.
        reason: why it was skipped, in words.
        exit_code: of a command that ran.
        errors: of a `for_each` that collects: one `{index, kind, message}` per failed item.
        spent: by its session or the steps inside it.
    """

    at: float
    step: str
    status: StepStatus
    output: JSON = None
    failure: Failure | None = None
    reason: str | None = None
    exit_code: int | None = None
    errors: JSON = None
    approved: bool | None = None
    spent: Spent | None = None


class OutcomeUnknown(Struct, frozen=True):
    """A crash cut a step's effect off; whether it happened cannot be told."""

    at: float
    step: str


class GateOpened(Struct, frozen=True):
    """A person is asked.

    Attributes:
        about: `approve`, or `unknown`: whether to run a step again whose outcome is unknown.
        expires_at: when the step's `timeout` answers, in seconds since the epoch.
    """

    at: float
    step: str
    message: str
    show: str | None = None
    about: Literal["approve", "unknown"] = "approve"
    expires_at: float | None = None


class GateAnswered(Struct, frozen=True):
    """A person, `--yes` or the timeout has answered. `by` says who."""

    at: float
    step: str
    approved: bool
    by: str
    comment: str | None = None
    expired: bool = False


class MoneyLeased(Struct, frozen=True):
    """The run may spend this much more, in US dollars, before it asks again; synced to disk before use."""

    at: float
    amount_usd: float


class MoneyWrittenOff(Struct, frozen=True):
    """A lease that power loss left unaccounted stays charged, in US dollars."""

    at: float
    amount_usd: float


RunEvent = (
    RunStarted
    | RunResumed
    | RunPaused
    | RunLimitReached
    | WorkflowLimitReached
    | RunFinished
    | StepStarted
    | CommandCalled
    | StepFinished
    | OutcomeUnknown
    | GateOpened
    | GateAnswered
    | MoneyLeased
    | MoneyWrittenOff
)
