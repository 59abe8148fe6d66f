"""Command lines to paste: what can be done with a run, from where the user is now."""

import shlex
from contextlib import suppress
from pathlib import Path


def command(project: Path, verb: str, run: str, step: str | None = None, script: str | None = None) -> str:
    """The command line that does something with a run.

    Parameters:
        project: the folder whose journal holds the run; named where it is not the one around the current folder.
        script: the file that the run's model took its words from.
    """
    from agentflow.cli.options import project_folder

    words = ["agentflow", verb, run]
    if step is not None:
        words.append(step)
    if project_folder(None) != project:
        shown = project
        with suppress(ValueError):
            shown = shown.relative_to(Path.cwd())
        words += ["--project", str(shown)]
    if script is not None:
        words += ["--scripted", script]
    return shlex.join(words)
