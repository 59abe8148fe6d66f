"""Bash's own commands: those that run or prepare code, or read text as code, by way of their arguments."""

import re
from collections.abc import Callable, Iterable

from agentflow.guard.shell import names
from agentflow.guard.shell.options import Arg, Spec, parse
from agentflow.guard.shell.script import UndecidedError
from agentflow.guard.shell.steps import Step

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_GIVEN = re.compile(r"([A-Za-z_]\w*)(\+?=)(.*)", re.ASCII | re.DOTALL)
_READING = {
    "read": Spec("ersE", "adinNptu"),
    "mapfile": Spec("t", "dnOsu"),
    "readarray": Spec("t", "dnOsu"),
    "getopts": Spec(),
}
_NEVER = {
    "alias": "it changes what names of commands mean",
    "bind": "it may bind keys to commands",
    "complete": "it may name commands to be run later",
    "compgen": "it may expand text as code",
    "compopt": "it changes how commands are completed",
    "enable": "it changes which commands are the shell's own",
    "fc": "it runs commands of the history",
    "source": "it runs the commands of a file in this shell",
    ".": "it runs the commands of a file in this shell",
    "coproc": "it runs a command beside the script",
}
_SET_OPTIONS = frozenset(
    ("errexit", "nounset", "xtrace", "pipefail", "noglob", "noclobber", "verbose", "monitor", "errtrace", "functrace")
)
_SHOPT_OPTIONS = frozenset(("nullglob", "globstar", "dotglob", "failglob", "nocaseglob", "inherit_errexit", "lastpipe"))
_UNARY = frozenset(f"-{letter}" for letter in "abcdefghknprstuwxzGLNOS")
_BINARY = frozenset(("=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"))


def steps(name: str, args: tuple[Arg, ...]) -> Iterable[Step]:
    """What one of Bash's own commands does with its arguments; nothing for all others.

    Raises UndecidedError: it may do something that cannot be seen.
    """
    if name in _NEVER:
        if len(args) > 1 or name in ("fc", "coproc"):
            raise UndecidedError(_NEVER[name])
        return
    look = _LOOK.get(name)
    if look is not None:
        yield from look(args[1:])


def _eval(args: tuple[Arg, ...]) -> Iterable[Step]:
    values = [arg.value for arg in args]
    if values and values[0] == "--":
        values = values[1:]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        raise UndecidedError("what it runs is unknown until it runs")
    yield Step(code=" ".join(known))


def _trap(args: tuple[Arg, ...]) -> Iterable[Step]:
    values = [arg.value for arg in args]
    if not values or values[0] in ("-l", "-p", "-"):
        return
    if values[0] == "--":
        values = values[1:]
    if not values or values[0] is None:
        raise UndecidedError("what it runs is unknown until it runs")
    yield Step(code=values[0])


def _declare(args: tuple[Arg, ...]) -> Iterable[Step]:
    exports = False
    for arg in args:
        value = arg.value
        if value is not None and value[:1] in ("-", "+"):
            if set(value[1:]) - set("aArxgptufFl"):
                raise UndecidedError(f"its option {value} may evaluate a value as an expression")
            exports = exports or "x" in value
            continue
        given = _GIVEN.fullmatch(arg.raw if value is None else value)
        if given is None and (value is None or not _NAME.fullmatch(value)):
            raise UndecidedError("the name it declares is not plain, or unknown until it runs")
        name = given[1] if given is not None else value or ""
        if exports and names.is_powerful(name):
            raise UndecidedError(f"`{name}` is set for the commands that follow, which may change what they do")
        if exports and not names.is_harmless(name):
            yield Step(beside=f"it sets `{name}` for the commands that follow")


def _export(args: tuple[Arg, ...]) -> Iterable[Step]:
    if args and args[0].value == "-p":
        return ()
    return _declare((Arg("-x"), *args))


def _unset(args: tuple[Arg, ...]) -> Iterable[Step]:
    for arg in args:
        if arg.value not in ("-v", "-f", "-n") and (arg.value is None or not _NAME.fullmatch(arg.value)):
            raise UndecidedError("the name it removes is not plain, and an index in it is evaluated")
        if arg.value is not None and names.is_special(arg.value):
            raise UndecidedError(f"`{arg.value}` is removed, which may change what commands do")
    return ()


def _reading(name: str) -> Callable[[tuple[Arg, ...]], Iterable[Step]]:
    def look(args: tuple[Arg, ...]) -> Iterable[Step]:
        parsed = parse(args, _READING[name])
        targets = [*parsed.rest, *parsed.values("a")] if name != "getopts" else list(parsed.rest[1:2])
        for arg in targets:
            if arg.value is None or not _NAME.fullmatch(arg.value):
                raise UndecidedError("the name it reads into is not plain, and an index in it is evaluated")
        return ()

    return look


def _printf(args: tuple[Arg, ...]) -> Iterable[Step]:
    if not args:
        return ()
    first = args[0]
    if first.value is None:
        # `-v` and a name with an index would be evaluated.
        raise UndecidedError("its format is unknown until it runs")
    if first.value.startswith("-v"):
        name = first.value[2:] or (args[1].value if len(args) > 1 else None)
        if name is None or not _NAME.fullmatch(name):
            raise UndecidedError("the name it prints into is not plain, and an index in it is evaluated")
        if names.is_special(name):
            raise UndecidedError(f"`{name}` is set, which may change what commands do")
    return ()


def _set(args: tuple[Arg, ...]) -> Iterable[Step]:
    place = 0
    while place < len(args):
        value = args[place].value
        if value is None:
            raise UndecidedError("its options are unknown until it runs")
        if value in ("--", "-") or value[:1] not in ("-", "+"):
            return ()
        letters = value[1:]
        if set(letters) - set("euxvfCETmo"):
            raise UndecidedError(f"its option {value} may change what commands mean")
        if "o" in letters:
            place += 1
            option = args[place].value if place < len(args) else "errexit"
            if option not in _SET_OPTIONS:
                raise UndecidedError(f"its option {option} may change what commands mean")
        place += 1
    return ()


def _shopt(args: tuple[Arg, ...]) -> Iterable[Step]:
    for arg in args:
        if arg.value not in ("-s", "-u", "-q", "-p", *_SHOPT_OPTIONS):
            raise UndecidedError("it may change what commands mean")
    return ()


def _hash(args: tuple[Arg, ...]) -> Iterable[Step]:
    if args and not all(arg.value in ("-r", "-l", "-d", "-t") for arg in args[:1]):
        raise UndecidedError("it may change which program a name stands for")
    return ()


def _let(args: tuple[Arg, ...]) -> Iterable[Step]:
    raise UndecidedError("it evaluates text as an expression")


def _jobs(args: tuple[Arg, ...]) -> Iterable[Step]:
    if any(arg.value is None or arg.value.startswith("-x") for arg in args):
        raise UndecidedError("it may run a command")
    return ()


def _wait(args: tuple[Arg, ...]) -> Iterable[Step]:
    if any(arg.value is not None and arg.value.startswith("-") and "p" in arg.value for arg in args):
        raise UndecidedError("it may evaluate the index in a name")
    if any(arg.value is None and not arg.single for arg in args):
        raise UndecidedError("its options are unknown until it runs")
    return ()


def _test(args: tuple[Arg, ...]) -> Iterable[Step]:
    """`-v` evaluates the index in a name; an unknown word could be `-v` unless its neighbours make it a plain value."""
    values = [arg.value for arg in args]
    if any(value in ("-v", "-R") for value in values):
        raise UndecidedError("`-v` evaluates the index in a variable's name")
    for place, arg in enumerate(args):
        if arg.value is not None:
            continue
        before = values[place - 1] if place else None
        after = values[place + 1] if place + 1 < len(values) else None
        if not arg.single and (place > 0 or len([v for v in values if v != "]"]) > 1):
            raise UndecidedError("an unknown word without quotes could be `-v` and a name")
        if before not in _UNARY and before not in _BINARY and after not in _BINARY and len(values) > 2:
            raise UndecidedError("an unknown word could be `-v`")
    return ()


_LOOK: dict[str, Callable[[tuple[Arg, ...]], Iterable[Step]]] = {
    "[": _test,
    "declare": _declare,
    "eval": _eval,
    "export": _export,
    "getopts": _reading("getopts"),
    "hash": _hash,
    "jobs": _jobs,
    "let": _let,
    "local": _declare,
    "mapfile": _reading("mapfile"),
    "printf": _printf,
    "read": _reading("read"),
    "readarray": _reading("readarray"),
    "readonly": _declare,
    "set": _set,
    "shopt": _shopt,
    "test": _test,
    "trap": _trap,
    "typeset": _declare,
    "unset": _unset,
    "wait": _wait,
}
