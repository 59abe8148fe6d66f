"""`agentflow test`: the tests of workflows, over stubs or recordings."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentflow.cli import exits
from agentflow.cli.completion import files
from agentflow.cli.files_below import files_below

if TYPE_CHECKING:
    from agentflow.report.style import Paint
    from agentflow.report.suites import SuiteResult


@click.command(short_help="Run the tests of workflows.")
@click.argument("paths", nargs=-1, metavar="[PATH...]", shell_complete=files)
@click.option("-k", "word", metavar="NAME", help="Only tests whose name holds this, in any case.")
@click.option("--junit", metavar="FILE", help="Write JUnit XML to a file too.")
@click.option("--output-format", type=click.Choice(["text", "json", "junit"]), default="text", show_default=True)
def test(paths: tuple[str, ...], word: str | None, junit: str | None, output_format: str) -> int:
    """Run the tests of workflows: no model is asked, no command runs, nobody is waited for.

    PATH is a file of tests, or a folder: its *.test.yaml files. Default: the current folder. The exit code is 1 where
    a test failed, and 2 where a file has errors.
    """
    from agentflow.report.json_out import dumps
    from agentflow.report.junit import junit_xml
    from agentflow.report.style import Paint
    from agentflow.report.suites import suite_text, suites_json, totals_text

    results = list(_results(paths or (".",), word))
    if junit is not None:
        _write(Path(junit), junit_xml(results))
    if output_format == "json":
        click.echo(dumps(suites_json(results), indent=2))
    elif output_format == "junit":
        click.echo(junit_xml(results), nl=False)
    else:
        paint = Paint.for_stream(sys.stdout)
        for result in results:
            _tell_diagnostics(result, paint)
            if result.cases:
                click.echo(suite_text(result, paint))
        click.echo(totals_text(results))
    if not all(result.suite.ok for result in results):
        return exits.INVALID
    return exits.DONE if all(case.passed for result in results for case in result.cases) else exits.FAILED


def _results(paths: tuple[str, ...], word: str | None) -> "Iterator[SuiteResult]":
    from agentflow.errors import UsageError
    from agentflow.report.suites import SuiteResult
    from agentflow.simulation.suite import load_suite, run_case

    met = False
    for file in dict.fromkeys(found for path in paths for found in _files(path)):
        suite = load_suite(file)
        wanted = [ready for ready in suite.cases if word is None or word.casefold() in ready.case.name.casefold()]
        met = met or bool(wanted) or not suite.ok
        yield SuiteResult(suite, tuple(run_case(suite, ready, exits.exit_code) for ready in wanted))
    if not met:
        raise UsageError(f"no test has {word!r} in its name", "`agentflow test` without `-k` lists them all")


def _files(path: str) -> Iterator[str]:
    from agentflow.errors import UsageError
    from agentflow.simulation.suite import ENDINGS

    if not os.path.isdir(path):
        yield path
        return
    found = False
    for file in files_below(path):
        if file.endswith(ENDINGS):
            found = True
            yield os.path.normpath(file)
    if not found:
        raise UsageError(f"there are no tests in the folder '{path}'", "a file of tests is called `*.test.yaml`")


def _tell_diagnostics(result: "SuiteResult", paint: "Paint") -> None:
    from agentflow.report.diagnostics import DiagnosticWriter

    writer = DiagnosticWriter(result.suite.texts, paint)
    for diagnostic in result.suite.diagnostics:
        click.echo(writer.render(diagnostic) + "\n")


def _write(path: Path, text: str) -> None:
    from agentflow.errors import UsageError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"'{path}' cannot be written: {error.strerror}", "name a file in a folder that is there"
        ) from None
