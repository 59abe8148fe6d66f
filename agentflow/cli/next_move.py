"""Command lines to paste: what can be done with a run, from where the user is now."""

import shlex
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


def command(project: Path, verb: str, run: str, step: str | None = None, model: Sequence[str] = ()) -> str:
    """The command line that does something with a run.

    Parameters:
        project: the folder whose journal holds the run; named where it is not the one around the current folder.
        model: the options that say where the model's words come from and go to.
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
    return shlex.join([*words, *model])
