"""What a sandboxed command finds in its environment, and who it believes it is."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

HOME = "/tmp/.home"
USER = "user"
_HANDED_ON = ("LANG", "LANGUAGE", "TERM", "TZ")
_SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin")
_OWN: Mapping[str, str] = {
    "HOME": HOME,
    "TMPDIR": "/tmp",
    "USER": USER,
    "LOGNAME": USER,
    "SHELL": "/bin/sh",
    # Else `git status` would try to write the index, which nothing in here may.
    "GIT_OPTIONAL_LOCKS": "0",
}


def sandbox_environment(
    environ: Mapping[str, str], own: Mapping[str, str], seen: Iterable[Path]
) -> tuple[dict[str, str], str]:
    """The whole environment of a command, and the part of its `PATH` that leads to something.

    Parameters:
        environ: the process's.
        own: the file's and the tool's own variables, which come before all others.
        seen: folders that are there in the sandbox at the same place.
    """
    kept = {name: environ[name] for name in environ if name in _HANDED_ON or name.startswith("LC_")}
    folders = tuple(seen)
    path = [
        entry
        for entry in environ.get("PATH", "").split(":")
        if entry.startswith("/") and any(Path(entry).is_relative_to(folder) for folder in folders)
    ]
    searched = ":".join(dict.fromkeys([*path, *_SYSTEM_PATH]))
    env = {**kept, "PATH": searched, **_OWN, **own}
    return env, env["PATH"]


def user_files(uid: int, gid: int, hosts: Iterable[str] = ()) -> dict[str, bytes]:
    """Files of `/etc` that say who is here: one user, one group, this machine, and no way to resolve any name."""
    names = "".join(f"{line}\n" for line in hosts)
    return {
        "/etc/passwd": (
            f"{USER}:x:{uid}:{gid}:{USER}:{HOME}:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
        ).encode(),
        "/etc/group": f"{USER}:x:{gid}:\nnogroup:x:65534:\n".encode(),
        "/etc/hosts": f"127.0.0.1 localhost\n::1 localhost\n{names}".encode(),
        "/etc/nsswitch.conf": b"passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nservices: files\n",
        "/etc/resolv.conf": b"",
        "/etc/hostname": b"sandbox\n",
    }


def in_process(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the program that makes the sandbox is started with; nothing of it comes inside."""
    return {"PATH": environ.get("PATH", os.defpath), "LC_ALL": "C"}
