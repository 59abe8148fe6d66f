"""What looking into a command brings up."""

from dataclasses import dataclass

from agentflow.guard.shell.options import Arg


@dataclass(frozen=True, slots=True)
class Run:
    """A command that waits to be looked into."""

    args: tuple[Arg, ...]
    through: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """A text of shell commands that waits to be read."""

    text: str
    through: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """What a command does by way of its arguments.

    Attributes:
        args: a command that it runs.
        code: shell commands that it runs.
        writes: files that it opens for writing where an option says so.
        reads: files that it opens for reading where an option says so.
        reason: why what it runs is not known.
        beside: what may change what it does, and is no command or redirection.
    """

    args: tuple[Arg, ...] = ()
    code: str | None = None
    writes: tuple[str | None, ...] = ()
    reads: tuple[str | None, ...] = ()
    reason: str | None = None
    beside: str | None = None


@dataclass(frozen=True, slots=True)
class Wrap(Step):
    """That it runs another command and does nothing else that matters."""
