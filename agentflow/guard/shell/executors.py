"""Programs whose arguments are code or commands."""

import re
from collections.abc import Callable, Iterable

from agentflow.guard.shell.git import git
from agentflow.guard.shell.listed import listed
from agentflow.guard.shell.options import Arg, could_be_option
from agentflow.guard.shell.programs import AWKS, INTERPRETERS, OPAQUE, OTHER_SHELLS, RISKY, SHELLS
from agentflow.guard.shell.script import UndecidedError
from agentflow.guard.shell.steps import Step

_NOT_IN_SH = re.compile(
    r"""(?<!\$)\{|\$['"\[]|\[\[|[<>]\(|&>|\(\(|<<<|\|&|;&|>&\s*[^\s\d-]|\b(?:function|time|select|coproc|declare|typeset|local|source|let|printf|echo\s+-)\b|\+=|=\(""",
    re.ASCII,
)
_VERSION = frozenset(("--version", "--help", "-V", "-h"))
_AWK = frozenset(("awk", "gawk", "mawk", "nawk", "original-awk", "busybox-awk"))
_AWK_DANGER = re.compile(r"system|getline|[|>@]|print.*&|close|-f|include|load", re.DOTALL)
_ADDRESS = r"(?:\d+|\$|/(?:[^/\\\n]|\\[^\n])+/I?)"
_SED_COMMAND = (
    rf"\s*(?:{_ADDRESS}(?:,\s*(?:{_ADDRESS}|[+~]\d+))?\s*!?\s*)?"
    r"(?:[pdq=lnNgGhHxDP]|s/(?:[^/\\\n]|\\[^\n])*/(?:[^/\\\n]|\\[^\n])*/[gpiI\d]*"
    r"|s\|(?:[^|\\\n]|\\[^\n])*\|(?:[^|\\\n]|\\[^\n])*\|[gpiI\d]*"
    r"|s#(?:[^#\\\n]|\\[^\n])*#(?:[^#\\\n]|\\[^\n])*#[gpiI\d]*"
    r"|s,(?:[^,\\\n]|\\[^\n])*,(?:[^,\\\n]|\\[^\n])*,[gpiI\d]*)\s*"
)
_SED = re.compile(rf"{_SED_COMMAND}(?:[;\n]{_SED_COMMAND})*;?\s*", re.ASCII)

_FIND_UNARY = listed("""
    -name -iname -path -ipath -wholename -iwholename -lname -ilname -regex -iregex -regextype -type -xtype -size
    -mtime -atime -ctime -mmin -amin -cmin -newer -anewer -cnewer -perm -user -group -uid -gid -links -inum -maxdepth
    -mindepth -samefile -fstype -printf -used -context""")
_FIND_PLAIN = listed("""
    ( ) ! -not -a -and -o -or , -print -print0 -prune -quit -empty -executable -readable -writable -depth -d
    -xdev -mount -follow -noleaf -daystart -true -false -nouser -nogroup -ls -warn -nowarn -ignore_readdir_race
    -noignore_readdir_race -H -L -P -O0 -O1 -O2 -O3 --help --version""")


def steps(name: str, args: tuple[Arg, ...]) -> Iterable[Step]:
    """What a program runs for its arguments; nothing for one that runs none.

    Raises UndecidedError: what it runs cannot be told.
    """
    if name in OPAQUE or name in OTHER_SHELLS:
        raise UndecidedError("it runs what its arguments or its input say")
    look = _LOOK.get(name)
    if look is not None:
        yield from look(args[1:])
    elif name in SHELLS:
        yield from _shell(name, args[1:])
    elif name in AWKS:
        yield from _awk(args[1:])
    elif INTERPRETERS.fullmatch(name):
        yield from _interpreter(args[1:])


def _shell(name: str, args: tuple[Arg, ...]) -> Iterable[Step]:
    place, has_code = 0, False
    while place < len(args):
        value = args[place].value
        if value is None:
            raise UndecidedError("its options are unknown until it runs")
        if value in _VERSION:
            return
        if value in ("--", "-"):
            place += 1
            break
        if value[:1] not in ("-", "+"):
            break
        if value.startswith("--") and value not in ("--norc", "--noprofile"):
            raise UndecidedError(f"its option {value} may run more")
        if not value.startswith("--"):
            if set(value[1:]) - set("ceuxvo"):
                raise UndecidedError(f"its option {value} may run more")
            has_code = has_code or "c" in value
            if "o" in value:
                place += 1
                option = args[place].value if place < len(args) else None
                if option not in ("errexit", "nounset", "xtrace", "pipefail", "noglob", "noclobber"):
                    raise UndecidedError(f"its option -o {option} may change what commands mean")
        place += 1
    if place >= len(args):
        raise UndecidedError("it runs what its input says")
    if not has_code:
        if args[place].value is None or _is_input(args[place].value or ""):
            raise UndecidedError("it may run what its input says")
        return
    code = args[place].value
    if code is None:
        raise UndecidedError("what it runs is unknown until it runs")
    if name != "bash" and _NOT_IN_SH.search(code):
        raise UndecidedError("what it runs may mean something else to this shell than to Bash")
    yield Step(code=code)


def _is_input(name: str) -> bool:
    """Whether a file's name may stand for a descriptor."""
    return "/dev/" in name or "/proc/" in name or name == "-"


def _interpreter(args: tuple[Arg, ...]) -> Iterable[Step]:
    """An interpreter is only let pass with a file of its own language, or a module of Python's."""
    if not args:
        raise UndecidedError("it runs what its input says")
    first = args[0].value
    if first is None:
        if could_be_option(args[0]):
            raise UndecidedError("its options are unknown until it runs")
        return ()
    if first in _VERSION or first in ("-v", "-m"):
        if first == "-m" and len(args) > 1 and args[1].value is not None:
            return ()
        if first != "-m" and len(args) == 1:
            return ()
    if first.startswith(("-", "+")) or _is_input(first) or first in ("eval", "repl", "e", "x", "exec", "task", "run"):
        raise UndecidedError("it runs code of another language in its arguments or its input")
    return ()


def _awk(args: tuple[Arg, ...]) -> Iterable[Step]:
    place = 0
    while place < len(args):
        value = args[place].value
        if value in ("-F", "-v"):
            place += 2
            if not args[min(place - 1, len(args) - 1)].single:
                raise UndecidedError("its options are unknown until it runs")
            continue
        if value is not None and value[:2] in ("-F", "-v"):
            place += 1
            continue
        break
    if place >= len(args):
        raise UndecidedError("its program is missing")
    program = args[place].value
    if program is None or program.startswith("-"):
        raise UndecidedError("its program is unknown until it runs")
    if _AWK_DANGER.search(program):
        raise UndecidedError("its program may run commands or write files")
    return ()


_SED_FLAGS = re.compile(r"-[nErsuz]+|--(?:quiet|silent|regexp-extended|null-data|separate|unbuffered|version|help)")
_SED_IN_PLACE = re.compile(r"-[nErsuz]*i(?:\.\w+)?|--in-place(?:=\.\w+)?", re.ASCII)


def _sed(args: tuple[Arg, ...]) -> Iterable[Step]:
    scripts: list[Arg] = []
    operands: list[Arg] = []
    in_place, place = False, 0
    while place < len(args):
        arg = args[place]
        value = arg.value
        place += 1
        if value == "--":
            operands.extend(args[place:])
            break
        if value == "-" or not could_be_option(arg):
            operands.append(arg)
        elif value is None:
            raise UndecidedError("an unknown word could be an option with a script")
        elif value in ("-e", "--expression"):
            scripts.extend(args[place : place + 1])
            place += 1
        elif _SED_IN_PLACE.fullmatch(value):
            in_place = True
        elif not _SED_FLAGS.fullmatch(value):
            raise UndecidedError(f"an option that is not known: {value}")
    if not scripts:
        scripts, operands = operands[:1], operands[1:]
    for script in scripts:
        if script.value is None or not _SED.fullmatch(script.value):
            raise UndecidedError("its script may run commands or write files, or is unknown until it runs")
    if in_place:
        yield Step(writes=tuple(operand.value for operand in operands) or (None,))


def _find(args: tuple[Arg, ...]) -> Iterable[Step]:
    place = 0
    while place < len(args):
        arg = args[place]
        value = arg.value
        place += 1
        if value is None:
            if could_be_option(arg):
                raise UndecidedError("an unknown word could be `-exec` or `-delete`")
            continue
        if value in _FIND_UNARY:
            if place >= len(args) or not args[place].single:
                raise UndecidedError(f"what follows {value} is unknown until it runs")
            place += 1
        elif value in ("-exec", "-execdir", "-ok", "-okdir"):
            inner, place = _until_end(args, place)
            yield Step(inner)
            if value in ("-execdir", "-okdir"):
                yield Step(beside="it runs a command in other folders")
        elif value == "-delete":
            yield Step(writes=(None,))
        elif value in ("-fprint", "-fprint0", "-fls", "-fprintf"):
            yield Step(writes=(args[place].value if place < len(args) else None,))
            place += 2 if value == "-fprintf" else 1
        elif value.startswith("-") and value not in _FIND_PLAIN:
            raise UndecidedError(f"an expression that is not known: {value}")


def _until_end(args: tuple[Arg, ...], place: int) -> tuple[tuple[Arg, ...], int]:
    """The command of `-exec`, up to `;` or `{} +`, and the place behind it."""
    inner: list[Arg] = []
    while place < len(args):
        arg = args[place]
        place += 1
        if arg.value == ";" or (arg.value == "+" and inner and inner[-1].value is None and inner[-1].raw == "{}"):
            return tuple(inner), place
        if arg.value is None and not arg.single:
            raise UndecidedError("an unknown word could end the command of `-exec`")
        if arg.value is not None and "{}" in arg.value:
            inner.append(Arg(None, single=True, raw=arg.value))
        else:
            inner.append(arg)
    raise UndecidedError("the command of `-exec` is not ended")


def _risky(short: str = "", long: tuple[str, ...] = ()) -> Callable[[tuple[Arg, ...]], Iterable[Step]]:
    """A program with options that run commands: none that may be one of them, abbreviated or bundled, may stand."""

    def look(args: tuple[Arg, ...]) -> Iterable[Step]:
        for arg in args:
            value = arg.value
            if value == "--":
                return ()
            if value is None:
                if could_be_option(arg):
                    raise UndecidedError("an unknown word could be an option that runs a program")
            elif _is_risky(value, short, long):
                raise UndecidedError(f"its option {value} may run a program")
        return ()

    return look


def _is_risky(value: str, short: str, long: tuple[str, ...]) -> bool:
    name = value.lstrip("-").partition("=")[0]
    if value.startswith("--"):
        return any(option.startswith(name) for option in long)
    # Some programs take long options behind one hyphen, and shortened.
    is_long = len(name) > 2 and any(option.startswith(name) for option in long)
    return value.startswith("-") and (is_long or bool(set(value[1:]) & set(short)))


def _sort(args: tuple[Arg, ...]) -> Iterable[Step]:
    yield from _risky("", ("compress-program", "files0-from"))(args)
    for place, arg in enumerate(args):
        value = arg.value or ""
        if re.fullmatch(r"-[bdfghiMnRrVcCmsuz]*o|--o[a-z]*", value):
            yield Step(writes=(args[place + 1].value if place + 1 < len(args) else None,))
        elif match := re.fullmatch(r"(?:-[bdfghiMnRrVcCmsuz]*o|--o[a-z]*=)(.+)", value, re.DOTALL):
            yield Step(writes=(match[1],))


def _tar(args: tuple[Arg, ...]) -> Iterable[Step]:
    if args and args[0].value is not None and not args[0].value.startswith("-") and set(args[0].value) & set("IF"):
        raise UndecidedError("it may run a program to compress or to go on")
    options = (
        "to-command",
        "checkpoint-action",
        "use-compress-program",
        "rsh-command",
        "info-script",
        "new-volume-script",
        "rmt-command",
        "files-from",
    )
    yield from _risky("IFT", options)(args)


def _make(args: tuple[Arg, ...]) -> Iterable[Step]:
    for arg in args:
        value = arg.value
        if value is None or not re.fullmatch(r"[\w./%+-]+", value, re.ASCII):
            raise UndecidedError("a variable that is set, or an unknown word, may change what it runs")
        if value.startswith("-") and not re.fullmatch(
            r"-[knsBiqS]+|-[jl]\d*|-C|-f|--(?:jobs|silent|quiet|dry-run|just-print|keep-going|always-make|no-print-directory|version|help)",
            value,
        ):
            raise UndecidedError(f"an option that is not known: {value}")
    return ()


_LOOK: dict[str, Callable[[tuple[Arg, ...]], Iterable[Step]]] = {
    "find": _find,
    "gfind": _find,
    "git": git,
    "gmake": _make,
    "gsed": _sed,
    "gtar": _tar,
    "make": _make,
    "sed": _sed,
    "sort": _sort,
    "tar": _tar,
}
_LOOK.update((name, _risky(*options)) for name, options in RISKY.items())
