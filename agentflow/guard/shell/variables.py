"""What a script does to variables, and why that may make a reading of it untrue."""

import re
from collections.abc import Iterator, Sequence

from agentflow.guard.shell import names
from agentflow.guard.shell.listed import listed
from agentflow.guard.shell.options import Arg
from agentflow.guard.shell.script import Found

_GIVEN = re.compile(r"([A-Za-z_]\w*)(\+?)=(.*)", re.ASCII | re.DOTALL)
_NAMES = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)

_DECLARING = listed("declare typeset local export readonly")
_READING = listed("read mapfile readarray getopts printf wait")
_RUNNING = listed("eval source . trap")


def problems(commands: Sequence[tuple[Arg, ...]], found: Found) -> Iterator[str]:
    """Why variables make it uncertain what a text does.

    Parameters:
        commands: the words of its simple commands.
        found: what was read of it; the names that its commands give values to are noted there.
    """
    is_open = False
    for words in commands:
        # What is made a list farther down may be one here already, in the next round of a loop.
        list(_note(words, found))
    for words in commands:
        yield from _note(words, found)
        is_open = is_open or any(arg.value in _RUNNING for arg in words)
    for simple in found.simples:
        is_read = simple.words[0].values == ("read",) and "read" not in found.functions
        for name in simple.assigned:
            if names.is_powerful(name) and not (is_read and name == "IFS"):
                yield f"`{name}` is set for a command, which may change what it does"
            elif not names.is_harmless(name) and name != "IFS":
                found.beside.append(f"it sets `{name}` for a command")
    for name in found.assigned:
        if names.is_special(name):
            yield f"`{name}` is set, which may change what commands do"
    # Code that is read in its turn gives values too, so that no name is known to hold a number where there is some.
    certain = names.NUMBERS if is_open else names.NUMBERS | (found.numeric - found.tainted)
    uncertain = found.counted - certain
    if uncertain:
        yield f"`{min(uncertain)}` in arithmetic may hold more than a number"


def _note(words: tuple[Arg, ...], found: Found) -> Iterator[str]:
    """Notes the names that a command of Bash's own gives a value to."""
    while words and (words[0].value in ("builtin", "command") or (words[0].value or "").startswith("-")):
        words = words[1:]
    name = words[0].value if words else None
    if name in _DECLARING:
        yield from _note_declared(words[1:], found)
    elif name in _READING:
        for arg in words[1:3] if name == "printf" else words[1:]:
            for text in _NAMES.findall(arg.value or ""):
                found.tainted.add(text)
                found.arrays.add(text)
                # What follows an option's letter in the same word is a name too: `-aPATH`.
                tails = range(len(text)) if (arg.value or "").startswith("-") else range(1)
                found.assigned.extend(text[tail:] for tail in tails if name != "printf")


def _note_declared(args: tuple[Arg, ...], found: Found) -> Iterator[str]:
    makes_array = False
    for arg in args:
        if arg.value is not None and arg.value[:1] in ("-", "+"):
            makes_array = makes_array or bool(set(arg.value) & {"a", "A"})
            continue
        given = _GIVEN.fullmatch(arg.raw if arg.value is None else arg.value)
        if given is None:
            found.arrays.update(_NAMES.findall(arg.value or "") if makes_array else ())
            continue
        found.assigned.append(given[1])
        if not _NUMBER.fullmatch(given[3]):
            found.tainted.add(given[1])
        elif not given[2]:
            found.numeric.add(given[1])
        if given[3].startswith("(") and arg.value is None:
            found.arrays.add(given[1])
        elif (makes_array or given[1] in found.arrays) and not _NUMBER.fullmatch(given[3]):
            # `declare -a x="$y"` expands the text of a value that stands in parentheses.
            yield f"what `{given[1]}` is given may be expanded as a list"
