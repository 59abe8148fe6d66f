"""A process of its own that writes to a journal, for the tests that kill it or race it against another.

Arguments: the journal, what to do, the run, how many. Each acknowledged event is a line on its output, at once.
"""

import asyncio
import os
import sys
from contextlib import closing
from pathlib import Path

from agentflow.errors import JournalError
from agentflow.journal.port import Entry, Lease
from agentflow.journal.sqlite import SqliteJournal, open_journal
from tests.journal.samples import replied, started, step


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def write(journal: SqliteJournal, lease: Lease, count: int) -> None:
    """A durable event after every few that are not; some large; on several streams at once."""

    async def one(stream: str, number: int) -> None:
        event = replied(text=f"{stream} {number} ".ljust(9_000 if number % 50 == 0 else 20))
        await journal.append(lease, [Entry(stream, event)], durable=number % 5 == 0)
        say(f"{stream} {number}")

    for number in range(1, count + 1):
        await asyncio.gather(one("s1", number), one("s2", number))


def main() -> None:
    path, action, run, count = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
    with closing(open_journal(path)) as journal:
        if action == "write":
            asyncio.run(write(journal, journal.create(started(run)), count))
        elif action == "hold":
            lease = journal.create(started(run))
            say("holding")
            sys.stdin.read()
            journal.release(lease)
        elif action == "take":
            sys.stdin.readline()
            try:
                lease = journal.take(run)
            except JournalError as error:
                say(f"refused {error.message}")
                return
            asyncio.run(journal.append(lease, [Entry("", step(f"of {os.getpid()}"))], durable=True))
            say(f"taken {lease.epoch} {lease.survived}")
            sys.stdin.read()


if __name__ == "__main__":
    main()
