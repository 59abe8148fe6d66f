"""`agentflow resume`, `approve` and `reject`: a run goes on."""

from typing import TYPE_CHECKING, Any

import click

from agentflow.cli import exits
from agentflow.cli.charge_options import limit
from agentflow.cli.completion import run_ids, waiting_steps
from agentflow.cli.options import GoingOn, going_on, inputs, preview, project_folder, typed
from agentflow.errors import UsageError

if TYPE_CHECKING:
    from agentflow.cli.driving import Driving

JSON = Any

_comment = click.option("--comment", help="What to tell with the answer.")


@click.command(short_help="Go on with a run.")
@click.argument("run", shell_complete=run_ids)
@click.argument("file", required=False)
@click.option(
    "--edited", is_flag=True, help="FILE was edited: a new run of it as it is now, that keeps what the edit leaves."
)
@typed
@inputs
@preview
@limit
@going_on
def resume(
    run: str,
    file: str | None,
    edited: bool,
    typed: tuple[str, ...],
    inputs: str | None,
    preview: bool,
    options: GoingOn,
) -> int:
    """Go on with a run after a crash, an interruption, or a pause for people or for the model's service.

    A run that a budget ended goes on where it was held, with more of it (--limit cost_usd=5).
    RUN is its id, or the beginning of it. A run that was started with --scripted wants it again. With --edited a new
    run begins, whatever became of RUN; FILE is the one that RUN was started with unless another is named.
    """
    if edited:
        if options.given.limits:
            raise UsageError("`--limit` and `--edited` exclude each other", "change `limits` in the file")
        from agentflow.cli.fork import run_edited

        return run_edited(run, file, typed, inputs, preview, options)
    if file is not None or preview or typed or inputs:
        given = "FILE, `-i`, `--inputs` and `--preview` go with `--edited`"
        raise UsageError(given, "without it a run goes on as it was started")
    return _go_on(run, driving_of(options))


@click.command(short_help="Say yes at a gate, and go on.")
@click.argument("run", shell_complete=run_ids)
@click.argument("step", shell_complete=waiting_steps)
@_comment
@going_on
def approve(run: str, step: str, comment: str | None, options: GoingOn) -> int:
    """Say yes to a run that waits for a person at STEP, and go on with it."""
    return answer_and_go_on(run, step, comment, options, approved=True)


@click.command(short_help="Say no at a gate, and go on.")
@click.argument("run", shell_complete=run_ids)
@click.argument("step", shell_complete=waiting_steps)
@_comment
@going_on
def reject(run: str, step: str, comment: str | None, options: GoingOn) -> int:
    """Say no to a run that waits for a person at STEP, and go on with it."""
    return answer_and_go_on(run, step, comment, options, approved=False)


def answer_and_go_on(
    run: str,
    step: str,
    comment: str | None,
    options: GoingOn,
    *,
    approved: bool,
    answers: JSON = None,
) -> int:
    """Answers, and goes on unless a process is at work on the run: that one takes the answer up.

    Parameters:
        answers: to an `ask`; None for a yes or no.
    """
    from agentflow.cli.driving import model_of
    from agentflow.cli.told import say, told_as
    from agentflow.errors import LeaseHeldError

    driving = driving_of(options)
    with told_as(options.output_format):
        # A slip in the options is told while the question is still open.
        model_of(driving)
    run, elsewhere = _answer(run, step, options, approved=approved, comment=comment, answers=answers)
    if elsewhere:
        return exits.DONE
    try:
        return _go_on(run, driving)
    except LeaseHeldError as held:
        say(f"{held.message}; it goes on with the answer")
        return exits.DONE


def _answer(
    run: str, step: str, options: GoingOn, *, approved: bool, comment: str | None, answers: JSON
) -> tuple[str, bool]:
    """Leaves an answer; returns the run's whole id, and whether another process goes on with it."""
    import time

    from agentflow import api
    from agentflow.cli.told import say
    from agentflow.engine.charge import roles_of

    folder = project_folder(options.project)
    by, roles = roles_of(options.given.charge(), folder)
    journal = api.open_journal(folder, access="write")
    try:
        run, at = journal.find(run), time.time()
        journal.answer(run, step, approved=approved, by=by, comment=comment, at=at, answers=answers, roles=roles)
        elsewhere = journal.summary(run).status == "running"
    finally:
        journal.close()
    said = "answered" if answers is not None else "approved" if approved else "rejected"
    say(f"{said}: {step} of run {run}")
    if elsewhere:
        say("another process is at work on the run and goes on with the answer")
    return run, elsewhere


def driving_of(options: GoingOn) -> "Driving":
    """How the options of a command that goes on with a run have it driven."""
    from agentflow.cli.driving import Driving
    from agentflow.cli.secrets import read_secrets

    return Driving(
        output=options.output_format,
        quiet=options.quiet,
        words=options.stream,
        yes=options.yes,
        script=options.script,
        record=options.record,
        replay=options.replay,
        durability=options.durability,
        project=project_folder(options.project),
        secrets=read_secrets(options.secret, options.secrets_file),
        stays=options.wait,
        given=options.given,
    )


def _go_on(run: str, driving: "Driving") -> int:
    from agentflow import api
    from agentflow.cli.driving import drive

    return drive(driving, lambda given: api.resume(run, given))
