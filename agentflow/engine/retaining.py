"""Deletes the runs that the operator's policy does not keep."""

from pathlib import Path

from agentflow.guard.entitlements import Entitlements
from agentflow.journal.port import Journal
from agentflow.tools.kept_results import remove_kept
from agentflow.tools.workspaces import remove_workspaces

_EVERY = 1_000_000


async def retain(journal: Journal, entitled: Entitlements | None, project: Path) -> int:
    """Deletes what is older than the policy keeps, with the workspaces and results it left; returns how many runs."""
    if entitled is None or (entitled.keep_days is None and entitled.keep_runs is None):
        return 0
    before = journal.ended_before(entitled.keep_days, entitled.keep_runs)
    if before <= 0:
        return 0
    there = {summary.run for summary in journal.runs(_EVERY)}
    deleted = journal.prune(before)
    for run in sorted(there - {summary.run for summary in journal.runs(_EVERY)}) if deleted else ():
        await remove_workspaces(project, run)
        remove_kept(project, run)
    return deleted
