"""Performing: one coroutine for each kind of call, from what is wanted to the event that tells what came of it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from agentflow.engine.secrets import Secrets
from agentflow.events.run_events import StepFinished
from agentflow.events.session_events import ModelFailed, ModelReplied
from agentflow.events.values import JSON, Failure
from agentflow.models.faults import course_of
from agentflow.models.port import Model, ModelError, RateLimits, Reply
from agentflow.models.retry import Tries, next_try
from agentflow.plan.prices import Price, cost, price_of_reply
from agentflow.run.state import StartCommand
from agentflow.session.context import Request
from agentflow.session.state import InFlight
from agentflow.spec.json_text import read_json

if TYPE_CHECKING:
    from agentflow.tools.command import CommandResult
    from agentflow.tools.sandbox.port import Confinement

Clock = Callable[[], float]

_COMMAND_OUTPUT_BYTES = 10 << 20
_TAIL = 2000


class Asking(Struct, frozen=True):
    """What a call is accounted by.

    Attributes:
        queued: seconds that it waited for a slot.
        chance: a number from 0 to 1, for the jitter of a retry.
        has_answered: the service has answered something in this run.
        on_limits: hears what the service said is left of its limits.
    """

    price: Price
    asked: InFlight
    queued: float
    clock: Clock
    chance: Callable[[], float]
    has_answered: bool
    on_limits: Callable[[RateLimits | None], None]


async def call_model(
    model: Model, request: Request, asking: Asking, on_text: Callable[[str], None] | None
) -> ModelReplied | ModelFailed:
    """Sends a request."""
    asked = asking.asked
    try:
        reply = await model.reply(request, on_text)
    except ModelError as error:
        asking.on_limits(error.limits)
        return _failed(error, asking)
    asking.on_limits(reply.limits)
    return ModelReplied(
        at=asking.clock(),
        turn=asked.turn,
        content=reply.content,
        stop_reason=reply.stop_reason,
        model=reply.model,
        usage=reply.usage,
        cost_usd=cost_of(request, reply, asking.price),
        request_id=reply.request_id,
        stop_detail=reply.stop_detail,
        timings=replace(reply.timings, queued=asking.queued),
    )


def cost_of(request: Request, reply: Reply, price: Price) -> float:
    """What a reply cost, in US dollars: by where and how fast it was made, where the service tells; else by `price`."""
    usage = reply.usage
    return cost(
        price_of_reply(request.model, request.service, reply.inference_geo, reply.speed) or price,
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_5m_tokens=usage.cache_write_5m_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        web_searches=usage.web_searches,
    )


def _failed(error: ModelError, asking: Asking) -> ModelFailed:
    asked, now = asking.asked, asking.clock()
    course = course_of(error.fault, retryable=error.failure.retryable)
    outage = course == "wait"
    tries = Tries(
        asked.attempt, asked.outages + outage, asked.down_since, asking.has_answered or bool(error.request_id)
    )
    retry_at, parked = next_try(course, tries, error.retry_after, now, asking.chance())
    return ModelFailed(
        at=now,
        turn=asked.turn,
        attempt=asked.attempt,
        failure=error.failure,
        # A stream that had begun is billed, and nobody says how much of it: the most it can have been.
        charged_usd=asked.reserved_usd if error.billed else 0.0,
        retry_at=retry_at,
        request_id=error.request_id,
        overloaded=error.overloaded,
        fault=error.fault or None,
        outage=outage,
        parked=parked,
    )


async def run_step(
    action: StartCommand,
    env: Mapping[str, str],
    secrets: Secrets,
    project: Path,
    key: str,
    clock: Clock,
    within: "Confinement | None" = None,
) -> StepFinished:
    """Runs a step's command and judges how it ended.

    Parameters:
        env: the action's, with the secrets in their places; what the command prints of them is redacted.
        within: the sandbox that holds it, where one does.
    """
    from agentflow.tools.command import Command, CommandNotStarted, run_command

    def failed(kind: str, message: str, exit_code: int | None = None) -> StepFinished:
        failure = Failure(kind, message, step=action.step)  # type: ignore[arg-type]  # the literals are below
        return StepFinished(clock(), action.step, "failed", failure=failure, exit_code=exit_code)

    cwd = (project / (action.cwd or ".")).resolve()
    if not cwd.is_relative_to(project) or not cwd.is_dir():
        return failed("command_failed", f"`cwd: {action.cwd}` is no folder of the project")
    try:
        variables = {**env, "AGENTFLOW_IDEMPOTENCY_KEY": key}
        stdin = action.stdin.encode("utf-8", "replace")
        command = Command(action.argv, stdin, variables, cwd, action.timeout, _COMMAND_OUTPUT_BYTES, within)
        result = await run_command(command)
    except CommandNotStarted as error:
        return failed("command_failed", f"{error.message}; {error.hint}" if error.hint else error.message)
    printed = result.stdout
    result = replace(result, stdout=secrets.redacted(printed), stderr=secrets.redacted(result.stderr))
    if result.timed_out:
        message = f"the command did not end within {action.timeout:g} s; raise `timeout`{_tail(result.stderr)}"
        return failed("timeout", message, result.exit_code)
    if result.exit_code not in action.exit_codes:
        message = f"`{action.argv[0]}` exited with {result.exit_code}{_said(result, within)}"
        return failed("command_failed", message, result.exit_code)
    if result.truncated:
        limit = _COMMAND_OUTPUT_BYTES >> 20
        return failed("command_failed", f"the command printed over {limit} MB; write it to a file", result.exit_code)
    try:
        # A value may be escaped in JSON, or a number there: what was said is redacted, not how it was written.
        output = secrets.redacted_data(_parsed(action, printed if action.parse == "json" else result.stdout))
    except ValueError as error:
        message = f"`parse: json` cannot read what the command printed: {error}"
        return failed("command_failed", message, result.exit_code)
    return StepFinished(clock(), action.step, "done", output, exit_code=result.exit_code)


def _said(result: "CommandResult", within: "Confinement | None") -> str:
    """What a command that failed printed, and what of it its sandbox is the reason for."""
    said = _tail(result.stderr) or _tail(result.stdout)
    if result.stopped:
        return f"{said}\n(Stopped: {result.stopped}.)"
    note = within.explained(result.stderr) if within is not None else ""
    return f"{said}\n{note}" if note else said


def _parsed(action: StartCommand, stdout: str) -> JSON:
    if action.parse == "json":
        return read_json(stdout)
    text = stdout[:-1] if stdout.endswith("\n") else stdout
    if action.parse == "lines":
        return text.split("\n") if text else []
    return text


def _tail(text: str) -> str:
    """The end of what was said, on lines of its own, or nothing."""
    text = text.strip()
    return f":\n{text[-_TAIL:]}" if text else ""
