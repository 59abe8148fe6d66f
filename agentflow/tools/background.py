"""Commands that run while their session goes on: Bash with `run_in_background`, TaskOutput and TaskStop.

A task belongs to the session that started it and to this process. It ends with the session, with the process (the
watchdog of `command` kills what a killed process leaves), or when its time or its room is used up; it is never taken up
again.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from agentflow.guard.redaction import Pieces, Redactor, redactor_of
from agentflow.tools.command import Command, CommandEnd, follow_command
from agentflow.tools.failures import ToolError, reports_failures, shortened
from agentflow.tools.output import UnreadOutput
from agentflow.tools.port import JSON, Tool, ToolContext, ToolOutput
from agentflow.tools.shell import bash, printed, require_permission, script

DEFAULT_SECONDS = 3_600.0
MAX_RUNNING = 8
"""Tasks of one session that run at the same time."""
MAX_REMEMBERED = 50
"""Tasks of one session that can be asked about; of those that have ended the oldest are forgotten."""
UNREAD_LIMIT = 45_000
"""Bytes kept of what each of stdout and stderr printed since it was read last, so that both fit what is shown."""
MAX_PRINTED_BYTES = 1 << 30
DEFAULT_WAIT_MS = 30_000
MAX_WAIT_MS = 600_000
_SHOWN_CHARS = 60


@dataclass(slots=True)
class _Task:
    """A script at work, or that has ended.

    Attributes:
        started_at, ended_at: on the event loop's clock.
        stopped: why it was ended before its own end; empty: it was not.
    """

    name: str
    command: Command
    started_at: float
    redactor: Redactor
    stdout: UnreadOutput = field(default_factory=lambda: UnreadOutput(UNREAD_LIMIT))
    stderr: UnreadOutput = field(default_factory=lambda: UnreadOutput(UNREAD_LIMIT))
    out: Pieces = field(init=False)
    err: Pieces = field(init=False)
    work: "asyncio.Task[CommandEnd] | None" = None
    ended_at: float | None = None
    stopped: str = ""

    def __post_init__(self) -> None:
        # A value may be printed in parts, and what an agent reads now must not hold the first of them.
        self.out, self.err = Pieces(self.redactor), Pieces(self.redactor)

    def unread(self) -> list[str]:
        """What both outputs printed since this was asked last, without the values of secrets."""
        ended = self.ended_at is not None
        stdout, stderr = self.out.add(self.stdout.take(ended=ended)), self.err.add(self.stderr.take(ended=ended))
        return printed(stdout + self.out.end(), stderr + self.err.end()) if ended else printed(stdout, stderr)

    def stop(self, reason: str) -> None:
        """Has everything it started killed; once only, for a second time would cut off the clearing up."""
        if self.work is not None and not self.work.done() and not self.stopped:
            self.stopped = reason
            self.work.cancel()

    @property
    def shown(self) -> str:
        text = shortened(self.command.argv[-1])
        return f"`{self.name}` (`{text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + '…'}`)"


@dataclass(slots=True)
class _Printing:
    """Takes one of a task's outputs, and ends a task that never stops printing."""

    task: _Task
    to: UnreadOutput

    def add(self, data: bytes) -> None:
        self.to.add(data)
        if self.to.printed > MAX_PRINTED_BYTES:
            self.task.stop(f"it printed over {MAX_PRINTED_BYTES >> 20:,} MiB")


class Background:
    """The tasks of all sessions of a run."""

    def __init__(self) -> None:
        self._tasks: dict[str, dict[str, _Task]] = {}
        self._ending: set[asyncio.Task[CommandEnd]] = set()

    def tools(self) -> dict[str, Tool]:
        """The tools that share these tasks."""
        return {
            "Bash": reports_failures(self.bash),
            "TaskOutput": reports_failures(self.output),
            "TaskStop": reports_failures(self.stop),
        }

    async def bash(self, tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
        """Bash: runs a script to its end, or starts it and returns."""
        if not tool_input.get("run_in_background"):
            return await bash(tool_input, context)
        require_permission(context)
        if not context.session:
            raise ToolError("A step waits for its command: `run_in_background` is for agents", "leave it out")
        running = [task.shown for task in self._of(context) if task.ended_at is None]
        if len(running) >= MAX_RUNNING:
            raise ToolError(
                f"{MAX_RUNNING} tasks are running already, and more may not: {', '.join(running)}",
                "stop one with TaskStop, or wait for one with TaskOutput",
            )
        task = await self._start(tool_input, context)
        return ToolOutput(
            f"Started {task.shown} in the background. Read what it prints with TaskOutput and end it with TaskStop, "
            f"both with `task_id` {task.name}. It is stopped after {task.command.timeout:,g} seconds, and when you are "
            "done."
        )

    async def output(self, tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
        """TaskOutput: what a task has printed since it was last asked, and whether it still runs."""
        task = self._find(tool_input["task_id"], context)
        if tool_input.get("block", True) is not False and task.work is not None:
            milliseconds = min(int(tool_input.get("timeout") or DEFAULT_WAIT_MS), MAX_WAIT_MS)
            await asyncio.wait([task.work], timeout=milliseconds / 1_000)
        parts = task.unread()
        held = task.stdout.unfinished + task.stderr.unfinished
        if held:
            parts.append(f"({held:,} bytes of a line that has not ended yet are held back until it has.)")
        return ToolOutput("\n".join([_told(task), *(parts or ["(Nothing was printed since the last look.)"])]))

    async def stop(self, tool_input: Mapping[str, JSON], context: ToolContext) -> ToolOutput:
        """TaskStop: ends a task and all it started."""
        task = self._find(tool_input["task_id"], context)
        if task.ended_at is not None or task.work is None:
            return ToolOutput(f"{_told(task)} There was nothing to stop.")
        task.stop("you stopped it")
        await asyncio.wait([task.work])
        return ToolOutput(f"Stopped {task.shown}; all it started was killed. What it printed is still in TaskOutput.")

    def end_session(self, session: str) -> None:
        """Has the tasks of a session killed, and forgets them; `close` waits until they are gone."""
        for task in self._tasks.pop(session, {}).values():
            task.stop("its session ended")

    async def close(self) -> None:
        """Ends every task, and returns when nothing of them is left."""
        for session in list(self._tasks):
            self.end_session(session)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _of(self, context: ToolContext) -> list[_Task]:
        return list(self._tasks.get(context.session, {}).values())

    async def _start(self, tool_input: Mapping[str, JSON], context: ToolContext) -> _Task:
        milliseconds = int(tool_input.get("timeout") or DEFAULT_SECONDS * 1_000)
        # Told from any that this session had before a crash, so that an old name never stands for a new task.
        name = f"bash_{hashlib.blake2s(context.key.encode(), digest_size=4).hexdigest()}"
        command = script(tool_input["command"], context, milliseconds / 1_000)
        loop = asyncio.get_running_loop()
        task = _Task(name, command, loop.time(), redactor_of(context.secrets))
        work = loop.create_task(follow_command(command, _Printing(task, task.stdout), _Printing(task, task.stderr)))
        task.work = work
        self._ending.add(work)

        def ended(done: "asyncio.Task[CommandEnd]") -> None:
            task.ended_at = loop.time()
            self._ending.discard(done)

        work.add_done_callback(ended)
        known = self._tasks.setdefault(context.session, {})
        known[name] = task
        # It starts before it waits for the first time, so what keeps it from starting is known after one turn.
        await asyncio.sleep(0)
        if work.done() and (error := work.exception()) is not None:
            del known[name]
            raise error
        _forget_oldest(known)
        return task

    def _find(self, name: str, context: ToolContext) -> _Task:
        known = self._tasks.get(context.session, {})
        if name in known:
            return known[name]
        listed = "\n".join(f"- {_told(task)}" for task in known.values())
        raise ToolError(
            f"There is no task `{shortened(name)}` in this session. A task is gone for good, with all it had started, "
            "when the run was stopped or taken up again after it began",
            f"Your tasks:\n{listed}" if listed else "You have no tasks; start one with Bash and `run_in_background`",
        )


def _forget_oldest(known: dict[str, _Task]) -> None:
    ended = [task.name for task in known.values() if task.ended_at is not None]
    for name in ended[: max(0, len(known) - MAX_REMEMBERED)]:
        del known[name]


def _told(task: _Task) -> str:
    """One line on what has become of a task."""
    until = asyncio.get_running_loop().time() if task.ended_at is None else task.ended_at
    after = f"{until - task.started_at:,.0f} s"
    if task.ended_at is None or task.work is None:
        return f"Task {task.shown} is running, for {after} so far."
    if task.stopped or task.work.cancelled():
        return f"Task {task.shown} was ended after {after}, because {task.stopped or 'the run was stopped'}."
    if (error := task.work.exception()) is not None:
        return f"Task {task.shown} was ended after {after} by a fault that is not its own: {error}."
    end = task.work.result()
    if end.timed_out:
        return f"Task {task.shown} was ended after {after}, because its `timeout` was over."
    return f"Task {task.shown} has ended with exit code {end.exit_code} after {after}."
