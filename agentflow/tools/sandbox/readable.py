"""What a command may read beside its project."""

import os
from pathlib import Path

from agentflow.guard.protected import hidden_by
from agentflow.tools.sandbox.port import Bounds, SandboxError

# Each holds far more than a command could need: every home, the machine's passwords, its sockets and its processes.
_TOO_MUCH = ("/", "/boot", "/dev", "/etc", "/home", "/mnt", "/opt", "/proc", "/root", "/run", "/sys", "/tmp", "/var")
_SECRET = (
    "/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/etc/ssh", "/etc/ssl/private", "/proc", "/sys", "/dev", "/run",
    "/var/run", "/var/lib/docker", "/boot",
)  # fmt: skip
_SECRET_AT_HOME = (".ssh", ".gnupg", ".aws", ".azure", ".config", ".kube", ".docker", ".netrc", ".password-store")


def read_paths(bounds: Bounds) -> tuple[Path, ...]:
    """The real paths of `sandbox.read`, and never what holds the machine's or the user's secrets.

    Raises:
        SandboxError: one holds them, or does not exist.
    """
    root = str(bounds.root)
    if root in _TOO_MUCH or root in ("/usr", os.path.realpath(os.path.expanduser("~"))):
        message = f"`{root}` is no folder for a project: a command would see all of it"
        raise SandboxError(message, "put the workflow into a folder of its own, or make one with `git init`")
    return tuple(dict.fromkeys(_granted(name) for name in bounds.plan.read))


def _granted(name: str) -> Path:
    home = os.path.realpath(os.path.expanduser("~"))
    path = Path(os.path.realpath(os.path.expanduser(name)))
    shown = f"`sandbox.read: {name}`"
    if not path.is_dir() and not path.is_file():
        raise SandboxError(f"{shown} does not exist", "correct the path, or take it out")
    secret = [Path(place) for place in _SECRET] + [Path(home, place) for place in _SECRET_AT_HOME]
    if str(path) in _TOO_MUCH or path == Path(home):
        raise SandboxError(f"{shown} would show all that is in there", "name the folder in it that is needed")
    if any(path.is_relative_to(place) or place.is_relative_to(path) for place in secret) or hidden_by(str(path)):
        raise SandboxError(f"{shown} holds keys, passwords or the machine's own workings", "name another folder")
    return path
