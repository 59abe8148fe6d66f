"""The processes of one sandbox, seen from outside: who is the first, how many there are, and that none is left.

The first process of a process namespace takes all others with it when it ends (pid_namespaces(7)).
"""

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterator

_LONGEST = 64 << 10
_LOOK_SECONDS = 0.25
_PAGE = os.sysconf("SC_PAGE_SIZE")
_LEFT_SECONDS = 10.0
"""How long the end of a killed sandbox is waited for: a process in the middle of reading a slow disk takes its time."""


class Inside:
    """The processes of a sandbox.

    Parameters:
        told: the reading end of the pipe on which bubblewrap tells of them; closed by `ended`.
        memory: bytes that they may use together.

    Attributes:
        stopped: the bound that they were killed for; "" where for none.
    """

    def __init__(self, told: int, memory: int) -> None:
        self._told = told
        self._memory = memory
        self._timer: asyncio.TimerHandle | None = None
        self._heard = b""
        self._first = 0
        self._pidfd = -1
        self._loop: asyncio.AbstractEventLoop | None = None
        self.stopped = ""
        os.set_blocking(told, False)

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begins to listen."""
        self._loop = loop
        loop.add_reader(self._told, self._listen)
        self._timer = loop.call_later(_LOOK_SECONDS, self._look)

    def signal(self, number: int) -> bool:
        """Asks all inside to end, or kills them.

        Returns:
            Whether that was done: not before the first process is known, or where there is none.
        """
        self._listen()
        if self._pidfd < 0:
            return False
        if number == signal.SIGKILL:
            return self._kill()
        for pid in self._others():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        return True

    async def ended(self) -> bool:
        """Kills what is left, waits until it is gone, and lets go; also when cancelled.

        Returns:
            Whether it was cancelled meanwhile.
        """
        cancelled = False
        self._listen()
        if self._pidfd >= 0:
            self._kill()
            loop, gone = asyncio.get_running_loop(), asyncio.Event()
            # All others are gone before the first is.
            loop.add_reader(self._pidfd, gone.set)
            until = loop.time() + _LEFT_SECONDS
            while not gone.is_set() and loop.time() < until:
                try:
                    async with asyncio.timeout_at(until):
                        await gone.wait()
                except TimeoutError:
                    break
                except asyncio.CancelledError:
                    cancelled = True
            loop.remove_reader(self._pidfd)
        self._close()
        return cancelled

    def _close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._pidfd >= 0:
            os.close(self._pidfd)
            self._pidfd = -1
        if self._told >= 0:
            if self._loop is not None:
                self._loop.remove_reader(self._told)
            os.close(self._told)
            self._told = -1

    def _look(self) -> None:
        """Kills all where they use more memory than they may: the kernel's own limits are for each process alone."""
        # What processes share after a fork is counted for each at first, and then divided, which takes longer.
        if self._pidfd >= 0 and self._uses(_anonymous) and self._uses(_proportional):
            self.stopped = f"it used over {self._memory / (1 << 30):.1f} GiB of memory"
            self._kill()
            return
        if self._loop is not None:
            self._timer = self._loop.call_later(_LOOK_SECONDS, self._look)

    def _uses(self, measure: Callable[[int], int]) -> bool:
        return sum(map(measure, self._others())) > self._memory

    def _kill(self) -> bool:
        try:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def _listen(self) -> None:
        """Takes what bubblewrap tells: a line of JSON with the first process's number comes before all else."""
        if self._told < 0 or self._first:
            return
        try:
            heard = os.read(self._told, _LONGEST)
        except BlockingIOError:
            return
        self._heard += heard
        if self._loop is not None and (not heard or b"\n" in self._heard):
            self._loop.remove_reader(self._told)
        line, _, _ = self._heard.partition(b"\n")
        with contextlib.suppress(ValueError, KeyError, TypeError, ProcessLookupError):
            self._first = int(json.loads(line)["child-pid"])
            self._pidfd = os.pidfd_open(self._first)

    def _others(self) -> Iterator[int]:
        """All but the first, which only looks after them."""
        waiting = [self._first]
        while waiting:
            for child in _children(waiting.pop()):
                waiting.append(child)
                yield child


def _anonymous(pid: int) -> int:
    """Bytes of memory of a process's own, those included that it shares with what it was forked from."""
    with contextlib.suppress(OSError, ValueError), open(f"/proc/{pid}/statm", encoding="ascii") as file:
        _, resident, shared, *_ = file.read().split()
        return (int(resident) - int(shared)) * _PAGE
    return 0


def _proportional(pid: int) -> int:
    """The same, with what it shares divided by those it shares it with; as above where that cannot be told."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        for line in file:
            if line.startswith("Pss_Anon:"):
                return int(line.split()[1]) << 10
    return _anonymous(pid)


def _children(pid: int) -> list[int]:
    """The children of a process, those of all its threads."""
    found: list[int] = []
    with contextlib.suppress(OSError):  # it has ended
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
    return found
