"""The Plan: everything a run may do, resolved and frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from agentflow.plan.expressions import Expression, Template

if TYPE_CHECKING:
    import networkx

Effects = Literal["none", "writes", "sends"]
JSON = Any


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it and as the deciders treat it.

    Attributes:
        name: the name the model calls.
        description: what the model reads.
        input_schema: JSON Schema of the input, of `type: object`.
        effects: `none` may be repeated and runs at once with others; the rest runs in order and is never repeated
            silently.
    """

    name: str
    description: str
    input_schema: Mapping[str, JSON]
    effects: Effects


@dataclass(frozen=True, slots=True)
class Grant:
    """One tool an agent may use.

    Attributes:
        tool: what it may call.
        rules: the patterns that narrow it (`src/**` of `Read(src/**)`); empty: the whole tool.
    """

    tool: ToolSpec
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StopRules:
    """What ends an agent; None is no bound. Money in US dollars, time in seconds."""

    turns: int
    repeated_calls: int
    failed_calls: int
    cost_usd: float | None = None
    tokens: int | None = None
    wall_time: float | None = None
    tool_calls: int | None = None
    when: Expression | None = None


@dataclass(frozen=True, slots=True)
class AgentPlan:
    """An agent, its defaults filled in.

    Attributes:
        name: its name in the file, or the path of the step that holds it.
        output: JSON Schema its result must meet, or None for text.
        finish: it must end by the `finish` tool.
        subagents: the names it may call through `Agent`.
        grants: its tools, `Agent` included where `subagents` is not empty.
    """

    name: str
    description: str
    instructions: Template | None
    model: str
    fallback_model: str | None
    effort: str | None
    thinking: str | None
    max_tokens: int
    output: Mapping[str, JSON] | None
    finish: bool
    stop: StopRules
    grants: tuple[Grant, ...] = ()
    subagents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandToolPlan:
    """A tool of the file's own; `argv`, `stdin` and `env` are rendered over `input`. Timeout in seconds."""

    spec: ToolSpec
    argv: tuple[Template, ...]
    stdin: Template | None
    env: Mapping[str, Template]
    timeout: float


@dataclass(frozen=True, slots=True)
class StepPlan:
    """What every step has.

    Attributes:
        id: its id in its scope.
        needs: the ids named by `needs`, which `join` judges.
        reads: the ids of the same scope and of enclosing ones whose `.output` its own expressions read with nothing
            to fall back on: where one of these was skipped, so is this step.
        if_skipped: what readers see when it was skipped; meaningful only where `has_if_skipped`.
        continues: `on_error: continue`.
    """

    id: str
    needs: tuple[str, ...]
    reads: tuple[str, ...]
    join: Literal["all", "any", "done"]
    when: Expression | None
    has_if_skipped: bool
    if_skipped: JSON
    continues: bool


@dataclass(frozen=True, slots=True)
class AgentStepPlan(StepPlan):
    """One agent session. `continues_session` is the id of the step whose session it carries on."""

    agent: AgentPlan
    prompt: Template
    continues_session: str | None


@dataclass(frozen=True, slots=True)
class RunStepPlan(StepPlan):
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


@dataclass(frozen=True, slots=True)
class ValueStepPlan(StepPlan):
    """The value of an expression."""

    value: Expression


@dataclass(frozen=True, slots=True)
class ApproveStepPlan(StepPlan):
    """A person says yes or no. Timeout in seconds."""

    message: Template
    show: Template | None
    timeout: float | None
    on_timeout: Literal["reject", "fail"]
    on_reject: Literal["skip", "continue"]


@dataclass(frozen=True, slots=True)
class BoundPlan:
    """A bound: a constant, or the name of an input whose schema bounds it."""

    value: int | None
    input: str | None = None


@dataclass(frozen=True, slots=True)
class ForEachStepPlan(StepPlan):
    """The body once per item; `parallel` bounds the items at work at once."""

    items: Expression
    as_name: str
    max: BoundPlan
    parallel: BoundPlan
    collects: bool
    body: "Block"


@dataclass(frozen=True, slots=True)
class GroupStepPlan(StepPlan):
    """A scope of steps."""

    body: "Block"


@dataclass(frozen=True, slots=True)
class Block:
    """The steps of one scope.

    Attributes:
        steps: by id, in the file's order.
        graph: a `networkx.DiGraph` of the ids; an edge runs from a step to one that reads or needs it. An edge that
            an inner block's reference causes runs to the step that holds the block.
        output: what readers outside see; None: nothing can be read. For a body given as `step:` this reads that
            step's output.
        order: the ids so that each comes after those it waits for; ties in the file's order.
    """

    steps: Mapping[str, StepPlan]
    graph: "networkx.DiGraph[str]"
    output: Expression | None
    order: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InputPlan:
    """An input: its JSON Schema (without `default` and `untrusted`) and its default where it has one."""

    schema: Mapping[str, JSON]
    required: bool
    default: JSON = None
    untrusted: bool = False


@dataclass(frozen=True, slots=True)
class RunLimits:
    """The bounds of the whole run. Money in US dollars, time in seconds."""

    cost_usd: float
    wall_time: float
    turns: int
    parallel: int
    agents: int
    depth: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run may do.

    Attributes:
        digest: SHA-256, in hex, of the language version and every source text the plan was made from.
        sandbox_off: the file says `sandbox: off`; else no command runs.
        agents: by name, those of the file; inline ones are in their steps.
        tools: the file's own command tools.
        env: for every command.
        root: the steps.
        outputs: the file's, by name.
    """

    name: str
    description: str
    path: str
    digest: str
    inputs: Mapping[str, InputPlan]
    limits: RunLimits
    sandbox_off: bool
    env: Mapping[str, Template]
    tools: Mapping[str, CommandToolPlan]
    agents: Mapping[str, AgentPlan]
    root: Block
    outputs: Mapping[str, Expression] = field(default_factory=dict)
