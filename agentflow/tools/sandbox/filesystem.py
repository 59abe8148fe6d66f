"""What a sandboxed command sees of the machine, in the words of bubblewrap: programs and libraries, and nothing else.

What is not named here is not there. What is there is read-only, but for `/tmp` and `/dev/shm`, which are empty and end
with the command.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from agentflow.tools.sandbox.environment import HOME
from agentflow.tools.sandbox.limits import SHARED_BYTES, Limits

_AT_THE_TOP = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_STORES = ("/nix/store", "/gnu/store")
# Of /etc what programs need to start and to trust servers, and no file that could hold a password.
_ETC = (
    "alternatives", "ca-certificates", "ca-certificates.conf", "crypto-policies", "default/locale", "fonts",
    "gai.conf", "inputrc", "java", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "locale.conf", "localtime", "magic",
    "mime.types", "pki/ca-trust/extracted", "pki/tls/certs", "pki/tls/cert.pem", "pki/tls/openssl.cnf", "protocols",
    "services", "ssl/cert.pem", "ssl/certs", "ssl/openssl.cnf", "terminfo", "timezone",
)  # fmt: skip
# What /proc tells of the whole machine, and everybody may read.
_PROC = ("keys", "key-users", "kallsyms", "modules", "sched_debug", "timer_list", "config.gz", "interrupts")


def seen_folders() -> tuple[Path, ...]:
    """The folders of the machine that are there inside, at the same place."""
    tops = tuple(Path("/", name) for name in _AT_THE_TOP)
    return (Path("/usr"), *tops, *(Path(store) for store in _STORES))


def seen_settings() -> tuple[Path, ...]:
    """The files and folders of `/etc` that are there inside, where the machine has them."""
    return tuple(Path("/etc", name) for name in _ETC)


def machine(limits: Limits) -> Iterator[str]:
    """The words for programs, libraries and devices."""
    yield from ("--ro-bind", "/usr", "/usr")
    for name in _AT_THE_TOP:
        path = f"/{name}"
        if os.path.islink(path):
            yield from ("--symlink", os.readlink(path), path)
        elif os.path.isdir(path):
            yield from ("--ro-bind", path, path)
    for store in _STORES:
        yield from ("--ro-bind-try", store, store)
    for name in _ETC:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    yield from ("--proc", "/proc")
    for name in _PROC:
        if os.path.isfile(f"/proc/{name}"):
            yield from ("--ro-bind", "/dev/null", f"/proc/{name}")
    yield from ("--dev", "/dev", "--size", str(SHARED_BYTES), "--perms", "1777", "--tmpfs", "/dev/shm")
    yield from ("--remount-ro", "/dev", "--size", str(limits.scratch), "--perms", "1777", "--tmpfs", "/tmp")
    yield from ("--perms", "0700", "--dir", HOME, "--dir", "/var", "--symlink", "/tmp", "/var/tmp", "--dir", "/run")


def empty_folder(path: str) -> tuple[str, ...]:
    """Puts an empty folder, in which nothing can be made, in the place of what is there."""
    # A folder by tmpfs alone would take writes.
    return ("--perms", "0555", "--size", "4096", "--tmpfs", path, "--remount-ro", path)


def empty_file(path: str) -> tuple[str, ...]:
    """Puts an empty file that cannot be written in the place of what is there."""
    return ("--ro-bind", "/dev/null", path)
