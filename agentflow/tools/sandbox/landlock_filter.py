"""The system calls that are refused where there are no namespaces: what would reach other processes, or any network.

It comes on top of the filter that every sandbox has (`seccomp.py`); of two filters the stricter one holds. The numbers
are those of the kernel's tables: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h for aarch64.
"""

import errno
import platform
import struct
import sys
from collections.abc import Mapping

from msgspec import Struct

Instruction = tuple[int, int, int, int]
"""Code, jump where true, jump where false, operand: `struct sock_filter` (linux/filter.h)."""

_LOAD, _EQUAL, _AND, _RETURN = 0x20, 0x15, 0x54, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_AF_UNIX, _SOCK_STREAM, _SOCK_TYPE = 1, 1, 0xF
_REFUSED = _RETURN, 0, 0, _ERRNO | errno.EPERM
_ALLOWED = _RETURN, 0, 0, _ALLOW


class Calls(Struct, frozen=True):
    """The numbers of a processor.

    Attributes:
        audit: of `linux/audit.h`.
        refused: any use is refused.
        own_only: refused where the argument of that index names a process by its number; 0 is the caller.
    """

    audit: int
    refused: Mapping[str, int]
    own_only: Mapping[str, tuple[int, int]]
    socketpair: int


# No socket is made, but pairs. No process leaves its group: it would be left running. Landlock does not see who may
# change modes, owners and attributes of files; System V's and POSIX's queues are there for all of a user's processes.
CALLS: Mapping[str, Calls] = {
    "x86_64": Calls(
        0xC000003E,
        {
            "socket": 41, "connect": 42, "bind": 49, "listen": 50, "setsid": 112, "setpgid": 109, "chmod": 90,
            "fchmod": 91, "fchmodat": 268, "fchmodat2": 452, "chown": 92, "fchown": 93, "lchown": 94, "fchownat": 260,
            "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190, "removexattr": 197, "lremovexattr": 198,
            "fremovexattr": 199, "setxattrat": 463, "removexattrat": 466, "file_setattr": 469, "shmget": 29,
            "shmat": 30, "msgget": 68, "msgsnd": 69, "msgrcv": 70, "semget": 64, "semop": 65, "semtimedop": 220,
            "mq_open": 240, "mq_unlink": 241,
        },
        {
            "prlimit64": (302, 0), "setpriority": (141, 1), "sched_setaffinity": (203, 0),
            "sched_setscheduler": (144, 0), "sched_setparam": (142, 0), "sched_setattr": (314, 0),
            "ioprio_set": (251, 1),
        },
        53,
    ),
    "aarch64": Calls(
        0xC00000B7,
        {
            "socket": 198, "connect": 203, "bind": 200, "listen": 201, "setsid": 157, "setpgid": 154, "fchmod": 52,
            "fchmodat": 53, "fchmodat2": 452, "fchown": 55, "fchownat": 54, "setxattr": 5, "lsetxattr": 6,
            "fsetxattr": 7, "removexattr": 14, "lremovexattr": 15, "fremovexattr": 16, "setxattrat": 463,
            "removexattrat": 466, "file_setattr": 469, "shmget": 194, "shmat": 196, "msgget": 186, "msgsnd": 189,
            "msgrcv": 188, "semget": 190, "semop": 193, "semtimedop": 192, "mq_open": 180, "mq_unlink": 181,
        },
        {
            "prlimit64": (261, 0), "setpriority": (140, 1), "sched_setaffinity": (122, 0),
            "sched_setscheduler": (119, 0), "sched_setparam": (118, 0), "sched_setattr": (274, 0),
            "ioprio_set": (30, 1),
        },
        199,
    ),
}  # fmt: skip


def lone_filter_here() -> bytes | None:
    """The program for this machine, or None where its calls are not known here."""
    calls = CALLS.get(platform.machine())
    return None if calls is None or sys.maxsize <= 1 << 32 else lone_program(calls)


def lone_program(calls: Calls) -> bytes:
    """The program, as an array of `struct sock_filter`."""
    parts: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, calls.audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    for number in calls.refused.values():
        parts += [(_EQUAL, 0, 1, number), _REFUSED]
    for number, index in calls.own_only.values():
        parts += [(_EQUAL, 0, 4, number), _argument(index), (_EQUAL, 0, 1, 0), _ALLOWED, _REFUSED]
    # A pair of datagrams could send to a name. A pair of streams is connected, and stays so.
    pair = [_argument(0), (_EQUAL, 0, 4, _AF_UNIX), _argument(1), (_AND, 0, 0, _SOCK_TYPE)]
    parts += [(_EQUAL, 0, 7, calls.socketpair), *pair, (_EQUAL, 0, 1, _SOCK_STREAM), _ALLOWED, _REFUSED, _ALLOWED]
    return b"".join(struct.pack("=HBBI", *part) for part in parts)


def _argument(index: int) -> Instruction:
    """Loads the lower half of an argument; the kernel takes these for 32 bits."""
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * index + (0 if sys.byteorder == "little" else 4))
