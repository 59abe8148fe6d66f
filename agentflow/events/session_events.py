"""What can happen to a session: one agent's conversation. `at` is seconds since the epoch."""

from collections.abc import Mapping

from msgspec import Struct

from agentflow.events.values import JSON, Effects, Failure, Spent, Timings, Usage, Workspace


class SessionStarted(Struct, frozen=True):
    """A session exists, with nothing said yet but its prompt.

    Attributes:
        agent: the agent's name, or the path of the step that holds it.
        step: the path of the step it works for.
        depth: 1 for a step's own agent, one more for each agent in between.
        parent: the stream of the session whose `Agent` call this is, and `parent_call` that call's id.
        continues: the stream of the session whose messages come first.
        workspace: the files it works on, where they are not the project's.
    """

    at: float
    agent: str
    step: str
    prompt: str
    instructions: str | None
    depth: int = 1
    parent: str | None = None
    parent_call: str | None = None
    continues: str | None = None
    workspace: Workspace | None = None


class SessionResumed(Struct, frozen=True):
    """A process took the session over; the time since `worked_until`, the run's last event, was nobody's work."""

    at: float
    worked_until: float


class ModelCalled(Struct, frozen=True):
    """A request is about to go out.

    Attributes:
        turn: from 1.
        attempt: from 1, of this turn.
        max_tokens: the bound of this reply, lowered where the budget leaves less.
        reserved_usd: the most it can cost.
        note: what the agent is told first; from then on it has no tools, and one turn to give its output.
    """

    at: float
    turn: int
    attempt: int
    model: str
    max_tokens: int
    reserved_usd: float
    note: str | None = None


class ModelReplied(Struct, frozen=True):
    """A whole reply came, `message_stop` included.

    Attributes:
        content: the content blocks as the API gave them, fit to be sent back.
        stop_reason: as the API names it.
        cost_usd: what it cost; settles what the call reserved.
    """

    at: float
    turn: int
    content: tuple[Mapping[str, JSON], ...]
    stop_reason: str
    model: str
    usage: Usage
    cost_usd: float
    request_id: str | None = None
    stop_detail: str | None = None
    timings: Timings | None = None


class ModelFailed(Struct, frozen=True):
    """A request brought no whole reply.

    Attributes:
        failure: why.
        charged_usd: what it may have cost all the same.
        retry_at: when to try again, in seconds since the epoch; None: not at all.
        overloaded: the service had too much to do; the agent's fallback model may have less.
    """

    at: float
    turn: int
    attempt: int
    failure: Failure
    charged_usd: float = 0.0
    retry_at: float | None = None
    request_id: str | None = None
    overloaded: bool = False


class ToolCalled(Struct, frozen=True):
    """A tool is about to run: the intent that comes before its effect.

    Attributes:
        call: the id the model gave it.
        key: the idempotency key that the tool is handed.
        session: the stream of the subagent, for an `Agent` call.
    """

    at: float
    call: str
    tool: str
    effects: Effects
    key: str
    session: str | None = None


class ToolFinished(Struct, frozen=True):
    """A tool call has its one result.

    Attributes:
        content: text, or content blocks of the API.
        unknown: a crash cut the call off; whether it took effect cannot be told.
        spent: by a subagent.
        seconds: how long it ran.
        media_tokens: the most tokens that the images and documents in `content` come to, where that is known.
    """

    at: float
    call: str
    content: JSON
    is_error: bool = False
    unknown: bool = False
    spent: Spent | None = None
    seconds: float | None = None
    media_tokens: int | None = None


class LimitReached(Struct, frozen=True):
    """A bound that only the engine can tell: money, agents, depth, the clock."""

    at: float
    failure: Failure


class SessionFinished(Struct, frozen=True):
    """The session has ended.

    Attributes:
        ending: `done`, `when`, `finish`, or the kind of its failure.
        output: the final text, or the value that meets the agent's `output`; None on failure.
        text: the last text the model wrote, kept on failure too.
        failure: why it did not end well; None: it did.
    """

    at: float
    ending: str
    output: JSON
    text: str
    failure: Failure | None
    spent: Spent


SessionEvent = (
    SessionStarted
    | SessionResumed
    | ModelCalled
    | ModelReplied
    | ModelFailed
    | ToolCalled
    | ToolFinished
    | LimitReached
    | SessionFinished
)
