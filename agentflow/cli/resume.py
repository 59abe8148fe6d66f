"""`agentflow resume`, `approve` and `reject`: a run goes on."""

import click

from agentflow.cli import exits
from agentflow.cli.options import Format, output_format, project, project_folder, quiet, scripted, yes


@click.command(short_help="Go on with a run.")
@click.argument("run")
@yes
@scripted
@output_format
@quiet
@project
def resume(run: str, yes: bool, script: str | None, output_format: Format, quiet: bool, project: str | None) -> int:
    """Go on with a run after a crash, an interruption, or a pause for people.

    RUN is its id, or the beginning of it. A run that was started with --scripted wants it again.
    """
    return _go_on(run, yes, script, output_format, quiet, project)


@click.command(short_help="Say yes at a gate, and go on.")
@click.argument("run")
@click.argument("step")
@click.option("--comment", help="What to tell with the answer.")
@yes
@scripted
@output_format
@quiet
@project
def approve(
    run: str,
    step: str,
    comment: str | None,
    yes: bool,
    script: str | None,
    output_format: Format,
    quiet: bool,
    project: str | None,
) -> int:
    """Say yes to a run that waits for a person at STEP, and go on with it."""
    run, elsewhere = _answer(run, step, project, approved=True, comment=comment)
    return exits.DONE if elsewhere else _go_on_unless_held(run, yes, script, output_format, quiet, project)


@click.command(short_help="Say no at a gate, and go on.")
@click.argument("run")
@click.argument("step")
@click.option("--comment", help="What to tell with the answer.")
@yes
@scripted
@output_format
@quiet
@project
def reject(
    run: str,
    step: str,
    comment: str | None,
    yes: bool,
    script: str | None,
    output_format: Format,
    quiet: bool,
    project: str | None,
) -> int:
    """Say no to a run that waits for a person at STEP, and go on with it."""
    run, elsewhere = _answer(run, step, project, approved=False, comment=comment)
    return exits.DONE if elsewhere else _go_on_unless_held(run, yes, script, output_format, quiet, project)


def _answer(run: str, step: str, project: str | None, *, approved: bool, comment: str | None) -> tuple[str, bool]:
    """Leaves an answer; returns the run's whole id, and whether another process goes on with it."""
    import time

    from agentflow import api
    from agentflow.cli.asking import user_name
    from agentflow.cli.told import say

    journal = api.open_journal(project_folder(project), access="write")
    try:
        run = journal.find(run)
        journal.answer(run, step, approved=approved, by=user_name(), comment=comment, at=time.time())
        elsewhere = journal.summary(run).status == "running"
    finally:
        journal.close()
    say(f"{'approved' if approved else 'rejected'}: {step} of run {run}")
    if elsewhere:
        say("another process is at work on the run and goes on with the answer")
    return run, elsewhere


def _go_on_unless_held(
    run: str, yes: bool, script: str | None, output_format: Format, quiet: bool, project: str | None
) -> int:
    """Goes on with a run that was answered, unless somebody took it up in this moment: they take the answer up."""
    from agentflow.cli.told import say
    from agentflow.errors import LeaseHeldError

    try:
        return _go_on(run, yes, script, output_format, quiet, project)
    except LeaseHeldError as held:
        say(f"{held.message}; it goes on with the answer")
        return exits.DONE


def _go_on(run: str, yes: bool, script: str | None, output_format: Format, quiet: bool, project: str | None) -> int:
    from agentflow import api
    from agentflow.cli.driving import Driving, drive

    folder = project_folder(project)
    driving = Driving(
        output=output_format,
        quiet=quiet,
        yes=yes,
        script=script,
        project=folder,
    )
    return drive(driving, lambda options: api.resume(run, options))
