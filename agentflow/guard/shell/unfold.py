"""From simple commands to all that run: wrappers looked through, code in arguments read in its turn."""

import posixpath
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from agentflow.guard.shell import builtins, executors, variables, wrappers
from agentflow.guard.shell.options import Arg
from agentflow.guard.shell.script import Command, Found, Script, Simple, UndecidedError, joined
from agentflow.guard.shell.steps import Code, Run, Step, Wrap

MAX_SCRIPTS = 32
"""How many texts one script may hold in arguments (`bash -c`) that are read in their turn."""

MAX_COMMANDS = 5_000
MAX_THROUGH = 8
MAX_REASON = 300

_SYSTEM = ("/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin")


@dataclass(slots=True)
class _Unfolding:
    """What has been brought up so far, and what waits to be looked at, in the order of the text."""

    read: Callable[[str], Found]
    commands: list[Command] = field(default_factory=list)
    writes: list[str | None] = field(default_factory=list)
    reads: list[str | None] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    waiting: deque[Run | Code] = field(default_factory=deque)
    texts: int = 0


def unfold(text: str, read: Callable[[str], Found]) -> Script:
    """All that a text runs.

    Parameters:
        read: both readings of one text, and why they are incomplete, if they are.
    """
    state = _Unfolding(read, waiting=deque([Code(text, ())]))
    while state.waiting:
        if len(state.commands) > MAX_COMMANDS:
            state.reasons.append(f"it runs more than {MAX_COMMANDS:,} commands")
            break
        step = state.waiting.popleft()
        if isinstance(step, Code):
            _read_code(state, step)
        else:
            _look_into(state, step)
    return Script(
        tuple(state.commands),
        tuple(state.writes),
        tuple(state.reads),
        state.reasons[0][:MAX_REASON] if state.reasons else None,
        tuple(state.functions),
        tuple(state.beside),
    )


def _read_code(state: _Unfolding, code: Code) -> None:
    state.texts += 1
    if state.texts > MAX_SCRIPTS or len(code.through) > MAX_THROUGH:
        state.reasons.append("it holds more commands within commands than are followed")
        return
    found = state.read(code.text)
    args = [_args(code.text.encode(), simple) for simple in found.simples]
    found.reasons.extend(variables.problems(args, found))
    state.writes.extend(found.writes)
    state.reads.extend(found.reads)
    state.functions.extend(found.functions)
    state.beside.extend(found.beside)
    state.reasons.extend(f"{why} (in what {code.through[-1]} runs)" if code.through else why for why in found.reasons)
    state.waiting.extendleft(Run(words, code.through) for words in reversed(args))


def _args(data: bytes, simple: Simple) -> tuple[Arg, ...]:
    out: list[Arg] = []
    for word in simple.words:
        raw = data[word.start : word.end].decode()
        if word.values is None:
            out.append(Arg(None, word.single, raw))
        else:
            out.extend(Arg(value, True, raw if word.single else "") for value in word.values)
    return tuple(out)


def _look_into(state: _Unfolding, run: Run) -> None:
    argv = tuple(arg.value for arg in run.args)
    if not argv:
        return
    name = argv[0]
    command = Command(argv, joined(argv), run.through)
    if name is None:
        state.commands.append(command)
        state.reasons.append("the name of a command is unknown until it runs")
        return
    folder, base = posixpath.split(name)
    steps: list[Step] = []
    try:
        if len(run.through) > MAX_THROUGH:
            raise UndecidedError("commands are wrapped deeper than is followed")
        for look in (wrappers.steps, builtins.steps, executors.steps):
            steps.extend(look(base, run.args))
    except UndecidedError as reason:
        state.reasons.append(f"`{base}`: {reason}")
    is_wrapper = any(isinstance(step, Wrap) and step.args for step in steps)
    is_itself = name not in state.functions and (not folder or folder in _SYSTEM)
    state.commands.append(Command(command.argv, command.text, run.through, is_wrapper and is_itself))
    for step in reversed(steps):
        _take(state, step, (*run.through, base))


def _take(state: _Unfolding, step: Step, through: tuple[str, ...]) -> None:
    if step.reason is not None:
        state.reasons.append(f"`{through[-1]}`: {step.reason}")
    if step.beside is not None:
        state.beside.append(f"`{through[-1]}`: {step.beside}")
    state.writes.extend(step.writes)
    state.reads.extend(step.reads)
    if step.code is not None:
        state.waiting.appendleft(Code(step.code, through))
    if step.args:
        state.waiting.appendleft(Run(step.args, through))
