"""Who holds a lease, and whether that process still lives."""

import os
import secrets
import socket
from pathlib import Path

from msgspec import Struct

_PROC = Path("/proc")


class Owner(Struct, frozen=True):
    """A process that holds leases. What the system cannot tell is an empty text.

    Attributes:
        host: the machine's name.
        boot: an id that is another one after each start of the machine.
        namespace: the space in which `pid` means something; containers on one machine have their own.
        pid: the process id.
        started: when the process began, in ticks since boot; tells it from a later one with the same id.
        token: random; tells two journals of one process apart.
    """

    host: str
    boot: str
    namespace: str
    pid: int
    started: str
    token: str

    def __str__(self) -> str:
        return "/".join((self.host, self.boot, self.namespace, str(self.pid), self.started, self.token))

    @classmethod
    def parse(cls, text: str) -> "Owner":
        """The owner that `str` wrote; one that nobody knows, and so never dies early, where the text is not such."""
        try:
            host, boot, namespace, pid, started, token = text.rsplit("/", 5)
            return cls(host, boot, namespace, int(pid), started, token)
        except ValueError:
            return cls(host=text, boot="", namespace="", pid=0, started="", token="")

    @classmethod
    def current(cls) -> "Owner":
        """This process, under a new token."""
        pid = os.getpid()
        return cls(
            host=socket.gethostname(),
            boot=boot_id(),
            namespace=_pid_namespace(),
            pid=pid,
            started=start_ticks(pid) or "",
            token=secrets.token_hex(8),
        )

    def same_boot(self, other: "Owner") -> bool:
        """Whether the machine of both is known to be one that has not restarted between them."""
        return self.host == other.host and bool(self.boot) and self.boot == other.boot

    def is_gone(self, seen_from: "Owner") -> bool:
        """Whether this process is known to live no more; False where that cannot be told from over there."""
        if self.boot != seen_from.boot:
            return bool(self.boot and seen_from.boot) and self.host == seen_from.host
        if self.host != seen_from.host or self.namespace != seen_from.namespace:
            return False
        return not _lives(self.pid, self.started)


def boot_id() -> str:
    """The id of this start of the machine; empty where the system has none."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def start_ticks(pid: int) -> str | None:
    """When a process began, in clock ticks since boot (proc_pid_stat(5), field 22); None where it cannot be told."""
    stat = _stat(pid)
    return stat[19] if stat is not None else None


def _lives(pid: int, started: str) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    stat = _stat(pid)
    if stat is None or not started:
        return True
    return stat[0] not in "ZX" and stat[19] == started


def _stat(pid: int) -> list[str] | None:
    """The fields of a process from its state on (field 3); what stands before may hold spaces and brackets."""
    try:
        text = (_PROC / str(pid) / "stat").read_text("utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return fields if len(fields) > 19 else None


def _pid_namespace() -> str:
    try:
        return os.readlink(_PROC / "self/ns/pid").partition("[")[2].rstrip("]")
    except OSError:
        return ""
