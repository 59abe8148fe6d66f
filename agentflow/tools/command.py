"""Runs a command: fed, drained, bounded, and gone when the call is over."""

import asyncio
import contextlib
import errno
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from agentflow.errors import AgentflowError
from agentflow.tools.failures import shortened
from agentflow.tools.output import BoundedOutput
from agentflow.tools.sandbox.inside import Inside
from agentflow.tools.sandbox.port import SandboxError, Start
from agentflow.tools.watchdog import watchdog

if TYPE_CHECKING:
    from agentflow.tools.sandbox.port import Confinement

TERMINATE_GRACE = 2.0
"""Seconds between asking a command that ran out of time to end, and killing it."""
DRAIN_GRACE = 0.5
"""Seconds that what a finished command left behind may hold its output open."""
_POLL_SECONDS = 0.01
_PIECE_BYTES = 64 << 10
_KEPT = frozenset({"PATH", "HOME", "LANG", "TERM", "TMPDIR", "USER", "LOGNAME", "SHELL", "TZ"})


class CommandNotStarted(AgentflowError):  # noqa: N818 - the name other rooms know it by
    """The command could not be started, or was killed at its very beginning for want of descriptors."""


class Command(Struct, frozen=True):
    """What to run.

    Attributes:
        argv: the program and its arguments.
        stdin: what it is fed; its input then ends.
        env: on top of the minimal environment.
        cwd: the folder it starts in.
        timeout: in seconds.
        output_limit: bytes kept of each of stdout and stderr.
        within: the sandbox that holds it; None: it runs as this process does.
    """

    argv: tuple[str, ...]
    stdin: bytes
    env: Mapping[str, str]
    cwd: Path
    timeout: float
    output_limit: int
    within: "Confinement | None" = None


class Output(Protocol):
    """What takes the bytes that a command prints."""

    def add(self, data: bytes) -> None:
        """Takes what was printed next."""


class CommandEnd(Struct, frozen=True):
    """How a command ended whose output went elsewhere; as in `CommandResult`."""

    exit_code: int
    timed_out: bool
    stopped: str = ""


class CommandResult(Struct, frozen=True):
    """How a command ended.

    Attributes:
        exit_code: as a shell would say it: 128 and the signal's number where a signal ended it.
        stdout: with replacements for what is no UTF-8.
        timed_out: it was ended because its time was over.
        truncated: of stdout or stderr only the beginning and the end are there, with a notice between.
        stopped: which bound of the sandbox it was ended for; "" where for none.
    """

    exit_code: int
    stdout: str
    stderr: str
    timed_out: bool
    truncated: bool
    stopped: str = ""


def base_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Of a process's environment what any program needs, and nothing that may be secret."""
    return {name: value for name, value in environ.items() if name in _KEPT or name.startswith("LC_")}


async def run_command(command: Command) -> CommandResult:
    """Runs a command and waits for its end, as `follow_command` does; what it prints is kept within bounds.

    Raises: as `follow_command`.
    """
    stdout, stderr = BoundedOutput(command.output_limit), BoundedOutput(command.output_limit)
    ended = await follow_command(command, stdout, stderr)
    truncated = stdout.truncated or stderr.truncated
    return CommandResult(ended.exit_code, stdout.text(), stderr.text(), ended.timed_out, truncated, ended.stopped)


async def follow_command(command: Command, stdout: Output, stderr: Output) -> CommandEnd:
    """Runs a command in a session of its own and waits for its end; what it prints goes to `stdout` and `stderr`.

    Whatever the command started is killed when it ends, runs out of time or the call is cancelled; a background
    process that keeps the output open delays the end by `DRAIN_GRACE` at most. Should this process be killed, the
    command is killed too (`watchdog`).

    Raises:
        CommandNotStarted: there is no such program, it may not be run, the system has no room for it, or its sandbox
            cannot be made.
    """
    start = _start_of(command)
    try:
        process = _started(start, command)
        # Nothing may come between these lines but what cannot fail: the process is nobody's yet.
        running = _Running(process, command.stdin, None if start.first < 0 else Inside(start.first, start.memory))
        return await _followed(running, command, stdout, stderr)
    finally:
        start.released()


async def _followed(running: "_Running", command: Command, stdout: Output, stderr: Output) -> CommandEnd:
    timed_out = False
    try:
        try:
            watchdog().guard(running.pid)
            running.attach(stdout, stderr)
        except OSError as error:
            raise _not_started(shortened(command.argv[0]), command, error) from error
        try:
            async with asyncio.timeout(command.timeout):
                await running.exited.wait()
        except TimeoutError:
            timed_out = not running.exited.is_set()
            running.kill(signal.SIGTERM)
            await _within(TERMINATE_GRACE, running.exited)
            if not running.exited.is_set():
                running.kill(signal.SIGKILL)
            await running.exited.wait()
        await _within(DRAIN_GRACE, running.drained)
    finally:
        await running.end()
    return CommandEnd(running.exit_code(), timed_out, running.stopped)


def _start_of(command: Command) -> Start:
    """How a command is started: as it is, or as its sandbox says."""
    if not command.argv or not command.argv[0]:
        raise CommandNotStarted("the command is empty", "give a program and its arguments")
    if command.within is None:
        return Start(command.argv, {**base_environment(os.environ), **command.env}, command.cwd)
    try:
        return command.within.start_of(command)
    except SandboxError as error:
        raise CommandNotStarted(
            f"no sandbox for `{shortened(command.argv[0])}`: {error.message}", error.hint
        ) from error


def _started(start: Start, command: Command) -> subprocess.Popen[bytes]:
    program = shortened(command.argv[0])
    try:
        watchdog().start()
        return subprocess.Popen(
            start.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=start.cwd,
            env=start.env,
            start_new_session=True,
            close_fds=True,
            pass_fds=start.descriptors,
        )
    except OSError as error:
        start.forget()
        raise _not_started(program, command, error) from error
    except ValueError as error:  # a NUL, or `=` in a variable's name
        start.forget()
        raise CommandNotStarted(f"`{program}` cannot be started: {error}", "correct its arguments and env") from error
    finally:
        start.close_descriptors()


def _not_started(program: str, command: Command, error: OSError) -> CommandNotStarted:
    if not os.path.isdir(command.cwd):
        missing = f"the folder `{command.cwd}` to run `{program}` in does not exist"
        return CommandNotStarted(missing, "make it first, or run it elsewhere")
    if error.errno == errno.ENOENT:
        return CommandNotStarted(f"`{program}` was not found", "install it, or correct its name or PATH")
    if error.errno == errno.EACCES:
        return CommandNotStarted(f"`{program}` may not be executed", "make it executable (chmod +x)")
    if error.errno == errno.ENOEXEC:
        return CommandNotStarted(f"`{program}` is no program", "a script needs a first line such as #!/bin/sh")
    if error.errno == errno.E2BIG:
        return CommandNotStarted(f"the arguments of `{program}` are too long", "pass large values through stdin")
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return CommandNotStarted("too many files are open", "raise the limit (ulimit -n), or run fewer at once")
    reason = os.strerror(error.errno or 0)
    return CommandNotStarted(f"`{program}` cannot be started: {reason}", "see whether it runs by hand in this folder")


async def _within(seconds: float, event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


class _Running:
    """A process, and what the event loop does for it: feeding, draining, noticing its end. No threads."""

    def __init__(self, process: subprocess.Popen[bytes], stdin: bytes, inside: Inside | None) -> None:
        self.exited = asyncio.Event()
        self.drained = asyncio.Event()
        self.pid = process.pid
        self._inside = inside
        self._process = process
        self._to_feed = memoryview(stdin)
        self._loop = asyncio.get_running_loop()
        self._open: set[int] = set()
        self._pidfd = -1
        self._poll: asyncio.TimerHandle | None = None

    @property
    def stopped(self) -> str:
        """Which bound of a sandbox it was ended for."""
        return "" if self._inside is None else self._inside.stopped

    def exit_code(self) -> int:
        """As a shell would say it."""
        code = self._process.returncode
        return code if code >= 0 else 128 - code

    def attach(self, stdout: Output, stderr: Output) -> None:
        """Begins to feed, drain and watch."""
        if self._inside is not None:
            self._inside.watch(self._loop)
        for pipe, output in ((self._process.stdout, stdout), (self._process.stderr, stderr)):
            if pipe is not None:
                self._drain(pipe.fileno(), output)
        if self._process.stdin is not None:
            os.set_blocking(self._process.stdin.fileno(), False)
            self._feed()
        if hasattr(os, "pidfd_open"):
            self._pidfd = os.pidfd_open(self._process.pid)
            self._loop.add_reader(self._pidfd, self._notice_exit)
        else:
            self._ask_for_exit()

    def kill(self, number: int) -> None:
        """Signals the whole group. Safe until the process is reaped: its number is not given away before.

        What is in a sandbox is in no group of ours; it is asked to end there, and killed with the sandbox.
        """
        if self._inside is not None and self._inside.signal(number):
            return
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):  # none of it left that could be signalled
                os.killpg(self._process.pid, number)

    async def end(self) -> None:
        """Kills what is left, waits for the process even when cancelled, and lets go of everything."""
        self.kill(signal.SIGKILL)
        cancelled = False
        while self._pidfd >= 0 and not self.exited.is_set():
            try:
                await self.exited.wait()
            except asyncio.CancelledError:
                cancelled = True
        self._process.wait()
        if self._inside is not None:
            cancelled = await self._inside.ended() or cancelled
        self._let_go()
        watchdog().release(self._process.pid)
        if cancelled:
            raise asyncio.CancelledError

    def _let_go(self) -> None:
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
        if self._poll is not None:
            self._poll.cancel()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                self._loop.remove_reader(pipe.fileno())
                pipe.close()
        self._stop_feeding()

    def _notice_exit(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self.exited.set()

    def _ask_for_exit(self) -> None:
        if self._process.poll() is None:
            self._poll = self._loop.call_later(_POLL_SECONDS, self._ask_for_exit)
        else:
            # This has reaped it; the group keeps the number for as long as anything of it is left.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self.exited.set()

    def _drain(self, descriptor: int, output: Output) -> None:
        os.set_blocking(descriptor, False)
        self._open.add(descriptor)

        def drain() -> None:
            with contextlib.suppress(BlockingIOError):
                if data := os.read(descriptor, _PIECE_BYTES):
                    output.add(data)
                    return
                self._loop.remove_reader(descriptor)
                self._open.discard(descriptor)
                if not self._open:
                    self.drained.set()

        self._loop.add_reader(descriptor, drain)

    def _feed(self) -> None:
        pipe = self._process.stdin
        if pipe is None or pipe.closed:
            return
        try:
            while self._to_feed:
                self._to_feed = self._to_feed[os.write(pipe.fileno(), self._to_feed[:_PIECE_BYTES]) :]
        except BlockingIOError:
            self._loop.add_writer(pipe.fileno(), self._feed)
        except BrokenPipeError:  # it does not read its input to the end, as `head` does not
            self._stop_feeding()
        else:
            self._stop_feeding()

    def _stop_feeding(self) -> None:
        pipe = self._process.stdin
        if pipe is not None and not pipe.closed:
            self._loop.remove_writer(pipe.fileno())
            pipe.close()
