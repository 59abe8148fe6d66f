"""The kernel's side of the tracer: a seccomp filter that tells of each exec and of each open for writing.

The filter answers "ask the listener"; the listener lets everything through (`tracer.py`). Source: seccomp(2) and
seccomp_unotify(2). Needs Linux 5.5; needs no privilege, since the filtered process gives up gaining any.
"""

import ctypes
import os
import platform
import struct

PR_SET_NO_NEW_PRIVS, PR_SET_CHILD_SUBREAPER = 38, 36
_SET_MODE_FILTER, _NEW_LISTENER = 1, 1 << 3
_LOAD, _IF_EQUAL, _IF_ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_ALLOW, _ASK = 0x7FFF0000, 0x7FC00000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
"""Offsets in bytes in the kernel's `struct seccomp_data`."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
"""Flags of open(2) any of which makes it an open for writing."""

CALLS = {
    "x86_64": {"execve": 59, "execveat": 322, "connect": 42, "creat": 85, "open": 2, "openat": 257},
    "aarch64": {"execve": 221, "execveat": 281, "connect": 203, "openat": 56},
}
"""Numbers of the system calls that are told of, by machine."""
_ARCHES = {"x86_64": (0xC000003E, 317), "aarch64": (0xC00000B7, 277)}
"""The kernel's name of the machine, and the number of seccomp(2) there."""
_FLAGS_AT = {"open": 1, "openat": 2}
"""Which argument holds the flags."""


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def program(machine: str) -> bytes:
    """The filter as the kernel takes it.

    Raises:
        KeyError: the machine is none whose system calls are known here.
    """
    arch, _ = _ARCHES[machine]
    told = [
        _instruction(_LOAD, _ARCH),
        _instruction(_IF_EQUAL, arch, 1, 0),
        _instruction(_RETURN, _ALLOW),
        _instruction(_LOAD, _NUMBER),
    ]
    for name, number in CALLS[machine].items():
        if name in _FLAGS_AT:
            told += [
                _instruction(_IF_EQUAL, number, 0, 4),
                _instruction(_LOAD, _ARGUMENTS + 8 * _FLAGS_AT[name]),
                _instruction(_IF_ANY_BIT, WRITES, 0, 1),
                _instruction(_RETURN, _ASK),
                _instruction(_RETURN, _ALLOW),
            ]
        else:
            told += [_instruction(_IF_EQUAL, number, 0, 1), _instruction(_RETURN, _ASK)]
    return b"".join([*told, _instruction(_RETURN, _ALLOW)])


def install() -> int:
    """Puts this process and all that it will start under the filter; returns the listener's descriptor.

    Raises:
        OSError: the kernel refuses, or is too old.
        KeyError: the machine is none whose system calls are known here.
    """
    machine = platform.machine()
    code = program(machine)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS)")
    listener: int = libc.syscall(
        _ARCHES[machine][1],
        _SET_MODE_FILTER,
        ctypes.c_ulong(_NEW_LISTENER),
        ctypes.byref(_Program(len(code) // 8, code)),
    )
    if listener < 0:
        raise OSError(ctypes.get_errno(), "seccomp(SECCOMP_SET_MODE_FILTER)")
    return listener
