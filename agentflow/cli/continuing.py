"""`agentflow continue`: a session of an older run is taken up with a new prompt."""

import click

from agentflow.cli.options import GoingOn, going_on, project_folder


@click.command("continue", short_help="Take a session of a run up with a new prompt.")
@click.argument("run")
@click.argument("session")
@click.argument("prompt")
@click.option("--at", type=click.IntRange(min=1), metavar="TURN", help="Take over what was said up to that turn only.")
@going_on
def continue_(run: str, session: str, prompt: str, at: int | None, options: GoingOn) -> int:
    """Say PROMPT to SESSION of RUN, in a new run: the same agent, with its tools and bounds, and all that was said.

    SESSION is its name as `agentflow sessions RUN` lists it, the beginning of that, or its agent's name. The older run
    stays as it is.
    """
    from agentflow import api
    from agentflow.cli.fork import run_seed
    from agentflow.cli.told import told_as

    with told_as(options.output_format):
        seed = api.continued(run, session, prompt, at, project=project_folder(options.project))
    return run_seed(seed, False, options)
