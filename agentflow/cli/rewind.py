"""`agentflow rewind`: puts files back as they were before a step of a run began."""

import asyncio
import sys

import click

from agentflow.cli import exits
from agentflow.cli.options import project, project_folder, text_or_json


@click.command(short_help="Put back the files that a run has changed.")
@click.argument("run")
@click.option("--to", metavar="STEP", help="As the files were before STEP began; STEP@TURN: before that turn did.")
@click.option("--undo", is_flag=True, help="Undo the last rewind of the run; twice does it again.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@click.option("--force", is_flag=True, help="Also put back what somebody else has changed since.")
@text_or_json
@project
def rewind(
    run: str, to: str | None, undo: bool, dry_run: bool, force: bool, output_format: str, project: str | None
) -> int:
    """Put the files back that Write and Edit of a run have changed since STEP began, the last change first.

    RUN is its id, or the beginning of it. What Bash, commands and functions changed is not covered; they are listed.
    A file that somebody else has changed since keeps all of it from being done, unless --force. The run's journal
    stays, and so does the rewind in it: --undo takes it back.
    """
    from agentflow import api
    from agentflow.cli.asking import user_name
    from agentflow.cli.told import say, told_as
    from agentflow.errors import UsageError
    from agentflow.report.json_out import dumps
    from agentflow.report.rewinding import rewind_json, rewind_text
    from agentflow.report.style import Paint

    with told_as(output_format):
        if undo and to is not None:
            raise UsageError("--to and --undo do not go together", "undo the last rewind first, then rewind to a step")
        options = {"undo": undo, "dry_run": dry_run, "force": force, "by": user_name()}
        found = asyncio.run(api.rewind(run, to, project=project_folder(project), **options))
    if output_format == "json":
        click.echo(dumps(rewind_json(found), indent=2))
    else:
        for line in rewind_text(found, Paint.for_stream(sys.stdout), dry_run=dry_run):
            click.echo(line)
    if found.conflicts and not dry_run and output_format == "text":
        say("error: these files stay as they are", "look at each; --force puts back what can be all the same")
    return exits.FAILED if found.conflicts else exits.DONE
