"""Has what a file held on record before Write or Edit changes it."""

import asyncio
from concurrent.futures import Future

from agentflow.engine.port import Loop
from agentflow.engine.secrets import Secrets
from agentflow.events.file_events import FileChanging
from agentflow.events.values import Workspace
from agentflow.journal.port import RUN_STREAM
from agentflow.run.checkpoints import FILE_TOOLS, digest_of, packed
from agentflow.tools.port import Change, Keep
from agentflow.tools.threads import Stop, WorkCancelledError

_SECONDS_BETWEEN_LOOKS = 0.05
_HELD_A_SECRET = "it held the value of a secret, which the journal does not keep"


def keep_for(loop: Loop, stream: str, tool: str, step: str, workspace: Workspace | None, call: str = "") -> Keep | None:
    """What `ToolContext.keep` is for a call; None for a tool that changes no files, or in a dry run.

    Parameters:
        stream: of the session that calls, or the run's own for a step's call.
        call: the id of a session's call.
    """
    if tool not in FILE_TOOLS:
        return None
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:  # a dry run: no tool is called, so nothing waits
        return None
    folder = "" if workspace is None else workspace.folder

    def keep(change: Change, stop: Stop) -> None:
        kept = _event(loop.secrets, change, loop.now(), step, call, tool, folder)
        on_record: Future[None] = Future()
        running.call_soon_threadsafe(_record, loop, stream, kept, on_record, stop)
        while True:
            try:
                on_record.result(_SECONDS_BETWEEN_LOOKS)
            except TimeoutError:
                # The call was cancelled, or the run ends: whoever waits for this thread must not wait for ever.
                stop.check()
            else:
                return

    return keep


def _record(loop: Loop, stream: str, event: FileChanging, on_record: "Future[None]", stop: Stop) -> None:
    try:
        stop.check()
        if stream != RUN_STREAM and stream not in loop.live.sessions:
            raise WorkCancelledError
        loop.happen(stream, event, durable=True)
    except BaseException as error:
        on_record.set_exception(error)
        if not isinstance(error, WorkCancelledError):
            raise
        return
    loop.recorder.then(lambda: on_record.set_result(None))
    loop.settle()


def _event(secrets: Secrets, change: Change, now: float, step: str, call: str, tool: str, folder: str) -> FileChanging:
    before = change.before
    lost = None
    if before is not None:
        text = before.decode("utf-8", "surrogateescape")
        lost = _HELD_A_SECRET if secrets.redacted(text) != text else None
    return FileChanging(
        at=now,
        step=step,
        call=call,
        tool=tool,
        folder=folder,
        path=change.path,
        mode=change.mode,
        digest=digest_of(before),
        size=0 if before is None else len(before),
        content=None if before is None or lost is not None else packed(before),
        after=digest_of(change.after),
        made=change.made,
        lost=lost,
    )
