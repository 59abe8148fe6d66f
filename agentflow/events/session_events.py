"""What can happen to a session: one agent's conversation. `at` is seconds since the epoch."""

from collections.abc import Mapping

from msgspec import Struct

from agentflow.events.file_events import FileChanging
from agentflow.events.values import JSON, CompactionWay, Denial, Effects, Failure, Spent, Timings, Usage, Workspace


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


class SessionKept(Struct, frozen=True):
    """An ended session of an older run, as far as another can carry it on; the only event of its stream.

    Attributes:
        step: the path of the step it worked for.
        messages: the conversation in the API's form.
        system, tools: what it was said under; the tools as `{name, description, input_schema, effects}`.
    """

    at: float
    agent: str
    step: str
    messages: JSON
    system: str | None = None
    tools: JSON = None


class SessionResumed(Struct, frozen=True):
    """A process took the session over; the time since `worked_until`, the run's last event, was nobody's work."""

    at: float
    worked_until: float


class SessionRested(Struct, frozen=True):
    """The session goes on; since `worked_until` it only waited, for people or the model's service."""

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
        day: on which it counts for the caps of its user and tenant, as `2026-11-21`; '' where there is no policy.
    """

    at: float
    turn: int
    attempt: int
    model: str
    max_tokens: int
    reserved_usd: float
    note: str | None = None
    day: str = ""


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
        fault: which row of the table of faults it is, as `models/faults.py` names them.
        outage: the service itself was not there; such a call is no try at the reply.
        parked: nothing helps until a person has acted: the session waits for the next `resume`.
    """

    at: float
    turn: int
    attempt: int
    failure: Failure
    charged_usd: float = 0.0
    retry_at: float | None = None
    request_id: str | None = None
    overloaded: bool = False
    fault: str | None = None
    outage: bool = False
    parked: bool = False


class CallAsked(Struct, frozen=True):
    """A call waits for a person's yes; nothing of it has begun.

    Attributes:
        digest: SHA-256, in hex, of the tool and its arguments in their canonical form: the yes is to these alone.
        why: in a sentence without its full stop; `rule` and `where` as of a `Denial`.
    """

    at: float
    call: str
    tool: str
    digest: str
    why: str
    rule: str | None = None
    where: str | None = None


class CallApproved(Struct, frozen=True):
    """A person said yes to the call with this digest. `by` says who."""

    at: float
    call: str
    digest: str
    by: str
    comment: str | None = None


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
        cause: the kind of failure, where it is one that a tool's `retry` may name.
        detail: what people are told of the failure and the model is not.
        cached: the result is another call's, and nothing ran.
        media_tokens: the most tokens that the images and documents in `content` come to, where that is known.
        denied: why it was not to run.
    """

    at: float
    call: str
    content: JSON
    is_error: bool = False
    unknown: bool = False
    spent: Spent | None = None
    seconds: float | None = None
    cause: str | None = None
    detail: str | None = None
    cached: bool = False
    media_tokens: int | None = None
    denied: Denial | None = None


class ToolRetried(Struct, frozen=True):
    """A tool failed, and runs again before its agent hears of it.

    Attributes:
        attempt: the one that failed, from 1.
        cause: the kind of failure.
        message: what is wrong, for people.
        next_at: when it runs again, in seconds since the epoch.
    """

    at: float
    call: str
    tool: str
    attempt: int
    cause: str
    message: str
    next_at: float


class TokensCounted(Struct, frozen=True):
    """The service counted what the next request would hold.

    Attributes:
        tokens: exact; None: it does not count, and is not asked again.
    """

    at: float
    tokens: int | None


class CompactionCalled(Struct, frozen=True):
    """A request is about to go out whose answer shall stand for the older part of the conversation.

    Attributes:
        number: of the session's compactions, from 1.
        attempt: from 1, of this way.
        way: `api`: the service compacts; `summary`: a model summarises.
        max_tokens, reserved_usd, day: as of a `ModelCalled`.
    """

    at: float
    number: int
    attempt: int
    way: CompactionWay
    model: str
    max_tokens: int
    reserved_usd: float
    day: str = ""


class CompactionFailed(Struct, frozen=True):
    """A way to compact brought nothing.

    Attributes:
        failure: why.
        charged_usd: what it may have cost all the same.
        usage: of an answer that was of no use.
        retry_at: when to try again, in seconds since the epoch; None: the next way is taken.
        overloaded, fault, outage, parked: as of `ModelFailed`.
    """

    at: float
    number: int
    attempt: int
    way: CompactionWay
    failure: Failure
    charged_usd: float = 0.0
    usage: Usage = Usage()
    retry_at: float | None = None
    request_id: str | None = None
    overloaded: bool = False
    fault: str | None = None
    outage: bool = False
    parked: bool = False


class Compacted(Struct, frozen=True):
    """The conversation was made smaller; all of it stays in the events before this one.

    Attributes:
        number: of the session's compactions, from 1.
        strategy: the agent's; `way`: how it was done: `window` and `clear` ask no model.
        until: so many messages, from the first, are replaced.
        head: the messages in their place.
        cleared: what now stands for a result, by the id of its call, among the messages that stay.
        summary: the layers of a summary, to go on from when the next one is made.
        tokens_before, tokens_after: of the next request, as estimated.
        cost_usd: of the model's work; settles what the call reserved.
    """

    at: float
    number: int
    strategy: str
    way: CompactionWay
    until: int
    head: tuple[Mapping[str, JSON], ...]
    cleared: Mapping[str, str]
    tokens_before: int
    tokens_after: int
    summary: Mapping[str, JSON] | None = None
    model: str | None = None
    usage: Usage = Usage()
    cost_usd: float = 0.0
    request_id: str | None = None
    timings: Timings | None = None
    media_tokens: int | None = None


class BreakerTripped(Struct, frozen=True):
    """What the session does brings nothing any more: it ends.

    Attributes:
        failure: of the kind `repeated_calls`, `failed_calls` or `no_progress`.
        evidence: the calls that show it, oldest first: `{turn, call, tool, input, result}`, the last two as texts that
            may be cut.
    """

    at: float
    failure: Failure
    evidence: JSON = None


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
    | SessionKept
    | SessionResumed
    | SessionRested
    | ModelCalled
    | ModelReplied
    | ModelFailed
    | CallAsked
    | CallApproved
    | ToolCalled
    | ToolFinished
    | ToolRetried
    | TokensCounted
    | CompactionCalled
    | CompactionFailed
    | Compacted
    | BreakerTripped
    | LimitReached
    | SessionFinished
    | FileChanging
)
