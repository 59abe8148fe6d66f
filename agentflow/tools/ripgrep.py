"""ripgrep, where there is one: it says in which of many files it is worth looking.

It is handed the names of files that the grant covers, and its answer only says which of them are searched here: what a
model is told comes from the files that were opened as `paths` says, whatever ripgrep was led to meanwhile.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from agentflow.tools.command import Command, CommandNotStarted, run_command

SECONDS = 120.0
_BATCH_BYTES = 400 << 10
"""Of names in one call: a small part of what systems take, and enough to keep a start from counting."""
_FOUND, _NOTHING = 0, 1


def program(project: Path) -> str | None:
    """The path of ripgrep, or None: on PATH, or beside this Python; never one that lies in the project itself."""
    beside = os.path.dirname(sys.executable)
    found = shutil.which("rg") or shutil.which("rg", path=beside)
    if found is None or not os.path.isabs(found) or Path(os.path.realpath(found)).is_relative_to(project):
        return None
    return found


async def candidates(rg: str, project: Path, names: Sequence[str], pattern: str, *, ignore_case: bool) -> set[str]:
    """Those of the files that may hold a match: each that does is among them.

    Parameters:
        rg: the program.
        names: paths relative to the project.
        pattern: in ripgrep's own syntax.
    """
    options = ["--no-config", "--no-ignore", "--hidden", "--no-mmap", "--text", "--null", "--files-with-matches"]
    options += ["--ignore-case" if ignore_case else "--case-sensitive", "--color=never", "--regexp", pattern, "--"]
    found = {name for name in names if not name.isprintable()}
    for batch in _batches([name for name in names if name not in found]):
        size = sum(len(name.encode()) + 4 for name in batch)
        # Behind `./`, because a name may begin as an option does, or be `-`.
        argv = (rg, *options, *(f"./{name}" for name in batch))
        try:
            result = await run_command(Command(argv, b"", {}, project, SECONDS, 2 * size))
        except CommandNotStarted:
            return set(names)
        if result.exit_code == _FOUND and not result.timed_out:
            found.update(name.removeprefix("./") for name in result.stdout.split("\0") if name)
        elif result.exit_code != _NOTHING or result.timed_out:
            # It could not read a file, or not use the pattern: then it has no say in these.
            found.update(batch)
    return found


def _batches(names: Sequence[str]) -> Iterator[Sequence[str]]:
    start, size = 0, 0
    for index, name in enumerate(names):
        size += len(name.encode()) + 3
        if size > _BATCH_BYTES and index > start:
            yield names[start:index]
            start, size = index, len(name.encode()) + 3
    if start < len(names):
        yield names[start:]
