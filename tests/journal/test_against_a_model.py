"""The journal beside a plain list of what it was told, through crashes, takeovers and restarts."""

import asyncio
import shutil
import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from agentflow.errors import JournalError, LeaseLostError
from agentflow.events.run_events import RunFinished
from agentflow.journal.leases import LEASE_SECONDS
from agentflow.journal.port import RUN_STREAM, Entry, Lease
from agentflow.journal.sqlite import SqliteJournal, open_journal
from tests.journal.samples import Clock, finished, replied, started, step

RUNS = ("run-a", "run-b")

events = st.one_of(
    st.sampled_from(["plan", "write", "check"]).map(step),
    st.text(max_size=20).map(lambda text: replied(text=text)),
    st.sampled_from("xyz").map(lambda letter: replied(text=letter * 9_000)),
)
entries = st.lists(st.builds(Entry, st.sampled_from([RUN_STREAM, "s1", "s2"]), events), min_size=1, max_size=4)


class JournalBesideAModel(RuleBasedStateMachine):
    leases = Bundle("leases")

    @initialize()
    def open_first(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.crashes = 0
        self.path = self.root / "0" / "journal.db"
        self.journal: SqliteJournal = open_journal(self.path, self.clock)
        self.model: dict[str, list[tuple[str, object]]] = {}
        self.owner: dict[str, Lease | None] = {}
        self.runner = asyncio.Runner()

    def teardown(self) -> None:
        if hasattr(self, "root"):
            self.runner.close()
            self.journal.close()
            shutil.rmtree(self.root)

    @rule(target=leases, run=st.sampled_from(RUNS))
    def create(self, run: str) -> object:
        try:
            lease = self.journal.create(started(run))
        except JournalError:
            assert run in self.model
            return multiple()
        assert run not in self.model
        self.model[run] = [(RUN_STREAM, started(run))]
        self.owner[run] = lease
        return lease

    @rule(target=leases, run=st.sampled_from(RUNS))
    def take(self, run: str) -> object:
        try:
            lease = self.journal.take(run)
        except JournalError:
            assert run not in self.model or self.owner[run] is not None or self.has_ended(run)
            return multiple()
        assert self.owner[run] is None
        self.owner[run] = lease
        return lease

    @rule(lease=consumes(leases))
    def release(self, lease: Lease) -> None:
        self.journal.release(lease)
        if self.owner[lease.run] == lease:
            self.owner[lease.run] = None

    @rule(lease=leases)
    def renew(self, lease: Lease) -> None:
        try:
            self.journal.renew(lease)
        except LeaseLostError:
            assert self.owner[lease.run] != lease
        else:
            assert self.owner[lease.run] == lease

    @rule(lease=leases, batch=st.lists(st.tuples(entries, st.booleans()), min_size=1, max_size=4))
    def append(self, lease: Lease, batch: list[tuple[list[Entry], bool]]) -> None:
        async def all_at_once() -> list[object]:
            calls = (self.journal.append(lease, call, durable=durable) for call, durable in batch)
            return await asyncio.gather(*calls, return_exceptions=True)

        outcomes = self.runner.run(all_at_once())
        if self.owner[lease.run] == lease:
            assert outcomes == [None] * len(batch)
            self.model[lease.run] += [(entry.stream, entry.event) for call, _ in batch for entry in call]
        else:
            assert {type(outcome) for outcome in outcomes} == {LeaseLostError}

    @rule(lease=leases)
    def finish(self, lease: Lease) -> None:
        if self.owner[lease.run] == lease:
            self.runner.run(self.journal.append(lease, [Entry(RUN_STREAM, finished())], durable=True))
            self.model[lease.run].append((RUN_STREAM, finished()))

    @rule()
    def time_runs_out(self) -> None:
        """All leases end; the run of each is taken over, or stays as it is."""
        self.clock.now += LEASE_SECONDS
        for run in self.model:
            if not self.has_ended(run):
                lease = self.journal.take(run)
                self.journal.release(lease)
                self.owner[run] = None

    @rule()
    def restart(self) -> None:
        self.journal.close()
        self.journal = open_journal(self.path, self.clock)

    @rule()
    def crash(self) -> None:
        """The process dies: what it had written to its files is what the next one finds."""
        self.crashes += 1
        survivor = self.root / str(self.crashes) / "journal.db"
        survivor.parent.mkdir(mode=0o700)
        for file in (self.path, self.path.with_name("journal.db-wal")):
            shutil.copy2(file, survivor.with_name(file.name))
        self.journal.close()
        self.path = survivor
        self.journal = open_journal(self.path, self.clock)

    @invariant()
    def all_that_was_acknowledged_is_there_and_nothing_else(self) -> None:
        if not hasattr(self, "model"):
            return
        for run in RUNS:
            if run not in self.model:
                continue
            with closing(self.journal.read(run)) as reader:
                found = [(recorded.stream, recorded.event) for recorded in reader]
            assert found == self.model[run]
            for stream in {name for name, _ in found}:
                one = list(self.journal.read(run, stream))
                assert [recorded.seq for recorded in one] == list(range(1, len(one) + 1))
                assert [recorded.event for recorded in one] == [event for name, event in found if name == stream]
        assert {summary.run for summary in self.journal.runs()} == set(self.model)
        for summary in self.journal.runs():
            replies = [event for _, event in self.model[summary.run] if hasattr(event, "cost_usd")]
            assert summary.turns == len(replies)
            assert summary.cost_usd == sum(event.cost_usd for event in replies)
            assert (summary.status == "done") is self.has_ended(summary.run)

    def has_ended(self, run: str) -> bool:
        return run in self.model and any(isinstance(event, RunFinished) for _, event in self.model[run])


TestJournalBesideAModel = JournalBesideAModel.TestCase
TestJournalBesideAModel.settings = settings(
    max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
