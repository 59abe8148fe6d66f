"""What was read of a script: values."""

from dataclasses import dataclass, field

from msgspec import Struct


class Command(Struct, frozen=True):
    """One command that a script may run.

    Attributes:
        argv: its words, decoded as Bash would hand them over; None for what is unknown until it runs, which may be
            several words or none.
        text: the words joined by one space, those with blanks or quotes in single quotes; for readers, and for rules.
        through: the wrappers and executors that it is run by, outermost first.
        is_wrapper: it only runs another command, which is listed too.
    """

    argv: tuple[str | None, ...]
    text: str
    through: tuple[str, ...] = ()
    is_wrapper: bool = False


class Script(Struct, frozen=True):
    """What a script does, as far as its text tells.

    Attributes:
        commands: every command that may run, in the order of the text, builtins included.
        writes: what is opened for writing, decoded; None for what is unknown until it runs.
        reads: what redirections open for reading, likewise.
        undecidable: why the three may be incomplete; None when they are not.
        functions: the names that the script defines as functions.
        beside: what else it does that may change what its commands do, such as setting a variable for one.
    """

    commands: tuple[Command, ...] = ()
    writes: tuple[str | None, ...] = ()
    reads: tuple[str | None, ...] = ()
    undecidable: str | None = None
    functions: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


UNKNOWN = "\ufffd"
"""Stands for an unknown word in a command's text; a script that holds this character itself is undecidable."""


def quoted(word: str) -> str:
    """A word so that no other sequence of words reads the same when joined by blanks."""
    if word and not any(mark in word for mark in " \t\n'"):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def joined(argv: tuple[str | None, ...]) -> str:
    """The words as one line."""
    return " ".join(UNKNOWN if word is None else quoted(word) for word in argv)


class UndecidedError(Exception):
    """Reading cannot go on; the message says why. Never leaves this package."""


@dataclass(slots=True)
class Word:
    """One word of a command, before it is known what it expands to.

    Attributes:
        start: its first byte.
        end: the byte after its last.
        values: the words it becomes, or None where that is unknown.
        single: it becomes exactly one word, known or not.
        bare: it holds no quotes, escapes or expansions: a reserved word may be one.
    """

    start: int
    end: int
    values: tuple[str, ...] | None
    single: bool
    bare: bool


@dataclass(slots=True)
class Simple:
    """A simple command as it stands in the text.

    Attributes:
        words: from its name on.
        assigned: the names assigned before it.
        is_timed: `time` stands before it.
    """

    words: list[Word]
    assigned: tuple[str, ...]
    is_timed: bool = False


@dataclass(slots=True)
class Found:
    """What reading a text brings up, in the order of the text.

    Attributes:
        reasons: why not everything is known.
        beside: what may change what commands do, and is no command or redirection.
        redirects: the first byte of each redirection's operator.
        numeric: names that were given whole numbers only.
        tainted: names that were given anything else.
        counted: names that stand in arithmetic, where text can be code.
        arrays: names that are given lists.
        assigned: names that are given a value, however.
    """

    simples: list[Simple] = field(default_factory=list)
    writes: list[str | None] = field(default_factory=list)
    reads: list[str | None] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    redirects: set[int] = field(default_factory=set)
    keywords: set[tuple[int, int]] = field(default_factory=set)
    numeric: set[str] = field(default_factory=set)
    tainted: set[str] = field(default_factory=set)
    counted: set[str] = field(default_factory=set)
    arrays: set[str] = field(default_factory=set)
    assigned: list[str] = field(default_factory=list)
