"""`agentflow validate`: all problems of all files, before anything runs."""

import gc
import glob
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agentflow.cli import exits
from agentflow.cli.completion import files
from agentflow.cli.files_below import files_below
from agentflow.errors import UsageError

if TYPE_CHECKING:
    from agentflow.api import Checked
    from agentflow.source.diagnostics import Diagnostic

STDIN = "-"
_LOOKED_AT = 64 * 1024
_FIRST_LEVEL_KEY = re.compile(rb"""^(?:\xef\xbb\xbf)?(?:agentflow|"agentflow"|'agentflow')\s*:""", re.MULTILINE)
_KEY = re.compile(rb"""^(?:\xef\xbb\xbf)?["']?([a-z_]+)["']?\s*:""", re.MULTILINE)
_KEYS_OF_POLICIES = frozenset({b"tenants", b"users", b"unknown_users", b"roles", b"rate_limits", b"retention"})


@click.command(short_help="Check workflow files.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", shell_complete=files)
@click.option("--strict", is_flag=True, help="Warnings are errors: they make the exit code 2.")
@click.option("--policy", metavar="FILE", help="Also check the roles of gates against this policy of the operator's.")
@click.option("--environment", is_flag=True, help="Also tell what this machine lacks: secrets, programs, a key.")
@click.option(
    "--output-format",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    show_default=True,
    help="text: for people. json: for programs. sarif: 2.1.0, for code scanning. github: annotations by its Actions.",
)
@click.option(
    "--skip-others", is_flag=True, help="Leave out files that are no workflows, for programs that name every file."
)
def validate(
    paths: tuple[str, ...],
    strict: bool,
    policy: str | None,
    environment: bool,
    output_format: str,
    skip_others: bool,
) -> int:
    """Check workflow files, and policies: all problems of all files, each with its place and a hint.

    PATH is a file, a folder (its *.yaml and *.yml files whose first level has the key `agentflow`), a pattern in quotes
    (as "flows/**/*.yaml"), or - for standard input.
    """
    from agentflow.cli.counting import counted

    every = dict.fromkeys(counted((found for path in paths for found in _files(path)), "looking for workflows:"))
    if skip_others:
        every = dict.fromkeys(path for path in every if path == STDIN or not Path(path).is_file() or _is_workflow(path))
    checks = [_check(path, environment, policy) for path in counted(every, "checking", len(every))]
    refused = any(not checked.ok or (strict and checked.diagnostics) for checked in checks)
    checks = list(_each_once(checks))
    if output_format == "text":
        _print_text(checks)
    elif shown := _rendered(checks, output_format):
        click.echo(shown)
    return exits.INVALID if refused else exits.DONE


def _check(path: str, environment: bool, policy: str | None) -> "Checked":
    from agentflow import api
    from agentflow.source.project import MAX_WORKFLOW_BYTES

    typed = sys.stdin.buffer.read(MAX_WORKFLOW_BYTES + 1) if path == STDIN else None
    if _is_policy(path, typed):
        from agentflow.engine.charge import checked_policy

        return checked_policy(Path("<stdin>" if typed is not None else path), typed)[1]
    check = api.check_environment if environment else api.check
    checked = check(path if typed is None else "<stdin>", typed, or_library=True)
    if policy is not None:
        from agentflow.engine.charge import check_roles

        checked = check_roles(checked, Path(policy))
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
    return checked


def _each_once(checks: "list[Checked]") -> "Iterator[Checked]":
    """The checks with each problem once: one of a file that several run or import is met again with each of them."""
    from msgspec.structs import replace

    told: set[Diagnostic] = set()
    for checked in checks:
        found = {_named_plainly(problem): problem for problem in checked.diagnostics}
        new = tuple(problem for plain, problem in found.items() if plain not in told)
        told.update(found)
        yield checked if len(new) == len(checked.diagnostics) else replace(checked, diagnostics=new)


def _named_plainly(problem: "Diagnostic") -> "Diagnostic":
    """A problem with its file named as those who use the file name it: `./a.yaml` is `a.yaml`."""
    from msgspec.structs import replace

    return replace(problem, place=replace(problem.place, path=os.path.normpath(problem.place.path)))


def _files(path: str) -> Iterator[str]:
    if path != STDIN and not os.path.exists(path) and glob.has_magic(path):
        yield from _matching(path)
        return
    if path == STDIN or not os.path.isdir(path):
        yield path
        return
    found = False
    for file in files_below(path):
        if file.endswith((".yaml", ".yml")) and _is_workflow(file):
            found = True
            yield file
    if not found:
        raise UsageError(f"there is no workflow in the folder '{path}'", "a workflow is YAML and begins `agentflow: 1`")


def _matching(pattern: str) -> Iterator[str]:
    """The workflows that a pattern names which no shell has filled in; `**` is any number of folders."""
    found = [path for path in sorted(glob.glob(pattern, recursive=True)) if _is_workflow(path)]
    if not found:
        raise UsageError(f"no workflow matches '{pattern}'", "a workflow is YAML and begins `agentflow: 1`")
    yield from found


def _is_workflow(path: str) -> bool:
    if not Path(path).is_file():
        return False
    try:
        with open(path, "rb") as file:
            return _FIRST_LEVEL_KEY.search(file.read(_LOOKED_AT)) is not None
    except OSError:
        # Named, so that `check` says why it cannot be read.
        return True


def _is_policy(path: str, typed: bytes | None) -> bool:
    """Whether a file is an operator's policy: by the keys of its first level, and by its name where it has none."""
    content = typed
    if content is None:
        try:
            if not Path(path).is_file():  # nothing is read of a pipe or device, which `check` refuses
                return False
            with open(path, "rb") as file:
                content = file.read(_LOOKED_AT)
        except (OSError, ValueError):
            return False
    keys = {match[1] for match in _KEY.finditer(content)}
    if b"steps" in keys:
        return False
    named = Path(path).name in ("policy.yaml", "policy.yml")
    return bool(keys & _KEYS_OF_POLICIES) or (named and not keys & {b"agents", b"tools", b"name"})


def _print_text(checks: list["Checked"]) -> None:
    from agentflow.report.diagnostics import DiagnosticWriter, summary
    from agentflow.report.style import Paint

    paint = Paint.for_stream(sys.stdout)
    for checked in checks:
        writer = DiagnosticWriter(checked.texts, paint)
        for diagnostic in checked.diagnostics:
            click.echo(writer.render(diagnostic) + "\n")
    click.echo(summary((diagnostic for checked in checks for diagnostic in checked.diagnostics), len(checks)))


def _rendered(checks: list["Checked"], output_format: str) -> str:
    if output_format == "json":
        from agentflow.report import diagnostics_json

        return diagnostics_json.render(checks)
    if output_format == "github":
        from agentflow.report import github

        return github.render(checks)
    from importlib.metadata import version

    from agentflow.report import sarif

    return sarif.render(checks, version("agentflow"), Path.cwd())
