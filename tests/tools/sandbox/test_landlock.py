import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agentflow.plan.sandbox_plan import SandboxPlan
from agentflow.tools.command import Command, CommandNotStarted, CommandResult, run_command
from agentflow.tools.sandbox.landlock import LOWEST_ABI, Landlock, landlock_abi, landlock_problem
from agentflow.tools.sandbox.landlock_filter import CALLS, lone_program
from agentflow.tools.sandbox.limits import Limits
from agentflow.tools.sandbox.port import Bounds, Confinement, Gateway

ABI = landlock_abi()
USER = 54_321
pytestmark = pytest.mark.skipif(landlock_problem(ABI) is not None, reason="Landlock cannot hold commands here")


@pytest.fixture
def project() -> Iterator[Path]:
    """A project of a user without rights. As root its folder stands where that user can get to."""
    folder = Path(tempfile.mkdtemp(prefix="agentflow-test-", dir="/tmp"))
    for name in ("out", "src/deep", ".git/hooks", ".agentflow", ".vscode"):
        (folder / name).mkdir(parents=True)
    for name in ("a.txt", "src/b.txt", ".git/config", ".vscode/tasks.json", "flow.yaml"):
        (folder / name).write_text("as it was\n")
    (folder / ".agentflow" / "journal.db").write_text("hidden\n")
    if os.geteuid() == 0:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, USER, USER)
    yield folder
    shutil.rmtree(folder)


async def bash(
    project: Path, script: str, *write: str, limits: Limits | None = None, own: tuple[str, ...] = ()
) -> CommandResult:
    """Runs a script that may write these paths of the project."""
    within = Confinement(Landlock(ABI, limits), Bounds(project, SandboxPlan(write=write), own, project))
    return await run_command(Command(("bash", "-c", script), b"", {}, project, 30.0, 100_000, within))


async def python(project: Path, script: str, *write: str) -> CommandResult:
    return await bash(project, f"exec /usr/bin/python3 -I -S - <<'END'\n{script}\nEND", *write)


async def test_the_project_is_read_and_what_is_granted_is_written(project):
    found = await bash(
        project, "cat a.txt && echo new > out/new && mkdir -p out/a/b && mv out/new out/a/b/ && ls out/a/b", "out"
    )
    assert (found.exit_code, found.stdout, found.stderr) == (0, "as it was\nnew\n", "")
    assert (project / "out/a/b/new").read_text() == "new\n"


async def test_programs_of_the_system_work(project):
    script = "cat <(echo pipe); echo x | sort; python3 -c 'import json'; git --version; echo a > $TMPDIR/t"
    found = await bash(project, script)
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout.startswith("pipe\nx\ngit version")


WRITES = {
    "a file beside what is granted": "echo x > a.txt",
    "a new file beside what is granted": "echo x > new.txt",
    "a new file at the top": "echo x > .envrc",
    "a folder at the top": "mkdir .husky",
    "appending": "echo x >> a.txt",
    "emptying by opening to read": "exec /usr/bin/python3 -c 'import os; os.open(\"a.txt\", os.O_RDONLY | os.O_TRUNC)'",
    "truncating by name": "exec /usr/bin/python3 -c 'import os; os.truncate(\"a.txt\", 0)'",
    "removing": "rm -f a.txt",
    "renaming": "mv a.txt out/a.txt",
    "renaming what is granted": "mv out elsewhere",
    "renaming the repository": "mv .git out/git",
    "a hook of git": "echo x > .git/hooks/pre-commit",
    "the settings of git": "echo x > .git/config",
    "the settings of git through a link": "ln -s ../.git/config out/l && echo x > out/l",
    "the settings of git through a hard link": "ln .git/config out/l && echo x > out/l",
    "the settings of git through /proc": "echo x > /proc/self/cwd/.git/config",
    "the settings of an editor": "echo x > .vscode/tasks.json",
    "a folder of the user's": "echo x > ~root/x",
    "the machine's temporary folder": "echo x > /tmp/agentflow-escaped",
    "shared memory": "echo x > /dev/shm/agentflow-escaped",
    "a device": "mknod out/d c 1 3",
    "the system": "echo x > /usr/bin/agentflow-escaped",
    "modes": "chmod 777 a.txt",
    "modes of what is granted": "chmod u+s out",
    "owners": "chown 0 a.txt",
    "attributes": "exec /usr/bin/python3 -c 'import os; os.setxattr(\"a.txt\", \"user.a\", b\"b\")'",
}  # fmt: skip


@pytest.mark.parametrize("script", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("write", [("out",), (".",)], ids=["a folder", "the project"])
async def test_nothing_else_is_changed(project, script, write):
    if write == (".",) and (
        "a.txt" in script and "chmod" not in script and "chown" not in script and "setxattr" not in script
    ):
        pytest.skip("that file is granted with the project")
    kept = (project / ".git/config", project / ".vscode/tasks.json", *([] if write == (".",) else [project / "a.txt"]))
    before = [path.read_text() for path in kept]
    modes = [path.stat().st_mode for path in (*kept, project / "out")]
    found = await bash(project, script, *write)
    assert found.exit_code != 0
    assert [path.read_text() for path in kept] == before
    assert [path.stat().st_mode for path in (*kept, project / "out")] == modes
    assert not (project / "new.txt").exists()
    assert "agentflow-escaped" not in os.listdir("/tmp")


async def test_with_the_whole_project_granted_what_is_there_can_be_changed_and_nothing_new_stands_at_its_top(project):
    found = await bash(project, "echo x > a.txt; echo x > src/new; echo x > src/deep/new; echo x > new", ".")
    assert "new: Permission denied" in found.stderr
    assert [(project / name).read_text() for name in ("a.txt", "src/new", "src/deep/new")] == ["x\n"] * 3
    assert not (project / "new").exists()


async def test_a_repository_further_down_is_kept_and_its_neighbours_can_be_changed(project):
    (project / "src/deep/.git").mkdir()
    (project / "src/deep/c.txt").write_text("as it was\n")
    if os.geteuid() == 0:
        os.chown(project / "src/deep/.git", USER, USER)
        os.chown(project / "src/deep/c.txt", USER, USER)
    script = "echo x > src/b.txt; echo x > src/deep/c.txt; echo x > src/deep/.git/config; mv src/deep src/d; mv src s"
    await bash(project, script, "src")
    assert [(project / name).read_text() for name in ("src/b.txt", "src/deep/c.txt")] == ["x\n"] * 2
    assert not (project / "src/deep/.git/config").exists()


async def test_the_files_of_the_run_are_kept(project):
    found = await bash(project, "echo x > flow.yaml", ".", own=("flow.yaml",))
    assert found.exit_code != 0
    assert (project / "flow.yaml").read_text() == "as it was\n"


async def test_a_protected_name_that_was_made_in_a_granted_folder_is_put_aside(project):
    await bash(project, "mkdir -p out/.git/hooks && echo x > out/.envrc && echo x > out/fine", "out")
    assert sorted(os.listdir(project / "out")) == [".envrc.made-in-sandbox", ".git.made-in-sandbox", "fine"]
    await bash(project, "mkdir out/.git", "out")
    assert ".git.made-in-sandbox1" in os.listdir(project / "out")


READS = {
    "agentflow's journal": "cat .agentflow/journal.db",
    "the machine's passwords": "cat /etc/shadow",
    "a home": "ls /root",
    "other homes": "ls /home",
    "temporary files": "ls /tmp",
    "the environment of agentflow": "cat /proc/{pid}/environ",
    "the memory of agentflow": "cat /proc/{pid}/mem",
    "the descriptors of agentflow": "ls /proc/{pid}/fd",
    "the root of agentflow": "cat /proc/{pid}/root/etc/shadow",
    "the machine's logs": "ls /var/log",
    "the machine's sockets": "ls /run",
}


@pytest.mark.parametrize("script", READS.values(), ids=READS)
async def test_nothing_secret_is_read(project, script):
    found = await bash(project, script.format(pid=os.getpid()))
    assert (found.exit_code != 0, found.stdout) == (True, "")


async def test_nothing_of_the_environment_comes_in(project, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    found = await bash(project, "env; cat /proc/self/environ; tr '\\0' '\\n' < /proc/$PPID/environ")
    assert "sk-secret" not in found.stdout + found.stderr


async def test_nothing_inherits_a_descriptor(project):
    opened = os.open("/etc/passwd", os.O_RDONLY)
    try:
        os.set_inheritable(opened, True)
        found = await python(project, "import os\nprint([n for n in range(3, 9000) if os.path.exists(f'/dev/fd/{n}')])")
    finally:
        os.close(opened)
    assert found.stdout in ("[]\n", "[3]\n")  # 3: what bash reads the script from is closed, and may be used again


SOCKETS = {
    "IPv4": "AF_INET, s.SOCK_STREAM",
    "IPv6": "AF_INET6, s.SOCK_STREAM",
    "UDP": "AF_INET, s.SOCK_DGRAM",
    "raw": "AF_INET, s.SOCK_RAW",
    "Unix": "AF_UNIX, s.SOCK_STREAM",
    "Unix datagrams": "AF_UNIX, s.SOCK_DGRAM",
    "netlink": "AF_NETLINK, s.SOCK_RAW",
    "packets": "AF_PACKET, s.SOCK_RAW",
    "the machine's host": "AF_VSOCK, s.SOCK_STREAM",
    "the kernel's ciphers": "AF_ALG, s.SOCK_SEQPACKET",
}


@pytest.mark.parametrize("kind", SOCKETS.values(), ids=SOCKETS)
async def test_no_socket_is_made(project, kind):
    found = await python(
        project, f"import socket as s\ntry:\n  s.socket(s.{kind})\nexcept OSError as e:\n  print('refused', e.errno)"
    )
    assert found.stdout in ("refused 1\n", "refused 97\n")


async def test_pairs_of_streams_are_made_and_no_others(project):
    script = (
        "import socket as s\na, b = s.socketpair()\na.send(b'hi')\nprint(b.recv(2))\n"
        "for kind in (s.SOCK_DGRAM, s.SOCK_SEQPACKET):\n  try:\n    s.socketpair(s.AF_UNIX, kind)\n"
        "  except OSError as e:\n    print(e.errno)\n"
        "for tried in (lambda: a.connect('/run/x'), lambda: a.bind('\\0x'), lambda: a.listen()):\n  try:\n    tried()\n"
        "  except OSError as e:\n    print(e.errno)"
    )
    assert (await python(project, script)).stdout == "b'hi'\n" + "1\n" * 5


async def test_what_listens_on_this_machine_is_not_reached(project):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        found = await bash(project, f"exec 3<>/dev/tcp/127.0.0.1/{port}; curl -sS http://127.0.0.1:{port}")
    assert found.exit_code != 0


CALLS_REFUSED = {
    "a namespace": "unshare -r true",
    "a session of its own": "python3 -c 'import os; os.setsid()'; exit $?",
    "a group of its own": "python3 -c 'import os; os.setpgid(0, 0)'; exit $?",
    "a debugger": "exec python3 -c 'import ctypes; exit(ctypes.CDLL(None).ptrace(16, {pid}, 0, 0) != 0)'",
    "another's limits": "exec python3 -c 'import resource; resource.prlimit({pid}, resource.RLIMIT_NOFILE, (0, 0))'",
    "another's priority": "renice 19 -p {pid}",
    "shared memory of System V": "ipcmk -M 1",
    "a signal to agentflow": "kill -TERM {pid}",
    "a signal to its group": "exec python3 -c 'import os, signal; os.killpg({group}, signal.SIGTERM)'",
}


@pytest.mark.parametrize("script", CALLS_REFUSED.values(), ids=CALLS_REFUSED)
async def test_other_processes_are_not_reached(project, script):
    found = await bash(project, script.format(pid=os.getpid(), group=os.getpgid(0)))
    assert found.exit_code != 0, found.stdout


async def test_it_has_no_capability_and_gets_none(project):
    own = "os.getuid(), os.getgid(), os.getgroups()"
    script = f"import ctypes, os\nprint(ctypes.CDLL(None).prctl(39, 0, 0, 0, 0), {own})"
    user = USER if os.geteuid() == 0 else os.geteuid()
    found = await python(project, script)
    assert found.stdout.startswith(f"1 {user} ")
    if os.geteuid() == 0:
        assert found.stdout == f"1 {USER} {USER} []\n"


async def test_what_a_command_leaves_behind_is_killed(project):
    script = "(trap '' HUP TERM; nohup sleep 300 & echo $! > out/pid) ; (exec -a left sleep 300 &) ; disown -a"
    await bash(project, script, "out")
    with suppress(ProcessLookupError):  # it is gone already
        pidfd = os.pidfd_open(int((project / "out/pid").read_text()))
        assert select.select([pidfd], [], [], 20)[0]
        os.close(pidfd)


async def test_nothing_stays_of_its_own_folder(project):
    found = await bash(project, "mkdir -m 0 $TMPDIR/shut $TMPDIR/open; echo $TMPDIR")
    assert found.exit_code == 0
    assert found.stdout.strip().rpartition("/")[2] not in os.listdir(tempfile.gettempdir())


async def test_nothing_stays_of_its_own_folder_however_deep_it_was_made(project):
    deep = "os.chdir(os.environ['TMPDIR'])\nprint(os.getcwd())\nfor _ in range(1200): os.mkdir('d'); os.chdir('d')"
    result = await python(project, f"import os\n{deep}")
    assert result.exit_code == 0, result.stderr
    assert Path(result.stdout.strip()).name not in os.listdir(tempfile.gettempdir())


async def test_memory_processes_and_files_are_bounded(project):
    few = Limits(processes=20, memory=200 << 20, file_size=1 << 20, files=32, scratch=1 << 20)
    tried = "for i in $(seq 60); do sleep 5 & done 2>&1 | tail -1; true"
    assert "bash: fork: " in (await bash(project, tried, limits=few)).stdout
    assert "MemoryError" in (await bash(project, "python3 -c 'b\"a\" * (1 << 29)'", limits=few)).stderr
    await bash(project, "head -c 3000000 /dev/zero > out/large", "out", limits=few)
    assert (project / "out/large").stat().st_size == 1 << 20


async def test_exit_codes_are_the_commands_own(project):
    within = Confinement(Landlock(ABI), Bounds(project, SandboxPlan(), (), project))
    for argv, code in ((("sh", "-c", "exit 7"), 7), (("no-such-program",), 127), (("/etc/passwd",), 126)):
        assert (await run_command(Command(argv, b"", {}, project, 30.0, 1_000, within))).exit_code == code
    script = "grep -cE '^Sig(Ign|Blk):.0+$' /proc/self/status"
    assert (await bash(project, f"{script} || python3 -c 'import signal; print(signal.getsignal(13))'")).exit_code == 0


async def test_hosts_are_refused_with_the_reason(project):
    bounds = Bounds(project, SandboxPlan(network=("x.org",)), (), project)
    command = Command(("true",), b"", {}, project, 30.0, 1_000, Confinement(Landlock(ABI), bounds))
    with pytest.raises(CommandNotStarted, match="none can be told from the others") as caught:
        await run_command(command)
    assert "sandbox.network" in str(caught.value.hint)
    gateway = Gateway(Path("/none"), "/none", (), {})
    within = Confinement(Landlock(ABI), Bounds(project, SandboxPlan(), (), project), gateway)
    with pytest.raises(CommandNotStarted):
        await run_command(Command(("true",), b"", {}, project, 30.0, 1_000, within))


@pytest.mark.skipif(os.geteuid() != 0, reason="is about root")
async def test_nothing_runs_as_root(project):
    os.chown(project, 0, 0)
    with pytest.raises(CommandNotStarted, match="would run as root") as caught:
        await bash(project, "id")
    assert "chown -R" in str(caught.value.hint)


async def test_a_workspace_of_its_own_is_written_and_the_project_beside_it_only_read(project):
    copy = project / ".agentflow" / "copy"
    (copy / "out").mkdir(parents=True)
    (copy / "a.txt").write_text("of the copy\n")
    if os.geteuid() == 0:
        for path in (copy, *copy.rglob("*")):
            os.chown(path, USER, USER)
    script = (
        f"cat a.txt {project}/a.txt; echo x > out/new; echo x > {project}/out/new; cat {project}/.agentflow/journal.db"
    )
    within = Confinement(Landlock(ABI), Bounds(copy, SandboxPlan(write=("out",)), (), project))
    found = await run_command(Command(("bash", "-c", script), b"", {}, copy, 30.0, 10_000, within))
    assert found.stdout == "of the copy\nas it was\n"
    assert (copy / "out/new").read_text() == "x\n"
    assert not (project / "out/new").exists()


async def test_a_link_in_the_place_of_a_folder_grants_nothing(project):
    (project / "link").symlink_to("/root")
    with pytest.raises(CommandNotStarted, match="leads out of the project"):
        await bash(project, "true", "link")


@pytest.mark.parametrize(("abi", "said"), [(0, "has no Landlock"), (3, "is 3, and 6 is needed"), (LOWEST_ABI, None)])
def test_an_older_kernel_is_told_what_it_lacks(abi, said):
    problem = landlock_problem(abi)
    assert (problem is None) == (said is None)
    if problem is not None:
        assert str(said) in problem[0]
        assert "Linux 6.12" in problem[1]


@pytest.mark.parametrize("machine", CALLS)
def test_the_filter_names_each_call_once(machine):
    calls = CALLS[machine]
    numbers = [*calls.refused.values(), *(number for number, _ in calls.own_only.values()), calls.socketpair]
    assert len(numbers) == len(set(numbers))
    assert len(lone_program(calls)) % 8 == 0


def test_a_launcher_that_cannot_keep_its_word_starts_nothing(tmp_path):
    launcher = Path(__file__).parents[3] / "agentflow/tools/sandbox/landlock_launcher.py"
    told = tmp_path / "told.json"
    told.write_text('{"user": null, "argv": ["/bin/echo", "started"], "env": {}, "limits": {}}')
    with told.open() as opened:
        done = subprocess.run(
            [sys.executable, "-I", "-S", launcher, str(opened.fileno())],
            pass_fds=(opened.fileno(),),
            capture_output=True,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stdout) == (125, "")
    assert "the sandbox cannot be made" in done.stderr
