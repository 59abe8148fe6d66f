"""Putting a file in another's place: whole or not at all, and only in the place of what was seen there."""

import contextlib
import os
import secrets
import stat

from agentflow.tools.failures import ToolError, shortened
from agentflow.tools.openat import Identity, exchange, is_at, rename_new
from agentflow.tools.paths import Place
from agentflow.tools.port import Change, Keep
from agentflow.tools.threads import Stop


def replace(
    place: Place,
    content: bytes,
    *,
    expected: os.stat_result | None = None,
    before: bytes | None = None,
    keep: Keep | None = None,
    stop: Stop | None = None,
    mode: int | None = None,
) -> None:
    """Puts a file in place, whole or not at all, also when the power fails; mode and owner stay as they were.

    A file of several names gets only this one anew; the others keep what they held.

    Parameters:
        expected: what `content` was made from; where something else is there by now, it stays.
        before: what the file held, and `keep`: has that on record before anything changes; `stop` ends the wait for it.
        mode: the permission bits it is to have; None: those it has, or as new files have them.

    Raises:
        ToolError: the file there is write-protected, or is not what was expected.
        OSError: as the system says; nothing has changed then.
    """
    was = place.status
    if was is not None and not os.access(
        place.name, os.W_OK, dir_fd=place.folder, effective_ids=os.access in os.supports_effective_ids
    ):
        # Renaming over it would work all the same, and undo the protection.
        raise ToolError(
            f"`{shortened(place.named)}` is write-protected", "leave it as it is and say so, or write to another file"
        )
    temporary = _written_beside(place, content, mode)
    try:
        if keep is not None:
            bits = None if was is None else stat.S_IMODE(was.st_mode)
            keep(Change(place.real, before, bits, content, place.made), stop or Stop())
        if not is_at(place.folder, place.root, os.path.dirname(place.real)):
            raise ToolError(f"the folder of `{shortened(place.named)}` was moved away meanwhile", "look where it is")
        _put(place, temporary, expected)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=place.folder)
        raise


def _written_beside(place: Place, content: bytes, mode: int | None) -> str:
    """The name of a new file in the same folder, with the content and the mode of what it shall replace."""
    temporary = f".agentflow-{secrets.token_hex(8)}.tmp"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, 0o666, dir_fd=place.folder)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if place.status is not None:
                _take_over(descriptor, place.status)
            if mode is not None:
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
    except BaseException:
        os.unlink(temporary, dir_fd=place.folder)
        raise
    return temporary


def _put(place: Place, temporary: str, expected: os.stat_result | None) -> None:
    folder, name = place.folder, place.name
    if expected is None:
        if place.status is None:
            try:
                rename_new(folder, temporary, name)
            except FileExistsError as error:
                raise _changed(place) from error
        else:
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        return
    if _seen(os.stat(name, dir_fd=folder, follow_symlinks=False)) != _seen(expected):
        raise _changed(place)
    if not exchange(folder, temporary, name):
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        return
    # What stood there is aside now, so nothing can come between this look and what follows from it.
    if _seen(os.stat(temporary, dir_fd=folder, follow_symlinks=False)) != _seen(expected):
        try:
            exchange(folder, temporary, name)
        except FileNotFoundError:  # ours was taken away at once; theirs goes back all the same
            rename_new(folder, temporary, name)
        raise _changed(place)
    os.unlink(temporary, dir_fd=folder)


def _changed(place: Place) -> ToolError:
    return ToolError(f"`{shortened(place.named)}` was changed by somebody else meanwhile", "read it again first")


def _seen(status: os.stat_result) -> tuple[Identity, int, int]:
    return Identity.of(status), status.st_size, status.st_mtime_ns


def _take_over(descriptor: int, before: os.stat_result) -> None:
    own = os.fstat(descriptor)
    if (own.st_uid, own.st_gid) != (before.st_uid, before.st_gid) and os.geteuid() == 0:
        os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))
