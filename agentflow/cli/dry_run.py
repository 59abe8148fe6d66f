"""`agentflow run --dry-run`: where a run would go, with stubs for models, commands and people."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from agentflow.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agentflow.api import Checked
    from agentflow.simulation.trace import Trace
    from agentflow.spec.stubs import StubsByPath


class DryOptions(Struct, frozen=True):
    """A dry run that is wanted.

    Attributes:
        stubs: the file of stubs to use.
        write_stubs: the file to write those that were used to.
    """

    stubs: str | None
    write_stubs: str | None


def dry_options(command: Callable[..., int]) -> Callable[..., int]:
    """Gives a command the options of a dry run, and hands them over as `dry`; None where none is wanted."""

    @wraps(command)
    def with_options(dry_run: bool, stubs: str | None, write_stubs: str | None, **given: Any) -> int:
        if not dry_run and (stubs or write_stubs):
            raise UsageError("only the steps of a dry run have stubs", "add `--dry-run`")
        if dry_run and (given["script"] or given["record"] or given["output_format"] == "stream-json"):
            raise UsageError("a dry run asks no model and has no events", "take --scripted, --record, stream-json away")
        return command(**given, dry=DryOptions(stubs, write_stubs) if dry_run else None)

    wrapped: Callable[..., int] = with_options
    for option in (
        click.option("--write-stubs", metavar="FILE", help="With --dry-run: write what steps came to, to be edited."),
        click.option("--stubs", metavar="FILE", help="With --dry-run: what steps come to; generated where absent."),
        click.option("--dry-run", is_flag=True, help="Show where a run would go: no model, no command, nobody asked."),
    ):
        wrapped = option(wrapped)
    return wrapped


def show_dry_run(
    checked: "Checked",
    inputs: "Mapping[str, Any]",
    dry: DryOptions,
    recording: str | None,
    output_format: str,
    quiet: bool,
) -> int:
    """Simulates a run, shows its trace, and returns the exit code that a real one would have.

    Parameters:
        recording: the file whose replies the agents without a stub give.
    """
    from agentflow.models.replay import Recording
    from agentflow.simulation.dry import dry_run
    from agentflow.simulation.stub_file import stubs_text, write_stubs

    replayed = None if recording is None else Recording.from_file(Path(recording))
    done = dry_run(checked, inputs, _read(checked, dry.stubs), replayed)
    if dry.write_stubs is not None:
        write_stubs(Path(dry.write_stubs), stubs_text(done.used, checked.path))
    return _show(checked, done.trace, output_format, quiet)


def _show(checked: "Checked", trace: "Trace", output_format: str, quiet: bool) -> int:
    from agentflow.cli.exits import exit_code
    from agentflow.cli.told import say
    from agentflow.report.json_out import dumps
    from agentflow.report.style import Paint
    from agentflow.report.text import outputs_text
    from agentflow.report.trace import trace_json, trace_text

    result, code = trace.result, exit_code(trace.result)
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
