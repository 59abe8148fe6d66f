"""Values of secrets: from files, or typed by a person whose terminal does not show them."""

import asyncio
import sys
import termios
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import click

from agentflow.cli.arguments import read_text
from agentflow.cli.asking import line_from_terminal
from agentflow.cli.logs import REDACTION
from agentflow.cli.secrets_file import values_of
from agentflow.cli.told import say
from agentflow.errors import UsageError
from agentflow.guard.secret_forms import SHORTEST, lines_of
from agentflow.report.style import Paint


def read_secrets(pairs: Iterable[str], file: str | None) -> Mapping[str, str]:
    """The values given on the command line; those of `--secret` win over those of the file.

    Parameters:
        pairs: `NAME=@PATH`: the file's text, less one final newline.
        file: as `values_of` reads it.

    Raises:
        UsageError: a file cannot be read, or a line or pair names nothing. No message holds a value.
    """
    given = {} if file is None else dict(values_of(file))
    named: set[str] = set()
    for pair in pairs:
        name, equals, where = pair.partition("=")
        if not name or not equals or not where.startswith("@"):
            shown = name or "…"
            raise UsageError(
                f"`--secret {shown}` takes its value from a file: others see what stands on a command line",
                f"write `--secret {shown}=@FILE`, or set the environment variable {shown}",
            )
        if name in named:
            raise UsageError(f"the secret `{name}` is given twice", "give it once")
        named.add(name)
        text = read_text(Path(where[1:]), f"secret `{name}`")
        given[name] = text.removesuffix("\n").removesuffix("\r")
    REDACTION.hide(given)
    return given


def tell_secrets(values: Mapping[str, str]) -> None:
    """Takes up the values that a run begins with, so that no log holds one, and says which are too short for that."""
    REDACTION.hide(values)
    short = [name for name, value in values.items() if value and not lines_of(value)]
    if short:
        listed = ", ".join(f"`{name}`" for name in short)
        message = (
            f"warning: the values of {listed} are shorter than {SHORTEST} characters and cannot be kept out of texts"
        )
        say(message, "take longer ones, or see to it that no command prints them")


class SecretPrompt:
    """Asks at the terminal for one secret at a time, without showing what is typed.

    Parameters:
        paused: gives the terminal over while the question stands there.
        turn: who holds it asks; shared with other questions.
    """

    def __init__(self, paused: Callable[[], AbstractContextManager[None]], turn: asyncio.Lock) -> None:
        self._paused = paused
        self._turn = turn

    async def ask(self, name: str) -> str | None:
        """The value that was typed; None where the person gave none."""
        paint = Paint.for_stream(sys.stderr)
        async with self._turn:
            with self._paused(), _unseen():
                try:
                    prompt = f"\n{paint('?', 'bold', 'yellow')} value of the secret {paint(name, 'bold')}: "
                    typed = await line_from_terminal(prompt)
                except EOFError:
                    typed = ""
                finally:
                    click.echo("", err=True)
        if typed:
            REDACTION.hide({name: typed})
        return typed or None


class _unseen(AbstractContextManager[None]):  # noqa: N801 - read as a word, as those of contextlib
    """What is typed meanwhile is not shown."""

    def __enter__(self) -> None:
        self._descriptor = sys.stdin.fileno()
        self._before = termios.tcgetattr(self._descriptor)
        quiet = termios.tcgetattr(self._descriptor)
        quiet[3] &= ~termios.ECHO
        # Waiting input goes: what was typed before the question does not answer it.
        termios.tcsetattr(self._descriptor, termios.TCSAFLUSH, quiet)

    def __exit__(self, *_: object) -> None:
        termios.tcsetattr(self._descriptor, termios.TCSADRAIN, self._before)
