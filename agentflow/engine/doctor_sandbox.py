"""What `agentflow doctor` says of sandboxes: which one holds commands here, proven by trying, and else what to do."""

import asyncio
import contextlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from agentflow.engine.doctor import Finding
from agentflow.plan.sandbox_plan import SandboxPlan
from agentflow.tools.sandbox.canary import prove
from agentflow.tools.sandbox.choice import HINT, candidates
from agentflow.tools.sandbox.landlock import landlock_abi, landlock_problem
from agentflow.tools.sandbox.port import Bounds, Sandbox, SandboxError

Read = Callable[[str], str | None]
"""The text of a file of the machine's, without the white space around it; None where there is none."""

_PROC = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
_CLONE = "/proc/sys/kernel/unprivileged_userns_clone"
_MOST = "/proc/sys/user/max_user_namespaces"
# gVisor tells everybody this, whatever it runs on (pkg/sentry/kernel/version.go, linux.Version).
_GVISOR = "#1 SMP Sun Jan 10 15:06:54 PST 2016"
_IN_CONTAINER = ("/.dockerenv", "/run/.containerenv")
_ALLOW_IN_CONTAINER = (
    "start the container with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined "
    "--security-opt systempaths=unconfined`, or run agentflow outside of it"
)
_UNTRIED = (
    "not tried: without bubblewrap there is nothing that makes any",
    "install bubblewrap, and look again with `agentflow doctor`",
)


class Trial(Struct, frozen=True):
    """What came of letting a sandbox prove itself.

    Attributes:
        problem: what it could not hold, or why it cannot start a command; empty where it holds.
    """

    sandbox: Sandbox
    problem: str
    hint: str | None


def sandbox_findings(project: Path) -> Iterator[Finding]:
    """What holds commands here, and each thing that it takes; every sandbox there is tries to hold one.

    Parameters:
        project: its folder. The trial commands run in one of their own that belongs to the same user.
    """
    if not sys.platform.startswith("linux"):
        yield _elsewhere(sys.platform)
        return
    with _like(project) as folder:
        trials = [_tried(sandbox, folder) for sandbox in candidates(project)]
    yield chosen(trials)
    yield _bubblewrap(trials)
    yield namespaces(machine_file, [one for one in trials if one.sandbox.has_namespaces])
    yield _landlock(trials)


def _elsewhere(system: str) -> Finding:
    name = "macOS" if system == "darwin" else system
    hint = "run agentflow on Linux, also in a virtual machine; else files whose commands run say `sandbox: off`"
    return Finding("sandbox", "warn", f"there is none for {name}: commands are refused", hint)


@contextlib.contextmanager
def _like(project: Path) -> Iterator[Path]:
    """An empty folder of the same owner's, who is who commands run as where this process is root."""
    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="agentflow-doctor-")))
    try:
        if os.geteuid() == 0:
            status = os.stat(project)
            os.chown(folder, status.st_uid, status.st_gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _tried(sandbox: Sandbox, folder: Path) -> Trial:
    try:
        asyncio.run(prove(sandbox, Bounds(folder, SandboxPlan(), (), folder)))
    except SandboxError as error:
        return Trial(sandbox, error.message, error.hint)
    return Trial(sandbox, "", None)


def chosen(trials: list[Trial]) -> Finding:
    """Which sandbox runs would use: the first that holds."""
    for one in trials:
        if not one.problem and one.sandbox.has_namespaces:
            return Finding("sandbox", "ok", f"{one.sandbox.name} holds: what is forbidden was tried in it, in vain")
        if not one.problem:
            found = f"{one.sandbox.name} holds, without namespaces: files that grant hosts are refused"
            return Finding(
                "sandbox", "warn", found, "see the lines on bubblewrap and namespaces for one that holds more"
            )
    found = "; ".join(one.problem for one in trials) or "there is none on this machine"
    return Finding("sandbox", "warn", f"none holds, so commands are refused: {found}", HINT)


def _bubblewrap(trials: list[Trial]) -> Finding:
    found = [one for one in trials if one.sandbox.has_namespaces]
    told = "; ".join(_told(one) for one in found)
    if not found:
        return Finding("bubblewrap", "warn", "not found", HINT)
    if all(one.problem for one in found):
        return Finding("bubblewrap", "warn", told, found[0].hint or "see the line on namespaces")
    return Finding("bubblewrap", "ok", told)


def _told(trial: Trial) -> str:
    program = getattr(trial.sandbox, "program", None)
    where = f" at {program}" if program else ""
    return f"{trial.sandbox.name}{where}{f' does not hold: {trial.problem}' if trial.problem else ''}"


def namespaces(read: Read, trials: list[Trial]) -> Finding:
    """Whether users may make namespaces, and which setting is in the way.

    Parameters:
        trials: those of sandboxes that make some.
    """
    if any(not one.problem for one in trials):
        return Finding("namespaces", "ok", "users may make their own")
    why, hint = _forbidden(read) or (_failed(read) if trials else _UNTRIED)
    return Finding("namespaces", "warn", why, hint)


def _forbidden(read: Read) -> tuple[str, str] | None:
    """What of the machine forbids them, with the next move."""
    if _GVISOR in (read("/proc/version") or ""):
        return "gVisor runs this machine, and has not all of what bubblewrap and Landlock need", (
            "use another runtime (runc, Kata) for what gives commands; gVisor itself holds the whole container"
        )
    if read(_MOST) == "0":
        return "user namespaces are switched off (user.max_user_namespaces is 0)", (
            "as root: sysctl -w user.max_user_namespaces=15000, and keep it in /etc/sysctl.d/"
        )
    if read(_CLONE) == "0":
        return "users may make no namespaces (kernel.unprivileged_userns_clone is 0)", (
            "as root: sysctl -w kernel.unprivileged_userns_clone=1, and keep it in /etc/sysctl.d/"
        )
    if read(_PROC) == "1":
        return "AppArmor keeps programs without a profile from using namespaces (Ubuntu 23.10 and later)", (
            "as root: apt install apparmor-profiles and take over its profile `bwrap-userns-restrict`, or sysctl -w "
            "kernel.apparmor_restrict_unprivileged_userns=0"
        )
    return None


def _failed(read: Read) -> tuple[str, str]:
    """Why none could be made, where no setting forbids it."""
    if any(read(path) is not None for path in _IN_CONTAINER):
        return "this is a container, which lets nobody make namespaces", _ALLOW_IN_CONTAINER
    return "no sandbox could make any, and no setting that is known is in the way", (
        "run `bwrap --unshare-all --ro-bind / / true` by hand; see docs/sandbox.md"
    )


def machine_file(path: str) -> str | None:
    """The text of a file of this machine's."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None


def _landlock(trials: list[Trial]) -> Finding:
    problem = landlock_problem(abi := landlock_abi())
    if problem is not None:
        needed = not any(not one.problem for one in trials)
        return Finding("landlock", "warn" if needed else "ok", problem[0], problem[1] if needed else None)
    mine = next((one for one in trials if not one.sandbox.has_namespaces), None)
    found = f"ABI {abi}, on Linux {platform.release()}"
    if mine is not None and mine.problem:
        needed = all(one.problem for one in trials)
        return Finding(
            "landlock", "warn" if needed else "ok", f"{found}; {mine.problem}", mine.hint if needed else None
        )
    return Finding("landlock", "ok", f"{found}; it holds where bubblewrap does not, without network")
