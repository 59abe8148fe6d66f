"""Run by root alone, as a program: gives folders to a user without rights, in mounts that nobody else sees.

It takes a JSON object on a line of its standard input: `at`, a folder to mount them below, `trees`, their paths, and
`owner`, the user that stands for root in them, or null. It makes a mount namespace of its own in which tree `n` is at
`{at}/n`, says `ready`, and stays until its input ends, so that the namespace can be taken hold of.

In an id-mapped mount (mount_setattr(2), Linux 5.12) the files of root belong to `owner`, and what `owner` makes belongs
to root on the disk. So a command can write in a folder of root's without ever being root, who could write
`/proc/sys/kernel/core_pattern` even without any capability.
"""

import ctypes
import json
import os
import stat
import struct
import sys

_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442  # the same on all architectures since Linux 5.2
_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000
_OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC, _FROM_EMPTY_PATH = 1, 0o2000000, 4
_MS_REC, _MS_PRIVATE, _MOUNT_ATTR_IDMAP = 0x4000, 1 << 18, 0x00100000
_LIBC = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Reads what is wanted, does it, and waits."""
    wanted = json.loads(sys.stdin.readline())
    try:
        _stage(wanted["at"], wanted["trees"], wanted["owner"])
    except OSError as error:
        _say(f"{error.filename or 'mount'}: {error.strerror}")
        return
    _say("ready")
    sys.stdin.read()


def _say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def _stage(at: str, trees: list[str], owner: int | None) -> None:
    mapping = None if owner is None else _mapping(owner)
    _checked(_LIBC.unshare(_CLONE_NEWNS), "unshare")
    _checked(_LIBC.mount(None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None), "/")
    # Opened before anything is covered by what is mounted at `at`.
    opened = [(tree, _tree(tree, mapping)) for tree in trees]
    _checked(_LIBC.mount(b"stage", os.fsencode(at), b"tmpfs", ctypes.c_ulong(0), b"mode=0755,size=64k"), at)
    for number, (tree, descriptor) in enumerate(opened):
        place = f"{at}/{number}"
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            os.mkdir(place)
        else:
            os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        moved = ctypes.c_int(descriptor), b"", ctypes.c_int(_AT_FDCWD), place.encode(), ctypes.c_uint(_FROM_EMPTY_PATH)
        _checked(_LIBC.syscall(ctypes.c_long(_MOVE_MOUNT), *moved), tree)


def _tree(tree: str, mapping: int | None) -> int:
    """A mount of its own of what is at a path; recursive where it is not mapped, as it may lie on several systems."""
    flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC
    opened = ctypes.c_int(_AT_FDCWD), os.fsencode(tree), ctypes.c_uint(flags)
    descriptor: int = _LIBC.syscall(ctypes.c_long(_OPEN_TREE), *opened)
    _checked(descriptor, tree)
    if mapping is not None:
        attributes = struct.pack("=QQQQ", _MOUNT_ATTR_IDMAP, 0, 0, mapping)
        changed = ctypes.c_int(descriptor), b"", ctypes.c_uint(_AT_EMPTY_PATH), attributes, ctypes.c_size_t(32)
        _checked(_LIBC.syscall(ctypes.c_long(_MOUNT_SETATTR), *changed), tree)
    return descriptor


def _mapping(owner: int) -> int:
    """A user namespace in which root outside is `owner`, for nothing but its mapping."""
    ready, told = os.pipe()
    ended, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(end)
        os.write(told, b"y" if _LIBC.unshare(_CLONE_NEWUSER) == 0 else b"n")
        os.read(ended, 1)
        os._exit(0)
    try:
        if os.read(ready, 1) != b"y":
            raise OSError(1, "no user namespace can be made", "unshare")
        for name in ("uid_map", "gid_map"):
            with open(f"/proc/{child}/{name}", "w", encoding="ascii") as file:
                file.write(f"0 {owner} 1")
        return os.open(f"/proc/{child}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(end)
        os.waitpid(child, 0)


def _checked(result: int, name: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)


if __name__ == "__main__":
    main()
