"""How far a long look at many files is, on a terminal."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import IO

from agentflow.report.inert import inert_line
from agentflow.report.style import cut, takes_drawing, terminal_size

SILENT_SECONDS = 0.5
"""For so long nothing is shown: most checks are over by then."""
_SECONDS_BETWEEN = 0.1
_ERASE = "\r\x1b[K"


def counted(
    paths: Iterable[str],
    doing: str,
    total: int | None = None,
    stream: IO[str] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[str]:
    """The paths; on a terminal, as they are taken, a line on standard error that says how many, and takes itself back.

    Parameters:
        doing: what is done with them, as `checking`.
        total: how many there are, where that is known.
    """
    stream = sys.stderr if stream is None else stream
    if not takes_drawing(stream):
        yield from paths
        return
    next_at = clock() + SILENT_SECONDS
    shown = False
    try:
        for number, path in enumerate(paths, 1):
            if clock() >= next_at:
                of = "" if total is None else f" of {total:,}"
                line = f"{doing} {number:,}{of}  {inert_line(path)}"
                stream.write(_ERASE + cut(line, terminal_size(stream)[0] - 1))
                stream.flush()
                shown, next_at = True, clock() + _SECONDS_BETWEEN
            yield path
    finally:
        if shown:
            stream.write(_ERASE)
            stream.flush()
