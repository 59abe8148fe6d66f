"""Reads on in a run while another process writes it."""

from pathlib import Path

from agentflow.journal.connection import as_journal_error, open_reader
from agentflow.journal.port import Recorded
from agentflow.journal.reading import DAMAGED, damage, event_of, heads_of, verify
from agentflow.journal.recording import Head
from agentflow.journal.rows import NO_ROW, StoredRow

_NEW = (
    "SELECT position, stream, seq, type, version, body, refs, checksum FROM events"
    " WHERE run = ? AND stream = ? AND seq > ? ORDER BY seq"
)


class SqliteFollower:
    """A `Follower` of one run; see `port.Follower`.

    It asks the streams' heads what is new, so that the work follows what was added, not how long the run is.
    """

    def __init__(self, path: Path, vfs: str | None, run: str) -> None:
        self._path = path
        self._run = run
        self._found: dict[str, Head] = {}
        self._version: int | None = None
        try:
            self._connection = open_reader(path, vfs)
        except DAMAGED as error:
            raise as_journal_error(error, path) from error

    def more(self) -> list[Recorded]:
        """What was recorded since the last call, each verified, in the order in which it was recorded.

        Raises:
            JournalError: the run is gone, or what is there is damaged.
        """
        try:
            version: int = self._connection.execute("PRAGMA data_version").get
            if version == self._version:
                return []
            with self._connection:  # one view of the heads and the rows, whatever is written meanwhile
                found = self._read()
        except DAMAGED as error:
            raise as_journal_error(error, self._path) from error
        self._version = version
        return found

    def close(self) -> None:
        """Reads no more."""
        self._connection.close()

    def _read(self) -> list[Recorded]:
        new: list[tuple[int, Recorded]] = []
        for stream, head in heads_of(self._connection, self._run, None).items():
            before = self._found.get(stream, Head(0, NO_ROW))
            if before == head:
                continue
            for position, *values in self._connection.execute(_NEW, (self._run, stream, before.seq)):
                before, entry = self._entry(StoredRow(*values), before)
                new.append((position, entry))
            if before != head:
                why = f"it is missing, or is not the one of {head.seq} that was recorded"
                raise damage(self._path, self._run, stream, before.seq + 1, why)
            self._found[stream] = head
        return [entry for _, entry in sorted(new, key=lambda entry: entry[0])]

    def _entry(self, row: StoredRow, before: Head) -> tuple[Head, Recorded]:
        head = verify(self._run, row, before, self._path)
        try:
            event = event_of(self._connection, self._run, row, self._path)
        except DAMAGED as error:
            why = str(as_journal_error(error, self._path))
            raise damage(self._path, self._run, row.stream, row.seq, why) from error
        return head, Recorded(row.stream, row.seq, event)
