"""Programs whose arguments are code or commands."""

import re
from collections.abc import Callable, Iterable

from agentflow.guard.shell.git import git
from agentflow.guard.shell.listed import listed
from agentflow.guard.shell.options import Arg
from agentflow.guard.shell.script import UndecidedError
from agentflow.guard.shell.steps import Step

_OPAQUE = listed("""
    at atq batch busybox toybox chroot crontab dbus-run-session emacs emacsclient ed ex entr expect fakeroot gdb
    lldb ltrace strace ltrace m4 man more mosh nano nc ncat netcat nmap nsenter nvim parallel perf pkexec proxychains
    proxychains4 rlwrap run-parts rundll runuser rvim screen script scriptreplay setarch linux32 linux64 setpriv
    socat ssh sshpass start-stop-daemon stap su systemd-run tclsh tmux torsocks tsocks unbuffer unshare valgrind vi
    view vim vimdiff vipe watch wish xterm xvfb-run capsh bwrap firejail prlimit choom chronic chpst softlimit
    setuidgid daemonize dtach abduco numactl cgexec ip bpftrace coproc osascript open xdg-open logrotate
    multitime hyperfine time-limit faketime eatmydata catchsegv update-alternatives ld.so
    ld-linux.so.2 ld-linux-x86-64.so.2 ld-linux-aarch64.so.1 mysql psql sqlite3 ftp sftp telnet tftp gnuplot jshell
    irb pry ghci octave scala groovy jrunscript jjs guile sbcl clisp erl iex elixir swipl maxima dc less""")
"""Programs that run what their arguments, their input or a file say, in ways that are not looked into."""

_SHELLS = frozenset(("bash", "sh", "dash"))
_OTHER_SHELLS = frozenset(
    ("ash", "zsh", "ksh", "ksh93", "mksh", "fish", "csh", "tcsh", "rbash", "pwsh", "rc", "es", "nu", "elvish", "xonsh")
)
_NOT_IN_SH = re.compile(
    r"""(?<!\$)\{|\$['"\[]|\[\[|[<>]\(|&>|\(\(|<<<|\|&|;&|>&\s*[^\s\d-]|\b(?:function|time|select|coproc|declare|typeset|local|source|let|printf|echo\s+-)\b|\+=|=\(""",
    re.ASCII,
)
_INTERPRETERS = re.compile(
    r"(?:python|pypy|perl|ruby|node|nodejs|deno|bun|php|lua|luajit|Rscript|R|julia|tsx|ts-node)[\d.]*", re.ASCII
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
    if name in _OPAQUE or name in _OTHER_SHELLS:
        raise UndecidedError("it runs what its arguments or its input say")
    look = _LOOK.get(name)
    if look is not None:
        yield from look(args[1:])
    elif name in _SHELLS:
        yield from _shell(name, args[1:])
    elif name in _AWK:
        yield from _awk(args[1:])
    elif _INTERPRETERS.fullmatch(name):
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
        return
    code = args[place].value
    if code is None:
        raise UndecidedError("what it runs is unknown until it runs")
    if name != "bash" and _NOT_IN_SH.search(code):
        raise UndecidedError("what it runs may mean something else to this shell than to Bash")
    yield Step(code=code)


def _interpreter(args: tuple[Arg, ...]) -> Iterable[Step]:
    """An interpreter is only let pass with a file of its own language, or a module of Python's."""
    if not args:
        raise UndecidedError("it runs what its input says")
    first = args[0].value
    if first is None:
        raise UndecidedError("its options are unknown until it runs")
    if first in _VERSION or first in ("-v", "-m"):
        if first == "-m" and len(args) > 1 and args[1].value is not None:
            return ()
        if first != "-m" and len(args) == 1:
            return ()
    if (
        first.startswith(("-", "+"))
        or first == "/dev/stdin"
        or first in ("eval", "repl", "e", "x", "exec", "task", "run")
    ):
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


def _sed(args: tuple[Arg, ...]) -> Iterable[Step]:
    scripts: list[str] = []
    operands: list[str | None] = []
    in_place, place, ended = False, 0, False
    while place < len(args):
        value = args[place].value
        place += 1
        if value is None:
            if not ended and not (scripts or operands):
                raise UndecidedError("its script is unknown until it runs")
            operands.append(None)
        elif ended or not value.startswith("-") or value == "-":
            operands.append(value)
        elif value == "--":
            ended = True
        elif value in ("-e", "--expression"):
            script = args[place].value if place < len(args) else None
            if script is None:
                raise UndecidedError("its script is unknown until it runs")
            scripts.append(script)
            place += 1
        elif re.fullmatch(r"-[nErsuz]*i(?:\.\w+)?|--in-place(?:=\.\w+)?", value):
            in_place = True
        elif not re.fullmatch(
            r"-[nErsuz]+|--(?:quiet|silent|regexp-extended|null-data|separate|unbuffered|version|help)", value
        ):
            raise UndecidedError(f"an option that is not known: {value}")
    if not scripts:
        if not operands:
            return
        first = operands.pop(0)
        if first is None:
            raise UndecidedError("its script is unknown until it runs")
        scripts.append(first)
    if any(value is None for value in operands) and not ended:
        raise UndecidedError("an unknown word could be an option with a script")
    if any(not _SED.fullmatch(script) for script in scripts):
        raise UndecidedError("its script may run commands or write files")
    if in_place:
        yield Step(writes=tuple(operands) or (None,))


def _find(args: tuple[Arg, ...]) -> Iterable[Step]:
    place = 0
    while place < len(args):
        arg = args[place]
        value = arg.value
        place += 1
        if value is None:
            raise UndecidedError("an unknown word could be `-exec` or `-delete`")
        if value in _FIND_UNARY:
            if place >= len(args) or not args[place].single:
                raise UndecidedError(f"what follows {value} is unknown until it runs")
            place += 1
        elif value in ("-exec", "-execdir", "-ok", "-okdir"):
            inner, place = _until_end(args, place)
            yield Step(inner)
            if value in ("-execdir", "-okdir"):
                yield Step(reason="it runs a command in other folders")
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


def _risky(short: str, long: tuple[str, ...], reason: str) -> Callable[[tuple[Arg, ...]], Iterable[Step]]:
    """A program with options that run commands: none that may be one of them, abbreviated or bundled, may stand."""

    def look(args: tuple[Arg, ...]) -> Iterable[Step]:
        for arg in args:
            value = arg.value
            if value == "--":
                return ()
            if value is None:
                raise UndecidedError("its options are unknown until it runs")
            if value.startswith("--"):
                name = value[2:].partition("=")[0]
                if any(option.startswith(name) for option in long):
                    raise UndecidedError(f"{reason}: {value}")
            elif value.startswith("-") and set(value[1:]) & set(short):
                raise UndecidedError(f"{reason}: {value}")
        return ()

    return look


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
    yield from _risky("IFT", options, "its option may run a program")(args)


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
    "rsync": _risky("e", ("rsh", "rsync-path", "early-exec"), "its option runs a program"),
    "scp": _risky("SoF", (), "its option runs a program"),
    "sed": _sed,
    "sort": _risky("", ("compress-program",), "its option runs a program"),
    "split": _risky("", ("filter",), "its option runs a program"),
    "tar": _tar,
    "zip": _risky("T", ("unzip-command",), "its option runs a program"),
}
