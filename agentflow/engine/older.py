"""What can be had of a run that is in the journal: a new run that goes on from it, and its sessions.

Everything heavy comes in as it is used, since this is imported by who only checks a file.
"""

from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentflow.errors import JournalError, UsageError
from agentflow.source.project import journal_of

if TYPE_CHECKING:
    from agentflow.engine.continuing import SessionStory
    from agentflow.engine.past import OlderRun
    from agentflow.engine.rewinding import Rewind
    from agentflow.engine.seeds import Seed
    from agentflow.engine.sessions import SessionSummary
    from agentflow.events.run_events import RunStarted
    from agentflow.journal.port import Journal
    from agentflow.plan.checked import Checked
    from agentflow.plan.model import Plan

JSON = Any


def fork(
    run: str,
    steps: Iterable[str] = (),
    inputs: Mapping[str, JSON] | None = None,
    *,
    journal: Path | None = None,
    project: Path | None = None,
) -> "Seed":
    """A new run of what a run was started with, that keeps what the other one has done; see `start_seed`.

    Parameters:
        run: its id, or the beginning of it.
        steps: paths of those that run again, with all that follows them; numbers of items and rounds may be left
            out. None: what had failed.
        inputs: those that are to have another value; nothing that is kept may have read them.
        journal: the file; None: the project's.
        project: its folder; None: the one around the current folder.

    Raises:
        JournalError: there is no such run, or a process is at work on it.
        UsageError: there is no such step, nothing failed, an effect was cut off that is not named, or an input was
            read.
    """
    from agentflow.engine.seeds import fork_seed

    with closing(_open(journal, project)) as opened:
        return fork_seed(_read(opened, run), steps, inputs or {})


def edited(
    run: str,
    checked: "Checked",
    inputs: Mapping[str, JSON] | None = None,
    *,
    journal: Path | None = None,
    project: Path | None = None,
) -> "Seed":
    """A new run of an edited file, that keeps what a run has done and the edit does not touch; see `start_seed`.

    Parameters:
        checked: the file as it is now; see `check_to_run`. Others as of `fork`.

    Raises:
        InvalidWorkflowError: the file has errors.
        JournalError, UsageError: as of `fork`; or the file is of another project.
    """
    from agentflow.engine.seeds import begun_by, edited_seed

    plan, begun = begun_by(checked)
    with closing(_open(journal, project)) as opened:
        older = _read(opened, run)
        if older.started.continued is not None:
            raise UsageError(f"run {older.started.run} only carries a session on", "name a run of the file itself")
        if begun.project != older.started.project:
            raise UsageError(
                f"{checked.path} is in the project {begun.project}, and run {older.started.run} is not",
                "start a new run of it with `agentflow run`",
            )
        return edited_seed(older, plan, begun, inputs or {})


def file_of(run: str, *, journal: Path | None = None, project: Path | None = None) -> Path:
    """The workflow file that a run was started with. Raises JournalError."""
    with closing(_open(journal, project)) as opened:
        started = _started(opened, opened.find(run))
        return Path(started.project) / started.folder / Path(started.path).name


def plan_of_run(run: str, *, journal: Path | None = None, project: Path | None = None) -> "Plan":
    """The plan that a run was started with. Raises JournalError."""
    from agentflow.engine.stored import stored_plan

    with closing(_open(journal, project)) as opened:
        return stored_plan(_started(opened, opened.find(run)))


async def rewind(run: str, to: str | None = None, **options: Any) -> "Rewind":
    """Puts files back as they were before a step began; see `engine.rewinding.rewind`, which says what it takes."""
    from agentflow.engine import rewinding

    return await rewinding.rewind(run, to, **options)


def stored_plan(started: "RunStarted") -> "Plan":
    """The plan of a run, from the texts that were stored with it. Raises AgentflowError where it became another."""
    from agentflow.engine.stored import stored_plan

    return stored_plan(started)


def continued(
    run: str,
    session: str,
    prompt: str,
    at: int | None = None,
    *,
    journal: Path | None = None,
    project: Path | None = None,
) -> "Seed":
    """A new run that carries a session on: same agent, tools and bounds, after what was said; see `start_seed`.

    Parameters:
        run: its id, or the beginning of it.
        session: its name, the beginning of it, or its agent's; see `sessions`.
        at: the last turn that is taken over; None: all of an ended session.
        journal, project: as of `fork`.

    Raises:
        JournalError: there is no such run.
        UsageError: there is no such session or turn, or it cannot be carried on there.
    """
    from agentflow.engine.continuing import continued_seed
    from agentflow.engine.stored import whole_plan

    with closing(_open(journal, project)) as opened:
        run = opened.find(run)
        started = _started(opened, run)
        return continued_seed(whole_plan(started), started, _story(opened, run, session, at), prompt, at)


def sessions(run: str, *, journal: Path | None = None, project: Path | None = None) -> "list[SessionSummary]":
    """The sessions of a run, each before its subagents. Raises JournalError where there is no such run."""
    from agentflow.engine.sessions import sessions_of

    with closing(_open(journal, project)) as opened:
        return sessions_of(opened.read(opened.find(run)))


def session(run: str, name: str, *, journal: Path | None = None, project: Path | None = None) -> "SessionStory":
    """A session of a run, whole: what was said, the last request and its reply.

    Raises:
        JournalError: there is no such run.
        UsageError: there is no such session, or more than one.
    """
    with closing(_open(journal, project)) as opened:
        return _story(opened, opened.find(run), name, None)


def _story(journal: "Journal", run: str, name: str, at: int | None) -> "SessionStory":
    from agentflow.engine.continuing import session_story
    from agentflow.engine.sessions import session_named, sessions_of
    from agentflow.engine.stored import stored_plan

    summary = session_named(sessions_of(journal.read(run)), name, run)
    return session_story(stored_plan(_started(journal, run)), journal.read(run), summary, at=at)


def _read(journal: "Journal", run: str) -> "OlderRun":
    from agentflow.engine.past import OlderRun
    from agentflow.engine.stored import stored_plan

    run = journal.find(run)
    if journal.summary(run).status == "running":
        raise JournalError(f"a process is at work on run {run}", "wait until it has ended, or interrupt it")
    return OlderRun.read(stored_plan(_started(journal, run)), journal.read(run))


def _started(journal: "Journal", run: str) -> "RunStarted":
    from agentflow.events.run_events import RunStarted

    started = next(iter(journal.read(run, ""))).event
    if not isinstance(started, RunStarted):
        raise JournalError(f"run {run} does not begin as a run does", "the journal is damaged")
    return started


def _open(journal: Path | None, project: Path | None) -> "Journal":
    from agentflow.journal.sqlite import open_journal

    return open_journal(journal or journal_of(project), access="read")
