"""Ends the commands of a process that was killed.

A killed process cannot clean up after itself, and PR_SET_PDEATHSIG reaches a command's first process only. So one
small shell, shared by all commands of this process, reads from a pipe which process groups are at work; when the pipe
ends, because the process ended in whatever way, it kills those that are left. Two things escape this: a command that
leaves its process group (setsid), and one whose runner is killed in the instant between starting it and `guard`. A
sandbox with its own process namespace lets neither go.
"""

import atexit
import functools
import os
import subprocess

_SCRIPT = """
groups=' '
while read -r change group; do
  case $change in
    +) groups="$groups$group " ;;
    -) case $groups in *" $group "*) groups="${groups%% $group *} ${groups#* $group }" ;; esac ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
"""


class Watchdog:
    """The shell and the groups it has been told of."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._shell: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the shell, if it has not been; before the first command, so that `guard` takes no time.

        Raises:
            OSError: it cannot be started.
        """
        if self._shell is None:
            self._start()

    def guard(self, group: int) -> None:
        """From now on the group dies with this process.

        Raises:
            OSError: the shell cannot be started.
        """
        self._groups.add(group)
        if not self._tell(f"+ {group}\n"):
            self._start()

    def release(self, group: int) -> None:
        """The group has ended; its number may be another's soon."""
        self._groups.discard(group)
        self._tell(f"- {group}\n")  # a shell that is gone is replaced at the next `guard`

    def close(self) -> None:
        """Ends the shell, and with it every group not released."""
        if self._shell is not None and self._shell.stdin is not None:
            self._shell.stdin.close()
            self._shell.wait()
            self._shell = None

    def _tell(self, change: str) -> bool:
        """Whether the shell took it: it does not when somebody killed or stopped it."""
        if self._shell is None or self._shell.stdin is None:
            return False
        try:
            return os.write(self._shell.stdin.fileno(), change.encode()) == len(change)
        except (BrokenPipeError, BlockingIOError):
            return False

    def _start(self) -> None:
        if self._shell is not None:
            self._shell.kill()
            self.close()
        self._shell = subprocess.Popen(
            ["/bin/sh", "-c", _SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={},
            cwd="/",
            start_new_session=True,  # else Ctrl-C in the terminal would end it first
        )
        if self._shell.stdin is not None:
            os.set_blocking(self._shell.stdin.fileno(), False)
        for group in self._groups:
            self._tell(f"+ {group}\n")


@functools.cache
def watchdog() -> Watchdog:
    """The one of this process."""
    created = Watchdog()
    atexit.register(created.close)
    return created
