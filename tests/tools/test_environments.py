"""Whatever process is started, nothing of our own environment comes along that could be secret."""

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agentflow.engine import doctor
from agentflow.events.values import Workspace
from agentflow.plan.agent_plan import CommandToolPlan, ToolSpec
from agentflow.plan.templates import parse_template
from agentflow.tools.background import Background
from agentflow.tools.command import Command, base_environment, run_command
from agentflow.tools.functions import FunctionCall, call_function
from agentflow.tools.own import own_tool
from agentflow.tools.ripgrep import candidates
from agentflow.tools.shell import bash
from agentflow.tools.toolbox import Toolbox
from agentflow.tools.watchdog import watchdog
from agentflow.tools.workspaces import make_workspace, remove_workspaces
from tests.pictures import picture
from tests.tools.test_web_page import page_of
from tests.tools.test_workspaces import git

ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary-value-6c1f"
CANARIES = (
    "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_BASE_URL", "AGENTFLOW_ENDPOINT_KEY",
    "AGENTFLOW_DATABASE_URL", "HTTPS_PROXY",
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "DATABASE_URL", "PGPASSWORD", "GITHUB_TOKEN", "OPENAI_API_KEY",
    "SSH_AUTH_SOCK", "GPG_AGENT_INFO", "KUBECONFIG", "GOOGLE_APPLICATION_CREDENTIALS", "AZURE_CLIENT_SECRET",
    "LD_PRELOAD_CANARY", "PYTHONPATH_CANARY", "BASH_ENV_CANARY", "MY_SECRET", "DBUS_SESSION_BUS_ADDRESS",
)  # fmt: skip
ALLOWED = {"PATH", "HOME", "LANG", "TERM", "TMPDIR", "USER", "LOGNAME", "SHELL", "TZ", "AGENTFLOW_IDEMPOTENCY_KEY"}
SHELLS_OWN = {"PWD", "SHLVL", "_", "OLDPWD"}

started: list[tuple[str, Any]] = []
watching: list[bool] = []


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    """Hears of every process that this one starts, however it does; a hook cannot be taken away, so it is switched."""
    if not watching:
        return
    if event == "subprocess.Popen":
        started.append((f"{arguments[0]} {arguments[1]}", arguments[3]))
    elif event in ("os.exec", "os.posix_spawn"):
        started.append((f"{arguments[0]} {arguments[1]}", arguments[2]))
    elif event == "os.system":
        started.append((str(arguments[0]), None))


sys.addaudithook(_hear)


@pytest.fixture(autouse=True)
def canaries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in CANARIES:
        monkeypatch.setenv(name, CANARY)
    watchdog().close()
    started.clear()
    watching.append(True)
    yield
    watching.clear()
    watchdog().close()


def require_clean(*kinds: str) -> None:
    """Every process that was started has an environment of its own without a canary, and each kind was among them."""
    for what, env in started:
        assert env is not None, f"{what} was given all of our environment"
        given = {os.fsdecode(name): os.fsdecode(value) for name, value in dict(env).items()}
        assert CANARY not in given.values(), what
        assert {name for name in given if name not in ALLOWED and not name.startswith("LC_")} <= SHELLS_OWN, what
    for kind in kinds:
        assert any(kind in what for what, _ in started), (kind, [what for what, _ in started])


async def test_bash_and_its_background_see_only_what_any_program_needs(context_of):
    shown = (await bash({"command": "env"}, context_of())).content
    assert CANARY not in shown
    names = {line.partition("=")[0] for line in shown.splitlines()}
    assert names <= ALLOWED | SHELLS_OWN | {name for name in names if name.startswith("LC_")}
    background = Background()
    tools = background.tools()
    context = context_of(session="main")
    said = (await tools["Bash"]({"command": "env; echo over", "run_in_background": True}, context)).content
    name = said.partition("`")[2].partition("`")[0]
    printed = (await tools["TaskOutput"]({"task_id": name}, context)).content
    await background.close()
    assert "over" in printed
    assert CANARY not in printed
    require_clean("env; echo over", "['bash'")


async def test_the_file_of_our_own_environment_gives_no_key_to_who_reads_it_through_a_tool(context_of):
    from agentflow.tools.files import read

    for name in ("/proc/self/environ", f"/proc/{os.getpid()}/environ"):
        output = await read({"file_path": name}, context_of())
        assert output.is_error
        assert CANARY not in str(output.content)


async def test_own_tools_and_functions_see_only_what_any_program_needs(project, context_of):
    plan = CommandToolPlan(
        spec=ToolSpec("mine", "Mine.", {"type": "object"}, "none"),
        argv=(parse_template("env", statements=False),),
        stdin=None,
        env={},
        timeout=20.0,
    )
    assert CANARY not in str((await own_tool(plan)({}, context_of())).content)
    seen = await call_function(
        FunctionCall(
            folder=project,
            file="m.py",
            module="m",
            function="f",
            text="import os\ndef f(): return dict(os.environ)",
            arguments={},
            env={},
            cwd=project,
            timeout=60.0,
        )
    )
    assert CANARY not in seen.values()
    assert set(seen) <= ALLOWED | {name for name in seen if name.startswith("LC_")}
    require_clean("['env']", "function_worker")


async def test_what_reads_pages_images_files_and_git_sees_only_what_any_program_needs(project, context_of):
    await page_of(project, b"<p>seen", "text/html")
    (project / "a.png").write_bytes(picture("PNG", size=(3_000, 3_000)))
    box = Toolbox({})
    assert not (await box.run("Read", {"file_path": "a.png"}, context_of())).is_error
    watching.clear()
    git(project, "init", "--quiet", "--initial-branch=main")
    git(project, "add", ".")
    git(project, "commit", "--quiet", "--message=First")
    watching.append(True)
    tree = Workspace("worktree", ".agentflow/workspaces/run-1/own", "agentflow/run-1/own")
    await make_workspace(project, tree)
    await remove_workspaces(project, "run-1")
    await candidates("/bin/echo", project, ["a.png"], "x", ignore_case=False)
    await box.close()
    require_clean("page_worker", "media_worker", "git", "/bin/echo")


async def test_a_step_that_runs_a_command_sees_only_what_any_program_needs(project):
    result = await run_command(Command(("env",), b"", {"MINE": "1"}, project, 20.0, 1 << 20))
    assert CANARY not in result.stdout
    assert "MINE=1" in result.stdout
    assert CANARY not in base_environment(os.environ).values()


def test_the_doctor_asks_programs_for_their_version_without_our_environment(project):
    list(doctor.findings(project, project / ".agentflow/journal.db", dict(os.environ)))
    require_clean()


STARTERS = {"Popen", "run", "call", "check_call", "check_output", "create_subprocess_exec", "create_subprocess_shell"}
WITHOUT = {
    "system",
    "popen",
    "execv",
    "execvp",
    "execl",
    "execlp",
    "spawnv",
    "spawnl",
    "getoutput",
    "getstatusoutput",
    "fork",
}


INSIDE = {"bridge.py", "landlock_launcher.py", "stage_worker.py"}
"""Programs of a sandbox that become the command, or divide: what environment they have is what they were given."""


def test_no_place_in_the_package_starts_a_process_without_saying_its_environment():
    found = 0
    for path in sorted((ROOT / "agentflow").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            module, _, name = called.rpartition(".")
            inside = path.name in INSIDE and name.startswith(("exec", "fork"))
            starts = module in ("os", "subprocess", "pty") and name in WITHOUT
            assert inside or not starts, f"{path}:{node.lineno} {called}"
            if (
                module in ("subprocess", "asyncio") and name in STARTERS and (module, name) != ("asyncio", "run")
            ) or name == "Popen":
                found += 1
                assert "env" in {keyword.arg for keyword in node.keywords}, f"{path}:{node.lineno} {called}"
    assert found >= 4
