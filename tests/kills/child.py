"""One process of a run: starts or resumes it, answers its gates, and may be killed anywhere.

Everything heavy is imported by `preload` in the process that forks; clients, loops and databases are made after it.
"""

import asyncio
import faulthandler
import os
import sys
import time
import traceback
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentflow import api
from agentflow.errors import JournalError
from agentflow.journal import sqlite
from agentflow.journal.port import Journal, RunSummary
from tests.kills.boundaries import DISK, Boundaries, Disk, Kill, Watched


@dataclass(frozen=True, slots=True)
class Folder:
    """Where a run and the evidence of it lie."""

    root: Path

    @property
    def project(self) -> Path:
        return self.root / "project"

    @property
    def workflow(self) -> Path:
        return self.project / "workflow.yaml"

    @property
    def journal(self) -> Path:
        return self.project / api.JOURNAL

    @property
    def acknowledged(self) -> Path:
        return self.root / "acknowledged"

    @property
    def effects(self) -> Path:
        return self.root / "effects"

    @property
    def cut(self) -> Path:
        return self.root / "cut"

    @property
    def crossings(self) -> Path:
        return self.root / "crossings"

    @property
    def log(self) -> Path:
        return self.root / "log"


def preload() -> None:
    """Imports what a run needs, so that a fork of this process need not."""
    import gc

    import agentflow.engine.local
    import agentflow.engine.recover
    import agentflow.plan.compile
    import agentflow.plan.evaluate
    import agentflow.plan.inputs
    import agentflow.plan.sandbox
    import agentflow.spec.load
    import agentflow.tools.toolbox  # noqa: F401
    from agentflow.models.anthropic import preload as preload_client

    preload_client()
    gc.freeze()


def in_child(folder: Folder, launch: int, kill: Kill | None, *, asks: bool, base_url: str) -> int:
    """Forks, and has the child take the run as far as it lives. Returns the child's process id.

    Parameters:
        launch: the how manieth process of this run it is, from 1.
        asks: gates are answered by the process itself; else it pauses, and they are answered between.
    """
    child = os.fork()
    if child:
        return child
    code = 70
    try:
        log = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(log, 1)
        os.dup2(log, 2)
        faulthandler.enable(log)
        _own_environment(folder, base_url)
        code = asyncio.run(_go_on(folder, launch, kill, asks))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _own_environment(folder: Folder, base_url: str) -> None:
    for name in [name for name in os.environ if name.startswith("ANTHROPIC_")]:
        del os.environ[name]
    os.environ.update(
        AGENTFLOW_ENDPOINT="anthropic",
        ANTHROPIC_BASE_URL=base_url,
        ANTHROPIC_API_KEY="none",
        NO_PROXY="127.0.0.1",
        HOME=str(folder.root),
    )


async def _go_on(folder: Folder, launch: int, kill: Kill | None, asks: bool) -> int:
    boundaries = Boundaries(Disk(), folder.acknowledged, kill)
    _watch(boundaries)
    options = api.RunOptions(journal=folder.journal, yes=asks)
    found = runs_in(folder)
    if found and found[0].status in ("done", "failed"):
        return 0
    if found:
        result = await api.resume(found[0].run, options)
    else:
        result = await api.run(folder.workflow, {}, options)
    while result.status == "waiting":
        _answer(folder, result.run, f"by process {launch}")
        result = await api.resume(result.run, options)
    print(result)
    boundaries.save(folder.crossings)
    return 0 if result.status == "done" else 1


def runs_in(folder: Folder) -> list[RunSummary]:
    """The runs in the journal; none where there is no journal yet, or the kill came while it was made."""
    if not folder.journal.exists():
        return []
    try:
        with closing(sqlite.open_journal(folder.journal, access="read")) as journal:
            return journal.runs()
    except JournalError as error:
        print(error, error.hint)
        return []


def _watch(boundaries: Boundaries) -> None:
    """Has the run's journal be a watched one: a run is told the file of its journal, not handed the journal itself."""
    opened = sqlite.open_journal

    def open_watched(path: Path, **how: Any) -> Any:
        if how.get("access") == "read":
            return opened(path, **how)
        with boundaries.cross("open"):
            journal = opened(path, **how, vfs=DISK)
        return Watched(journal, boundaries)

    sqlite.open_journal = open_watched


def _answer(folder: Folder, run: str, comment: str) -> None:
    journal: Journal = sqlite.open_journal(folder.journal, access="write")
    with closing(journal):
        for gate in journal.gates(run):
            if gate.approved is None:
                journal.answer(run, gate.step, approved=True, by="harness", comment=comment, at=time.time())
