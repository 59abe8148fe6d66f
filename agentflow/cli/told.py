"""Errors told: what is wrong and the next move on standard error; a bug with a log file."""

import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentflow.cli import exits
from agentflow.errors import AgentflowError, UsageError
from agentflow.report.inert import inert
from agentflow.report.style import Paint

if TYPE_CHECKING:
    from agentflow.api import Checked


def tell_error(error: AgentflowError) -> int:
    """Says what is wrong and the next move; returns the exit code."""
    from agentflow.api import InvalidWorkflowError

    if isinstance(error, InvalidWorkflowError):
        tell_diagnostics(error.checked)
        return exits.INVALID
    say(f"error: {error.message}", error.hint)
    return exits.INVALID if isinstance(error, UsageError) else exits.FAILED


def tell_diagnostics(checked: "Checked") -> None:
    """Shows the diagnostics of a file on standard error."""
    from agentflow.report.diagnostics import DiagnosticWriter, summary

    writer = DiagnosticWriter(checked.texts, Paint.for_stream(sys.stderr))
    for diagnostic in checked.diagnostics:
        click.echo(writer.render(diagnostic) + "\n", err=True)
    click.echo(summary(checked.diagnostics, 1), err=True)


def tell_bug(error: Exception, command: str) -> int:
    """Writes the traceback to a file and says where it is."""
    say("error: this is a bug in agentflow; nothing that was recorded is lost")
    from importlib.metadata import version

    from agentflow.cli.logs import REDACTION

    made_by = f"agentflow {version('agentflow')}, python {platform.python_version()} on {platform.platform()}"
    text = REDACTION("".join([f"agentflow {command}\n{made_by}\n\n", *traceback.format_exception(error)]))
    try:
        path = _write_log(text)
    except OSError:
        click.echo(inert(text), err=True)
        return exits.BUG
    say(REDACTION(f"{type(error).__name__}: {error}"), f"please report it with what is in {path}")
    return exits.BUG


def tell_unwritten(error: OSError, run: str | None = None) -> int:
    """Says that standard output took not all; returns the exit code.

    Args:
        run: the command that shows what was to be written, where there is one.
    """
    hint = "make room, or send the output elsewhere"
    say(f"error: standard output cannot be written: {error.strerror}", hint if run is None else f"{hint}; {run} has it")
    return exits.FAILED


def error_json(error: AgentflowError) -> dict[str, Any]:
    """An error as JSON data, with the diagnostics of an invalid file."""
    from agentflow.api import InvalidWorkflowError
    from agentflow.report.diagnostics import as_json

    body: dict[str, Any] = {"type": "error", "message": error.message, "hint": error.hint}
    if isinstance(error, InvalidWorkflowError):
        body["diagnostics"] = [as_json(diagnostic) for diagnostic in error.checked.diagnostics]
    return body


@contextmanager
def told_as(output: str) -> Iterator[None]:
    """An error that comes out of here is printed as JSON, too, where a program reads the output."""
    from agentflow.report.json_out import dumps

    try:
        yield
    except AgentflowError as error:
        if output != "text":
            click.echo(dumps(error_json(error)))
        raise


def say(message: str, hint: str | None = None) -> None:
    """A message on standard error, and the next move on a line of its own; where nobody can read it, it is dropped."""
    paint = Paint.for_stream(sys.stderr)
    word, colon, rest = message.partition(": ")
    if word in ("error", "warning") and colon:
        message = paint(f"{word}:", "bold", "red" if word == "error" else "yellow") + " " + inert(rest)
    else:
        message = inert(message)
    with suppress(OSError):
        click.echo(message, err=True)
        if hint:
            click.echo(f"{paint('hint:', 'bold')} {inert(hint)}", err=True)


def new_log(kind: str) -> tuple[int, Path]:
    """A new private file beside the journal where there is one, else among the temporary files: opened, and its path.

    Raises:
        OSError: it cannot be made.
    """
    beside = Path.cwd() / ".agentflow"
    name = f"{kind}-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-"
    folder = beside if beside.is_dir() and os.access(beside, os.W_OK) else None
    descriptor, path = tempfile.mkstemp(prefix=name, suffix=".log", dir=folder)
    return descriptor, Path(path)


def _write_log(text: str) -> Path:
    descriptor, path = new_log("bug")
    with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)
    return path
