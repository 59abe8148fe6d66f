"""`agentflow permissions`: what would become of a call, and which rule says so."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agentflow.cli import exits
from agentflow.cli.charge_options import Given, charged
from agentflow.cli.completion import files
from agentflow.cli.options import text_or_json

if TYPE_CHECKING:
    from agentflow.guard.trial import Trial

_EXITS = {"allow": exits.DONE, "deny": exits.FAILED, "ask": exits.WAITING}


@click.group(short_help="Tell what an agent may do.")
def permissions() -> None:
    """Tell what an agent may do, without running anything."""


@permissions.command(name="test", short_help="Tell what would become of a call.")
@click.argument("file", shell_complete=files)
@click.argument("agent")
@click.argument("call")
@click.option("--caller", "callers", multiple=True, metavar="AGENT", help="Who calls the agent; the outermost first.")
@click.option("-i", "--input", "typed", multiple=True, metavar="KEY=VALUE", help="An input that a rule holds.")
@charged
@text_or_json
def try_(
    file: str, agent: str, call: str, callers: tuple[str, ...], typed: tuple[str, ...], output_format: str, given: Given
) -> int:
    """Tell what would become of a CALL of an AGENT of a file, and which rule says so: the file's, or the policy's.
    Nothing is run.

    AGENT is the agent's name, or the path of the step that it stands in. CALL is as 'Bash(git push)', 'Write(src/a.py)'
    or 'own_tool({"param": "x"})'.

    The exit code is 0 where the call would run, 1 where it would be denied, 4 where a person would be asked.
    """
    from agentflow import api
    from agentflow.cli.arguments import read_inputs
    from agentflow.engine.charge import rules_of
    from agentflow.guard.rule_lists import Anchors
    from agentflow.guard.trial import try_call
    from agentflow.plan.callers import IN_PROJECT
    from agentflow.plan.inputs import known_inputs
    from agentflow.report.json_out import dumps
    from agentflow.source.project import Project

    checked = api.check(file)
    if checked.plan is None:
        raise api.InvalidWorkflowError(checked)
    root = Project.of(Path(file)).root
    inputs = known_inputs(checked.plan, read_inputs(checked.plan, typed, None), root)
    anchors = Anchors(str(root.resolve()), os.path.expanduser("~"))
    own = [*IN_PROJECT, *(os.path.relpath(os.path.realpath(path), anchors.project) for path in checked.texts)]
    trial = try_call(checked.plan, agent, call, anchors, inputs, callers, rules_of(given.charge(), root), own)
    click.echo(dumps(_json(trial), indent=2) if output_format == "json" else _text(trial))
    return _EXITS[trial.decision.verdict]


def _json(trial: "Trial") -> dict[str, Any]:
    return {
        "verdict": trial.decision.verdict,
        "why": trial.decision.why,
        "rule": trial.decision.rule,
        "where": trial.decision.where,
        "agent": trial.agent,
        "callers": list(trial.callers),
        "mode": trial.mode,
        "tool": trial.use.tool,
        "input": dict(trial.use.input),
    }


def _text(trial: "Trial") -> str:
    from agentflow.report.inert import inert_line
    from agentflow.report.style import Paint

    paint = Paint.for_stream(sys.stdout)
    words = {"allow": ("allowed", "green"), "deny": ("denied", "red"), "ask": ("asked", "yellow")}
    word, colour = words[trial.decision.verdict]
    rows = [f"{paint(word, 'bold', colour)}: {inert_line(trial.decision.why)}"]
    if trial.decision.where is not None:
        rows.append(f"  {inert_line(trial.decision.where)}")
    return "\n".join(rows)
