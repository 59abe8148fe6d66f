"""Calls that wait together share one commit."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from agentflow.errors import JournalError
from agentflow.journal.group_commit import Call, Commit, GroupCommit, Outcome
from agentflow.journal.port import Entry, Lease
from agentflow.journal.rows import Row, to_row
from agentflow.journal.writer import BusyNowError
from tests.journal.samples import replied, step

LEASE = Lease("run-a", 1, "owner", survived=True)
SMALL = [to_row(Entry("", step("plan")))]
LARGE = [to_row(Entry("s1", replied(text="x" * 300_000)))]


class Commits:
    """Notes each batch: how many calls, whether synced, whether in the event loop's own thread."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, bool, bool]] = []
        self.busy = False
        self.error: Exception | None = None
        self.entered = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def __call__(self, calls: Sequence[Call], synced: bool, wait: bool) -> list[Outcome]:
        inline = threading.current_thread() is threading.main_thread()
        if self.busy and not wait:
            raise BusyNowError
        self.entered.set()
        assert self.go_on.wait(10.0)
        self.batches.append((len(calls), synced, inline))
        if self.error is not None:
            raise self.error
        return [None] * len(calls)


@pytest.fixture
def commits() -> Commits:
    return Commits()


@pytest.fixture
def made() -> Iterator[Callable[..., GroupCommit]]:
    groups: list[GroupCommit] = []

    def make(commit: Commit, *, sync_all: bool = False) -> GroupCommit:
        groups.append(GroupCommit(commit, sync_all=sync_all))
        return groups[-1]

    yield make
    for group in groups:
        group.close()


async def append_all(group: GroupCommit, *calls: tuple[Sequence[Row], bool]) -> list[object]:
    waiting = (group.append(LEASE, rows, durable=durable) for rows, durable in calls)
    return await asyncio.gather(*waiting, return_exceptions=True)


async def test_the_calls_of_one_turn_are_one_commit_in_the_loop(
    commits: Commits, made: Callable[..., GroupCommit]
) -> None:
    group = made(commits)
    assert await append_all(group, *[(SMALL, False)] * 10) == [None] * 10
    assert await append_all(group, (SMALL, False)) == [None]
    assert commits.batches == [(10, False, True), (1, False, True)]


async def test_one_durable_call_makes_the_batch_synced_in_a_thread(
    commits: Commits, made: Callable[..., GroupCommit]
) -> None:
    await append_all(made(commits), (SMALL, False), (SMALL, True), (SMALL, False))
    assert commits.batches == [(3, True, False)]


async def test_with_sync_all_each_commit_is_synced(commits: Commits, made: Callable[..., GroupCommit]) -> None:
    await append_all(made(commits, sync_all=True), (SMALL, False))
    assert commits.batches == [(1, True, False)]


@pytest.mark.parametrize("calls", [[(LARGE, False)], [(SMALL, False)] * 65])
async def test_what_takes_long_is_done_in_a_thread(
    commits: Commits, made: Callable[..., GroupCommit], calls: list[tuple[Sequence[Row], bool]]
) -> None:
    await append_all(made(commits), *calls)
    assert commits.batches == [(len(calls), False, False)]


async def test_a_busy_database_is_waited_for_in_a_thread(commits: Commits, made: Callable[..., GroupCommit]) -> None:
    commits.busy = True
    assert await append_all(made(commits), (SMALL, False), (SMALL, False)) == [None, None]
    assert commits.batches == [(2, False, False)]


async def test_what_comes_during_a_commit_is_the_next_batch(commits: Commits, made: Callable[..., GroupCommit]) -> None:
    group = made(commits)
    commits.go_on.clear()
    first = asyncio.ensure_future(append_all(group, (SMALL, True)))
    await asyncio.to_thread(commits.entered.wait, 10.0)
    rest = asyncio.ensure_future(append_all(group, *[(SMALL, False)] * 5))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    commits.go_on.set()
    assert await first == [None]
    assert await rest == [None] * 5
    assert commits.batches == [(1, True, False), (5, False, False)]


@pytest.mark.parametrize("durable", [False, True])
async def test_whatever_goes_wrong_each_caller_hears_of_it(
    commits: Commits, made: Callable[..., GroupCommit], durable: bool
) -> None:
    commits.error = ZeroDivisionError("a bug")
    outcomes = await append_all(made(commits), (SMALL, durable), (SMALL, durable))
    assert [type(outcome) for outcome in outcomes] == [ZeroDivisionError] * 2
    commits.error = JournalError("no disk", "get one")
    outcomes = await append_all(made(commits), (SMALL, durable), (SMALL, durable))
    assert [(type(outcome), str(outcome)) for outcome in outcomes] == [(JournalError, "no disk")] * 2
    assert outcomes[0] is not outcomes[1]


async def test_after_closing_nothing_is_taken(commits: Commits, made: Callable[..., GroupCommit]) -> None:
    group = made(commits)
    group.close()
    assert [str(outcome) for outcome in await append_all(group, (SMALL, False))] == ["the journal is closed"]
    assert commits.batches == []
