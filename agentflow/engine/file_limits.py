"""The bounds that a file writes down, while a step of another file runs it: reaching one ends that step."""

from agentflow.engine.deadlines import end_inside
from agentflow.engine.port import Loop
from agentflow.events.run_events import WorkflowLimitReached
from agentflow.events.values import Failure
from agentflow.journal.port import RUN_STREAM
from agentflow.run.files import worked

FILE_CLOCK = "file"


def reach_limit(loop: Loop, path: str, failure: Failure) -> None:
    """Notes, once, that a bound of the file that runs as the step `path` is reached."""
    if loop.live.run.scopes[path].failing is None:
        loop.happen(RUN_STREAM, WorkflowLimitReached(loop.now(), path, failure))


def watch_file(loop: Loop, path: str) -> None:
    """Ends what a file has at work when its time is over; does nothing where `path` is no file with such a bound."""
    scope = loop.live.run.scopes.get(path)
    if scope is None or scope.file is None or scope.file.limits.wall_time is None:
        return
    allowed = scope.file.limits.wall_time
    left = allowed - worked(scope, loop.now())
    if left > 0:
        loop.timers.set(path, FILE_CLOCK, max(left, 0.01), lambda: _look(loop, path))
        return
    message = f"`{scope.file.file}`, run by step `{path}`, has worked for its {allowed:g} s; raise `limits.wall_time`"
    _end(loop, path, Failure("wall_time", message))


def _look(loop: Loop, path: str) -> None:
    watch_file(loop, path)
    loop.settle()


def _end(loop: Loop, path: str, failure: Failure) -> None:
    reach_limit(loop, path, failure)
    end_inside(loop, path, failure)
