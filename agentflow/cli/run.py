"""`agentflow run`."""

from typing import TYPE_CHECKING, Any

import click

from agentflow.cli.charge_options import Given, charged
from agentflow.cli.completion import files
from agentflow.cli.dry_run import DryOptions, dry_options, show_dry_run
from agentflow.cli.file_help import FileCommand
from agentflow.cli.options import (
    Durability,
    Format,
    durability,
    inputs,
    output_format,
    project_of_file,
    quiet,
    record,
    replay,
    scripted,
    secret,
    secrets_file,
    stream,
    typed,
    wait,
    yes,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentflow.api import Checked
    from agentflow.plan.model import Plan


@click.command(cls=FileCommand)
@click.argument("file", shell_complete=files)
@typed
@inputs
@yes
@scripted
@record
@replay
@dry_options
@click.option("--pace", type=click.FloatRange(0, 60), default=0.0, help="Seconds before each scripted reply.")
@secret
@secrets_file
@charged
@durability
@output_format
@stream
@wait
@quiet
def run(
    file: str,
    typed: tuple[str, ...],
    inputs: str | None,
    yes: bool,
    script: str | None,
    record: str | None,
    replay: str | None,
    dry: DryOptions | None,
    pace: float,
    secret: tuple[str, ...],
    secrets_file: str | None,
    given: Given,
    durability: Durability,
    output_format: Format,
    stream: bool,
    wait: bool,
    quiet: bool,
) -> int:
    """Run a workflow file. With FILE, --help tells the file's own inputs.

    Its outputs are printed on standard output: a single one as it is, several under their names, or as JSON.
    """
    from agentflow import api
    from agentflow.cli.driving import Driving, drive
    from agentflow.cli.secrets import read_secrets
    from agentflow.cli.told import told_as
    from agentflow.report.outline import outline_of

    with told_as(output_format):
        checked, plan, values = _ready(file, typed, inputs, quiet)
        if dry is not None:
            return show_dry_run(checked, values, dry, replay, output_format, quiet)
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
            outline=outline_of(plan),
            words=stream,
            secrets=read_secrets(secret, secrets_file),
            stays=wait,
            given=given,
        )
    return drive(driving, lambda options: api.start(checked, values, options))


def _ready(
    file: str, typed: tuple[str, ...], inputs: str | None, quiet: bool
) -> "tuple[Checked, Plan, Mapping[str, Any]]":
    """The file, checked, with its warnings told, and the inputs. Raises AgentflowError where it cannot be run."""
    from agentflow import api
    from agentflow.cli.arguments import read_inputs
    from agentflow.cli.told import tell_diagnostics

    checked = api.check_to_run(file)
    if checked.plan is None:
        raise api.InvalidWorkflowError(checked)
    values = read_inputs(checked.plan, typed, inputs)
    if checked.diagnostics and not quiet:
        tell_diagnostics(checked)
    return checked, checked.plan, values
