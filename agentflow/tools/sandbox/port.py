"""What a sandbox is: it says how a command is to be started so that it stays within bounds."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from agentflow.errors import AgentflowError

if TYPE_CHECKING:
    from agentflow.plan.sandbox_plan import SandboxPlan
    from agentflow.tools.command import Command


class SandboxError(AgentflowError):
    """There is no sandbox that holds, or a command's cannot be made."""


class Bounds(Struct, frozen=True):
    """What commands of one file in one workspace may reach.

    Attributes:
        root: the real path of the folder they work in: the project's, or that of a workspace of its own.
        plan: what the file grants; its paths are relative to `root`.
        own: paths relative to the project of the files that the run is made of, which no command may change.
        project: the real path of the project.
    """

    root: Path
    plan: "SandboxPlan"
    own: tuple[str, ...] = ()
    project: Path | None = None


class Door(Struct, frozen=True):
    """Where one command's sandbox hands its own loopback over to the proxy.

    Attributes:
        descriptor: handed on to the command, and closed here by who does so.
        close: is called when nothing is left of the command, or it was not started.
    """

    descriptor: int
    close: Callable[[], None]


class Gateway(Struct, frozen=True):
    """The one way out of the sandboxes of a file that grants hosts.

    Attributes:
        open: makes the door of one command; on the running event loop.
        before: words before a command, of what goes through the door whose descriptor has that number.
        env: variables that tell programs of the proxy.
        reads: files and folders of the host that `before` needs to read.
        explain: what to add to what a command printed on its standard error, or nothing.
    """

    open: Callable[[], Door]
    before: Callable[[int], tuple[str, ...]]
    env: Mapping[str, str]
    reads: tuple[Path, ...] = ()
    explain: Callable[[str], str] = lambda _stderr: ""


def _nothing() -> None:
    """Nothing is to be put back."""


class Start(Struct, frozen=True):
    """How a command is started.

    Attributes:
        argv: the program and its arguments.
        env: its whole environment.
        cwd: the folder the program is started in.
        descriptors: handed on to it; closed here once it has started, or could not be.
        first: the reading end of a pipe on which the number of the sandbox's first process comes, as bubblewrap's
            `--json-status-fd` tells it; -1: there is none, and the command's own process group is all there is.
        memory: bytes that all of it may use together.
        released: is called when nothing of it is left.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path
    descriptors: tuple[int, ...] = ()
    first: int = -1
    memory: int = 1 << 62
    released: Callable[[], None] = _nothing

    def close_descriptors(self) -> None:
        """Lets go of what was handed on."""
        for descriptor in self.descriptors:
            os.close(descriptor)

    def forget(self) -> None:
        """It could not be started: nobody will read of its first process."""
        if self.first >= 0:
            os.close(self.first)


class Sandbox(Protocol):
    """One way of holding commands back."""

    @property
    def name(self) -> str:
        """What it is called in reports, as `bubblewrap 0.11.0`."""

    @property
    def has_namespaces(self) -> bool:
        """Whether commands have processes and a network of their own, so that hosts can be granted."""

    def explained(self, stderr: str, plan: "SandboxPlan") -> str:
        """What to add to a command's complaints where this is the reason, or nothing."""

    def close(self) -> None:
        """Lets go of what is kept between commands; another may be started all the same."""

    def start_of(self, command: "Command", bounds: Bounds, gateway: Gateway | None) -> Start:
        """How a command is to be started.

        Parameters:
            gateway: leads out where the plan grants hosts; without one there is no network.

        Raises:
            SandboxError: it cannot be held within these bounds here.
        """


class Confinement(Struct, frozen=True):
    """A sandbox, and the bounds of the commands that are handed over with it."""

    sandbox: Sandbox
    bounds: Bounds
    gateway: Gateway | None = None

    def start_of(self, command: "Command") -> Start:
        """As `Sandbox.start_of`."""
        return self.sandbox.start_of(command, self.bounds, self.gateway)

    def explained(self, stderr: str) -> str:
        """What to add to a command's complaints where the sandbox is the reason, or nothing."""
        of_network = self.gateway.explain(stderr) if self.gateway is not None else ""
        return "\n".join(note for note in (self.sandbox.explained(stderr, self.bounds.plan), of_network) if note)
