"""Proves that a sandbox holds: a command inside tries what is forbidden, and nothing of it may succeed."""

import os
import secrets
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from agentflow.tools.command import Command, CommandNotStarted, run_command
from agentflow.tools.sandbox.port import Bounds, Confinement, Sandbox, SandboxError

_SECONDS = 30.0
_HELD = "held"
# Each line says what was possible that must not be. Nothing in it would do harm if it were.
_SCRIPT = r"""
[ -r "$SECRET" ] && cat "$SECRET" >/dev/null 2>&1 && echo "read a file outside the project"
(echo x >"$BESIDE") 2>/dev/null && echo "write outside the project"
(echo x >/agentflow-canary) 2>/dev/null && echo "write in the root of the machine"
(echo x >"$CLOSED") 2>/dev/null && echo "write where the file grants nothing"
grep -qi ":$PORT " /proc/net/tcp /proc/net/tcp6 2>/dev/null && echo "see what listens on the machine"
(command -v bash && bash -c "exec 3<>/dev/tcp/127.0.0.1/$NUMBER") >/dev/null 2>&1 && echo "reach the machine's loopback"
[ -n "$NAMESPACES" ] && [ -e "/proc/$HOST" ] && echo "see the machine's processes"
kill -0 "$HOST" 2>/dev/null && echo "signal the process that started it"
[ -r /etc/shadow ] && echo "read the machine's passwords"
[ -w /proc/sys/kernel/core_pattern ] && echo "change settings of the kernel"
unshare -U true 2>/dev/null && echo "make a user namespace"
filtered=
while read -r name value _; do
  case $name in
    # What could be had at most is dropped by root and within namespaces alone; without new privileges none of it comes.
    CapBnd:) [ -z "$NAMESPACES" ] || [ "$value" = 0000000000000000 ] || echo "come by $name $value" ;;
    CapEff:|CapPrm:|CapAmb:|CapInh:) [ "$value" = 0000000000000000 ] || echo "have $name $value" ;;
    NoNewPrivs:) [ "$value" = 1 ] || echo "gain rights by a program that has them" ;;
    Seccomp:) filtered=$value; [ "$value" = 2 ] || echo "make any system call" ;;
  esac
done </proc/self/status
[ -n "$filtered" ] || echo "hide how it is held"
[ "$(id -u)" = 0 ] && echo "act as root"
for descriptor in /proc/self/fd/*; do
  case ${descriptor##*/} in 0|1|2) ;; *) [ -e "$descriptor" ] && echo "use an open descriptor" ;; esac
done
echo held
"""


async def prove(sandbox: Sandbox, bounds: Bounds) -> None:
    """Lets a command try what is forbidden.

    Parameters:
        bounds: those of a run's commands; the trial has their folder and no grant.

    Raises:
        SandboxError: something was possible, or nothing could be tried.
    """
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    folder = Path(tempfile.mkdtemp(prefix="agentflow-canary-"))
    try:
        secret = folder / "secret"
        secret.write_text(secrets.token_hex(8), "ascii")
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        port = listening.getsockname()[1]
        tried = {
            "SECRET": str(secret),
            "BESIDE": str(folder / "written"),
            "CLOSED": str(bounds.root / f".agentflow-canary-{secrets.token_hex(4)}"),
            "HOST": str(os.getpid()),
            "NUMBER": str(port),
            "PORT": f"{port:04X}",
            "NAMESPACES": "yes" if sandbox.has_namespaces else "",
        }
        plain = Bounds(bounds.root, type(bounds.plan)(), bounds.own, bounds.project)
        command = Command(
            ("sh", "-c", _SCRIPT), b"", tried, bounds.root, _SECONDS, 64 << 10, Confinement(sandbox, plain)
        )
        result = await run_command(command)
        said = [*_possible(result.stdout), *(["leave a file"] if (folder / "written").exists() else [])]
        if said:
            raise SandboxError(f"{sandbox.name} does not hold: a command could {', '.join(said)}", "report this")
        if result.stdout.strip().splitlines()[-1:] != [_HELD]:
            raise SandboxError(f"{sandbox.name} cannot start a command: {_why(result.stderr)}")
    except CommandNotStarted as error:
        raise SandboxError(f"{sandbox.name} cannot start a command: {error.message}", error.hint) from error
    finally:
        listening.close()
        shutil.rmtree(folder, ignore_errors=True)


def _possible(stdout: str) -> Iterator[str]:
    return (line for line in stdout.splitlines() if line and line != _HELD)


def _why(stderr: str) -> str:
    return (stderr.strip().splitlines() or ["it said nothing"])[-1][:300]
