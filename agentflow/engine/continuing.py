"""One session of a run, read whole: what was said, the last request and its reply; and carried on in a new run."""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from agentflow.engine.live import Live
from agentflow.engine.seeds import Seed
from agentflow.engine.sessions import SessionSummary
from agentflow.errors import UsageError
from agentflow.events.run_events import RunStarted, StepKept
from agentflow.events.session_events import ModelCalled, ModelReplied, SessionFinished, SessionKept, SessionStarted
from agentflow.events.values import Continued, Lineage, Workspace
from agentflow.journal.port import RUN_STREAM, Entry, Recorded
from agentflow.plan.continued import EARLIER, continued_plan
from agentflow.plan.model import Plan
from agentflow.run.files import inputs_at
from agentflow.session.apply import left_by
from agentflow.session.context import Request, request
from agentflow.session.kept import earlier_of, kept_session
from agentflow.session.state import Earlier, SessionState

JSON = Any


class SessionStory(Struct, frozen=True):
    """A session, whole.

    Attributes:
        prompt: what it began with; None where it was taken over from an older run.
        earlier: what was said, and under what, as far as it was read.
        complete: the turn with which that ends has all of its results.
        turn: the last one that began.
        request: the last that went out; None: none did.
        reply: what came back to it; None: nothing has.
        inputs: of the file that it stands in.
    """

    summary: SessionSummary
    prompt: str | None
    earlier: Earlier
    complete: bool
    turn: int
    request: Request | None
    reply: ModelReplied | None
    inputs: Mapping[str, JSON]
    workspace: Workspace | None


def session_story(
    plan: Plan, recorded: Iterable[Recorded], summary: SessionSummary, *, at: int | None = None
) -> SessionStory:
    """Reads a session.

    Parameters:
        plan: of the run.
        recorded: the run's events, from the first.
        at: the last turn to read; None: all.
    """
    entries = iter(recorded)
    started = next(entries).event
    if not isinstance(started, RunStarted):
        raise ValueError("a run begins with RunStarted")
    live = Live.begin(plan, started, keeps=True)
    story = SessionStory(summary, None, Earlier((), None, ()), True, 0, None, None, started.inputs, None)
    for entry in entries:
        event, ours = entry.event, entry.stream == summary.stream
        if ours and isinstance(event, ModelCalled) and at is not None and event.turn > at:
            return story
        if ours and isinstance(event, SessionFinished):
            return replace(story, complete=True)
        live.apply(entry.stream, event)
        if not ours:
            continue
        if isinstance(event, SessionKept):
            return replace(story, earlier=earlier_of(event))
        state = live.sessions[summary.stream]
        story = replace(story, earlier=left_by(state), complete=_is_complete(state), turn=state.turn)
        if isinstance(event, SessionStarted):
            inputs = inputs_at(live.run, live.scope_of(event.step))
            story = replace(story, prompt=event.prompt, inputs=inputs, workspace=event.workspace)
        elif isinstance(event, ModelCalled):
            asked = request(live.plans[summary.stream], state, summary.stream, event.model)
            story = replace(story, request=asked, reply=None)
        elif isinstance(event, ModelReplied):
            story = replace(story, reply=event)
    return story


def _is_complete(state: SessionState) -> bool:
    return state.in_flight is None and not state.calls


def continued_seed(whole: Plan, started: RunStarted, story: SessionStory, prompt: str, at: int | None) -> Seed:
    """A run that carries a session on with a new prompt.

    Parameters:
        whole: the plan of the file that is stored with the older run.
        started: the older run's first event.
        story: read up to the turn `at`.

    Raises:
        UsageError: there is no such turn, the session cannot be carried on there, or there is nothing to say.
    """
    _check(started, story, prompt, at)
    summary, system = story.summary, story.earlier.system
    before = started.continued
    if before is None:
        subagent = summary.agent if summary.parent is not None else None
        continued = Continued(summary.step, prompt, system, subagent)
    else:
        subagent = summary.agent if summary.parent is not None else before.subagent
        continued = Continued(before.step, prompt, system, subagent)
    plan = continued_plan(whole, continued.step, prompt, system, continued.subagent)
    lineage = Lineage(started.run, "session", session=summary.name, turn=at)
    begun = replace(started, inputs=story.inputs, lineage=lineage, continued=continued)
    last = _last_text(story.earlier)
    kept = StepKept(0.0, EARLIER, "done", last, session=EARLIER)
    session = kept_session(0.0, summary.agent, EARLIER, story.earlier)
    return Seed(plan, begun, (Entry(RUN_STREAM, kept), Entry(EARLIER, session)))


def _check(started: RunStarted, story: SessionStory, prompt: str, at: int | None) -> None:
    name, run = story.summary.name, started.run
    if not prompt.strip():
        raise UsageError("there is nothing to say: the prompt is empty", "write what the agent is to do next")
    if story.workspace is not None:
        raise UsageError(
            f"session `{name}` of run {run} worked on files of its own, a {story.workspace.kind} made for that run",
            "a new run has none of them; start one with `agentflow run`",
        )
    if at is not None and story.summary.state == "kept":
        raise UsageError(f"session `{name}` was taken over whole from an older run", "leave --at out, or ask that run")
    if at is not None and not 1 <= at <= story.turn:
        many = f"{story.turn} turns" if story.turn != 1 else "1 turn"
        raise UsageError(f"session `{name}` of run {run} has no turn {at}", f"it has {many}")
    if not story.complete:
        raise UsageError(f"turn {story.turn} of session `{name}` has not ended", "say an earlier one with --at")
    if at is None and story.summary.state == "open":
        raise UsageError(
            f"session `{name}` of run {run} has not ended",
            f"`agentflow resume {run}` goes on with it; --at TURN takes up what it has so far",
        )


def _last_text(earlier: Earlier) -> str | None:
    """The last text the agent wrote."""
    for message in reversed(earlier.messages):
        texts = [block["text"] for block in message["content"] if block.get("type") == "text"]
        if message["role"] == "assistant" and texts:
            return "".join(texts)
    return None
