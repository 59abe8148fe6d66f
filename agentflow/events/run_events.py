"""What can happen to a run. `at` is seconds since the epoch; a step is named by its path, as `research[3].find`."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from agentflow.events.file_events import FileEvent
from agentflow.events.operator_events import BudgetWarned, GateEscalated, MoneyLeased, MoneyWrittenOff
from agentflow.events.values import JSON, Approvers, Continued, Failure, Lineage, Spent, StepStatus, Workspace


class RunStarted(Struct, frozen=True):
    """The run exists.

    Attributes:
        workflow: the workflow's name.
        path: the file as it was named, which is how `sources` names it too.
        project: the absolute path of the project's folder, where the run works.
        sources: every source text the plan was made from, by path; a resume runs these.
        plan_digest: of the plan that `sources` give; another one refuses to resume.
        inputs: resolved, defaults filled in.
        folder: of the workflow file, seen from the project; functions are called from there.
        lineage: the older run that it goes on from; what it keeps of that follows as `StepKept` and `SessionKept`.
        continued: it carries a session on, and runs that in the place of the file's steps.
        declared: what was declared of models, as `plan/declared_models.py` writes it: the plan goes by it.
        user, tenant: who is charged for it, until its end; None where nobody said.
    """

    at: float
    run: str
    workflow: str
    path: str
    project: str
    sources: Mapping[str, str]
    plan_digest: str
    inputs: Mapping[str, JSON]
    folder: str = ""
    lineage: Lineage | None = None
    continued: Continued | None = None
    declared: Mapping[str, JSON] = {}
    user: str | None = None
    tenant: str | None = None


class StepKept(Struct, frozen=True):
    """What a step came to in an older run: once it would begin here it ends so, and is not run again.

    Attributes:
        session: the stream that did it, and `attempt` which one of the step's that was.
        else: as of `StepFinished`.
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
    converged: bool | None = None
    session: str | None = None
    attempt: int = 1


class RunResumed(Struct, frozen=True):
    """A process took the run over; the time since `worked_until`, the last event of any stream, was nobody's work.

    Attributes:
        limits: bounds of the run that a person has changed, by their names in `limits`; they hold from now on.
    """

    at: float
    worked_until: float
    limits: Mapping[str, float] = {}


class RunPaused(Struct, frozen=True):
    """The process let the run go: it waits, or was interrupted. `resume` goes on.

    Attributes:
        waiting: the paths of the gates whose people it waits for.
        until: when the model's service may be asked again; None: no time is known, or a person must act first.
        service: what it waits for where that is the model's service: what came of the last call.
    """

    at: float
    reason: Literal["waiting", "interrupted"]
    waiting: tuple[str, ...] = ()
    until: float | None = None
    service: Failure | None = None


class RunLimitReached(Struct, frozen=True):
    """A bound of the whole run is reached, and ends it: its time, its money, its turns, its agents."""

    at: float
    failure: Failure


class RunCancelled(Struct, frozen=True):
    """A person has ended the run for good: what is at work is stopped, and nothing goes on with it."""

    at: float
    by: str
    reason: str | None = None


class WorkflowLimitReached(Struct, frozen=True):
    """A bound of a file that runs as the step `step` is reached, and ends that step: nothing new starts in it."""

    at: float
    step: str
    failure: Failure


class RunFinished(Struct, frozen=True):
    """The run has ended.

    Attributes:
        held: a budget is used up, and what it held back is as it was: with more of it the run goes on from there.
            Otherwise it has ended for good.
        until: when a cap that held it back is whole again, where one is, in seconds since the epoch.
    """

    at: float
    status: Literal["done", "failed"]
    outputs: JSON
    failure: Failure | None
    spent: Spent
    held: bool = False
    until: float | None = None


class ModelHeld(Struct, frozen=True):
    """A model failed several calls in a row: none goes to it before `until`, and then one to try."""

    at: float
    model: str
    until: float
    failure: Failure


class ModelFreed(Struct, frozen=True):
    """A model that was held has answered; calls go to it again."""

    at: float
    model: str


class StepHeld(Struct, frozen=True):
    """An agent's step only waits for the model's service from now on: its clock and the run's stand still for it.

    Attributes:
        until: when it is asked again; None: when a person has acted.
    """

    at: float
    step: str
    until: float | None
    failure: Failure


class StepFreed(Struct, frozen=True):
    """A step that only waited for the model's service goes on."""

    at: float
    step: str


class StepStarted(Struct, frozen=True):
    """A step began: a command, a session, a block.

    Attributes:
        attempt: from 1.
        session: the stream of the session that does it, for an agent step.
        items: how many, for a `for_each`.
        rounds: how many at most, for a `repeat`.
        choice: the case of a `choose` that runs: its position from 1, or `otherwise`.
        workspace: the files it works on, where they are not the project's.
    """

    at: float
    step: str
    attempt: int = 1
    session: str | None = None
    items: int | None = None
    rounds: int | None = None
    choice: str | None = None
    workspace: Workspace | None = None


class CommandCalled(Struct, frozen=True):
    """A step's command is about to run: the intent that comes before its effect."""

    at: float
    step: str
    argv: tuple[str, ...]


class FunctionCalled(Struct, frozen=True):
    """A step's Python function is about to be called: the intent that comes before its effect.

    Attributes:
        function: its file, seen from the workflow file's folder, and its name: `lib/stats.py:mean`.
    """

    at: float
    step: str
    function: str
    arguments: Mapping[str, JSON]


class ToolStepCalled(Struct, frozen=True):
    """A step's tool is about to run: the intent that comes before its effect."""

    at: float
    step: str
    tool: str
    input: Mapping[str, JSON]


class StepFinished(Struct, frozen=True):
    """A step, an item of a `for_each` or a round of a `repeat` (as `research[3]`, from 0), has ended.

    Attributes:
        output: what readers see.
        reason: why it was skipped, in words.
        exit_code: of a command that ran.
        errors: of a `for_each` that collects: one `{index, kind, message}` per failed item.
        spent: by its session or the steps inside it.
        converged: of a `repeat` and its rounds: whether `until` held.
        reused: it did not run: this is what it came to in the older run that this one goes on from.
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
    converged: bool | None = None
    reused: bool = False


class StepRetried(Struct, frozen=True):
    """An attempt at a step has failed, and there will be another.

    Attributes:
        attempt: which one comes, from 2.
        failure: what ended the last one.
        next_at: not before this time, in seconds since the epoch.
    """

    at: float
    step: str
    attempt: int
    failure: Failure
    next_at: float


class RetryDue(Struct, frozen=True):
    """The rest before a step's next attempt is over."""

    at: float
    step: str


class StepTimedOut(Struct, frozen=True):
    """A block has been at work for its `timeout`: what is inside it is ended, and then it fails."""

    at: float
    step: str
    failure: Failure


class StepReset(Struct, frozen=True):
    """A step that was done is to run again: the run was resumed, and nothing has used its output yet."""

    at: float
    step: str


class OutcomeUnknown(Struct, frozen=True):
    """A crash cut a step's effect off; whether it happened cannot be told."""

    at: float
    step: str


class GateOpened(Struct, frozen=True):
    """A person is asked.

    Attributes:
        about: `approve`; `ask`; `unknown`: whether to run a step again whose outcome is unknown; or `call`: whether a
            call of a tool may run.
        expires_at: when the step's `timeout` answers, in seconds since the epoch.
        form: of an `ask`, the JSON Schema of its answers.
        session, call: where an agent asks by `AskUserQuestion`: the stream of its session, and the id of its call.
            `step` is then the path of the agent's step with the question's number, as `find.question1`. Of a `call`
            that an agent makes, likewise, as `find.call1`.
        digest: of a `call`: what the answer is bound to, as of `CallAsked`.
        approvers: who may answer; None: anybody.
    """

    at: float
    step: str
    message: str
    show: str | None = None
    about: Literal["approve", "ask", "unknown", "call"] = "approve"
    expires_at: float | None = None
    form: Mapping[str, JSON] | None = None
    session: str | None = None
    call: str | None = None
    digest: str | None = None
    approvers: Approvers | None = None


class GateAnswered(Struct, frozen=True):
    """A person, `--yes` or the timeout has answered. `by` says who.

    Attributes:
        approved: yes; of an `ask`, that it was answered.
        answers: to an `ask`, what meets its form.
    """

    at: float
    step: str
    approved: bool
    by: str
    comment: str | None = None
    expired: bool = False
    answers: JSON = None


class QuestionWithdrawn(Struct, frozen=True):
    """An agent's question is not asked any more: its session ended. `step` is the question's address."""

    at: float
    step: str


class StepIdled(Struct, frozen=True):
    """The agents of a step have nothing left but people to wait for (`idle`), or one of them goes on."""

    at: float
    step: str
    idle: bool


RunEvent = (
    RunStarted
    | StepKept
    | RunResumed
    | RunPaused
    | RunLimitReached
    | RunCancelled
    | WorkflowLimitReached
    | RunFinished
    | BudgetWarned
    | ModelHeld
    | ModelFreed
    | StepHeld
    | StepFreed
    | StepStarted
    | CommandCalled
    | FunctionCalled
    | ToolStepCalled
    | StepFinished
    | StepRetried
    | RetryDue
    | StepTimedOut
    | StepReset
    | OutcomeUnknown
    | GateOpened
    | GateEscalated
    | GateAnswered
    | QuestionWithdrawn
    | StepIdled
    | MoneyLeased
    | MoneyWrittenOff
    | FileEvent
)
