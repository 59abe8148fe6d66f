"""The values that events carry."""

from typing import Any, Literal

from msgspec import Struct

JSON = Any

FailureKind = Literal[
    # bounds that were reached
    "turns",
    "cost_usd",
    "tokens",
    "wall_time",
    "tool_calls",
    "repeated_calls",
    "failed_calls",
    "no_progress",
    "agents",
    "depth",
    "max_items",
    "max_rounds",
    # what the model did
    "refusal",
    "max_tokens",
    "context_window",
    "output_invalid",
    "finish_missing",
    "unexpected_reply",
    # what the model's service did
    "model_unavailable",
    "model_request_refused",
    "model_access",
    # what a step met
    "input_invalid",
    "command_failed",
    "call_failed",
    "tool_failed",
    "workspace",
    "timeout",
    "expression",
    "outcome_unknown",
    "sandbox",
    "secret_missing",
    "rejected",
    "denied",
    "step_failed",
    "failed",
    "cancelled",
    "internal",
]
"""Why something failed; the list is closed."""

LIMITS: frozenset[str] = frozenset(
    {
        "turns",
        "cost_usd",
        "tokens",
        "wall_time",
        "tool_calls",
        "repeated_calls",
        "failed_calls",
        "no_progress",
        "agents",
        "depth",
        "max_items",
        "max_rounds",
    }
)
"""The kinds that are a bound of the author's: a run that one of them ended exits 3."""

StepStatus = Literal["done", "failed", "skipped", "rejected"]
Effects = Literal["none", "writes", "sends"]
CompactionWay = Literal["api", "summary", "window", "clear"]


class Failure(Struct, frozen=True):
    """Why a step or session did not end well.

    Attributes:
        kind: one of `FailureKind`.
        message: names the thing, then the next move.
        retryable: the same might succeed later.
        step: the step it began in, where it came up from inside a block.
    """

    kind: FailureKind
    message: str
    retryable: bool = False
    step: str | None = None


class Usage(Struct, frozen=True):
    """Tokens, as the Messages API counts them: `input_tokens` excludes what was read from or written to the cache.

    `web_searches` is how often the service searched the web meanwhile, which it charges for too. `estimated`: the
    server did not count, at least in part.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    web_searches: int = 0
    estimated: bool = False

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_5m_tokens + other.cache_write_5m_tokens,
            self.cache_write_1h_tokens + other.cache_write_1h_tokens,
            self.web_searches + other.web_searches,
            self.estimated or other.estimated,
        )

    @property
    def input_total(self) -> int:
        """All tokens that went in, cached or not: the size of the context that was sent."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_5m_tokens + self.cache_write_1h_tokens

    @property
    def total(self) -> int:
        """All tokens, in and out."""
        return self.input_total + self.output_tokens


class Spent(Struct, frozen=True):
    """What something cost: tokens, US dollars, model calls, tool calls; subagents included."""

    usage: Usage = Usage()
    cost_usd: float = 0.0
    turns: int = 0
    tool_calls: int = 0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            self.usage + other.usage,
            self.cost_usd + other.cost_usd,
            self.turns + other.turns,
            self.tool_calls + other.tool_calls,
        )


class Denial(Struct, frozen=True):
    """Why a call of a tool was not to run.

    Attributes:
        why: in a sentence without its full stop.
        rule: the rule that denies it, as it is written, and `where` it stands; None: the mode, or no grant.
        by: who said no, where a person was asked.
    """

    why: str
    rule: str | None = None
    where: str | None = None
    by: str | None = None


class Workspace(Struct, frozen=True):
    """Files of its own that a step or session works on.

    Attributes:
        kind: `copy` or `worktree`.
        folder: where they are, seen from the project.
        branch: of a worktree.
    """

    kind: Literal["copy", "worktree"]
    folder: str
    branch: str | None = None


NOTHING_SPENT = Spent()


class Approvers(Struct, frozen=True):
    """Who may answer a gate, by roles of the operator's policy.

    Attributes:
        roles: these at once.
        escalates_at: from then on (seconds since the epoch) those in `to`, too.
    """

    roles: tuple[str, ...]
    escalates_at: float | None = None
    to: tuple[str, ...] = ()

    def at(self, now: float) -> frozenset[str]:
        """The roles that may answer then."""
        escalated = self.escalates_at is not None and now >= self.escalates_at
        return frozenset(self.roles) | (frozenset(self.to) if escalated else frozenset())


class Lineage(Struct, frozen=True):
    """The older run that a run goes on from.

    Attributes:
        run: its id.
        how: `fork`: a step and what follows it run anew; `edited`: so does what an edit of the file changed;
            `session`: one of its sessions is carried on.
        steps: of a fork, where it begins as a person said it; none: at what had failed.
        session: the stream that is carried on.
        turn: the last of its turns that is taken over; None: all.
    """

    run: str
    how: Literal["fork", "edited", "session"]
    steps: tuple[str, ...] = ()
    session: str | None = None
    turn: int | None = None


class Continued(Struct, frozen=True):
    """What a run does that only carries a session on: one agent step, in the place of the file's own steps.

    Attributes:
        step: the path of the step whose agent it is, in the file that is stored with the run.
        subagent: the agent's name, where it is one that a session of that step called.
        prompt: what a person says to it.
        system: the system prompt that it has had.
    """

    step: str
    prompt: str
    system: str | None = None
    subagent: str | None = None


class Timings(Struct, frozen=True):
    """Phases of a model call, in seconds: waiting for a slot, until the first byte of the reply, in all."""

    queued: float
    first_byte: float
    total: float
