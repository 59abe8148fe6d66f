"""`agentflow fork`, and `resume --edited`: a new run that keeps what an older one has done."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from agentflow.cli import exits
from agentflow.cli.options import GoingOn, going_on, inputs, preview, project_folder, typed

if TYPE_CHECKING:
    from agentflow.engine.seeds import Seed
    from agentflow.plan.model import Plan

JSON = Any


@click.command(short_help="Begin a new run in the middle of an older one.")
@click.argument("run")
@click.option("--from", "steps", multiple=True, metavar="STEP", help="Runs again, with what follows it; repeatable.")
@typed
@inputs
@preview
@going_on
def fork(
    run: str,
    steps: tuple[str, ...],
    typed: tuple[str, ...],
    inputs: str | None,
    preview: bool,
    options: GoingOn,
) -> int:
    """Begin a new run of what RUN was started with, that keeps what RUN has done.

    Without --from, what had failed runs again. STEP may be inside a block: research.find is that step of every item,
    research[3].find of one.
    """
    from agentflow import api
    from agentflow.cli.told import told_as

    folder = project_folder(options.project)
    with told_as(options.output_format):
        given = _inputs_of_run(run, typed, inputs, options)
        seed = api.fork(run, steps, given, project=folder)
    return run_seed(seed, preview, options)


def run_edited(
    run: str, file: str | None, typed: tuple[str, ...], inputs: str | None, preview: bool, options: GoingOn
) -> int:
    """Runs a file that was edited, keeping what the edit does not touch.

    Parameters:
        file: as it was typed; None: the one the run was started with.
    """
    import os

    from agentflow import api
    from agentflow.cli.arguments import read_inputs
    from agentflow.cli.told import tell_diagnostics, told_as

    folder = project_folder(options.project)
    with told_as(options.output_format):
        path = file or os.path.relpath(api.file_of(run, project=folder))
        checked = api.check_to_run(path)
        given = {} if checked.plan is None else read_inputs(checked.plan, typed, inputs)
        seed = api.edited(run, checked, given, project=folder)
    if checked.diagnostics and not options.quiet:
        tell_diagnostics(checked)
    return run_seed(seed, preview, options)


def run_seed(seed: "Seed", preview: bool, options: GoingOn) -> int:
    """Says what is reused, and runs the rest; with `preview` it only says."""
    from msgspec.structs import replace

    from agentflow import api
    from agentflow.cli.driving import drive
    from agentflow.cli.resume import driving_of
    from agentflow.report.outline import outline_of

    if preview or not options.quiet:
        _tell(seed, preview, options)
    if preview:
        return exits.DONE
    if seed.wider and _agrees(seed):
        seed = replace(seed, agreed=True)
    driving = replace(driving_of(options), outline=outline_of(seed.plan))
    return drive(driving, lambda given: api.start_seed(seed, given))


def _agrees(seed: "Seed") -> bool:
    """Whether a person at the terminal says yes to what the edited file lets agents do beyond what they could."""
    from agentflow.report.inert import inert_line

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    click.echo("\nThe edited file lets agents do more than before:", err=True)
    for may in seed.wider:
        click.echo(f"  {inert_line(may, 1_000)}", err=True)
    return click.confirm("Go on with it?", default=False, err=True)


def _tell(seed: "Seed", preview: bool, options: GoingOn) -> None:
    """On standard output where it is all that was asked for, else beside the run's own output."""
    from agentflow.report.inert import inert_line
    from agentflow.report.json_out import dumps
    from agentflow.report.lineage import fates_json, fates_text, lineage_text, widened
    from agentflow.report.style import Paint

    lineage = seed.started.lineage
    if lineage is None:
        return
    wider = [] if seed.before is None else widened(_as_json(seed.before), _as_json(seed.plan))
    if options.output_format == "stream-json" or (preview and options.output_format == "json"):
        click.echo(dumps(fates_json(lineage.run, seed.fates, wider), indent=2 if preview else None))
        return
    paint = Paint.for_stream(sys.stdout if preview else sys.stderr)
    click.echo(f"{'it would be a run that ' if preview else ''}{lineage_text(lineage)}", err=not preview)
    for line in fates_text(seed.fates, paint):
        click.echo(line, err=not preview)
    for may in wider:
        click.echo(f"  {paint('new', 'yellow')}: {inert_line(may, 300)}", err=not preview)


def _as_json(plan: "Plan") -> dict[str, JSON]:
    from agentflow.report.plan_json import plan_json

    return plan_json(plan, {})


def _inputs_of_run(run: str, typed: tuple[str, ...], inputs: str | None, options: GoingOn) -> Mapping[str, JSON]:
    """The inputs that are to be others, of the types that the stored file gives them."""
    if not typed and inputs is None:
        return {}
    from agentflow import api
    from agentflow.cli.arguments import read_inputs

    return read_inputs(api.plan_of_run(run, project=project_folder(options.project)), typed, inputs)
