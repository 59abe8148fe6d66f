"""What a kernel can do with files that Python's `os` does not offer, and what is done in its place where it cannot."""

import ctypes
import errno
import fcntl
import functools
import os
import sys
from collections.abc import Callable

from msgspec import Struct

from agentflow.guard.protected import folded

_OPENAT2 = 437  # the same on every machine that Linux added it for (Linux 5.6)
_NO_XLINKS = 0x02 | 0x04 | 0x08  # RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH of openat2(2)
_EXCLUSIVE, _EXCHANGE = (1, 2) if sys.platform == "linux" else (4, 2)  # renameat2(2); renameatx_np(2) of macOS
_ABSENT_CALLS = frozenset({errno.ENOSYS, errno.EINVAL, errno.EPERM, errno.ENOTSUP, errno.E2BIG})
_PATH_ONLY = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK) | os.O_NOFOLLOW | os.O_CLOEXEC

_MACHINERY = frozenset(
    {0x9FA0, 0x62656572, 0x64626720, 0x74726163, 0x73636673, 0x27E0EB, 0x63677270, 0xCAFE4A11, 0x1CD1}
    | {0x6165676C, 0xDE5E81E4, 0x62656570, 0x19800202, 0x42494E4D, 0xF97CFF8C, 0x6E736673, 0x09041934}
)
"""The numbers of file systems whose files are the kernel's own: /proc, /sys and their like (statfs(2))."""


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class Identity(Struct, frozen=True):
    """Which file something is."""

    device: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Identity":
        """Of a `stat`."""
        return cls(status.st_dev, status.st_ino)


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def is_at(descriptor: int, root: int, path: str) -> bool:
    """Whether an open file is, this moment, what a path without symbolic links leads to.

    The kernel is asked where the file is. Where it cannot say so, or says it in other words, the path is walked again
    from `root` and must lead to the same file.

    Parameters:
        descriptor: of the file.
        root: descriptor of the folder that `path` begins in.
        path: relative to it; "" is the folder itself.
    """
    try:
        top, real = _where(root), _where(descriptor)
    except OSError:
        return _leads_to(root, path, Identity.of(os.fstat(descriptor)))
    if real == (f"{top.rstrip('/')}/{path}" if path else top):
        return True
    return _leads_to(root, path, Identity.of(os.fstat(descriptor)))


def _where(descriptor: int) -> str:
    """The path of an open file, as the kernel knows it. Raises OSError where it does not say."""
    if sys.platform == "darwin":
        return os.fsdecode(fcntl.fcntl(descriptor, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
    return os.readlink(f"/proc/self/fd/{descriptor}")


def _leads_to(root: int, path: str, file: Identity) -> bool:
    try:
        descriptor = open_beneath(root, path or ".")
    except OSError:
        return False
    try:
        return Identity.of(os.fstat(descriptor)) == file
    finally:
        os.close(descriptor)


def open_beneath(root: int, path: str) -> int:
    """A descriptor, for looking only, of what a path beneath a folder leads to; no symbolic link is followed.

    Raises:
        OSError: there is nothing, or a link is on the way.
    """
    if sys.platform == "linux":
        how = _How(_PATH_ONLY, 0, _NO_XLINKS)
        # Through the number alone: the C library has no function of that name.
        call = _libc().syscall
        number = call(_OPENAT2, root, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))
        if number >= 0:
            return int(number)
        if (code := ctypes.get_errno()) not in _ABSENT_CALLS and code != errno.EAGAIN:
            raise OSError(code, os.strerror(code))
    return open_part_by_part(root, path)


def open_part_by_part(root: int, path: str) -> int:
    """As `open_beneath`, for kernels that do not know `openat2`."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
    here = os.open(".", _PATH_ONLY | os.O_DIRECTORY, dir_fd=root)
    for at, part in enumerate(parts):
        try:
            below = os.open(part, _PATH_ONLY | (os.O_DIRECTORY if at < len(parts) - 1 else 0), dir_fd=here)
        finally:
            os.close(here)
        here = below
    return here


def rename_new(folder: int, name: str, new: str) -> None:
    """Renames within a folder, where nothing has the new name.

    Raises:
        FileExistsError: something has it.
        OSError: as the system says.
    """
    if not _rename(folder, name, new, _EXCLUSIVE):
        os.link(name, new, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        os.unlink(name, dir_fd=folder)


def exchange(folder: int, one: str, other: str) -> bool:
    """Gives two files of a folder each other's name at once; False where the file system cannot.

    Raises:
        OSError: as the system says; one of them is not there.
    """
    return _rename(folder, one, other, _EXCHANGE)


def _rename(folder: int, name: str, new: str, flags: int) -> bool:
    call = _rename_call()
    if call is None:
        return False
    if call(folder, os.fsencode(name), folder, os.fsencode(new), flags) == 0:
        return True
    code = ctypes.get_errno()
    if code in _ABSENT_CALLS:
        return False
    raise OSError(code, os.strerror(code))


@functools.cache
def _rename_call() -> Callable[..., int] | None:
    for name in ("renameat2", "renameatx_np"):
        if (call := getattr(_libc(), name, None)) is not None:
            return call  # type: ignore[no-any-return]
    return None


def stored_name(folder: int, part: str, status: os.stat_result, look: Callable[..., os.stat_result] = os.stat) -> str:
    """The name that a file has where the file system takes several for one; rules are about that one.

    Parameters:
        part: the name under which it was found.
        status: its `lstat`.
        look: `os.stat`.
    """
    twin = part.swapcase()
    if twin == part:
        return part
    try:
        other = look(twin, dir_fd=folder, follow_symlinks=False)
    except OSError:  # the file system tells them apart
        return part
    if Identity.of(other) != Identity.of(status):
        return part
    listed = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder)
    try:
        names = os.listdir(listed)
    finally:
        os.close(listed)
    return part if part in names else next((name for name in names if folded(name) == folded(part)), part)


def is_machinery(descriptor: int) -> bool:
    """Whether a file is the kernel's own, as those in /proc are: reading or writing it does something."""
    if sys.platform != "linux":
        return False
    found = ctypes.create_string_buffer(512)  # struct statfs is 120 bytes at most; its first field is the kind
    if _libc().fstatfs(descriptor, found) != 0:
        return True
    return ctypes.cast(found, ctypes.POINTER(ctypes.c_long))[0] & 0xFFFFFFFF in _MACHINERY
