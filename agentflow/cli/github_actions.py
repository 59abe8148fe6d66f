"""In GitHub Actions, where each printed line that begins with `::` is a command to the runner.

What models and tools say must not command it. The runner is told to stop listening until a word that nobody can guess
(https://docs.github.com/actions/reference/workflow-commands-for-github-actions, `stop-commands`); only the formats
that are made of commands are printed as they are.
"""

import os
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress


def is_listening(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a runner reads what a command prints, and the command does not speak to it."""
    return (
        environ.get("GITHUB_ACTIONS") == "true"
        and "github" not in arguments
        and "--output-format=github" not in arguments
    )


@contextmanager
def unheard(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> Iterator[None]:
    """Nothing that is printed meanwhile commands the runner."""
    if not is_listening(arguments, environ):
        yield
        return
    word = secrets.token_hex(16)
    _say(f"::stop-commands::{word}")
    try:
        yield
    finally:
        _say(f"::{word}::")


def _say(line: str) -> None:
    with suppress(OSError, ValueError):  # nobody reads any more
        sys.stdout.flush()
        print(line, file=sys.stderr, flush=True)  # noqa: T201 - no colour, no wrapping: the runner reads it
