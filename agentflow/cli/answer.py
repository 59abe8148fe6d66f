"""`agentflow answer`: a person's answers to an `ask`, and the run goes on."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from agentflow.cli.completion import run_ids, waiting_steps
from agentflow.cli.options import GoingOn, going_on, project_folder
from agentflow.errors import JournalError, UsageError
from agentflow.spec.json_text import read_json

JSON = Any

MAX_ANSWER_BYTES = 10 * 1024 * 1024


@click.command(short_help="Answer a question, and go on.")
@click.argument("run", shell_complete=run_ids)
@click.argument("step", shell_complete=waiting_steps)
@click.argument("values", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--json", "text", metavar="JSON", help="All answers as one JSON value.")
@click.option("--json-file", "file", metavar="FILE", help="The same from a file; - is standard input.")
@click.option("--comment", help="What to tell with the answer.")
@going_on
def answer(
    run: str,
    step: str,
    values: tuple[str, ...],
    text: str | None,
    file: str | None,
    comment: str | None,
    options: GoingOn,
) -> int:
    """Answer the question that a run asks at STEP, and go on with it.

    Each field of the form is a KEY=VALUE; a question without fields takes one VALUE. Fields left out take their
    defaults.
    """
    from agentflow.cli.resume import answer_and_go_on
    from agentflow.spec.forms import checked, read_answers

    if (bool(values), text is not None, file is not None).count(True) > 1:
        raise UsageError("the answers are given twice", "give fields, or `--json`, or `--json-file`")
    form = _form(run, step, options.project)
    whole = text if file is None else _read(file)
    answers = read_answers(form, values) if whole is None else checked(form, _parsed(whole))
    return answer_and_go_on(run, step, comment, options, approved=True, answers=answers)


def _form(run: str, step: str, project: str | None) -> Mapping[str, JSON]:
    """The form of a question. Raises JournalError where none is asked there."""
    from agentflow import api
    from agentflow.cli.next_move import command

    folder = project_folder(project)
    journal = api.open_journal(folder)
    try:
        run = journal.find(run)
        gates = journal.gates(run)
    finally:
        journal.close()
    gate = next((gate for gate in gates if gate.step == step), None)
    if gate is None:
        others = ", ".join(gate.step for gate in gates if gate.approved is None)
        hint = f"it asks at: {others}" if others else "it has no open questions"
        raise JournalError(f"run {run} asks nothing at {step!r}", hint)
    if gate.form is None:
        message = f"{step!r} of run {run} asks for a yes or no, and takes no other answer"
        raise JournalError(message, f"{command(folder, 'approve', run, step)}, or reject in the place of approve")
    return gate.form


def _read(file: str) -> str:
    shown = "standard input" if file == "-" else f"the file '{file}'"
    try:
        if file == "-":
            content = sys.stdin.buffer.read(MAX_ANSWER_BYTES + 1)
        else:
            with Path(file).open("rb") as opened:
                content = opened.read(MAX_ANSWER_BYTES + 1)
        if len(content) > MAX_ANSWER_BYTES:
            raise UsageError(f"{shown} is longer than {MAX_ANSWER_BYTES >> 20} MiB", "make it smaller")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{shown} is not UTF-8", "save it again as UTF-8") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{shown} cannot be read: {why}", "check the path") from None


def _parsed(text: str) -> JSON:
    try:
        return read_json(text)
    except ValueError as error:
        raise UsageError(f"the answer is not JSON: {error}", """write it as '{"field": "value"}'""") from None
