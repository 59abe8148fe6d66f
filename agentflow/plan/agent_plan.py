"""What a plan says of agents and their tools."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct

from agentflow.plan.expressions import Expression, Template
from agentflow.plan.permission_plan import NO_RULES, PermissionLevel

Effects = Literal["none", "writes", "sends"]
WorkspaceKind = Literal["shared", "copy", "worktree"]
AnsweredBy = Literal["toolbox", "session", "subagent", "person", "service", "journal"]
Strategy = Literal["compact", "window", "summarize", "clear_tools"]
JSON = Any


class ToolRetryPlan(Struct, frozen=True):
    """How often a tool is tried in all, the seconds before the second attempt, and after which failures."""

    attempts: int
    backoff: float
    on: tuple[str, ...]


class Rate(Struct, frozen=True):
    """At most so many calls begin within so many seconds."""

    calls: int
    seconds: float


class ToolOptions(Struct, frozen=True):
    """What stands around each call of a tool; all of it is absent where nothing is said.

    Attributes:
        cache: a result counts again for the same input, for `cache_for` seconds or, where that is None, the whole run.
        output: JSON Schema that a result, read as JSON, must meet.
    """

    retry: ToolRetryPlan | None = None
    rate: Rate | None = None
    cache: bool = False
    cache_for: float | None = None
    output: Mapping[str, JSON] | None = None


class ToolSpec(Struct, frozen=True):
    """A tool as a model sees it and as the deciders treat it.

    Attributes:
        name: the name the model calls.
        description: what the model reads.
        input_schema: JSON Schema of the input, of `type: object`.
        effects: `none` may be repeated and runs at once with others; the rest runs in order and is never repeated
            silently.
        by: who answers a call: the `toolbox`; the `session` itself, from what it knows; a `subagent`; a `person`; or
            the model's own `service`, while it replies; or the `journal`, which holds the session's whole history.
        deferred: the model sees it only once `ToolSearch` has found it.
        service: of a tool `by: service`, what the service is told of it.
        options: what stands around each call.
    """

    name: str
    description: str
    input_schema: Mapping[str, JSON]
    effects: Effects
    by: AnsweredBy = "toolbox"
    deferred: bool = False
    service: Mapping[str, JSON] = {}
    options: ToolOptions = ToolOptions()


class Grant(Struct, frozen=True):
    """One tool an agent may use.

    Attributes:
        tool: what it may call.
        rules: the patterns that narrow it (`src/**` of `Read(src/**)`), inputs in them not yet in their places; empty:
            the whole tool.
    """

    tool: ToolSpec
    rules: tuple[str, ...] = ()


class SkillPlan(Struct, frozen=True):
    """A skill that an agent may call upon.

    Attributes:
        folder: seen from the folder of the workflow file.
        body: what it tells the agent.
    """

    name: str
    description: str
    folder: str
    body: str


NO_PROGRESS = 8
"""Turns without progress that end an agent, unless it may repeat the same call oftener than that."""


class StopRules(Struct, frozen=True):
    """What ends an agent; None is no bound. Money in US dollars, time in seconds."""

    turns: int
    repeated_calls: int
    failed_calls: int
    cost_usd: float | None = None
    tokens: int | None = None
    wall_time: float | None = None
    tool_calls: int | None = None
    when: Expression | None = None
    no_progress: int = NO_PROGRESS


class ServiceSettings(Struct, frozen=True):
    """How the service is to answer, under the names that the Messages API has for it; None leaves it to the service.

    Attributes:
        user_id: of `metadata`: who the request is for, as an opaque identifier.
    """

    inference_geo: str | None = None
    service_tier: str | None = None
    speed: str | None = None
    user_id: str | None = None

    def of_another(self) -> "ServiceSettings":
        """The same for another model than the agent's: how fast is a matter of the model, where and for whom is not."""
        return ServiceSettings(self.inference_geo, self.service_tier, None, self.user_id)


AS_THE_SERVICE_LIKES = ServiceSettings()


class ContextPlan(Struct, frozen=True):
    """What is done when a conversation fills the context window. Sizes in tokens.

    Attributes:
        at: the estimated input from which on the conversation is made smaller before the next turn.
        window: the most that the agent's model, and its fallback, can take in.
        keep_last: turns at the end that stay as they are, as far as half of `at` holds them.
        keep: the tools whose results always stay.
        model: what writes summaries; `summary_window`: the most that it can take in.
    """

    strategy: Strategy
    at: int
    window: int
    keep_last: int
    keep: tuple[str, ...]
    model: str
    summary_window: int


class AgentPlan(Struct, frozen=True):
    """An agent, its defaults filled in.

    Attributes:
        name: its name in the file, or the path of the step that holds it.
        output: JSON Schema its result must meet, or None for text.
        finish: it must end by the `finish` tool.
        subagents: the names it may call through `Agent`.
        grants: its tools, `Agent` included where `subagents` is not empty.
        workspace: whose files each of its sessions works on; None: it does not say.
        skills: what it may call upon by `Skill`.
        memory: whose files its `memory` tool keeps: those of the `agent` alone, or of all agents of the `workflow`.
        service: how the service is to answer its requests.
        context: what is done when its context window fills; None: nothing.
        permissions: its own, beside those of its file.
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
    workspace: WorkspaceKind | None = None
    skills: tuple[SkillPlan, ...] = ()
    memory: Literal["agent", "workflow"] | None = None
    service: ServiceSettings = AS_THE_SERVICE_LIKES
    context: ContextPlan | None = None
    permissions: PermissionLevel = NO_RULES


class CommandToolPlan(Struct, frozen=True):
    """A tool of the file's own; `argv`, `stdin` and `env` are rendered over `input`. Timeout in seconds."""

    spec: ToolSpec
    argv: tuple[Template, ...]
    stdin: Template | None
    env: Mapping[str, Template]
    timeout: float


class FunctionToolPlan(Struct, frozen=True):
    """A Python function of the author's as a tool; `env` is rendered over `input`. Timeout in seconds.

    Attributes:
        file, module, function, text: as of a step that calls one (`CallStepPlan`).
        makes: of each parameter that takes more than JSON data, what the worker makes of its argument: what
            `type_hints.Hint.maker` says.
    """

    spec: ToolSpec
    file: str
    module: str
    function: str
    text: str
    env: Mapping[str, Template]
    timeout: float
    makes: Mapping[str, JSON] = {}


OwnToolPlan = CommandToolPlan | FunctionToolPlan
"""The tools of a file's own."""
