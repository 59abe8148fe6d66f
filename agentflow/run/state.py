"""What a run is, and what has become of it so far.

Paths name everything: the root scope is `""`, a step `report` or `report.draft`, an item or round of a loop
`research[3]` (from 0), a step in it `research[3].find`, a case of a choice `route.2` (from 1) or `route.otherwise`.
Maps are persistent, so that a state costs what changed and not what is there.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct
from rpds import HashTrieMap

from agentflow.events.run_events import GateAnswered, GateOpened, RunFinished, StepKept
from agentflow.events.values import NOTHING_SPENT, Failure, Spent, StepStatus, Workspace
from agentflow.plan.agent_plan import AgentPlan, ToolSpec
from agentflow.plan.model import Block, CallStepPlan, ForEachStepPlan, RepeatStepPlan, RetryPlan, WorkflowStepPlan
from agentflow.plan.secrets import EnvText

JSON = Any
ROOT = ""


class StepState(Struct, frozen=True):
    """A step.

    Attributes:
        status: `waiting` until what it waits for has ended, then `running`, then how it ended.
        called: its command, function or tool was about to run, so it may have had its effect.
        unknown: a crash cut it off.
        failed_attempts: how many attempts have failed; the step is `retrying` between one and the next.
        retry_at: when the next attempt may begin, in seconds since the epoch, once that is settled.
        workspace: whose files its session works on, where they are not the project's.
        overdue: it has been at work for its `timeout`, and only waits for what is inside it to end.
        idle: its agents have nothing left but people to wait for.
    """

    status: Literal["waiting", "running", "retrying", "done", "failed", "skipped", "rejected"] = "waiting"
    output: JSON = None
    failure: Failure | None = None
    reason: str | None = None
    exit_code: int | None = None
    errors: JSON = None
    approved: bool | None = None
    converged: bool | None = None
    attempt: int = 0
    session: str | None = None
    workspace: Workspace | None = None
    called: bool = False
    gate: GateOpened | None = None
    answer: GateAnswered | None = None
    unknown: bool = False
    failed_attempts: int = 0
    retry_at: float | None = None
    overdue: Failure | None = None
    idle: bool = False


class ScopeState(Struct, frozen=True):
    """The steps of one scope.

    Attributes:
        path: its own: of the root, of a group or choice, or of an item or round.
        above: the path of the enclosing scope; None for the root.
        holder: the id, in the enclosing scope, of the step that holds it.
        names: what expressions in it see beside steps, inputs and run.
        waits: for each step, how many it still waits for.
        open: steps that have not ended.
        failing: the first failure, which lets nothing new start.
        busy: what is to be decided or is running in it, at any depth; `asking`: gates open in it; `held`: steps in it
            that only wait for the model's service.
        file: where it is the root of a file that runs as a step, that step: nothing outside is seen from inside.
        worked: of a file, how long it was at work, in seconds; `since`: when it began to be.
    """

    path: str
    above: str | None
    holder: str
    block: Block
    names: Mapping[str, JSON]
    steps: "HashTrieMap[str, StepState]"
    waits: "HashTrieMap[str, int]"
    open: int
    failing: Failure | None = None
    busy: int = 0
    asking: int = 0
    held: int = 0
    file: WorkflowStepPlan | None = None
    worked: float = 0.0
    since: float | None = None

    @property
    def parked(self) -> bool:
        """Nothing goes on in it but waiting for people."""
        return self.busy == 0 and self.asking > 0 and self.held == 0


class StepClock(Struct, frozen=True):
    """The time at work of a step that has a bound on it.

    Attributes:
        worked: seconds up to `since`; since None it stands still, because what is inside only waits for people or
            for the model's service.
        busy: as of a scope, of all that is inside the step; `asking`: open gates and held steps.
    """

    worked: float
    since: float | None
    busy: int = 0
    asking: int = 0

    def seconds(self, now: float) -> float:
        """The time at work up to now."""
        return self.worked + (0.0 if self.since is None else max(0.0, now - self.since))


class ItemResult(Struct, frozen=True):
    """How an item or a round ended."""

    status: StepStatus
    output: JSON
    failure: Failure | None


class LoopState(Struct, frozen=True):
    """A `for_each` or `repeat` at work.

    Attributes:
        scope: the path of the scope the step stands in.
        items: what it runs over; of a `repeat` the numbers of the rounds there may be.
        begun: items opened so far, in order; rounds likewise, each when the one before it has ended.
        parked: of those that have not ended, how many only wait for people.
        last: the last round that has ended; its steps are what `previous` stands for.
        converged: `until` held after it.
    """

    scope: str
    step: ForEachStepPlan | RepeatStepPlan
    items: Sequence[JSON]
    parallel: int
    begun: int = 0
    parked: int = 0
    results: "HashTrieMap[int, ItemResult]" = HashTrieMap()  # immutable
    failing: Failure | None = None
    last: ScopeState | None = None
    converged: bool = False

    @property
    def open(self) -> int:
        """Items that were opened and have not ended."""
        return self.begun - len(self.results)


class RunState(Struct, frozen=True):
    """A run, folded from its events.

    Attributes:
        inputs: resolved.
        run: what expressions see as `run`.
        folder: of the workflow file, seen from the project.
        scopes, loops: those at work, by path.
        todo: paths to decide on, each with its place in line.
        line: the next place.
        running: leaf steps at work.
        held: those that only wait for the model's service, and since when.
        gates: those that are open, by the path of their step.
        failing: scopes and loops, those that are gone too, in which something failed that lets nothing new start.
        sessions: how many sessions began for each agent step's path.
        asked: how many questions the agents of a step have asked, by its path.
        retrying: the steps that rest before another attempt, and when it may begin.
        clocks: the time at work of the steps at work that have a bound on it.
        kept: what steps came to in the older run that this one goes on from, until they would begin.
        limit: what ends the run: a bound of it that was reached, or a person who cancelled it.
        active_seconds: time at work, waits for people not counted.
    """

    id: str
    inputs: Mapping[str, JSON]
    run: Mapping[str, JSON]
    last_at: float
    scopes: "HashTrieMap[str, ScopeState]"
    loops: "HashTrieMap[str, LoopState]"
    todo: "HashTrieMap[str, int]"
    line: int = 0
    running: int = 0
    held: "HashTrieMap[str, float]" = HashTrieMap()  # immutable
    gates: "HashTrieMap[str, GateOpened]" = HashTrieMap()  # immutable
    failing: int = 0
    sessions: "HashTrieMap[str, int]" = HashTrieMap()  # immutable
    asked: "HashTrieMap[str, int]" = HashTrieMap()  # immutable
    retrying: "HashTrieMap[str, float]" = HashTrieMap()  # immutable
    clocks: "HashTrieMap[str, StepClock]" = HashTrieMap()  # immutable
    kept: "HashTrieMap[str, StepKept]" = HashTrieMap()  # immutable
    limit: Failure | None = None
    active_seconds: float = 0.0
    spent: Spent = NOTHING_SPENT
    leased_usd: float = 0.0
    written_off_usd: float = 0.0
    finished: RunFinished | None = None
    folder: str = ""

    @property
    def at_work(self) -> bool:
        """Time passes for the run: something runs in it, or rests before another attempt."""
        return self.running > 0 or bool(self.retrying)


class StartSession(Struct, frozen=True):
    """Start an agent step's session. `continues` is the stream of the session it carries on."""

    step: str
    attempt: int
    session: str
    agent: AgentPlan
    prompt: str
    instructions: str | None
    continues: str | None
    workspace: Workspace | None = None


class StartCommand(Struct, frozen=True):
    """Run a command. `timeout` in seconds, `cwd` relative to the project; `parse` and `exit_codes` judge its end. The
    secrets in `env` are still to be filled in."""

    step: str
    attempt: int
    argv: tuple[str, ...]
    stdin: str
    env: Mapping[str, EnvText]
    cwd: str | None
    timeout: float
    effects: Literal["none", "writes", "sends"]
    parse: Literal["text", "json", "lines"]
    exit_codes: tuple[int, ...]
    workspace: Workspace | None = None


class StartCall(Struct, frozen=True):
    """Call a Python function of the author's; `env` is what commands get too."""

    step: str
    attempt: int
    plan: CallStepPlan
    arguments: Mapping[str, JSON]
    env: Mapping[str, EnvText]
    workspace: Workspace | None = None


class StartTool(Struct, frozen=True):
    """Run a tool; `env` is what commands get too."""

    step: str
    attempt: int
    tool: ToolSpec
    input: Mapping[str, JSON]
    env: Mapping[str, EnvText]
    workspace: Workspace | None = None


class StartBlock(Struct, frozen=True):
    """Open a group, a loop over so many items or of at most so many rounds, or a case of a choice."""

    step: str
    items: int | None = None
    rounds: int | None = None
    choice: str | None = None
    attempt: int = 1


class OpenGate(Struct, frozen=True):
    """Ask a person. `timeout` in seconds; `form` of an `ask`.

    Attributes:
        roles: who may answer; empty: anybody. `escalate_to` may, too, after `escalate_after` seconds.
    """

    step: str
    message: str
    show: str | None
    about: Literal["approve", "ask", "unknown"]
    timeout: float | None
    form: Mapping[str, JSON] | None = None
    roles: tuple[str, ...] = ()
    escalate_after: float | None = None
    escalate_to: tuple[str, ...] = ()


class RetryStep(Struct, frozen=True):
    """Settle when a failed step begins its next attempt, which is the `attempt`-th."""

    step: str
    attempt: int
    failure: Failure
    retry: RetryPlan


class FinishStep(Struct, frozen=True):
    """End a step, an item or a round, without running anything more; `reused`: as it did in an older run."""

    step: str
    status: StepStatus
    output: JSON = None
    failure: Failure | None = None
    reason: str | None = None
    errors: JSON = None
    approved: bool | None = None
    converged: bool | None = None
    exit_code: int | None = None
    reused: bool = False


class FinishRun(Struct, frozen=True):
    """End the run."""

    status: Literal["done", "failed"]
    outputs: JSON
    failure: Failure | None


StartEffect = StartCommand | StartCall | StartTool
Action = StartSession | StartEffect | StartBlock | OpenGate | RetryStep | FinishStep | FinishRun


def split(path: str) -> tuple[str, str]:
    """The scope a step's path stands in, and its id there."""
    scope, _, name = path.rpartition(".")
    return scope, name


def step_path(scope: str, name: str) -> str:
    """The path of a step in a scope."""
    return f"{scope}.{name}" if scope else name


def item_of(path: str) -> tuple[str, int] | None:
    """The loop and the index of an item's or round's path, or None for another path."""
    if not path.endswith("]"):
        return None
    loop, _, index = path[:-1].rpartition("[")
    return loop, int(index)
