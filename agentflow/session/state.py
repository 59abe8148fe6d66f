"""What a session is, and what has become of it so far."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from rpds import HashTrieSet

from agentflow.events.session_events import SessionFinished, ToolFinished
from agentflow.events.values import NOTHING_SPENT, CompactionWay, Failure, Spent, Workspace
from agentflow.guard.circles import Circles
from agentflow.plan.agent_plan import AgentPlan, SkillPlan, ToolSpec
from agentflow.session.context_state import ContextState
from agentflow.spec.contracts import Contract

JSON = Any
Message = Mapping[str, JSON]

FINISH = "finish"
AGENT = "Agent"
TODO = "TodoWrite"
SKILL = "Skill"
TOOL_SEARCH = "ToolSearch"


class SessionPlan(Struct, frozen=True):
    """What a session works with; the same for every session of an agent at one depth.

    Attributes:
        agent: the agent, the step's own `output` in place of the agent's where there is one.
        tools: what the model is shown, `finish` included.
        by_name: the same, by name, and `Recall`, which is shown once there is something to recall.
        contracts: what each tool's input must meet.
        output: what its result must meet, or None for text.
        may_call: the agents it may call.
        siblings: other sessions will send the same system prompt and tools.
        skills: what it may call upon, their folders seen from the project.
    """

    agent: AgentPlan
    tools: tuple[ToolSpec, ...]
    by_name: Mapping[str, ToolSpec]
    contracts: Mapping[str, Contract]
    output: Contract | None
    may_call: tuple[str, ...]
    siblings: bool
    skills: tuple[SkillPlan, ...] = ()


class Call(Struct, frozen=True):
    """A tool call of the last reply.

    Attributes:
        refusal: why it cannot run, for the model; it gets this as its result.
        asked: the digest of the call as a person was asked about it, and `approved` as they said yes to it.
        started: it was announced, so it may have had its effect.
        failures: of it so far, after each of which it was to run again; not before `retry_at`.
    """

    id: str
    name: str
    input: Mapping[str, JSON]
    refusal: str | None = None
    asked: str | None = None
    approved: str | None = None
    started: bool = False
    result: ToolFinished | None = None
    failures: int = 0
    retry_at: float = 0.0

    @property
    def awaits_leave(self) -> bool:
        """A person has been asked about it, and has not said yes."""
        return self.asked is not None and self.approved is None


class Trip(Struct, frozen=True):
    """A breaker of the session's trips.

    Attributes:
        failure: how the session ends, of the breaker's kind.
        evidence: the calls that tripped it, oldest first, as JSON data.
    """

    failure: Failure
    evidence: tuple[Mapping[str, JSON], ...]


class InFlight(Struct, frozen=True):
    """A model call that has no reply yet.

    Attributes:
        outages: of the attempts before it, how many met no service at all; `down_since`: when the first of them did.
    """

    turn: int
    attempt: int
    max_tokens: int
    reserved_usd: float
    model: str = ""
    outages: int = 0
    down_since: float | None = None


class Earlier(Struct, frozen=True):
    """What an ended session leaves to the one that carries it on.

    Attributes:
        system, tools: what the messages were said under.
    """

    messages: tuple[Message, ...]
    system: str | None
    tools: tuple[ToolSpec, ...]


class SessionState(Struct, frozen=True):
    """A session, folded from its events.

    Attributes:
        messages: the conversation so far in the API's form, without the results of calls still out.
        workspace: the files it works on, where they are not the project's.
        turn: model calls begun.
        in_flight: the model call that is out.
        attempt: failed attempts of the next turn.
        overloads: of those, how many in a row met an overloaded service.
        tools: what the model is shown.
        retry_at: not before this time, in seconds since the epoch.
        outages: of the failed attempts of the next turn, how many met no service at all, and `down_since` when the
            first of them did.
        last_failure: what came of the last attempt, while there is to be another.
        parked: no other attempt is made before a person has acted and the session was resumed.
        falls_back: the model refused the turn, and the fallback model has it now.
        calls: tool calls of the last reply, in its order.
        context_tokens: tokens of the last request and its reply, exact.
        added_bytes: said since: bytes, and for images and documents tokens; no fewer than all of it has tokens.
        call_ids: of all calls in the messages; a set that grows without being copied.
        counts: tool calls so far, by name; `last_calls` of the last reply alone.
        circles: what tells whether the calls go round in circles.
        trip: a bound on what brings nothing was reached, which has still to be told.
        failed: tool calls in a row that failed.
        active_seconds: time at work.
        correction: what to tell the agent, because its output did not meet its schema.
        closing: it was told, and has had or is having its one turn without tools.
        result: the output, once it is settled how the session ends well; `ending` names how.
        failure: why it ends badly.
        todos: the agent's list of what is to be done, as it was written last.
        context: how full the context is, and how it was made smaller.
    """

    started_at: float
    last_at: float
    step: str
    depth: int
    system: str | None
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...]
    added_bytes: int
    parent: str | None = None
    parent_call: str | None = None
    workspace: Workspace | None = None
    turn: int = 0
    in_flight: InFlight | None = None
    attempt: int = 0
    overloads: int = 0
    retry_at: float | None = None
    outages: int = 0
    down_since: float | None = None
    last_failure: Failure | None = None
    parked: bool = False
    falls_back: bool = False
    calls: tuple[Call, ...] = ()
    context_tokens: int = 0
    call_ids: "HashTrieSet[str]" = HashTrieSet()
    counts: Mapping[str, int] = field(default_factory=dict)
    last_calls: int = 0
    circles: Circles = Circles()
    trip: "Trip | None" = None
    failed: int = 0
    spent: Spent = NOTHING_SPENT
    text: str = ""
    active_seconds: float = 0.0
    correction: str | None = None
    closing: bool = False
    ending: str | None = None
    result: JSON = None
    failure: Failure | None = None
    todos: tuple[Mapping[str, JSON], ...] = ()
    finished: SessionFinished | None = None
    context: ContextState = ContextState()


class CallModel(Struct, frozen=True):
    """Send the conversation.

    Attributes:
        not_before: in seconds since the epoch, or None.
        note: what to tell the agent first; the turn is then its last, and without tools.
    """

    turn: int
    attempt: int
    model: str
    not_before: float | None
    note: str | None = None


class CountTokens(Struct, frozen=True):
    """Ask the service how many tokens the next request would hold."""

    model: str


class Compact(Struct, frozen=True):
    """Make the conversation smaller.

    Attributes:
        number: of the session's compactions, from 1; `attempt`: of this way.
        model: whom to ask; None: nobody.
        not_before: in seconds since the epoch, or None.
    """

    number: int
    attempt: int
    way: CompactionWay
    model: str | None
    not_before: float | None


class RunTool(Struct, frozen=True):
    """Run a tool."""

    call: Call
    tool: ToolSpec


class AskPerson(Struct, frozen=True):
    """Put the question of a call to a person."""

    call: Call


class Spawn(Struct, frozen=True):
    """Start a subagent on `prompt`; its final result becomes the call's."""

    call: Call
    agent: str
    prompt: str


class GiveResult(Struct, frozen=True):
    """Give a call its result, text or content blocks, without running anything."""

    call: Call
    content: JSON
    is_error: bool


class End(Struct, frozen=True):
    """End the session; what is still out is cancelled."""

    ending: str
    output: JSON
    failure: Failure | None


class TellTrip(Struct, frozen=True):
    """Put on record that a breaker trips; the session ends by it."""

    trip: Trip


Action = CallModel | CountTokens | Compact | RunTool | AskPerson | Spawn | GiveResult | TellTrip | End
