"""What a session decider wants, done: one function for each kind of action."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from agentflow.engine.admission import Wanted
from agentflow.engine.checkpoints import keep_for
from agentflow.engine.compacting import compact, count_tokens
from agentflow.engine.leave import with_leave
from agentflow.engine.live import Live
from agentflow.engine.model_calls import send
from agentflow.engine.permits import closed_of
from agentflow.engine.port import Loop
from agentflow.engine.questions import ask_person, go_on, withdraw_questions
from agentflow.engine.recalling import recall
from agentflow.engine.sandboxes import confinement_of
from agentflow.engine.session_clock import watch_the_clock
from agentflow.engine.tool_calls import run_tool
from agentflow.events.run_events import StepFinished
from agentflow.events.session_events import (
    BreakerTripped,
    CompactionFailed,
    LimitReached,
    ModelFailed,
    SessionFinished,
    SessionStarted,
    ToolCalled,
    ToolFinished,
)
from agentflow.events.values import Failure, StepStatus
from agentflow.guard.rule_lists import PATHS
from agentflow.journal.port import RUN_STREAM
from agentflow.plan.agent_plan import AgentPlan
from agentflow.plan.expressions import ExpressionError
from agentflow.plan.memory_tool import MEMORIES, MEMORY
from agentflow.plan.rules import resolved
from agentflow.plan.secrets import SecretMissingError
from agentflow.run.files import folder_of, inputs_at
from agentflow.run.names import names_for
from agentflow.run.workspaces import workspace_named
from agentflow.session.state import (
    AGENT,
    AskPerson,
    Call,
    CallModel,
    Compact,
    CountTokens,
    End,
    GiveResult,
    RunTool,
    Spawn,
    TellTrip,
)
from agentflow.tools.port import ToolContext
from agentflow.tools.sandbox.port import SandboxError


def use_tool(loop: Loop, stream: str, action: RunTool) -> None:
    """Runs a tool when a slot is free, its intent on record first."""

    def give(content: Any) -> None:
        loop.happen(stream, ToolFinished(loop.now(), action.call.id, content, seconds=0.0, cached=True))

    def begin() -> bool:
        caller = loop.live.caller_of(stream, action.call.id)
        wanted = Wanted(caller, action.tool, action.call.input, ask, give, action.call.retry_at)
        if loop.admission.holds(wanted):
            return False
        try:
            context = tool_context(loop, stream, action.call)
        except (ExpressionError, SecretMissingError) as error:
            loop.happen(stream, ToolFinished(loop.now(), action.call.id, f"Not run: `env`: {error}", is_error=True))
            return False
        except SandboxError as error:
            loop.happen(stream, ToolFinished(loop.now(), action.call.id, f"Not run: {error.message}", is_error=True))
            return False
        effects = action.tool.effects
        called = ToolCalled(loop.now(), action.call.id, action.call.name, effects, context.key)
        loop.happen(stream, called, durable=effects != "none")
        perform_tool(loop, stream, action.call, context)
        return True

    def ask() -> None:
        loop.slots.request(stream, action.call.id, begin)

    ask()


def tool_context(loop: Loop, stream: str, call: Call) -> ToolContext:
    """Where and for whom a call runs.

    Raises:
        ExpressionError: the workflow's `env` cannot be rendered.
        SecretMissingError: a secret in it has no value.
        SandboxError: the way to the granted hosts cannot be made.
    """
    live = loop.live
    rules = next((grant.rules for grant in live.plans[stream].agent.grants if grant.tool.name == call.name), ())
    step = live.sessions[stream].step
    plan, scope = live.plan_of(step), live.scope_of(step)
    rules = resolved(rules, inputs_at(live.run, scope)) if rules and call.name in PATHS else rules
    key = f"{live.run.id}/{stream}/{call.id}"
    workspace, secrets = live.sessions[stream].workspace, loop.secrets
    own = plan.tools.get(call.name)
    runs = call.name == "Bash" or own is not None
    env = {**secrets.filled(live.env_of(step)), **loop.workspaces.env(workspace)} if runs else {}
    return ToolContext(
        project=loop.workspaces.root(workspace),
        rules=rules,
        env=env,
        key=key,
        sandbox_off=plan.sandbox_off,
        secrets=secrets.values if runs else {},
        own=own,
        session=stream,
        memory=_memory(loop, stream, call),
        home=(loop.around.project / folder_of(live.run, step)).resolve(),
        results=loop.results.access,
        confinement=confinement_of(loop, plan, step, workspace) if runs else None,
        sealed=live.own_files,
        keep=keep_for(loop, stream, call.name, step, workspace, call.id),
        closed=closed_of(loop, stream, call),
    )


def _memory(loop: Loop, stream: str, call: Call) -> Path | None:
    """The folder of an agent's notes: they belong to the project and the workflow, whatever workspace it works in."""
    agent, plan = loop.live.plans[stream].agent, loop.live.plan_of(loop.live.sessions[stream].step)
    if call.name != MEMORY or agent.memory is None:
        return None
    whose = "shared" if agent.memory == "workflow" else f"agents/{quote(agent.name, safe='')}"
    return loop.around.project / MEMORIES / quote(plan.name, safe="") / whose


def perform_tool(loop: Loop, stream: str, call: Call, context: ToolContext) -> None:
    """Runs a tool call that was announced and holds a slot."""
    if loop.live.plans[stream].by_name[call.name].by == "journal" and (told := loop.history(stream)) is not None:
        loop.perform(stream, lambda: recall(call, told, loop.now))
        return
    loop.perform(stream, lambda: run_tool(loop, stream, call, context))


def spawn(loop: Loop, stream: str, action: Spawn) -> None:
    """Starts a subagent, unless the run's bounds on agents or their depth are reached."""
    live = loop.live
    parent = live.sessions[stream]
    agent = live.plan_of(parent.step).agents[action.agent]
    instructions = None
    refusal = live.ledger.no_more_agents()
    if refusal is None and (used_up := live.no_more_agents_at(parent.step)) is not None:
        refusal = used_up.failure
    depth = live.depth_at(parent.step)
    if refusal is None and parent.depth >= depth:
        refusal = Failure("depth", f"agents may be nested {depth} deep (`limits.depth`); do this yourself")
    try:
        instructions = _instructions(live, agent, parent.step)
    except ExpressionError as error:
        refusal = Failure("expression", f"the instructions of `{action.agent}` cannot be rendered: {error}")
    now = loop.now()
    if refusal is not None:
        loop.happen(stream, ToolFinished(now, action.call.id, refusal.message, is_error=True))
        return
    child = f"{stream}/{action.call.id}"
    own = None if agent.workspace is None else workspace_named(live.run.id, agent.workspace, child)
    key = f"{live.run.id}/{stream}/{action.call.id}"
    loop.happen(stream, ToolCalled(now, action.call.id, action.call.name, "none", key, session=child))
    loop.happen(
        child,
        SessionStarted(
            at=now,
            agent=action.agent,
            step=parent.step,
            prompt=action.prompt,
            instructions=instructions,
            depth=parent.depth + 1,
            parent=stream,
            parent_call=action.call.id,
            workspace=parent.workspace if own is None else own,
        ),
    )
    watch_the_clock(loop, child)


def _instructions(live: "Live", agent: AgentPlan, step: str) -> str | None:
    if agent.instructions is None:
        return None
    return agent.instructions.render(names_for(live.run, live.scope_of(step), agent.instructions))


def give_result(loop: Loop, stream: str, action: GiveResult) -> None:
    """Answers a call without running anything."""
    loop.happen(stream, ToolFinished(loop.now(), action.call.id, action.content, is_error=action.is_error, seconds=0.0))


def tell_trip(loop: Loop, stream: str, action: TellTrip) -> None:
    """Puts on record which breaker tripped, and over what."""
    loop.happen(stream, BreakerTripped(loop.now(), action.trip.failure, list(action.trip.evidence)))


def end(loop: Loop, stream: str, action: End) -> None:
    """Ends a session: first what it has out, its subagents too; then its result goes to who waits for it."""
    live = loop.live
    go_on(loop, stream)
    cancelled = Failure("cancelled", f"the session that called this one ended: {action.ending}")
    for child in list(live.children.get(stream, ())):
        loop.happen(child, LimitReached(loop.now(), cancelled))
        loop.decide(child)
    loop.cancel(stream)
    loop.tools.end_session(stream)
    _close_what_is_out(loop, stream)
    withdraw_questions(loop, stream)
    state = live.sessions[stream]
    now = loop.now()
    failure, text = action.failure, state.text
    loop.happen(stream, SessionFinished(now, action.ending, action.output, text, failure, state.spent))
    if state.parent is None or state.parent_call is None:
        if failure is not None:
            failure = Failure(failure.kind, failure.message, failure.retryable, state.step)
        status: StepStatus = "done" if failure is None else "failed"
        output = action.output if failure is None else (text or None)
        loop.happen(RUN_STREAM, StepFinished(now, state.step, status, output, failure, spent=state.spent))
        return
    content = _as_text(action.output) if failure is None else _told_of_failure(failure, text)
    content = loop.results.shown(AGENT, loop.secrets.redacted(content), can_read=live.can_read(state.parent))
    loop.happen(
        state.parent,
        ToolFinished(now, state.parent_call, content, is_error=failure is not None, spent=state.spent),
    )


def _close_what_is_out(loop: Loop, stream: str) -> None:
    """Settles the model call and gives every tool call its one result before the session ends."""
    state = loop.live.sessions[stream]
    if state.in_flight is not None:
        out = state.in_flight
        failure = Failure("cancelled", "the session ended before the reply came")
        loop.happen(stream, ModelFailed(loop.now(), out.turn, out.attempt, failure, out.reserved_usd))
    if (compacting := state.context.out) is not None:
        failure = Failure("cancelled", "the session ended before the answer came")
        number, attempt, way = compacting.number, compacting.attempt, compacting.way
        loop.happen(stream, CompactionFailed(loop.now(), number, attempt, way, failure, compacting.reserved_usd))
    for call in state.calls:
        if call.result is None:
            unknown = call.started and loop.live.plans[stream].by_name[call.name].by != "person"
            content = UNKNOWN_OUTCOME if unknown else "Not run: the session ended first."
            loop.happen(stream, ToolFinished(loop.now(), call.id, content, is_error=True, unknown=unknown))


UNKNOWN_OUTCOME = (
    "The outcome of this call is unknown: it was cut off, and may or may not have taken effect. "
    "Find out whether it did before you do it again."
)


def _as_text(output: Any) -> str:
    text = output if isinstance(output, str) else json.dumps(output, ensure_ascii=False)
    return text or "(The agent ended without a word.)"


def _told_of_failure(failure: Failure, text: str) -> str:
    so_far = f"\nIts last words: {text}" if text else ""
    return f"The agent did not succeed ({failure.kind}): {failure.message}{so_far}"


SESSION_ACTIONS: Mapping[type[Any], Callable[[Loop, str, Any], None]] = {
    CallModel: send,
    CountTokens: count_tokens,
    Compact: compact,
    RunTool: with_leave(use_tool),
    AskPerson: with_leave(ask_person),
    Spawn: with_leave(spawn),
    GiveResult: with_leave(give_result),
    TellTrip: tell_trip,
    End: end,
}
