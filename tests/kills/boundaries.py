"""A journal whose every write can be killed: before it begins, within it, once it has landed, and after it was heard.

`Boundaries` counts the writes of one process. `Watched` is the journal that the run is handed; `Disk` is the layer
under SQLite that sees each piece of a write go out.
"""

import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import apsw

from agentflow.events.codec import Event, dumps, to_body
from agentflow.events.run_events import RunStarted
from agentflow.journal.port import RUN_STREAM, Entry, Gate, Lease
from agentflow.journal.sqlite import SqliteJournal

Phase = Literal["before", "inside", "landed", "after"]
DISK = "agentflow-kills"


@dataclass(frozen=True, slots=True)
class Crossing:
    """A write that was gone through.

    Attributes:
        what: the journal's method, `open` and `close` included.
        pieces: how many writes of SQLite it took.
        lands: one of them made it count.
    """

    what: str
    pieces: int
    lands: bool


@dataclass(frozen=True, slots=True)
class Kill:
    """Where the process is to die.

    Attributes:
        number: the crossing, from 1.
        phase: `before`: nothing was written; `inside`: in the middle of a piece; `landed`: it counts, and nobody was
            told; `after`: it was acknowledged, and nothing has followed.
        piece: of `inside`, from 1; a write with fewer pieces passes the kill on to the next.
    """

    number: int
    phase: Phase
    piece: int = 1


def digest(event: Event) -> str:
    """What tells an event from any other."""
    return sha256(f"{type(event).__name__} {dumps(to_body(event))}".encode()).hexdigest()[:32]


def die() -> None:
    """As the kernel kills: nothing is flushed, closed or said."""
    os.kill(os.getpid(), signal.SIGKILL)


class Disk(apsw.VFS):
    """SQLite's own layer; counts what is written, and dies where it is told to.

    Attributes:
        pieces: writes since the last `forget`.
        landed: one of them completed a transaction.
    """

    def __init__(self) -> None:
        super().__init__(DISK, "")
        self.forget()
        self.kill: Kill | None = None

    def forget(self) -> None:
        self.pieces = 0
        self.landed = False

    def xOpen(self, name: Any, flags: list[int]) -> "_File":  # noqa: N802 the name is SQLite's
        return _File(self, name, flags)

    def dies_in(self) -> bool:
        """Counts a piece; whether the process is to die in it."""
        self.pieces += 1
        if self.kill is None or self.kill.phase != "inside":
            return False
        return self.pieces == self.kill.piece

    def has_landed(self) -> None:
        self.landed = True
        if self.kill is not None and self.kill.phase == "landed":
            die()


class _File(apsw.VFSFile):
    """A file. In the log, the frame that makes a transaction count says so (https://sqlite.org/walformat.html)."""

    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._is_log = bool(flags[0] & apsw.SQLITE_OPEN_WAL)
        self._last_frame = False
        super().__init__("", name, flags)

    def xWrite(self, data: Any, offset: int) -> None:  # noqa: N802
        if self._disk.dies_in():
            super().xWrite(bytes(data)[: len(data) // 2], offset)
            die()
        super().xWrite(data, offset)
        if not self._is_log:
            return
        if len(data) == 24:
            self._last_frame = bytes(data)[4:8] != bytes(4)
        elif self._last_frame:
            self._last_frame = False
            self._disk.has_landed()


class Boundaries:
    """The writes of this process, counted, and where it is to die; what was acknowledged goes into a synced file.

    Parameters:
        acknowledged: a file of JSON lines.
        kill: None: nowhere.
    """

    def __init__(self, disk: Disk, acknowledged: Path, kill: Kill | None) -> None:
        self.crossings: list[Crossing] = []
        self._disk = disk
        self._file = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._kill = kill
        self._heads: dict[str, int] = {}

    @contextmanager
    def cross(self, what: str) -> Iterator[None]:
        """Around a write; what it acknowledges is to be told inside."""
        number = len(self.crossings) + 1
        kill = self._kill if self._kill is not None and number >= self._kill.number else None
        if kill is not None and kill.phase == "before":
            die()
        self._disk.forget()
        self._disk.kill = kill
        yield
        self._disk.kill = None
        self.crossings.append(Crossing(what, self._disk.pieces, self._disk.landed))
        if kill is not None and kill.phase == "after":
            die()

    def heads(self, recorded: dict[str, int]) -> None:
        """The journal as this process found it: the last seq of each stream."""
        self._heads = dict(recorded)

    def heard(self, entries: Sequence[Entry]) -> None:
        """Events were acknowledged."""
        lines = []
        for entry in entries:
            seq = self._heads.get(entry.stream, 0) + 1
            self._heads[entry.stream] = seq
            lines.append({"stream": entry.stream, "seq": seq, "digest": digest(entry.event)})
        self._write(lines)

    def answered(self, step: str, comment: str) -> None:
        """An answer at a gate was acknowledged."""
        self._write([{"step": step, "comment": comment}])

    def save(self, path: Path) -> None:
        """Writes down the crossings."""
        path.write_text(json.dumps([asdict(crossing) for crossing in self.crossings]))

    def _write(self, lines: Sequence[dict[str, Any]]) -> None:
        os.write(self._file, "".join(json.dumps(line) + "\n" for line in lines).encode())
        os.fsync(self._file)


class Watched:
    """A journal whose writes are boundaries; everything else is the journal's own."""

    def __init__(self, journal: SqliteJournal, boundaries: Boundaries) -> None:
        self._journal = journal
        self._boundaries = boundaries

    def create(self, started: RunStarted, entries: Sequence[Entry] = ()) -> Lease:
        with self._boundaries.cross("create"):
            lease = self._journal.create(started, entries)
            self._boundaries.heads({})
            self._boundaries.heard([Entry(RUN_STREAM, started), *entries])
        return lease

    def take(self, run: str) -> Lease:
        with self._boundaries.cross("take"):
            lease = self._journal.take(run)
        heads: dict[str, int] = {}
        for entry in self._journal.read(run):
            heads[entry.stream] = entry.seq
        self._boundaries.heads(heads)
        return lease

    def release(self, lease: Lease) -> None:
        with self._boundaries.cross("release"):
            self._journal.release(lease)

    async def append(self, lease: Lease, entries: Sequence[Entry], *, durable: bool = False) -> None:
        with self._boundaries.cross("append"):
            await self._journal.append(lease, entries, durable=durable)
            self._boundaries.heard(entries)

    def answer(self, run: str, step: str, *, approved: bool, by: str, comment: str | None, at: float) -> Gate:
        with self._boundaries.cross("answer"):
            gate = self._journal.answer(run, step, approved=approved, by=by, comment=comment, at=at)
            self._boundaries.answered(step, comment or "")
        return gate

    def close(self) -> None:
        with self._boundaries.cross("close"):
            self._journal.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)
