"""`agentflow plan`: what a file may do, without running it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentflow.cli import exits
from agentflow.cli.completion import files
from agentflow.cli.options import text_or_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentflow.plan.model import Plan


@click.command(short_help="Show what a file may do and cost.")
@click.argument("file", shell_complete=files)
@click.option("-i", "--input", "typed", multiple=True, metavar="KEY=VALUE", help="An input; KEY=@FILE reads a file.")
@click.option("--inputs", metavar="FILE", help="A JSON object with the inputs; - is standard input.")
@text_or_json
def plan(file: str, typed: tuple[str, ...], inputs: str | None, output_format: str) -> int:
    """Show what a file may do, and at most how much it can cost, without running anything.

    Its steps, agents and their tools, commands, gates, files, environment and limits. Inputs that are given, or have
    a default, stand in rules and bounds; without them bounds count at their maximum.
    """
    from agentflow import api
    from agentflow.cli.told import tell_diagnostics
    from agentflow.report.json_out import dumps
    from agentflow.report.plan_json import plan_json
    from agentflow.report.plan_text import plan_text
    from agentflow.report.style import Paint

    checked = api.check(file)
    if checked.plan is None:
        raise api.InvalidWorkflowError(checked)
    if checked.diagnostics:
        tell_diagnostics(checked)
    data = plan_json(checked.plan, _values(checked.plan, file, typed, inputs))
    if output_format == "json":
        click.echo(dumps(data, indent=2))
    else:
        click.echo(plan_text(data, Paint.for_stream(sys.stdout)))
    return exits.DONE


def _values(plan: "Plan", file: str, typed: tuple[str, ...], inputs: str | None) -> "Mapping[str, Any]":
    from agentflow.cli.arguments import read_inputs
    from agentflow.plan.inputs import known_inputs
    from agentflow.source.project import Project

    return known_inputs(plan, read_inputs(plan, typed, inputs), Project.of(Path(file)).root)
