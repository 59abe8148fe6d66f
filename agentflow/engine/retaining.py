"""Deletes the runs that the operator's policy does not keep."""

from pathlib import Path

from agentflow.guard.entitlements import Entitlements
from agentflow.journal.port import Journal
from agentflow.tools.kept_results import remove_kept
from agentflow.tools.workspaces import remove_workspaces

_EVERY = 1_000_000


async def retain(journal: Journal, entitled: Entitlements | None, project: Path) -> int:
    """Deletes what is older than the policy keeps, and all but the newest that it keeps, with what they left behind;
    returns how many runs. A run that a used-up bound holds can go on, and goes by its age alone."""
    if entitled is None or (entitled.keep_days is None and entitled.keep_runs is None):
        return 0
    by_age = journal.ended_before(entitled.keep_days, None)
    by_number = journal.ended_before(None, entitled.keep_runs)
    if max(by_age, by_number) <= 0:
        return 0
    there = {summary.run for summary in journal.runs(_EVERY)}
    deleted = journal.prune(by_age) + journal.prune(by_number, held=False)
    for run in sorted(there - {summary.run for summary in journal.runs(_EVERY)}) if deleted else ():
        await remove_workspaces(project, run)
        remove_kept(project, run)
    return deleted
