"""Options that several commands share."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Literal, get_args

import click
from msgspec import Struct

from agentflow.cli.charge_options import Given, charged

Format = Literal["text", "json", "stream-json"]
Durability = Literal["process", "power"]

yes = click.option("--yes", is_flag=True, help="Answer every gate with yes.")
scripted = click.option(
    "--scripted", "script", metavar="FILE", help="Take the model's words from a file instead of the Claude API."
)
record = click.option("--record", metavar="FILE", help="Write every request to the model and its reply to a file.")
replay = click.option("--replay", metavar="FILE", help="Take the model's words from what --record wrote.")
output_format = click.option("--output-format", type=click.Choice(get_args(Format)), default="text", show_default=True)
text_or_json = click.option("--output-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
durability = click.option(
    "--durability",
    type=click.Choice(get_args(Durability)),
    default="process",
    show_default=True,
    help="What every event survives from the moment it is recorded: the death of the process, or loss of power too.",
)
secret = click.option(
    "--secret", "secret", multiple=True, metavar="NAME=@FILE", help="The value of a secret, from a file."
)
secrets_file = click.option("--secrets-file", metavar="FILE", help="Values of secrets: lines NAME=value.")
stream = click.option("--stream", is_flag=True, help="Show what agents write, as they write it.")
typed = click.option(
    "-i", "--input", "typed", multiple=True, metavar="KEY=VALUE", help="An input; KEY=@FILE reads a file."
)
inputs = click.option("--inputs", metavar="FILE", help="A JSON object with the inputs; - is standard input.")
preview = click.option("--preview", is_flag=True, help="Only say what would be reused and what would run, and why.")
wait = click.option(
    "--wait",
    is_flag=True,
    help="Stay until the model's service can be asked again, or a cap of the policy is whole again.",
)
quiet = click.option("-q", "--quiet", is_flag=True, help="No progress.")
project = click.option(
    "--project", metavar="FOLDER", help="The project whose runs are meant; default: the one around this folder."
)


class GoingOn(Struct, frozen=True):
    """The options of every command that goes on with a run."""

    yes: bool
    script: str | None
    record: str | None
    replay: str | None
    durability: Durability
    output_format: Format
    stream: bool
    quiet: bool
    project: str | None
    secret: tuple[str, ...]
    secrets_file: str | None
    wait: bool
    given: Given = Given()


def going_on(command: Callable[..., int]) -> Callable[..., int]:
    """Gives a command the options of `GoingOn`, and hands them over as its last argument."""

    @wraps(command)
    def with_options(**given: Any) -> int:
        options = GoingOn(**{name: given.pop(name) for name in GoingOn.__struct_fields__})
        return command(**given, options=options)

    wrapped: Callable[..., int] = charged(with_options)
    last = (project, quiet, stream, wait, output_format, durability)
    for option in (*last, secrets_file, secret, replay, record, scripted, yes):
        wrapped = option(wrapped)
    return wrapped


def project_folder(project: str | None) -> Path:
    """The folder whose journal is meant. Raises UsageError where there is none of that name."""
    from agentflow.errors import UsageError
    from agentflow.source.project import Project

    if project is None:
        return Project.of(Path.cwd() / "workflow.yaml").root
    folder = Path(project)
    if not folder.is_dir():
        raise UsageError(f"there is no folder '{project}'", "name the folder that holds `.agentflow`")
    return folder.resolve()


def project_of_file(file: str) -> Path:
    """The project of a workflow file."""
    from agentflow.source.project import Project

    return Project.of(Path(file)).root
