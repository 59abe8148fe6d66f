"""The system calls that commands are refused, as a program for seccomp.

Namespaces and mounts say what is there to be reached; this takes away what they do not cover: the kernel's own larger
surfaces, other processes' memory, keys, terminals. What is refused answers EPERM, as where one lacks the right; what
programs fall back from when it is not there answers ENOSYS.

The format is classic BPF over `struct seccomp_data` (linux/seccomp.h, linux/bpf_common.h). Numbers of calls are those
of the kernel's tables: arch/x86/entry/syscalls/syscall_64.tbl, and include/uapi/asm-generic/unistd.h for aarch64.
"""

import errno
import platform
import struct
import sys
from collections.abc import Iterable, Mapping

from msgspec import Struct

_LOAD, _JUMP, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN, _AND = 0x20, 0x05, 0x15, 0x35, 0x45, 0x06, 0x54
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_X32 = 0x40000000
_MOST_NEAR = 255
"""How far a conditional jump leads."""

CLONE_NEW = 0x10000000 | 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000 | 0x00000080
"""CLONE_NEWUSER and the flags of every other namespace (linux/sched.h)."""
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_NETLINK_ROUTE = 0
_TERMINAL = (0x5412, 0x541C)
"""TIOCSTI, which types for the user, and TIOCLINUX, which pastes (asm-generic/ioctls.h, linux/tiocl.h)."""
_SET_MODE_BITS = 0o6000
_AS_IT_IS = 0xFFFFFFFF
"""What `personality` takes to tell what holds (personality(2))."""


class Machine(Struct, frozen=True):
    """A processor's own numbers.

    Attributes:
        audit: of `linux/audit.h`.
        calls: the number of each call; one that it does not have is left out.
        has_x32: its numbers have a second form, for the x32 ABI.
    """

    audit: int
    calls: Mapping[str, int]
    has_x32: bool = False


_X86_64 = Machine(
    0xC000003E,
    {
        "socket": 41, "socketpair": 53, "clone": 56, "ioctl": 16, "personality": 135,
        "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "pidfd_getfd": 438,
        "process_madvise": 440, "add_key": 248, "request_key": 249, "keyctl": 250, "bpf": 321,
        "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425, "io_uring_enter": 426,
        "io_uring_register": 427, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "open_tree": 428,
        "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442,
        "open_tree_attr": 467, "unshare": 272, "setns": 308, "clone3": 435, "kexec_load": 246, "kexec_file_load": 320,
        "init_module": 175, "finit_module": 313, "delete_module": 176, "create_module": 174,
        "get_kernel_syms": 177, "query_module": 178, "open_by_handle_at": 304, "name_to_handle_at": 303, "reboot": 169,
        "swapon": 167, "swapoff": 168, "acct": 163, "quotactl": 179, "quotactl_fd": 443, "syslog": 103,
        "settimeofday": 164, "clock_settime": 227, "clock_adjtime": 305, "adjtimex": 159, "sethostname": 170,
        "setdomainname": 171, "iopl": 172, "ioperm": 173, "modify_ldt": 154, "_sysctl": 156, "nfsservctl": 180,
        "uselib": 134, "ustat": 136, "sysfs": 139, "lookup_dcookie": 212, "vhangup": 153, "mbind": 237,
        "set_mempolicy": 238, "get_mempolicy": 239, "migrate_pages": 256, "move_pages": 279,
        "set_mempolicy_home_node": 450, "fanotify_init": 300, "vmsplice": 278, "lsm_set_self_attr": 460,
        "mknod": 133, "mknodat": 259, "chmod": 90, "fchmod": 91, "fchmodat": 268, "fchmodat2": 452,
        "open": 2, "openat": 257, "openat2": 437, "creat": 85,
    },
    has_x32=True,
)  # fmt: skip
_AARCH64 = Machine(
    0xC00000B7,
    {
        "socket": 198, "socketpair": 199, "clone": 220, "ioctl": 29, "personality": 92,
        "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "pidfd_getfd": 438,
        "process_madvise": 440, "add_key": 217, "request_key": 218, "keyctl": 219, "bpf": 280,
        "perf_event_open": 241, "userfaultfd": 282, "io_uring_setup": 425, "io_uring_enter": 426,
        "io_uring_register": 427, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "open_tree": 428,
        "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442,
        "open_tree_attr": 467, "unshare": 97, "setns": 268, "clone3": 435, "kexec_load": 104, "kexec_file_load": 294,
        "init_module": 105, "finit_module": 273, "delete_module": 106, "open_by_handle_at": 265,
        "name_to_handle_at": 264, "reboot": 142, "swapon": 224, "swapoff": 225, "acct": 89, "quotactl": 60,
        "quotactl_fd": 443, "syslog": 116, "settimeofday": 170, "clock_settime": 112, "clock_adjtime": 266,
        "adjtimex": 171, "sethostname": 161, "setdomainname": 162, "nfsservctl": 42, "lookup_dcookie": 18,
        "vhangup": 58, "mbind": 235, "set_mempolicy": 237, "get_mempolicy": 236, "migrate_pages": 238,
        "move_pages": 239, "set_mempolicy_home_node": 450, "fanotify_init": 262, "vmsplice": 75,
        "lsm_set_self_attr": 460, "mknodat": 33, "fchmod": 52, "fchmodat": 53, "fchmodat2": 452,
        "openat": 56, "openat2": 437,
    },
)  # fmt: skip
MACHINES: Mapping[str, Machine] = {"x86_64": _X86_64, "aarch64": _AARCH64}
"""By what `platform.machine()` calls them."""

_WITH_A_RULE = frozenset({
    "socket", "socketpair", "clone", "ioctl", "personality", "mknod", "mknodat", "chmod", "fchmod", "fchmodat",
    "open", "openat", "creat",
})  # fmt: skip
# Programs fall back from these; the flags of clone3 and the mode of openat2 no filter can see.
_NOT_THERE = frozenset({
    "clone3", "openat2", "fchmodat2", "io_uring_setup", "io_uring_enter", "io_uring_register",
})  # fmt: skip
_MODE_ARGUMENT = {"mknod": 1, "mknodat": 2, "chmod": 1, "fchmod": 1, "fchmodat": 2, "open": 2, "openat": 3, "creat": 1}
_MAKES = 0o100 | 0o20000000
"""O_CREAT, and what O_TMPFILE adds to O_DIRECTORY (asm-generic/fcntl.h); without them a mode means nothing."""
_FILE_TYPE, _CHARACTER_DEVICE, _BLOCK_DEVICE = 0o170000, 0o020000, 0o060000

Instruction = tuple[int, int, int, int]
"""Code, jump where true, jump where false, operand."""


def filter_here(*, unix_sockets: bool = False) -> bytes | None:
    """The program for this machine, or None where its calls are not known here.

    Parameters:
        unix_sockets: they may be made, and so may reach whatever listens in a folder that is seen inside.
    """
    machine = MACHINES.get(platform.machine())
    # A 32-bit Python on a 64-bit machine has other calls than the machine's own.
    return None if machine is None or sys.maxsize <= 1 << 32 else program(machine, unix_sockets=unix_sockets)


def program(machine: Machine, *, unix_sockets: bool) -> bytes:
    """The program, as the kernel and bubblewrap's `--seccomp` take it: an array of `struct sock_filter`."""
    parts: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine.has_x32:
        parts += [(_AT_LEAST, 0, 1, _X32), _refuse(errno.ENOSYS)]
    for name, number in machine.calls.items():
        body = _body(name, unix_sockets=unix_sockets)
        if body:
            # A body leaves with an answer; whatever it loads is nobody's else.
            parts += [(_EQUAL, 0, len(body), number), *body]
    parts.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *part) for part in parts)


def _body(name: str, *, unix_sockets: bool) -> list[Instruction]:
    """What is asked of one call, once it is known to be this one."""
    if name not in _WITH_A_RULE:
        return [_refuse(errno.ENOSYS if name in _NOT_THERE else errno.EPERM)]
    if name == "clone":
        return [_argument(0), (_ANY_BIT, 0, 1, CLONE_NEW), _refuse(errno.EPERM), _allow()]
    if name == "ioctl":
        return [_argument(1), *_unless_any(_TERMINAL, errno.EPERM)]
    if name == "personality":
        return [_argument(0), (_EQUAL, 1, 0, 0), (_EQUAL, 0, 1, _AS_IT_IS), _allow(), _refuse(errno.EPERM)]
    if name == "socket":
        families = (_AF_INET, _AF_INET6, *((_AF_UNIX,) if unix_sockets else ()))
        refused_unix = [] if unix_sockets else [(_EQUAL, 0, 1, _AF_UNIX), _refuse(errno.EPERM)]
        netlink = [(_EQUAL, 0, 3, _AF_NETLINK), _argument(2), (_EQUAL, 0, 1, _NETLINK_ROUTE), _allow()]
        allowed = [step for family in families for step in ((_EQUAL, 0, 1, family), _allow())]
        return [_argument(0), *allowed, *refused_unix, *netlink, _refuse(errno.EAFNOSUPPORT)]
    if name == "socketpair":
        return [_argument(0), (_EQUAL, 0, 1, _AF_UNIX), _allow(), _refuse(errno.EAFNOSUPPORT)]
    return _of_modes(name)


def _of_modes(name: str) -> list[Instruction]:
    """No device, and nothing that runs as another: a set-user-ID file would be left on the host for its users."""
    set_bits: list[Instruction] = [(_ANY_BIT, 0, 1, _SET_MODE_BITS), _refuse(errno.EPERM), _allow()]
    load = _argument(_MODE_ARGUMENT[name])
    if name.startswith("open"):
        return [_argument(_MODE_ARGUMENT[name] - 1), (_ANY_BIT, 1, 0, _MAKES), _allow(), load, *set_bits]
    if not name.startswith("mknod"):
        return [load, *set_bits]
    devices = _unless_any((_CHARACTER_DEVICE, _BLOCK_DEVICE), errno.EPERM)[:-1]
    return [load, (_AND, 0, 0, _FILE_TYPE), *devices, load, *set_bits]


def _unless_any(values: Iterable[int], error: int) -> list[Instruction]:
    refused = [step for value in values for step in ((_EQUAL, 0, 1, value), _refuse(error))]
    return [*refused, _allow()]


def _argument(index: int) -> Instruction:
    """Loads the lower half of an argument; what is looked at here is of 32 bits in the kernel."""
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * index + (0 if sys.byteorder == "little" else 4))


def _refuse(error: int) -> Instruction:
    return (_RETURN, 0, 0, _ERRNO | error)


def _allow() -> Instruction:
    return (_RETURN, 0, 0, _ALLOW)
