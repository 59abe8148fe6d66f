"""Commands that run another one and are looked through, each with its own options."""

import re
from collections.abc import Callable, Iterable

from agentflow.guard.shell import names
from agentflow.guard.shell.options import Arg, Parsed, Spec, parse
from agentflow.guard.shell.script import UndecidedError
from agentflow.guard.shell.steps import Step, Wrap

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=", re.ASCII)

SPECS = {
    "timeout": Spec("fpv", "ks", "", ("foreground", "preserve-status", "verbose"), ("kill-after", "signal"), 1),
    "gtimeout": Spec("fpv", "ks", "", ("foreground", "preserve-status", "verbose"), ("kill-after", "signal"), 1),
    "nohup": Spec(),
    "stdbuf": Spec("", "ioe", "", (), ("input", "output", "error")),
    "setsid": Spec("cfw", "", "", ("ctty", "fork", "wait")),
    "ionice": Spec("t", "cn", "", ("ignore",), ("class", "classdata")),
    "chrt": Spec(
        "abdfiorRv",
        "TPD",
        "",
        ("all-tasks", "batch", "deadline", "fifo", "idle", "other", "rr", "reset-on-fork", "verbose"),
        ("sched-runtime", "sched-period", "sched-deadline"),
        1,
    ),
    "taskset": Spec("ac", "", "", ("all-tasks", "cpu-list"), (), 1),
    "time": Spec("apqv", "fo", "", ("append", "portability", "quiet", "verbose"), ("format", "output")),
    "nice": Spec("0123456789", "n", "", (), ("adjustment",)),
    "env": Spec("i0v", "uC", "", ("ignore-environment", "null", "debug"), ("unset", "chdir")),
    "command": Spec("pvV"),
    "builtin": Spec(),
    "exec": Spec("cl", "a"),
    "xargs": Spec(
        "0rtxo",
        "adEILnPs",
        "eil",
        ("null", "no-run-if-empty", "verbose", "exit", "open-tty", "eof", "replace", "max-lines"),
        ("arg-file", "delimiter", "max-args", "max-procs", "max-chars"),
    ),
    "flock": Spec(
        "esxunoFv",
        "wEc",
        "",
        ("shared", "exclusive", "unlock", "nonblock", "nb", "close", "no-fork", "verbose"),
        ("timeout", "wait", "conflict-exit-code", "command"),
        1,
    ),
    "sudo": Spec(
        "AbEHnPSkB",
        "ugpCrtDRTh",
        "",
        ("askpass", "background", "set-home", "non-interactive", "preserve-groups", "stdin", "reset-timestamp"),
        ("user", "group", "prompt", "chdir", "chroot", "host"),
    ),
    "doas": Spec("n", "uC"),
}


def steps(name: str, args: tuple[Arg, ...]) -> Iterable[Step]:
    """What a wrapper runs; nothing for a command that is none.

    Raises UndecidedError: its options are not known, so it is not certain where the command begins.
    """
    spec = SPECS.get(name)
    if spec is None:
        return
    parsed = parse(args[1:], spec)
    if any(not arg.single or arg.value is None for arg in parsed.rest[: spec.operands]):
        raise UndecidedError("what stands before the command is unknown until it runs")
    yield from _INSIDE.get(name, _plain)(parsed, parsed.rest[spec.operands :])


def _plain(_: Parsed, inner: tuple[Arg, ...]) -> Iterable[Step]:
    yield Wrap(inner)


def _command(parsed: Parsed, inner: tuple[Arg, ...]) -> Iterable[Step]:
    if parsed.has("v", "V"):
        return
    yield Wrap(inner)


def _env(parsed: Parsed, inner: tuple[Arg, ...]) -> Iterable[Step]:
    place = 0
    if inner and inner[0].value == "-":
        place = 1
    while place < len(inner):
        value = inner[place].value
        raw = inner[place].raw
        match = _ASSIGNMENT.match(value if value is not None else raw)
        if value is None and (match is None or not inner[place].single):
            raise UndecidedError("what stands before the command is unknown until it runs")
        if match is None:
            if value is not None and "=" in value:
                raise UndecidedError("a variable with an unusual name is set")
            break
        if names.is_powerful(match[1]):
            yield Step(reason=f"`{match[1]}` is set for a command, which may change what it does")
        elif not names.is_harmless(match[1]):
            yield Step(beside=f"it sets `{match[1]}` for a command")
        place += 1
    if parsed.has("C", "chdir"):
        yield Step(beside="it runs a command in another folder")
    yield Wrap(inner[place:])


def _xargs(parsed: Parsed, inner: tuple[Arg, ...]) -> Iterable[Step]:
    reads = tuple(value.value for value in parsed.values("a", "arg-file"))
    marks = [value.value or "{}" for value in parsed.values("I", "i", "replace")]
    if parsed.has("replace", "i") and not marks:
        marks = ["{}"]
    if marks:
        if any(arg.value is None and not arg.single for arg in inner):
            raise UndecidedError("what stands before the command is unknown until it runs")
        known = tuple(
            Arg(None) if arg.value is None or any(mark in arg.value for mark in marks) else arg for arg in inner
        )
        yield Wrap(known, reads=reads)
        return
    yield Wrap((*(inner or (Arg("echo"),)), Arg(None, single=False)), reads=reads)


def _flock(parsed: Parsed, inner: tuple[Arg, ...]) -> Iterable[Step]:
    if parsed.has("c", "command") or (inner and inner[0].value in ("-c", "--command")):
        raise UndecidedError("it hands its argument to a shell")
    yield Step(beside="it opens a file, or makes it")
    yield Wrap(inner)


def _time(parsed: Parsed, inner: tuple[Arg, ...]) -> Iterable[Step]:
    yield Wrap(inner, writes=tuple(value.value for value in parsed.values("o", "output")))


def _sudo(_: Parsed, inner: tuple[Arg, ...]) -> Iterable[Step]:
    yield Step(beside="it runs a command as another user")
    yield Step(inner)


_INSIDE: dict[str, Callable[[Parsed, tuple[Arg, ...]], Iterable[Step]]] = {
    "command": _command,
    "doas": _sudo,
    "env": _env,
    "flock": _flock,
    "sudo": _sudo,
    "time": _time,
    "xargs": _xargs,
}
