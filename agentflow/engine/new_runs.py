"""A run that begins: it is put on record, with what it takes over from an older one."""

from pathlib import Path

from agentflow.engine.seeds import Seed, begun
from agentflow.errors import UsageError
from agentflow.events.codec import dumps, to_body
from agentflow.events.run_events import RunStarted
from agentflow.journal.port import Entry, Journal, Lease
from agentflow.tools.kept_results import KeptResults


def create(seed: Seed, journal: Journal, now: float) -> tuple[RunStarted, tuple[Entry, ...], Lease]:
    """Begins a run; returns its first events and its lease.

    Large results that are named in what it takes over become its own, since the older run may be pruned.

    Raises:
        UsageError: the edited file lets agents do more than they could, and nobody has said yes to it.
        JournalError: the journal cannot be written.
    """
    if seed.wider and not seed.agreed:
        raise UsageError(
            f"the edited file lets agents do more than before: {'; '.join(seed.wider)}",
            "a person must agree: resume it at a terminal, or start a new run of the file with `agentflow run`",
        )
    started, kept = begun(seed, now)
    lease = journal.create(started, kept)
    if started.lineage is not None:
        results = KeptResults(Path(started.project), started.run)
        for entry in kept:
            results.take_over(started.lineage.run, dumps(to_body(entry.event)))
    return started, kept, lease
