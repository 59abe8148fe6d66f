"""The files of a folder, for commands that take one in the place of a file."""

import os
from collections.abc import Iterator


def files_below(path: str) -> Iterator[str]:
    """The files in a folder at any depth, sorted; hidden folders hold other programs' files: `.git`, `.venv`."""
    waiting = [path]
    while waiting:
        # One folder at a time: `os.walk` calls itself for each level, of which a command can make any number.
        here, folders, names = next(os.walk(waiting.pop()), ("", [], []))
        yield from (os.path.join(here, name) for name in sorted(names))
        inner = (os.path.join(here, name) for name in folders if not name.startswith(".") and name != "node_modules")
        waiting.extend(sorted((folder for folder in inner if not os.path.islink(folder)), reverse=True))
