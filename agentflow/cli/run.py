"""`agentflow run`."""

import click

from agentflow.cli.options import (
    Durability,
    Format,
    durability,
    output_format,
    project_of_file,
    quiet,
    scripted,
    secret,
    secrets_file,
    yes,
)


@click.command()
@click.argument("file")
@click.option("-i", "--input", "typed", multiple=True, metavar="KEY=VALUE", help="An input; KEY=@FILE reads a file.")
@click.option("--inputs", metavar="FILE", help="A JSON object with the inputs; - is standard input.")
@yes
@scripted
@click.option("--pace", type=click.FloatRange(0, 60), default=0.0, help="Seconds before each scripted reply.")
@secret
@secrets_file
@durability
@output_format
@quiet
def run(
    file: str,
    typed: tuple[str, ...],
    inputs: str | None,
    yes: bool,
    script: str | None,
    pace: float,
    secret: tuple[str, ...],
    secrets_file: str | None,
    durability: Durability,
    output_format: Format,
    quiet: bool,
) -> int:
    """Run a workflow file.

    Its outputs are printed on standard output: a single one as it is, several under their names, or as JSON.
    """
    from agentflow import api
    from agentflow.cli.arguments import read_inputs
    from agentflow.cli.driving import Driving, drive
    from agentflow.cli.secrets import read_secrets
    from agentflow.cli.told import error_json, tell_diagnostics
    from agentflow.errors import AgentflowError
    from agentflow.report.json_out import dumps

    try:
        checked = api.check_to_run(file)
        if checked.plan is None:
            raise api.InvalidWorkflowError(checked)
        values = read_inputs(checked.plan, typed, inputs)
        secrets = read_secrets(secret, secrets_file)
    except AgentflowError as error:
        if output_format != "text":
            click.echo(dumps(error_json(error)))
        raise
    if checked.diagnostics and not quiet:
        tell_diagnostics(checked)
    driving = Driving(
        output=output_format,
        quiet=quiet,
        yes=yes,
        script=script,
        pace=pace,
        durability=durability,
        project=project_of_file(file),
        steps=tuple(checked.plan.root.steps),
        cost_cap=checked.plan.limits.cost_usd,
        secrets=secrets,
    )
    return drive(driving, lambda options: api.start(checked, values, options))
