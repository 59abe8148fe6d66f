"""`agentflow sessions` and `agentflow session`: the conversations of a run."""

import sys

import click

from agentflow.cli import exits
from agentflow.cli.options import project, project_folder, text_or_json


@click.command(short_help="List the sessions of a run.")
@click.argument("run")
@text_or_json
@project
def sessions(run: str, output_format: str, project: str | None) -> int:
    """List the sessions of a run: agent, turns, state, cost and time, subagents below who called them."""
    from agentflow import api
    from agentflow.report.json_out import dumps
    from agentflow.report.sessions import session_json, sessions_table

    found = api.sessions(run, project=project_folder(project))
    if output_format == "json":
        click.echo(dumps([session_json(one) for one in found], indent=2))
    else:
        click.echo(sessions_table(found) if found else "no sessions: no agent was at work")
    return exits.DONE


@click.command(short_help="Show a session of a run.")
@click.argument("run")
@click.argument("session")
@click.option("--full", is_flag=True, help="Cut nothing.")
@text_or_json
@project
def session(run: str, session: str, full: bool, output_format: str, project: str | None) -> int:
    """Show a session: its state, what was said, its tools, the last request and reply, and where its time went.

    SESSION is its name as `agentflow sessions RUN` lists it, the beginning of that, or its agent's name.
    """
    from agentflow import api
    from agentflow.report.inert import inert_line
    from agentflow.report.json_out import dumps
    from agentflow.report.sessions import story_json, story_text
    from agentflow.report.style import Paint

    story = api.session(run, session, project=project_folder(project))
    if output_format == "json":
        click.echo(dumps(story_json(story), indent=2))
        return exits.DONE
    for line in story_text(story, inert_line(run, 60), Paint.for_stream(sys.stdout), full=full):
        click.echo(line)
    return exits.DONE
