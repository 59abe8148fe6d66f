"""Options that several commands share."""

from pathlib import Path
from typing import Literal, get_args

import click

Format = Literal["text", "json", "stream-json"]

yes = click.option("--yes", is_flag=True, help="Answer every gate with yes.")
scripted = click.option(
    "--scripted", "script", metavar="FILE", help="Take the model's words from a file instead of the Claude API."
)
output_format = click.option("--output-format", type=click.Choice(get_args(Format)), default="text", show_default=True)
quiet = click.option("-q", "--quiet", is_flag=True, help="No progress.")
project = click.option(
    "--project", metavar="FOLDER", help="The project whose runs are meant; default: the one around this folder."
)


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
