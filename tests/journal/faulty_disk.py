"""A layer under SQLite that counts, and fails when told to."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import apsw

_names = count()


class FaultyDisk(apsw.VFS):
    """The system's own layer, but for the writes and syncs that are to fail.

    Attributes:
        name: under which SQLite knows it.
        syncs: how many syncs of the log there were.
        writes: how many writes to any file but shared memory.
    """

    def __init__(self) -> None:
        self.name = f"faulty-{next(_names)}"
        self.syncs = 0
        self.writes = 0
        self._fail_at: dict[str, int] = {}
        self._error: type[apsw.Error] = apsw.IOError
        self._goes_on = False
        super().__init__(self.name, "")

    def xOpen(self, name: object, flags: list[int]) -> "FaultyFile":  # noqa: N802 the name is SQLite's
        return FaultyFile(self, name, flags)

    def fail(self, what: str, at: int, error: type[apsw.Error], *, goes_on: bool = False) -> None:
        """Lets the `at`-th (from 1) write or sync from now on fail, and with `goes_on` all that follow."""
        self._fail_at = {what: at}
        self._error = error
        self._goes_on = goes_on

    def heal(self) -> None:
        self._fail_at = {}

    def step(self, what: str) -> None:
        if what not in self._fail_at:
            return
        self._fail_at[what] -= 1
        if self._fail_at[what] == 0 or (self._fail_at[what] < 0 and self._goes_on):
            raise self._error("the disk was told to fail")


class FaultyFile(apsw.VFSFile):
    def __init__(self, disk: FaultyDisk, name: object, flags: list[int]) -> None:
        self._disk = disk
        self._is_log = bool(flags[0] & apsw.SQLITE_OPEN_WAL)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.writes += 1
        self._disk.step("write")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.syncs += self._is_log
        self._disk.step("sync")
        super().xSync(flags)

    def excepthook(self, *error: object) -> bool:
        return True  # told to fail: nothing to print


@contextmanager
def faulty_disk() -> Iterator[FaultyDisk]:
    disk = FaultyDisk()
    try:
        yield disk
    finally:
        disk.unregister()
