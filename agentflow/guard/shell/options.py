"""A program's options, parsed by its own table: where its options end, and nothing guessed."""

import re
from dataclasses import dataclass

from agentflow.guard.shell.script import UndecidedError


@dataclass(frozen=True, slots=True)
class Arg:
    """One word of a command, or what is unknown of it.

    Attributes:
        value: the word; None where it is unknown.
        single: it is exactly one word, known or not.
        raw: how it stands in the text; empty where it stands in none.
    """

    value: str | None
    single: bool = True
    raw: str = ""


_PLAIN_START = re.compile(r"""["']?[\w./@%]|\{\}""", re.ASCII)


def could_be_option(arg: Arg) -> bool:
    """Whether a word may begin with a hyphen, or bring in words that do."""
    if arg.value is not None:
        return arg.value.startswith("-")
    # What only globs make of one word begins as that word does, and so does what is one word anyway.
    is_whole = arg.single or not any(mark in arg.raw for mark in "$`{")
    return not (is_whole and _PLAIN_START.match(arg.raw))


@dataclass(frozen=True, slots=True)
class Spec:
    """What options a program has.

    Attributes:
        flags: letters of options without a value.
        valued: letters of options with one, in the same word or the next.
        attached: letters of options whose value, if any, is in the same word.
        long: names of long options without a value, or with one behind `=` only.
        long_valued: names of long options with a value.
        operands: how many words stand between the options and the command it runs.
    """

    flags: str = ""
    valued: str = ""
    attached: str = ""
    long: tuple[str, ...] = ()
    long_valued: tuple[str, ...] = ()
    operands: int = 0


@dataclass(frozen=True, slots=True)
class Parsed:
    """Options as pairs of name and value, and the words behind them."""

    options: tuple[tuple[str, Arg | None], ...]
    rest: tuple[Arg, ...]

    def values(self, *names: str) -> list[Arg]:
        """The values of the options of these names."""
        return [value for name, value in self.options if name in names and value is not None]

    def has(self, *names: str) -> bool:
        """Whether one of these options is given."""
        return any(name in names for name, _ in self.options)


def parse(args: tuple[Arg, ...], spec: Spec) -> Parsed:
    """Splits a program's words, its name not among them, into options and the rest.

    Raises UndecidedError: an option is unknown until run, or is not in the table; long ones must be written out.
    """
    options: list[tuple[str, Arg | None]] = []
    place = 0
    while place < len(args):
        word = args[place].value
        if word is None:
            raise UndecidedError("options that are unknown until it runs")
        if word == "--":
            place += 1
            break
        if word == "-" or not word.startswith("-"):
            break
        place += 1
        taken = _long(word[2:], spec, options) if word.startswith("--") else _short(word[1:], spec, options)
        if taken is not None:
            if place >= len(args) or not args[place].single:
                raise UndecidedError(f"the value of `{word}` is unknown until it runs")
            options.append((taken, args[place]))
            place += 1
    return Parsed(tuple(options), args[place:])


def _long(word: str, spec: Spec, options: list[tuple[str, Arg | None]]) -> str | None:
    """Notes a long option; returns its name where the next word is its value."""
    name, equals, value = word.partition("=")
    if name in spec.long:
        options.append((name, Arg(value) if equals else None))
        return None
    if name not in spec.long_valued:
        raise UndecidedError(f"an option that is not known: --{name}")
    if equals:
        options.append((name, Arg(value)))
        return None
    return name


def _short(letters: str, spec: Spec, options: list[tuple[str, Arg | None]]) -> str | None:
    """Notes a bundle of short options; returns the last one's name where the next word is its value."""
    for place, letter in enumerate(letters):
        rest = letters[place + 1 :]
        if letter in spec.flags:
            options.append((letter, None))
        elif letter in spec.attached:
            options.append((letter, Arg(rest)))
            return None
        elif letter in spec.valued:
            if not rest:
                return letter
            options.append((letter, Arg(rest)))
            return None
        else:
            raise UndecidedError(f"an option that is not known: -{letter}")
    return None
