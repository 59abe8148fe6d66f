"""`agentflow doctor`: what agentflow finds on this machine."""

import asyncio
import os
import sys
from typing import TYPE_CHECKING

import click

from agentflow.cli import exits
from agentflow.cli.options import project, project_folder, text_or_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agentflow.engine.doctor import Finding


@click.command(short_help="Look at this machine.")
@click.option("--online", is_flag=True, help="Also ask the model's service whether it takes the key; costs nothing.")
@text_or_json
@project
def doctor(online: bool, output_format: str, project: str | None) -> int:
    """Look at what agentflow needs and would use here: versions, the journal, room, the key, programs, the terminal.

    Nothing is changed, no secret is shown, and without --online the network is left alone. The exit code is 1 where
    something fails; warnings leave it 0.
    """
    from agentflow import api
    from agentflow.engine import doctor as machine
    from agentflow.report.json_out import dumps

    folder = project_folder(project)
    found = list(machine.findings(folder, api.journal_of(folder), os.environ))
    if online:
        found.append(asyncio.run(machine.online()))
    failed = any(finding.status == "fail" for finding in found)
    if output_format == "json":
        checks = [{name: getattr(one, name) for name in one.__struct_fields__} for one in found]
        click.echo(dumps({"type": "doctor", "ok": not failed, "checks": checks}, indent=2))
    else:
        _tell(found)
    return exits.FAILED if failed else exits.DONE


def _tell(found: "Iterable[Finding]") -> None:
    from agentflow.report.inert import inert_line
    from agentflow.report.style import Paint

    paint = Paint.for_stream(sys.stdout)
    colours = {"ok": "green", "warn": "yellow", "fail": "red"}
    for one in found:
        word = paint(f"{one.status:<4}", "bold", colours[one.status])
        click.echo(f"{word}  {one.name:<10}  {inert_line(one.found, 400)}")
        if one.hint is not None:
            click.echo(f"      {'':<10}  {paint('hint:', 'bold')} {inert_line(one.hint, 400)}")
