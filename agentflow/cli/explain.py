"""`agentflow explain`: what a diagnostic code means, with a wrong and a right example."""

import shutil
import sys

import click

from agentflow.cli import exits
from agentflow.errors import UsageError


@click.command(short_help="Explain a diagnostic code.")
@click.argument("code", required=False, metavar="[CODE]")
@click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def explain(code: str | None, output_format: str) -> int:
    """Explain a diagnostic code: what it means, why it matters, with a wrong and a right example.

    Without CODE, list all codes.
    """
    from agentflow.report import explain as texts
    from agentflow.report.style import Paint

    told = None if code is None else texts.explanation(_known(code))
    paint = Paint.for_stream(sys.stdout)
    if output_format == "json":
        shown = texts.code_list_json() if told is None else texts.explanation_json(told)
    elif told is None:
        shown = texts.code_list(paint)
    else:
        shown = texts.explained(told, paint, shutil.get_terminal_size().columns)
    click.echo(shown)
    return exits.DONE


def _known(code: str) -> str:
    from agentflow.source.codes import CODES
    from agentflow.source.suggest import did_you_mean

    if code.upper() in CODES:
        return code.upper()
    hint = did_you_mean(code, CODES) or "`agentflow explain` lists all codes"
    raise UsageError(f"there is no code `{code}`", hint)
