"""Runs scripts in the sandbox and tells what each really did."""

import array
import dataclasses
import errno
import fcntl
import json
import os
import platform
import select
import socket
import stat
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.oracle.notify import CALLS, WRITES
from tests.oracle.runner import PACKET
from tests.oracle.scene import MARK, SOURCE_END, build

_RECEIVE, _ANSWER, _IS_VALID = 0xC0502100, 0xC0182101, 0x40082102
"""ioctl(2) requests of a listener."""
_GO_ON = struct.Struct("QqiI")
_CONTINUE = 1
_NAMES = {number: name for name, number in CALLS.get(platform.machine(), {}).items()}
_MOST = 1 << 16
"""Bytes of one string that are read from a traced process."""
SHELLS = ("bash", "sh", "dash")
"""Programs whose opens for writing are redirections."""


@dataclasses.dataclass(slots=True, frozen=True)
class Image:
    """One program in execution. `by` is the one that started it; None: the sandbox did."""

    path: str
    argv: tuple[str, ...]
    by: "Image | None"


@dataclasses.dataclass(slots=True, frozen=True)
class Write:
    """A shell opened this for writing: a path as passed to open(2), or `/dev/tcp` for a connection of its own."""

    path: str
    by: Image


@dataclasses.dataclass(slots=True)
class Observed:
    """What one script did.

    `ran` is in order of time, without the script's own shell. `traced` is bash's xtrace, undecoded.
    """

    ran: list[Image] = dataclasses.field(default_factory=list)
    wrote: list[Write] = dataclasses.field(default_factory=list)
    traced: bytes = b""
    status: int = 0
    late: bool = False


class Tracer:
    """A sandbox for many scripts, one after the other.

    Raises on entry:
        OSError: the tracer cannot work here.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="agentflow-oracle-", dir="/tmp")
        self._images: dict[int, Image] = {}
        self._observed = Observed()
        self._notice = bytearray(80)

    def __enter__(self) -> Self:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (ours, theirs):
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                end.setsockopt(socket.SOL_SOCKET, option, 4 * PACKET)
        root = Path(__file__).resolve().parents[2]
        self._runner = subprocess.Popen(
            [sys.executable, "-m", "tests.oracle.runner", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            cwd=root,
            stdin=subprocess.DEVNULL,
        )
        theirs.close()
        self._control = ours
        ours.send(json.dumps(build(Path(self._folder.name))).encode())
        message, passed, _, _ = ours.recvmsg(64, socket.CMSG_SPACE(4))
        if not message:
            self._close()
            raise OSError("the tracer could not put its filter in place: it needs Linux 5.5, on x86_64 or aarch64")
        self._listener = array.array("i", passed[0][2])[0]
        os.set_inheritable(self._listener, False)
        probe = self.run("t1 > out.txt")
        if ([image.path for image in probe.ran], len(probe.wrote), probe.traced) != (
            ["/tools/t1"],
            1,
            MARK + SOURCE_END + b"t1\n",
        ):
            self.__exit__(None, None, None)
            raise OSError(f"the tracer does not see here what it must; of `t1 > out.txt` it saw {probe}")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._listener)
        self._close()

    def _close(self) -> None:
        self._control.close()
        self._runner.wait()
        self._folder.cleanup()

    def run(self, script: str) -> Observed:
        """Runs one script, up to three times: a busy machine may have no process left for a sandbox.

        Raises:
            OSError: the sandbox does not start, or the tracer has ended.
        """
        for _ in range(3):
            if (observed := self._run(script)) is not None:
                return observed
        raise OSError(f"bubblewrap does not start; the script was {script!r}")

    def _run(self, script: str) -> Observed | None:
        """Runs one script with `bash -c` in a fresh sandbox, and waits until nothing of it is left.

        Where a script mentions PS4, bash's xtrace stays off: bash would expand the script's PS4 for our sake.
        """
        self._images.clear()
        self._observed = observed = Observed()
        options = ["--unsetenv", "BASH_ENV"] if "PS4" in script else []
        self._control.send(json.dumps([*options, script]).encode())
        while True:
            ready, _, _ = select.select([self._listener, self._control], [], [])
            if self._listener in ready:
                self._answer()
            elif answer := self._control.recv(PACKET):
                break
            else:
                raise OSError("the runner is gone")
        header, _, observed.traced = answer.partition(b"\n")
        told = json.loads(header)
        if not told["started"]:
            return None
        observed.status, observed.late = told["status"], told["late"]
        return observed

    def _answer(self) -> None:
        notice = self._notice
        notice[:] = bytes(80)  # the kernel wants zeros
        try:
            fcntl.ioctl(self._listener, _RECEIVE, notice)
        except FileNotFoundError:  # the process was killed in the meantime
            return
        call_id, pid, _, number, _, _, *arguments = struct.unpack("QIIiIQ6Q", notice)
        try:
            self._note(_NAMES[number], pid, arguments)
        except OSError as problem:
            if problem.errno != errno.EIO and self._is_waiting(call_id):  # EIO: its pointer leads nowhere
                raise
        try:
            fcntl.ioctl(self._listener, _ANSWER, bytearray(_GO_ON.pack(call_id, 0, 0, _CONTINUE)))
        except FileNotFoundError:
            return

    def _is_waiting(self, call_id: int) -> bool:
        """Whether the process still waits for an answer; one that was killed in the meantime makes no call."""
        try:
            fcntl.ioctl(self._listener, _IS_VALID, struct.pack("Q", call_id))
        except FileNotFoundError:
            return False
        return True

    def _note(self, call: str, pid: int, arguments: list[int]) -> None:
        if call in ("execve", "execveat"):
            self._executed(call, pid, arguments)
            return
        image = self._image(pid)
        if image is None or os.path.basename(os.readlink(f"/proc/{pid}/exe")) not in SHELLS:
            return
        if call == "connect":
            if struct.unpack("H", _read(pid, arguments[1], 2))[0] in (socket.AF_INET, socket.AF_INET6):
                self._observed.wrote.append(Write("/dev/tcp", image))
            return
        at, flags_at = (1, 2) if call == "openat" else (0, 1)
        flags = arguments[flags_at] if call != "creat" else WRITES
        path = _string(pid, arguments[at])
        if path == "/dev/tty" and flags & os.O_NONBLOCK:  # bash itself looks for its terminal as it starts
            return
        self._observed.wrote.append(Write(path, image))

    def _executed(self, call: str, pid: int, arguments: list[int]) -> None:
        at, argv_at = (1, 2) if call == "execveat" else (0, 1)
        path, argv = _string(pid, arguments[at]), _strings(pid, arguments[argv_at])
        if not _is_program(pid, path):
            return
        by = self._image(pid)
        if by is None and os.path.basename(os.readlink(f"/proc/{pid}/exe")) != "bwrap":
            return  # the runner starts bubblewrap
        image = Image(path, argv, by)
        self._images[_process(pid)] = image
        if by is not None:
            self._observed.ran.append(image)

    def _image(self, pid: int) -> Image | None:
        """The program that a thread is executing: its own last exec, or else that of the process that forked it."""
        if not self._images:
            return None
        process = _process(pid)
        for _ in range(64):
            if process in self._images:
                return self._images[process]
            process = _parent(process)
            if process <= 1:
                break
        return next(iter(self._images.values()))  # an orphan: whoever started it is gone


def _process(thread: int) -> int:
    return _status(thread, "Tgid:")


def _parent(process: int) -> int:
    return _status(process, "PPid:")


def _status(pid: int, key: str) -> int:
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(key))


def _read(pid: int, address: int, size: int) -> bytes:
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        found = memory.read(size)
    if not found:
        raise OSError(errno.EIO, f"process {pid} has nothing at {address:#x}")
    return found


def _string(pid: int, address: int) -> str:
    if not address:
        return ""
    found = b""
    while len(found) < _MOST:
        piece = _read(pid, address + len(found), 4096 - (address + len(found)) % 4096)
        end = piece.find(b"\0")
        if end >= 0:
            return os.fsdecode(found + piece[:end])
        if not piece:
            break
        found += piece
    return os.fsdecode(found)


def _strings(pid: int, address: int) -> tuple[str, ...]:
    found: list[str] = []
    while address and len(found) < 4096:
        (pointer,) = struct.unpack("Q", _read(pid, address + 8 * len(found), 8))
        if not pointer:
            break
        found.append(_string(pid, pointer))
    return tuple(found)


def _is_program(pid: int, path: str) -> bool:
    """Whether an exec of this path by this process will find something to execute: execvp(3) tries each folder."""
    seen = f"/proc/{pid}/root{path}" if path.startswith("/") else f"/proc/{pid}/cwd/{path}"
    try:
        return stat.S_ISREG(os.stat(seen).st_mode) and os.access(seen, os.X_OK)
    except OSError:
        return False
