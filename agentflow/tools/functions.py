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
        said: the same for a model: neither where in the text it was, nor what it printed.
    """

    def __init__(self, message: str, *, timed_out: bool = False, said: str | None = None) -> None:
        super().__init__(message)
        self.timed_out = timed_out
        self.said = message if said is None else said


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
        makes: of arguments that are more than JSON data for the function, what is made of them, by their names.
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
    makes: Mapping[str, JSON] = {}


def place_of(home: Path, file: str, module: str) -> tuple[Path, str]:
    """The folder that a module's name starts from, and its file seen from there.

    Parameters:
        home: the folder of the workflow file.
        file: the module's, seen from there: `lib.stats` of `flows/lib/stats.py` starts from `flows`.
    """
    above = file.removesuffix(".py").removesuffix(module.replace(".", "/"))
    return (home / above).resolve(), file.removeprefix(above)


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
        "makes": call.makes,
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
        ended = f"`{call.function}` was stopped: it did not end within {call.timeout:g} s"
        raise FunctionFailed(message, timed_out=True, said=ended)
    if len(result.stdout) >= MAX_ANSWER_BYTES:
        raise FunctionFailed(
            f"{name} returned over {MAX_ANSWER_BYTES >> 20} MB; let it write a file, and return its name",
            said=f"`{call.function}` returned more than it may; ask for less",
        )
    answer = _answer(result.stdout)
    if answer is None or result.exit_code != 0:
        ended = f"with exit code {result.exit_code}"
        if answer is None and result.exit_code == 0:
            ended += ", and gave no value"
        raise FunctionFailed(f"{name} ended its process {ended}{said}", said=f"`{call.function}` ended {ended}")
    if "value" in answer:
        return answer["value"]
    if answer.get("kind") == "not_json":
        problem = f"must return JSON data: {readable(str(answer.get('message')))[:_MESSAGE]}"
        raise FunctionFailed(f"{name} {problem}{said}", said=f"`{call.function}` {problem}")
    raised = f"`{call.function}` raised {_shown(answer)}".replace(f"{call.folder}/", "").replace(f"{call.cwd}/", "")
    raise FunctionFailed(f"{name} raised {_raised(call, answer)}{said}", said=raised)


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
    line, source = answer.get("line"), answer.get("source")
    where = f" ({call.file}:{line}{f': `{source}`' if source else ''})" if line is not None else ""
    return _shown(answer) + readable(where)


def _shown(answer: Mapping[str, JSON]) -> str:
    """The type and the message of what was raised."""
    message = str(answer.get("message", "")).strip()
    return readable((f"{answer.get('type')}: {message}" if message else str(answer.get("type")))[:_MESSAGE])


def _tail(text: str) -> str:
    """The end of what was printed, on lines of its own, or nothing."""
    text = text.strip()
    return f"\nIt printed:\n{text[-_TAIL:]}" if text else ""
