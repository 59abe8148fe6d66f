"""Asks the person at the terminal about gates, one after the other, without holding up the run."""

import asyncio
import codecs
import getpass
import os
import sys
import termios
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import click

from agentflow.cli.forms import fill
from agentflow.report.inert import inert_line
from agentflow.report.style import Paint
from agentflow.report.text import gate_text

if TYPE_CHECKING:
    from agentflow.engine.port import Answer
    from agentflow.journal.port import Gate


def user_name() -> str:
    """Who sits here, as the journal names them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


class TerminalAsker:
    """Asks about one gate at a time.

    Parameters:
        paused: gives the terminal over while a question stands there.
        leave: is called when the person closes the input, to decide later.
        by: who they are; None: the system's user.

    Attributes:
        answered: the steps whose gates were answered here.
        turn: who holds it asks.
    """

    def __init__(
        self,
        paused: Callable[[], AbstractContextManager[None]] | None,
        leave: Callable[[], None],
        by: str | None = None,
    ) -> None:
        self._by = user_name() if by is None else by
        self._paused = paused or nullcontext
        self._leave = leave
        self.turn = asyncio.Lock()
        self.answered: set[str] = set()

    async def ask(self, gate: "Gate") -> "Answer":
        """Asks, and waits for the answer; cancelled when another has answered."""
        async with self.turn:
            with self._paused():
                try:
                    answer = await self._put(gate)
                except EOFError:
                    click.echo("\nleft open", err=True)
                    self._leave()
                    left_open: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
                    return await left_open
                except asyncio.CancelledError:
                    click.echo("\n(not needed any more)", err=True)
                    raise
        self.answered.add(gate.step)
        return answer

    async def _put(self, gate: "Gate") -> "Answer":
        from agentflow import api

        paint = Paint.for_stream(sys.stderr)
        click.echo(f"\n{paint('?', 'bold', 'yellow')} {paint(inert_line(gate.step), 'bold')}", err=True)
        click.echo(gate_text(gate), err=True)
        # What was typed before the question was there does not answer it.
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
        if gate.form is not None:
            click.echo("(Ctrl-D: later)", err=True)
            return api.answer(True, self._by, answers=await fill(gate.form, line_from_terminal))
        while True:
            said = (await line_from_terminal("approve? [y/n, Ctrl-D: later] ")).strip().lower()
            if said in ("y", "yes", "n", "no"):
                break
        comment = (await line_from_terminal("comment (optional): ")).strip()
        return api.answer(said.startswith("y"), self._by, comment or None)


async def line_from_terminal(prompt: str) -> str:
    """A line from the terminal. Raises EOFError where the input was closed."""
    click.echo(prompt, err=True, nl=False)
    loop = asyncio.get_running_loop()
    line: asyncio.Future[str] = loop.create_future()
    descriptor = sys.stdin.fileno()
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = ""

    def readable() -> None:
        nonlocal text
        try:
            found = os.read(descriptor, 4096)
        except OSError:
            found = b""
        text += decoder.decode(found, final=not found)
        if line.done():
            return
        if not found:
            line.set_exception(EOFError())
        elif "\n" in text:
            line.set_result(text.partition("\n")[0])

    loop.add_reader(descriptor, readable)
    try:
        return await line
    finally:
        loop.remove_reader(descriptor)
