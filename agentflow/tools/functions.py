"""Calls a Python function of the author's in a process of its own, which ends with the call."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from agentflow.errors import AgentflowError
from agentflow.tools.command import Command, CommandNotStarted, CommandResult, run_command
from agentflow.tools.failures import readable
from agentflow.tools.port import JSON

MAX_ANSWER_BYTES = 10 << 20
_WORKER = str(Path(__file__).with_name("function_worker.py"))
_TAIL = 2_000
_MESSAGE = 1_000


class FunctionFailed(AgentflowError):  # noqa: N818 - the name other rooms know it by
    """A function gave no value.

    Attributes:
        timed_out: it was ended because its time was over.
    """

    def __init__(self, message: str, *, timed_out: bool = False) -> None:
        super().__init__(message)
        self.timed_out = timed_out


class FunctionCall(Struct, frozen=True):
    """What to call.

    Attributes:
        folder: where modules are looked for first.
        file: the module's file, seen from there.
        text: what runs as that module, whatever the file holds by now.
        arguments: JSON data by their names.
        env: on top of the minimal environment.
        cwd: the folder it runs in.
        timeout: in seconds, its imports included.
    """

    folder: Path
    file: str
    module: str
    function: str
    text: str
    arguments: Mapping[str, JSON]
    env: Mapping[str, str]
    cwd: Path
    timeout: float


async def call_function(call: FunctionCall) -> JSON:
    """Calls a function and gives its return value, which is JSON data.

    Whatever it started is killed when it ends, runs out of time or the call is cancelled (`run_command`).

    Raises:
        FunctionFailed: it raised, ran out of time, ended its process, or gave what is no JSON or too much of it.
    """
    request: dict[str, JSON] = {
        "folder": str(call.folder),
        "path": os.path.join(call.folder, call.file),
        "module": call.module,
        "function": call.function,
        "text": call.text,
        "arguments": call.arguments,
    }
    try:
        handed = json.dumps(request, allow_nan=False).encode()
    except ValueError as error:
        raise FunctionFailed(f"the arguments of `{call.function}` are no JSON data: {error}") from error
    command = Command(
        # Isolated: neither the folder it starts in nor variables of Python's own say what is imported.
        argv=(sys.executable, "-I", "-B", "-X", "utf8", _WORKER),
        stdin=handed,
        env=call.env,
        cwd=call.cwd,
        timeout=call.timeout,
        output_limit=MAX_ANSWER_BYTES,
    )
    try:
        result = await run_command(command)
    except CommandNotStarted as error:
        raise FunctionFailed(f"{error.message}; {error.hint}" if error.hint else error.message) from error
    return _value(call, result)


def _value(call: FunctionCall, result: CommandResult) -> JSON:
    name = f"`{call.file}:{call.function}`"
    said = _tail(result.stderr)
    if result.timed_out:
        message = f"{name} did not end within {call.timeout:g} s; raise `timeout`{said}"
        raise FunctionFailed(message, timed_out=True)
    if len(result.stdout) >= MAX_ANSWER_BYTES:
        raise FunctionFailed(
            f"{name} returned over {MAX_ANSWER_BYTES >> 20} MB; let it write a file, and return its name"
        )
    answer = _answer(result.stdout)
    if answer is None or result.exit_code != 0:
        ended = f"with exit code {result.exit_code}"
        if answer is None and result.exit_code == 0:
            ended += ", and gave no value"
        raise FunctionFailed(f"{name} ended its process {ended}{said}")
    if "value" in answer:
        return answer["value"]
    if answer.get("kind") == "not_json":
        raise FunctionFailed(f"{name} must return JSON data: {readable(str(answer.get('message')))[:_MESSAGE]}{said}")
    raise FunctionFailed(f"{name} raised {_raised(call, answer)}{said}")


def _answer(text: str) -> dict[str, JSON] | None:
    """The one line of the worker's; None where there is no such line, or it is another's."""
    if not text.endswith("\n"):
        return None
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _raised(call: FunctionCall, answer: Mapping[str, JSON]) -> str:
    message = str(answer.get("message", "")).strip()
    shown = f"{answer.get('type')}: {message}" if message else str(answer.get("type"))
    line, source = answer.get("line"), answer.get("source")
    where = f" ({call.file}:{line}{f': `{source}`' if source else ''})" if line is not None else ""
    return readable(shown[:_MESSAGE]) + readable(where)


def _tail(text: str) -> str:
    """The end of what was printed, on lines of its own, or nothing."""
    text = text.strip()
    return f"\nIt printed:\n{text[-_TAIL:]}" if text else ""
