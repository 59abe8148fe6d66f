"""Commands where bubblewrap cannot be used: Landlock says which files, seccomp that there is no network at all.

It holds less than bubblewrap and says so: there are no namespaces, so other processes are seen, though not reached, and
names and sizes of files everywhere are too. What cannot be held without namespaces is refused: hosts, root's power, and
writing where a protected name lies in the way.

Sources: landlock(7), Documentation/userspace-api/landlock.rst; seccomp(2).
"""

import base64
import contextlib
import json
import os
import platform
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentflow.plan.sandbox_plan import SandboxPlan
from agentflow.tools.removing import remove_folder
from agentflow.tools.sandbox.environment import in_process, sandbox_environment
from agentflow.tools.sandbox.filesystem import seen_folders
from agentflow.tools.sandbox.landlock_filter import lone_filter_here
from agentflow.tools.sandbox.landlock_rules import FILES, NET, SCOPED, made_since, names_before, rules_of
from agentflow.tools.sandbox.limits import Limits, limits_here
from agentflow.tools.sandbox.port import Bounds, Gateway, SandboxError, Start
from agentflow.tools.sandbox.seccomp import filter_here
from agentflow.tools.sandbox.writable import Writable, writable, write_paths

if TYPE_CHECKING:
    from agentflow.tools.command import Command

LOWEST_ABI = 6
"""Linux 6.12. Before, commands could signal every other process of the user (5), open devices (4), connect (3)."""
ASIDE = ".made-in-sandbox"

_LAUNCHER = str(Path(__file__).with_name("landlock_launcher.py"))
_CREATE_RULESET, _VERSION = 444, 1
_DENIED = re.compile(r"[Pp]ermission denied|[Oo]peration not permitted|EACCES|EPERM")
_HINT_USER = "give the project to a user other than root (chown -R), or run agentflow as that user"


def landlock_abi() -> int:
    """Which version of Landlock the kernel has; 0: none, or it is switched off."""
    if not sys.platform.startswith("linux"):
        return 0
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    found: int = libc.syscall(ctypes.c_long(_CREATE_RULESET), None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION))
    return max(found, 0)


def landlock_problem(abi: int) -> tuple[str, str] | None:
    """What keeps Landlock from holding commands here, with the next move; None where nothing does."""
    if abi == 0:
        return "the kernel has no Landlock", "boot with `lsm=landlock,…`, on Linux 6.12 or later"
    if abi < LOWEST_ABI:
        return f"Landlock's ABI is {abi}, and {LOWEST_ABI} is needed", "use Linux 6.12 or later"
    if filter_here() is None or lone_filter_here() is None:
        return f"the system calls of {platform.machine()} are not known", "use Linux on x86_64 or aarch64"
    return None


class Landlock:
    """Starts commands that put bounds on themselves.

    Parameters:
        abi: as `landlock_abi` gives it; at least `LOWEST_ABI`.
        limits: None: what this machine can spare.
    """

    def __init__(self, abi: int, limits: Limits | None = None) -> None:
        self._abi = abi
        self._limits = limits or limits_here()

    @property
    def name(self) -> str:
        """Its name and version."""
        return f"Landlock (ABI {self._abi})"

    def close(self) -> None:
        """Nothing is kept between commands."""

    @property
    def has_namespaces(self) -> bool:
        """None."""
        return False

    def explained(self, stderr: str, plan: SandboxPlan) -> str:
        """What could not be done, where the command complains that it was refused something."""
        if not _DENIED.search(stderr):
            return ""
        granted = ", ".join(f"`{path}`" for path in plan.write) or "nothing"
        return (
            f"(Sandbox: what is not granted is closed. `sandbox.write` grants {granted}, and `$TMPDIR` can be written; "
            "in a folder that holds protected names nothing new is made, only in the folders within it. There is no "
            "network, and modes and owners of files cannot be changed.)"
        )

    def start_of(self, command: "Command", bounds: Bounds, gateway: Gateway | None) -> Start:
        """How a command is started that bounds itself first.

        Raises:
            SandboxError: hosts are granted, the command would run as root, or the files cannot be told apart.
        """
        if bounds.plan.network or gateway is not None:
            message = "the file grants hosts, and without namespaces (bubblewrap) none can be told from the others"
            raise SandboxError(message, "take `sandbox.network` out, or see `agentflow doctor` on bubblewrap")
        user = _user_of(bounds.root)
        granted = tuple(writable(bounds, path) for path in write_paths(bounds))
        with contextlib.ExitStack() as undone:
            scratch = Path(tempfile.mkdtemp(prefix="agentflow-scratch-"))
            undone.callback(_remove, scratch)
            if user is not None:
                os.chown(scratch, *user)
            told = {**self._told(bounds, granted, scratch), **_what(command, scratch, bounds), "user": user}
            before = names_before(granted)
            undone.callback(_put_aside, before)
            descriptor = os.memfd_create("landlock", os.MFD_CLOEXEC)
            with open(descriptor, "w", encoding="utf-8", errors="surrogateescape", closefd=False) as file:
                json.dump(told, file, ensure_ascii=False)
            os.lseek(descriptor, 0, os.SEEK_SET)
            kept = undone.pop_all()
        return Start(
            argv=(os.path.realpath(sys.executable), "-I", "-S", _LAUNCHER, str(descriptor)),
            env=in_process(os.environ),
            cwd=command.cwd,
            descriptors=(descriptor,),
            released=kept.close,
        )

    def _told(self, bounds: Bounds, granted: tuple[Writable, ...], scratch: Path) -> dict[str, Any]:
        programs = [filter_here(), lone_filter_here()]
        limits = self._limits
        return {
            "handled": {"fs": FILES, "net": NET, "scoped": SCOPED},
            "rules": [[str(path), rights] for path, rights in rules_of(bounds, granted, scratch).items()],
            "filters": [base64.b64encode(program).decode() for program in programs if program is not None],
            "limits": {
                "RLIMIT_CORE": 0,
                "RLIMIT_FSIZE": limits.file_size,
                "RLIMIT_DATA": limits.memory,
                "RLIMIT_NOFILE": limits.files,
                "RLIMIT_NPROC": limits.processes,
            },
        }


def _what(command: "Command", scratch: Path, bounds: Bounds) -> dict[str, Any]:
    # The machine's settings of git are closed, over which it would complain at every command.
    own = {"HOME": str(scratch), "TMPDIR": str(scratch), "GIT_CONFIG_NOSYSTEM": "1", **command.env}
    env, _ = sandbox_environment(os.environ, own, (*seen_folders(), bounds.root))
    return {"argv": list(command.argv), "env": env}


def _user_of(root: Path) -> tuple[int, int] | None:
    """Who commands run as, where this process is root: whom the project belongs to."""
    if os.geteuid() != 0:
        return None
    status = os.stat(root)
    if 0 in (status.st_uid, status.st_gid):
        raise SandboxError("commands would run as root, whom Landlock does not hold", _HINT_USER)
    return status.st_uid, status.st_gid


def _put_aside(before: "dict[Path, frozenset[str]]") -> None:
    """Renames protected names that were made meanwhile, which Landlock cannot prevent, before anybody heeds them."""
    for path in made_since(before):
        with contextlib.suppress(OSError):  # it went away by itself
            path.rename(_free(path))


def _free(path: Path) -> Path:
    candidates = (path.with_name(f"{path.name}{ASIDE}{number or ''}") for number in range(1_000))
    return next(candidate for candidate in candidates if not os.path.lexists(candidate))


def _remove(scratch: Path) -> None:
    with contextlib.suppress(OSError):  # it lies in the machine's temporary folder, which is cleared by itself
        remove_folder(scratch)
