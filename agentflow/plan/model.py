"""The Plan: everything a run may do, resolved and frozen."""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct, field, structs

from agentflow.plan.agent_plan import AgentPlan, Effects, OwnToolPlan, ToolSpec, WorkspaceKind
from agentflow.plan.expressions import Expression, Template
from agentflow.plan.graph import Edges, digraph
from agentflow.plan.permission_plan import NO_RULES, PermissionLevel
from agentflow.plan.sandbox_plan import SandboxPlan

if TYPE_CHECKING:
    import networkx

JSON = Any
Argument = Any
"""JSON data in which a `Template` may stand wherever a text may."""


class RetryPlan(Struct, frozen=True):
    """How a failed step is tried again.

    Attributes:
        attempts: in all, the first included.
        backoff: seconds before the second.
        on: the kinds of failure after which there is another.
        repeat_effects: what it sends may be sent again.
    """

    attempts: int
    backoff: float
    on: tuple[str, ...]
    repeat_effects: bool


class StepPlan(Struct, frozen=True):
    """What every step has.

    Attributes:
        id: its id in its scope.
        needs: the ids named by `needs`, which `join` judges.
        reads: the ids of the same scope and of enclosing ones whose `.output` its own expressions read with nothing
            to fall back on: where one of these was skipped, so is this step.
        if_skipped: what readers see when it was skipped; meaningful only where `has_if_skipped`.
        continues: `on_error: continue`.
        retry: None: it is tried once.
        time_limit: seconds at work in one attempt; None also for the kinds that keep a `timeout` of their own.
        reruns: `on_resume: rerun`.
        workspace: whose files it, or what it holds, works on; None: it does not say.
    """

    id: str
    needs: tuple[str, ...]
    reads: tuple[str, ...]
    join: Literal["all", "any", "done"]
    when: Expression | None
    has_if_skipped: bool
    if_skipped: JSON
    continues: bool
    retry: RetryPlan | None
    time_limit: float | None
    reruns: bool
    workspace: WorkspaceKind | None


class AgentStepPlan(StepPlan, frozen=True):
    """One agent session. `continues_session` is the id of the step whose session it carries on, after `previous.` for
    the last round's."""

    agent: AgentPlan
    prompt: Template
    continues_session: str | None


class RunStepPlan(StepPlan, frozen=True):
    """A command: `argv` templates, or `script`, a constant for `bash -euo pipefail -c`. Timeout in seconds."""

    argv: tuple[Template, ...]
    script: str | None
    stdin: Template | None
    env: Mapping[str, Template]
    cwd: str | None
    parse: Literal["text", "json", "lines"]
    exit_codes: tuple[int, ...]
    effects: Effects
    timeout: float
    on_unknown: Literal["ask", "retry", "fail"]


class CallStepPlan(StepPlan, frozen=True):
    """A Python function of the author's. Timeout in seconds.

    Attributes:
        file: its module, seen from the folder of the workflow file.
        module: the module's name, as `lib.stats`; its folder is `file` without what the name stands for.
        text: what the file held when the plan was made, which is what runs.
        arguments: a mapping in which templates stand for what they give.
        output: JSON Schema that the return value must meet; None: any.
    """

    file: str
    module: str
    function: str
    text: str
    arguments: Mapping[str, JSON]
    output: Mapping[str, JSON] | None
    effects: Effects
    timeout: float
    on_unknown: Literal["ask", "retry", "fail"]


class ToolStepPlan(StepPlan, frozen=True):
    """One tool call without a model; `input` is a mapping in which templates stand for what they give."""

    tool: ToolSpec
    input: Mapping[str, Argument]
    on_unknown: Literal["ask", "retry", "fail"]

    @property
    def effects(self) -> Effects:
        """What the tool says of itself."""
        return self.tool.effects


EffectStepPlan = RunStepPlan | CallStepPlan | ToolStepPlan
"""The steps that act by themselves: their intent is on record before they do, and a crash may leave it open."""


class ValueStepPlan(StepPlan, frozen=True):
    """The value of an expression."""

    value: Expression


class ApproveStepPlan(StepPlan, frozen=True):
    """A person says yes or no. Timeout in seconds.

    Attributes:
        roles: who may answer, by roles of the policy; empty: anybody.
        escalate_after: from then on, in seconds, `escalate_to` may answer, too.
    """

    message: Template
    show: Template | None
    timeout: float | None
    on_timeout: Literal["reject", "fail"]
    on_reject: Literal["skip", "continue"]
    roles: tuple[str, ...] = ()
    escalate_after: float | None = None
    escalate_to: tuple[str, ...] = ()


class AskStepPlan(StepPlan, frozen=True):
    """A person answers. `form` is the JSON Schema of the answer. Timeout in seconds."""

    message: Template
    show: Template | None
    form: Mapping[str, JSON]
    timeout: float | None


class PartLimits(Struct, frozen=True):
    """What bounds a file that runs as a step, as far as it says; None: what is around it. Units as in `RunLimits`."""

    cost_usd: float | None = None
    wall_time: float | None = None
    turns: int | None = None
    parallel: int | None = None
    agents: int | None = None
    depth: int | None = None


class WorkflowStepPlan(StepPlan, frozen=True):
    """Another workflow file.

    Attributes:
        file: its path as it is written.
        plan: its own plan; its agents, tools, variables and inputs are its alone.
        arguments: its inputs, by name.
        limits: those that it writes down, which bound its part of the run.
    """

    file: str
    plan: "Plan"
    arguments: Mapping[str, Argument]
    limits: PartLimits

    @property
    def body(self) -> "Block":
        """Its steps."""
        return self.plan.root


class BoundPlan(Struct, frozen=True):
    """A bound: a constant, or the name of an input whose schema bounds it."""

    value: int | None
    input: str | None = None


class ForEachStepPlan(StepPlan, frozen=True):
    """The body once per item; `parallel` bounds the items at work at once."""

    items: Expression
    as_name: str
    max: BoundPlan
    parallel: BoundPlan
    collects: bool
    body: "Block"


class RepeatStepPlan(StepPlan, frozen=True):
    """The body until `until` holds, which reads the body's steps; `accepts`: the last round is good enough."""

    until: Expression
    max: BoundPlan
    accepts: bool
    body: "Block"


class ChooseStepPlan(StepPlan, frozen=True):
    """The first of the body's steps, in their order, whose `when` holds, or that has none."""

    body: "Block"


class FailStepPlan(StepPlan, frozen=True):
    """Ends its surroundings with a message; done where its `when` is false."""

    message: Template


class GroupStepPlan(StepPlan, frozen=True):
    """A scope of steps."""

    body: "Block"


BlockStepPlan = ForEachStepPlan | RepeatStepPlan | ChooseStepPlan | GroupStepPlan
"""The steps that hold a `body`."""


class Block(Struct, frozen=True, dict=True):
    """The steps of one scope.

    Attributes:
        steps: by id, in the file's order.
        followers: of each id, those of the steps that read or need it; where a step inside a block does, that is the
            step that holds the block.
        output: what readers outside see; None: nothing can be read. For a body given as `step:` this reads that
            step's output.
        order: the ids so that each comes after those it waits for; ties in the file's order.
        cases: its steps are those of a `choose`: one of them runs, and none is read by its id.
    """

    steps: Mapping[str, StepPlan]
    followers: Edges
    output: Expression | None
    order: tuple[str, ...]
    cases: bool = False

    @cached_property
    def graph(self) -> "networkx.DiGraph[str]":
        """The steps as a graph, an edge from each to those that follow it; built when it is first walked."""
        return digraph(self.followers)


def every_step(block: Block, *, into_files: bool = True) -> Iterator[StepPlan]:
    """The steps of a block and of all the blocks in it, also of the files that its steps run."""
    for step in block.steps.values():
        yield step
        if isinstance(step, BlockStepPlan):
            yield from every_step(step.body, into_files=into_files)
        elif isinstance(step, WorkflowStepPlan) and into_files:
            yield from every_step(step.plan.root)


class InputPlan(Struct, frozen=True):
    """An input: its JSON Schema (without `default` and `untrusted`) and its default where it has one."""

    schema: Mapping[str, JSON]
    required: bool
    default: JSON = None
    untrusted: bool = False


class RunLimits(Struct, frozen=True):
    """The bounds of the whole run. Money in US dollars, time in seconds; `warn_at` is a share of the money."""

    cost_usd: float
    wall_time: float
    turns: int
    parallel: int
    agents: int
    depth: int
    warn_at: float | None = None


class Plan(Struct, frozen=True):
    """Everything a run may do.

    Attributes:
        digest: SHA-256, in hex, of the language version and every source text the plan was made from.
        sandbox: what its commands may reach.
        agents: by name, those of the file; inline ones are in their steps.
        tools: the file's own.
        env: for every command.
        root: the steps.
        outputs: the file's, by name.
        secrets: the names of those that environments may read.
        redact: `likely`: what looks like a secret is kept out too; counts where the file is the run's own.
        permissions: what holds for all its agents and `tool` steps.
    """

    name: str
    description: str
    path: str
    digest: str
    inputs: Mapping[str, InputPlan]
    limits: RunLimits
    sandbox: SandboxPlan
    env: Mapping[str, Template]
    tools: Mapping[str, OwnToolPlan]
    agents: Mapping[str, AgentPlan]
    root: Block
    outputs: Mapping[str, Expression] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    redact: Literal["likely", "exact"] = "likely"
    permissions: PermissionLevel = NO_RULES

    @property
    def sandbox_off(self) -> bool:
        """The file says `sandbox: off`: its commands run as the user would run them."""
        return self.sandbox.is_off


def limits_within(limits: RunLimits, part: PartLimits) -> RunLimits:
    """What bounds a file that runs as a step: what it writes down, inside what is around it."""
    written = {name: value for name, value in structs.asdict(part).items() if value is not None}
    return structs.replace(limits, **{name: min(value, getattr(limits, name)) for name, value in written.items()})


def asks_a_model(plan: Plan) -> bool:
    """Whether an agent stands anywhere in its steps."""
    return any(isinstance(step, AgentStepPlan) for step in every_step(plan.root))
