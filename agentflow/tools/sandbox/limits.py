"""How much a sandboxed command may use, and the few words of shell that bound it from within."""

import os
import resource
from typing import Final

from msgspec import Struct


class Limits(Struct, frozen=True):
    """Bounds of one command with everything it starts.

    Attributes:
        processes: at once, threads included.
        memory: bytes in all, and at most so many that one process may write to.
        file_size: bytes of one file.
        files: that one process may have open.
        scratch: bytes that may lie in `/tmp`.
    """

    processes: int
    memory: int
    file_size: int
    files: int
    scratch: int


_GIB: Final = 1 << 30
SHARED_BYTES: Final = 256 << 20
"""What may lie in `/dev/shm`."""


def limits_here() -> Limits:
    """What this machine can spare: of its memory three quarters at most, and never more than 16 GiB."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = 8_192 if most_files == resource.RLIM_INFINITY else min(8_192, most_files)
    return Limits(1_024, min(16 * _GIB, memory * 3 // 4), 4 * _GIB, files, min(_GIB, memory // 8))


# Limits on processes count by user and, since Linux 5.14, within the user namespace; they must be set in there, or
# what the user runs elsewhere would count. dash calls that one `-p` and bash `-u`; sizes are in 512 bytes and KiB.
_SCRIPT = (
    "ulimit -c 0; ulimit -f {file_size}; ulimit -d {memory}; ulimit -n {files}; "
    '(ulimit -u {processes}) 2>/dev/null && ulimit -u {processes} || ulimit -p {processes}; exec "$@"'
)


def bounded(argv: tuple[str, ...], limits: Limits) -> tuple[str, ...]:
    """A command that is bounded by the limits of the kernel, for a POSIX shell inside."""
    script = _SCRIPT.format(
        file_size=limits.file_size // 512,
        memory=limits.memory // 1_024,
        files=limits.files,
        processes=limits.processes,
    )
    return ("/bin/sh", "-c", script, "sh", *argv)
