"""`agentflow run`."""

import click

from agentflow.cli.options import (
    Durability,
    Format,
    durability,
    output_format,
    project_of_file,
    quiet,
    record,
    replay,
    scripted,
    yes,
)


@click.command()
@click.argument("file")
@click.option("-i", "--input", "typed", multiple=True, metavar="KEY=VALUE", help="An input; KEY=@FILE reads a file.")
@click.option("--inputs", metavar="FILE", help="A JSON object with the inputs; - is standard input.")
@yes
@scripted
@record
@replay
@click.option("--dry-run", is_flag=True, help="Show where a run would go, without models, commands and people.")
@click.option("--stubs", metavar="FILE", help="With --dry-run: what steps come to; generated where absent.")
@click.option("--write-stubs", metavar="FILE", help="With --dry-run: write what steps came to, to be edited.")
@click.option("--pace", type=click.FloatRange(0, 60), default=0.0, help="Seconds before each scripted reply.")
@durability
@output_format
@quiet
def run(
    file: str,
    typed: tuple[str, ...],
    inputs: str | None,
    yes: bool,
    script: str | None,
    record: str | None,
    replay: str | None,
    dry_run: bool,
    stubs: str | None,
    write_stubs: str | None,
    pace: float,
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
    from agentflow.cli.dry_run import show_dry_run
    from agentflow.cli.told import error_json, tell_diagnostics
    from agentflow.errors import AgentflowError, UsageError
    from agentflow.report.json_out import dumps

    try:
        if not dry_run and (stubs or write_stubs):
            raise UsageError("stubs stand in for steps of a dry run alone", "add `--dry-run`")
        if dry_run and (script or record or output_format == "stream-json"):
            raise UsageError(
                "a dry run asks no model and has no stream of events",
                "leave `--scripted`, `--record`, `stream-json` away",
            )
        checked = api.check_to_run(file)
        if checked.plan is None:
            raise api.InvalidWorkflowError(checked)
        values = read_inputs(checked.plan, typed, inputs)
    except AgentflowError as error:
        if output_format != "text":
            click.echo(dumps(error_json(error)))
        raise
    if checked.diagnostics and not quiet:
        tell_diagnostics(checked)
    if dry_run:
        return show_dry_run(checked, values, stubs, write_stubs, replay, output_format, quiet)
    driving = Driving(
        output=output_format,
        quiet=quiet,
        yes=yes,
        script=script,
        record=record,
        replay=replay,
        pace=pace,
        durability=durability,
        project=project_of_file(file),
        steps=tuple(checked.plan.root.steps),
        cost_cap=checked.plan.limits.cost_usd,
    )
    return drive(driving, lambda options: api.start(checked, values, options))
