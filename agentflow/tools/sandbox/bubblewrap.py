"""Commands in bubblewrap: new namespaces of every kind, no rights, and a machine that has only what they need.

https://github.com/containers/bubblewrap; every option is as in bwrap(1) of version 0.8, the oldest that is asked for.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from agentflow.plan.sandbox_plan import SandboxPlan
from agentflow.tools.sandbox import writable
from agentflow.tools.sandbox.environment import in_process, sandbox_environment, user_files
from agentflow.tools.sandbox.filesystem import empty_file, empty_folder, machine, seen_folders
from agentflow.tools.sandbox.limits import Limits, bounded, limits_here
from agentflow.tools.sandbox.placeholders import Placeholders
from agentflow.tools.sandbox.port import Bounds, Gateway, SandboxError, Start
from agentflow.tools.sandbox.readable import read_paths
from agentflow.tools.sandbox.repository import beside
from agentflow.tools.sandbox.seccomp import filter_here
from agentflow.tools.sandbox.stage import NOBODY, Stage, stage_for
from agentflow.tools.sandbox.told import explained

if TYPE_CHECKING:
    from agentflow.tools.command import Command

USER_INSIDE = 1_000
"""Who a command is inside where root's folders are handed to nobody; else it is who it is outside."""
_NAMESPACES = (
    "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try",
    "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--hostname", "sandbox",
)  # fmt: skip
_HIDES = {"folder": empty_folder, "file": empty_file}


class _Place(Struct, frozen=True):
    """What commands within the same bounds have in common.

    Attributes:
        reads: paths that are seen beside the project.
        granted: what may be written.
    """

    stage: Stage
    reads: tuple[Path, ...]
    granted: tuple[writable.Writable, ...]


class Bubblewrap:
    """Starts commands in bubblewrap.

    Parameters:
        program: the path of `bwrap`.
        version: what it calls itself.
        limits: None: what this machine can spare.
    """

    def __init__(self, program: str, version: str, limits: Limits | None = None) -> None:
        self._program = Path(program)
        self._version = version
        self._limits = limits or limits_here()
        self._mutex = threading.Lock()
        self._places: dict[tuple[Bounds, tuple[Path, ...]], _Place] = {}
        self._placeholders: dict[Path, Placeholders] = {}

    @property
    def name(self) -> str:
        """Its name and version."""
        return self._version

    @property
    def program(self) -> Path:
        """What is started."""
        return self._program

    @property
    def has_namespaces(self) -> bool:
        """Of every kind."""
        return True

    def explained(self, stderr: str, plan: SandboxPlan) -> str:
        """Which grant is missing."""
        return explained(stderr, plan)

    @property
    def limits(self) -> Limits:
        """What each command may use."""
        return self._limits

    def start_of(self, command: "Command", bounds: Bounds, gateway: Gateway | None) -> Start:
        """How a command is started in a sandbox of its own.

        Raises:
            SandboxError: its sandbox cannot be made here.
        """
        with contextlib.ExitStack() as undone:
            left = contextlib.ExitStack()
            undone.callback(left.close)
            with self._mutex:
                held = self._held(bounds.project or bounds.root)
                # Before anything is looked at: from here on nothing that stands in for the missing is taken away.
                left.callback(held.hold(()))
                place = self._place(bounds, gateway)
            missing = [entry for one in place.granted for entry in one.missing if not os.path.lexists(entry[0])]
            left.callback(held.hold(missing))
            seen = (*seen_folders(), bounds.root, *place.reads)
            env, _ = sandbox_environment(os.environ, {**(gateway.env if gateway else {}), **command.env}, seen)
            handed = _Descriptors()
            undone.callback(handed.close)
            words = [*self._words(place, bounds, handed), "--chdir", str(command.cwd), "--clearenv"]
            words += [word for name, value in env.items() for word in ("--setenv", name, value)]
            listed = handed.file("words", b"".join(os.fsencode(word) + b"\0" for word in words))
            told, tell = os.pipe()
            undone.callback(os.close, told)
            handed.take(tell)
            inside = bounded((*_through(gateway, handed, left), *command.argv), self._limits)
            program = place.stage.at(self._program)
            argv = (program, "--args", str(listed), "--json-status-fd", str(tell), "--", *inside)
            start = Start(
                argv=place.stage.entered(argv),
                env=in_process(os.environ),
                cwd=Path("/"),
                descriptors=tuple(handed.all),
                first=told,
                memory=self._limits.memory,
                released=left.close,
            )
            undone.pop_all()
        return start

    def close(self) -> None:
        """Lets go of what commands within the same bounds had in common."""
        with self._mutex:
            for place in self._places.values():
                place.stage.close()
            self._places.clear()

    def clear(self, project: Path) -> None:
        """Takes away what a killed process left in a project."""
        with self._mutex:
            held = self._held(project)
        held.clear()

    def _held(self, project: Path) -> Placeholders:
        return self._placeholders.setdefault(project, Placeholders(project))

    def _place(self, bounds: Bounds, gateway: Gateway | None) -> _Place:
        key = (bounds, () if gateway is None else gateway.reads)
        # What is kept may have stood in for the missing, in another command's bounds, and be gone with that command.
        if key in self._places and any(writable.is_gone(one) for one in self._places[key].granted):
            self._places.pop(key).stage.close()
        if key not in self._places:
            if bounds.plan.network and gateway is None:
                raise SandboxError("the file grants hosts, and no proxy leads to them", "take `sandbox.network` out")
            project = bounds.project or bounds.root
            repositories = dict.fromkeys([*beside(bounds.root), *beside(project)])
            beyond = [one for one in repositories if not one.is_relative_to(project)]
            reads = (*read_paths(bounds), *beyond, *(gateway.reads if gateway else ()))
            granted = tuple(writable.writable(bounds, path) for path in writable.write_paths(bounds))
            programs = _folders_of(self._program)
            stage = stage_for(bounds.root, (bounds.root, project, *reads), programs)
            self._places[key] = _Place(stage, reads, granted)
        return self._places[key]

    def _words(self, place: _Place, bounds: Bounds, handed: "_Descriptors") -> Iterator[str]:
        """The options that say what is there and what may be done."""
        user, group = (USER_INSIDE, USER_INSIDE) if place.stage.owner[0] == NOBODY else place.stage.owner
        yield from (*_NAMESPACES, "--uid", str(user), "--gid", str(group))
        yield from machine(self._limits)
        for name, text in user_files(user, group).items():
            yield from ("--perms", "0444", "--ro-bind-data", str(handed.file(name, text)), name)
        for path in place.reads:
            yield from ("--ro-bind", place.stage.at(path), str(path))
        yield from writable.project(bounds, place.granted, place.stage.at, _HIDES)
        program = filter_here()
        if program is None:
            raise SandboxError("the system calls of this machine are not known", "use Linux on x86_64 or aarch64")
        yield from ("--remount-ro", "/", "--seccomp", str(handed.file("seccomp", program)))


def _through(gateway: Gateway | None, handed: "_Descriptors", left: contextlib.ExitStack) -> tuple[str, ...]:
    """The words before a command that lead to the hosts that its file grants."""
    if gateway is None:
        return ()
    door = gateway.open()
    left.callback(door.close)
    handed.take(door.descriptor)
    return gateway.before(door.descriptor)


def _folders_of(program: Path) -> list[Path]:
    """The folder that a program needs to be started; of a package's the one with its libraries, too."""
    if program.is_relative_to("/usr"):
        return []
    return [program.parents[2] if program.parent.name == "_bin" else program.parent]


class _Descriptors:
    """What is handed on to bubblewrap by number."""

    def __init__(self) -> None:
        self.all: list[int] = []

    def file(self, name: str, content: bytes) -> int:
        """A descriptor of a file in memory, from its beginning."""
        descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
        self.all.append(descriptor)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(descriptor, 0, os.SEEK_SET)
        return descriptor

    def take(self, descriptor: int) -> None:
        """Hands one on that there is already."""
        self.all.append(descriptor)

    def close(self) -> None:
        """Lets go of all."""
        for descriptor in self.all:
            os.close(descriptor)
