"""Where root hands a command's folders to a user without rights, so that root's power never reaches the command."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from agentflow.tools.sandbox.port import SandboxError

NOBODY = 0x70000000
"""Stands for root inside: a number that no system gives to anybody (https://systemd.io/UIDS-GIDS)."""
_WORKER = str(Path(__file__).with_name("stage_worker.py"))
_SECONDS = 20
_PLACES = ("/mnt", "/media", "/srv", "/opt")
_HINT = "run it as the user that the project belongs to, or give the project to a user other than root"


@dataclass(slots=True)
class Stage:
    """Folders as a command's user may reach them.

    Attributes:
        owner: the user and group that the command runs as.
        namespace: a descriptor of the mount namespace in which they are so; -1: they are where they always are.
        places: where each folder is in there.
    """

    owner: tuple[int, int]
    namespace: int
    places: tuple[tuple[Path, str], ...]

    def at(self, path: Path) -> str:
        """Where a path of the machine is reached from."""
        for tree, place in self.places:
            if path.is_relative_to(tree):
                below = path.relative_to(tree).as_posix()
                return place if below == "." else f"{place}/{below}"
        return str(path)

    def entered(self, argv: Sequence[str]) -> tuple[str, ...]:
        """A command that is started in there, as its user."""
        if self.namespace < 0:
            return tuple(argv)
        user, group = self.owner
        nsenter = shutil.which("nsenter") or "nsenter"
        # Our own descriptor, not one that is handed on: nothing would close that before the command.
        namespace = f"--mount=/proc/{os.getpid()}/fd/{self.namespace}"
        return (nsenter, namespace, "-S", str(user), "-G", str(group), "--", *argv)

    def close(self) -> None:
        """Lets go of the namespace, which ends with the last command in it."""
        if self.namespace >= 0:
            os.close(self.namespace)
            self.namespace = -1


def stage_for(root: Path, trees: Sequence[Path], programs: Sequence[Path]) -> Stage:
    """The stage of the commands that work in a folder.

    Parameters:
        root: the folder; its owner is who they run as, and never root.
        trees: what of the machine they are shown, `root` among it.
        programs: folders that the sandbox itself is started from.

    Raises:
        SandboxError: this process is root, and cannot hand the folders over.
    """
    if os.geteuid() != 0:
        return Stage((os.geteuid(), os.getegid()), -1, ())
    status = os.stat(root)
    is_roots = status.st_uid == 0
    owner = (NOBODY, NOBODY) if is_roots else (status.st_uid, status.st_gid)
    if owner[1] == 0:
        owner = (owner[0], NOBODY)
    if shutil.which("nsenter") is None:
        raise SandboxError("`nsenter` is not on this machine, and root needs it for a sandbox", "install util-linux")
    at = next((place for place in _PLACES if os.path.isdir(place) and not os.path.islink(place)), None)
    if at is None:
        raise SandboxError(f"none of {', '.join(_PLACES)} is a folder here", "make an empty folder `/mnt`")
    # The longest first, so that a path is looked for in the innermost tree.
    mapped = sorted({*trees}, key=lambda tree: -len(tree.parts))
    namespace = _made(at, [*mapped, *programs], NOBODY if is_roots else None)
    places = [(tree, f"{at}/{number}") for number, tree in enumerate([*mapped, *programs])]
    return Stage(owner, namespace, tuple(places))


def _made(at: str, trees: Sequence[Path], owner: int | None) -> int:
    """A descriptor of the mount namespace that the worker made."""
    wanted = json.dumps({"at": at, "trees": [str(tree) for tree in trees], "owner": owner})
    worker = subprocess.Popen(
        [sys.executable, "-I", "-S", _WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"LC_ALL": "C"},
        cwd="/",
        start_new_session=True,
        text=True,
    )
    try:
        assert worker.stdin is not None
        assert worker.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            worker.stdin.write(f"{wanted}\n")
            worker.stdin.flush()
        said = worker.stdout.readline().strip()
        if said == "ready":
            return os.open(f"/proc/{worker.pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        _, complaint = worker.communicate(timeout=_SECONDS)
    reason = said or (complaint.strip().splitlines() or ["it ended without a word"])[-1]
    raise SandboxError(f"root's folders cannot be handed to a user without rights ({reason[:300]})", _HINT)
