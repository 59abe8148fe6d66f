"""Puts files back as they were: first a look at each, then the deed; what is so already stays untouched."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from msgspec import Struct

from agentflow.run.checkpoints import FileState, PutBack, digest_of
from agentflow.tools.failures import ToolError
from agentflow.tools.files import whole
from agentflow.tools.paths import locate, require_regular
from agentflow.tools.port import ToolContext
from agentflow.tools.replacing import replace

Fate = Literal["restore", "recreate", "remove", "same", "conflict"]


class Look(Struct, frozen=True):
    """What is to be done with a file, as it is now.

    Attributes:
        fate: `recreate`: it is gone and comes back; `conflict`: it is not touched, unless that is forced.
        why: of a conflict.
        now: what it is now; its content too.
        impossible: no force helps.
    """

    file: PutBack
    fate: Fate
    now: FileState = FileState(None)
    why: str = ""
    impossible: bool = False


def look_at(project: Path, files: Sequence[PutBack], *, forced: bool = False) -> tuple[Look, ...]:
    """What putting files back would do, which is nothing yet.

    Parameters:
        project: its real path.
        forced: what somebody else changed is put back too.
    """
    return tuple(_look(project, file, forced) for file in files)


def restore(project: Path, looks: Sequence[Look]) -> None:
    """Does what was looked at. What is done already, as after a crash, stays as it is.

    Raises:
        ToolError: a file was changed since it was looked at; those before it are put back.
        OSError: as the system says.
    """
    for look in looks:
        if look.fate in ("restore", "recreate", "remove"):
            _restore(project, look)


def _look(project: Path, file: PutBack, forced: bool) -> Look:
    target = file.target
    if target.lost is not None:
        return Look(file, "conflict", why=target.lost, impossible=True)
    try:
        now = _now(project, file)
    except ToolError as error:
        return Look(file, "conflict", why=error.message, impossible=True)
    except OSError as error:
        return Look(file, "conflict", why=os.strerror(error.errno or 0), impossible=True)
    if now.digest == target.digest and now.mode == target.mode:
        return Look(file, "same", now)
    why = ""
    if now.digest not in file.known:
        why = "somebody else removed it since" if now.digest is None else "somebody else changed it since"
    elif file.foreign:
        why = "something else changed it in between; that would be lost too"
    if why and not forced:
        return Look(file, "conflict", now, why)
    if target.digest is None:
        return Look(file, "remove", now, why)
    return Look(file, "recreate" if now.digest is None else "restore", now, why)


def _context(project: Path, file: PutBack) -> ToolContext:
    root = project / file.folder
    if file.folder and (not root.is_dir() or root.resolve() != root):
        raise ToolError(f"its workspace `{file.folder}` is not there any more", "nothing is to be put back then")
    return ToolContext(project=root, rules=(), env={}, key="", sandbox_off=False)


def _now(project: Path, file: PutBack) -> FileState:
    """What a file is now. Raises ToolError where it is no file, or its path leads elsewhere."""
    try:
        with locate(_context(project, file), file.path, tool="rewind", for_write=True, absent=True) as place:
            if place.real != file.path:
                raise ToolError(f"its path now leads to `{place.real}`, through a symbolic link", "take the link away")
            if place.status is None:
                return FileState(None)
            require_regular(place.named, place.status)
            content = whole(place)
            return FileState(digest_of(content), place.status.st_mode & 0o7777, content)
    except NotADirectoryError as error:
        raise ToolError("a folder of its path is a file now", "move that away") from error


def _restore(project: Path, look: Look) -> None:
    file, context = look.file, _context(project, look.file)
    if look.fate == "remove":
        _remove(context, look)
        return
    content = file.target.content
    if content is None:
        raise ToolError(f"what `{file.path}` held is not kept", "put it back yourself")
    with locate(context, file.path, tool="rewind", for_write=True, makes=True) as place:
        before = None if place.status is None else whole(place)
        if place.real != file.path or digest_of(before) != look.now.digest:
            raise ToolError(f"`{file.path}` was changed meanwhile", "rewind again: what is done already stays so")
        replace(place, content, expected=place.status, mode=file.target.mode)


def _remove(context: ToolContext, look: Look) -> None:
    file = look.file
    with locate(context, file.path, tool="rewind", for_write=True, absent=True) as place:
        if place.real != file.path:
            raise ToolError(f"`{file.path}` leads elsewhere now", "take the link away")
        if place.status is not None:
            if digest_of(whole(place)) != look.now.digest:
                raise ToolError(f"`{file.path}` was changed meanwhile", "rewind again: what is done already stays so")
            os.unlink(place.name, dir_fd=place.folder)
    for folder in file.made:
        with (
            contextlib.suppress(OSError, ToolError),  # something else lies in it by now, or it is gone
            locate(context, folder, tool="rewind", for_write=True) as place,
        ):
            os.rmdir(place.name, dir_fd=place.folder)
