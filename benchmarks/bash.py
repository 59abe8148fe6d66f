"""What reading a script costs, and deciding on it, beside starting the shell that would run it."""

import subprocess
import time
from collections.abc import Callable, Iterator

from agentflow.guard.bash import read_script
from agentflow.guard.bash_rules import decide_bash
from agentflow.guard.shell.listed import listed
from benchmarks.figure import Figure

NAMES = ("guard-bash-parse", "guard-bash-rules")
BESIDE = {
    "guard-bash-parse": "reading one script of those an agent writes, on average, beside starting `bash -c :`",
    "guard-bash-rules": "the same and deciding on it by forty rules, beside the same start",
}
SCRIPTS = (
    "npm test 2>&1 | tail -20",
    "cd src && python -m pytest tests -x -q 2>&1 | tail -30",
    "git status && git diff --stat",
    "git log --oneline -5",
    "git commit -m \"$(cat <<'EOF'\nMend the door\n\nIt squeaked.\nEOF\n)\"",
    'grep -rn "door" --include="*.py" . | grep -v test | head -20',
    "find . -name '*.ts' -not -path './node_modules/*' | xargs wc -l | sort -n",
    'for f in src/*.py; do echo "== $f"; head -5 "$f"; done',
    "cat > notes.txt <<'EOF'\nfirst\nsecond\nEOF\nwc -l notes.txt",
    "sed -n '10,40p' src/door.py",
    "if [ -f package.json ]; then npm ci; else echo none; fi",
    "timeout 60 npm run build -- --mode production > build.log 2>&1; echo $?",
)
_RULES = [
    f"{name} *" for name in sorted(listed("ls cat head tail wc grep find sort sed echo cd npm python timeout git"))
]
_ASK = [f"git {name} *" for name in sorted(listed("push pull fetch merge rebase reset checkout switch clean stash"))]
_DENY = [
    f"{name} *" for name in sorted(listed("rm mv dd mkfs shutdown reboot sudo su chmod chown curl wget ssh scp nc"))
]
_SHELL_STARTS = 20


def figures(rounds: int, only: set[str]) -> Iterator[Figure]:
    """All of them, or those named."""
    if not only or "guard-bash-parse" in only:
        yield _figure("guard-bash-parse", rounds, lambda script: read_script(script))
    if not only or "guard-bash-rules" in only:
        yield _figure(
            "guard-bash-rules", rounds, lambda script: decide_bash(script, allow=_RULES, ask=_ASK, deny=_DENY)
        )


def _figure(name: str, rounds: int, work: Callable[[str], object]) -> Figure:
    pairs = [(_each(work, SCRIPTS * 20), _each(_start, ("",) * _SHELL_STARTS)) for _ in range(rounds + 1)][1:]
    ours, other = sorted(pairs)[len(pairs) // 2]
    return Figure(name, "ms", ours, other, tuple(mine / theirs for mine, theirs in pairs))


def _each(work: Callable[[str], object], scripts: tuple[str, ...]) -> float:
    """Milliseconds of one of them, on average."""
    began = time.perf_counter()
    for script in scripts:
        work(script)
    return (time.perf_counter() - began) * 1000 / len(scripts)


def _start(_: str) -> None:
    subprocess.run(["bash", "-c", ":"], check=True)
