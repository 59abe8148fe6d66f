"""`rewind`: puts the files back that Write and Edit of a run have changed since a step began, and records that."""

import os
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from agentflow.errors import JournalError, UsageError
from agentflow.events.file_events import FileChanging, FilesRewinding, FilesRewound
from agentflow.events.run_events import RunStarted
from agentflow.journal.port import RUN_STREAM, Entry
from agentflow.run.checkpoints import REWIND, Changes, FileState, History, OtherCall, packed, put_back
from agentflow.source.project import journal_of
from agentflow.source.suggest import did_you_mean
from agentflow.tools.restoring import Look, look_at, restore
from agentflow.tools.threads import in_thread

if TYPE_CHECKING:
    from agentflow.journal.port import Journal, Lease

_HELD_A_SECRET = "it held the value of a secret, which the journal does not keep"
_MOST_NAMED = 8


class Rewind(Struct, frozen=True):
    """What a rewind did, or would do.

    Attributes:
        to: the step, or its turn, before which the files were so; "" where a rewind is undone.
        looks: each file, in the order of putting it back.
        not_covered: calls since then that may have changed files, of which nothing is kept.
        done: it was done; else there were conflicts, or it was only asked for.
        number: which of the run's rewinds it is; None: nothing was recorded.
        undoes: the number of the rewind that it undoes.
    """

    run: str
    to: str
    looks: tuple[Look, ...]
    not_covered: tuple[OtherCall, ...]
    done: bool
    number: int | None = None
    undoes: int | None = None

    @property
    def conflicts(self) -> tuple[Look, ...]:
        """The files that are not touched."""
        return tuple(look for look in self.looks if look.fate == "conflict")


async def rewind(
    run: str,
    to: str | None = None,
    *,
    undo: bool = False,
    dry_run: bool = False,
    force: bool = False,
    by: str = "",
    journal: Path | None = None,
    project: Path | None = None,
) -> Rewind:
    """Puts files back as they were before a step began, as far as Write and Edit changed them since.

    The run's journal stays as it is, with the rewind behind it. Where there are conflicts nothing is done, unless
    `force` says so. What was cut off by a crash is done by rewinding once more.

    Parameters:
        run: its id, or the beginning of it.
        to: the path of a step, or `STEP@TURN` for a turn of its session; None with `undo`.
        undo: the run's last rewind is undone.
        dry_run: only says what would be done.
        force: also what somebody else changed since is put back.
        by: who asks for it, for the record.
        journal: the file; None: the project's.
        project: its folder; None: the one around the current folder.

    Raises:
        JournalError: there is no such run, or a process is at work on it.
        UsageError: there is no such step, or no rewind to undo.
        AgentflowError: a file was changed this moment; what is done stays done.
    """
    from agentflow.journal.sqlite import open_journal

    path = journal or journal_of(project)
    with closing(open_journal(path, access="read" if dry_run else "write")) as opened:
        run = opened.find(run)
        if dry_run:
            return _looked_at(opened, run, to, undo, force)
        lease = opened.take(run, ended=True)
        try:
            found = _looked_at(opened, run, to, undo, force)
            if (found.conflicts and not force) or all(look.fate in ("same", "conflict") for look in found.looks):
                return _with(found, done=not found.conflicts)
            return await _done(opened, lease, found, by=by, force=force)
        finally:
            opened.release(lease)


def _looked_at(journal: "Journal", run: str, to: str | None, undo: bool, force: bool) -> Rewind:
    history, started = _history(journal, run)
    undoes = None
    if undo:
        if not history.rewinds:
            raise UsageError(f"nothing was rewound in run {run}", "name a step with --to")
        last, made = history.rewinds[-1]
        undoes, changes = last.number, Changes(put_back(made), ())
    else:
        changes = history.since(_beginning(history, run, to))
    looks = look_at(Path(started.project).resolve(), changes.files, forced=force)
    number = len(history.rewinds) + 1
    return Rewind(run, to or "", looks, changes.not_covered, False, number, undoes)


def _history(journal: "Journal", run: str) -> tuple[History, RunStarted]:
    history, started = History(), None
    for entry in journal.read(run):
        history.take(entry.stream, entry.event)
        if isinstance(entry.event, RunStarted):
            started = entry.event
    if started is None:
        raise JournalError(f"run {run} does not begin as a run does", "the journal is damaged")
    return history, started


def _beginning(history: History, run: str, to: str | None) -> str:
    if to is not None and to in history.beginnings:
        return to
    changed = tuple(dict.fromkeys(change.step for _, change in history.changes if change.step))
    named = ", ".join(changed[:_MOST_NAMED]) + (", …" if len(changed) > _MOST_NAMED else "")
    which = f"files were changed by {named}" if changed else "no file was changed by Write or Edit in it"
    if to is None:
        raise UsageError("say which step with --to", f"{which}; a turn of a session is STEP@TURN")
    near = did_you_mean(to, history.beginnings)
    raise UsageError(f"run {run} has begun no `{to}`", near or which)


async def _done(journal: "Journal", lease: "Lease", found: Rewind, *, by: str, force: bool) -> Rewind:
    """Records what is going to be done, does it, and records that it is done."""
    now, number, project = time.time(), found.number or 1, _project(journal, found.run)
    wanted = [look for look in found.looks if look.fate not in ("same", "conflict")]
    rewinding = FilesRewinding(now, number, found.to, by, found.undoes, force, len(wanted))
    held = _secrets(journal, found.run)
    entries = [Entry(RUN_STREAM, rewinding), *(Entry(RUN_STREAM, _changing(look, now, held)) for look in wanted)]
    await journal.append(lease, entries, durable=True)
    await in_thread(lambda _: restore(project, wanted))
    await journal.append(lease, [Entry(RUN_STREAM, FilesRewound(time.time(), number))], durable=True)
    return _with(found, done=True)


def _changing(look: Look, now: float, held: Sequence[bytes]) -> FileChanging:
    was: FileState = look.now
    lost = None
    if was.content is not None and (look.file.secret or any(value in was.content for value in held)):
        lost = _HELD_A_SECRET
    return FileChanging(
        at=now,
        step="",
        call="",
        tool=REWIND,
        folder=look.file.folder,
        path=look.file.path,
        mode=was.mode,
        digest=was.digest,
        size=0 if was.content is None else len(was.content),
        content=None if was.content is None or lost is not None else packed(was.content),
        after=look.file.target.digest,
        lost=lost,
    )


def _secrets(journal: "Journal", run: str) -> list[bytes]:
    """The values of the run's secrets that are known here, in the environment."""
    from agentflow.engine.stored import stored_plan

    names: Iterable[str] = stored_plan(_history(journal, run)[1]).secrets
    return [os.fsencode(value) for name in names if (value := os.environ.get(name))]


def _project(journal: "Journal", run: str) -> Path:
    return Path(journal.summary(run).project).resolve()


def _with(found: Rewind, *, done: bool) -> Rewind:
    recorded = done and any(look.fate not in ("same", "conflict") for look in found.looks)
    number = found.number if recorded else None
    return Rewind(found.run, found.to, found.looks, found.not_covered, done, number, found.undoes)
