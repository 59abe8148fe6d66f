"""`agentflow run --dry-run`: where a run would go, with stubs for models, commands and people."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentflow.api import Checked
    from agentflow.spec.stubs import StubsByPath


def show_dry_run(
    checked: "Checked",
    inputs: "Mapping[str, Any]",
    stubs: str | None,
    write: str | None,
    recording: str | None,
    output_format: str,
    quiet: bool,
) -> int:
    """Simulates a run, shows its trace, and returns the exit code that a real one would have.

    Parameters:
        stubs: the file of stubs to use.
        write: the file to write those that were used to.
        recording: the file whose replies the agents without a stub give.
    """
    from agentflow.cli.exits import exit_code
    from agentflow.cli.told import say
    from agentflow.models.replay import Recording
    from agentflow.report.json_out import dumps
    from agentflow.report.style import Paint
    from agentflow.report.text import outputs_text
    from agentflow.report.trace import trace_json, trace_text
    from agentflow.simulation.dry import dry_run
    from agentflow.simulation.stub_file import stubs_text, write_stubs

    replayed = None if recording is None else Recording.from_file(Path(recording))
    done = dry_run(checked, inputs, _read(checked, stubs), replayed)
    if write is not None:
        write_stubs(Path(write), stubs_text(done.used, checked.path))
    trace, code = done.trace, exit_code(done.trace.result)
    result = trace.result
    if output_format == "json":
        click.echo(dumps(trace_json(trace, checked.path, code), indent=2))
    else:
        click.echo(trace_text(trace, Paint.for_stream(sys.stdout)))
        if result.outputs:
            click.echo(f"\n{outputs_text(result.outputs)}")
    for pattern in trace.unused:
        say(f"warning: no step took the stub of `{pattern}`")
    if result.failure is not None:
        where = f"step {result.failure.step} failed: " if result.failure.step else ""
        say(f"error: {where}{result.failure.message} ({result.failure.kind})")
    if not quiet:
        waiting = f" for {', '.join(result.waiting)}" if result.waiting else ""
        say(f"dry run: {result.status}{waiting}")
    return code


def _read(checked: "Checked", path: str | None) -> "StubsByPath | None":
    from agentflow import api
    from agentflow.simulation.stubs import read_stubs

    if path is None or checked.plan is None:
        return None
    read = read_stubs(checked.plan, path)
    if read.stubs is None:
        raise api.InvalidWorkflowError(api.Checked(path, None, read.diagnostics, read.texts))
    return read.stubs
