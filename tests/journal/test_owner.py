"""Who holds a lease, and whether it still lives."""

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agentflow.journal.owner import Owner, boot_id, start_ticks


@pytest.fixture
def me() -> Owner:
    return Owner.current()


@given(st.text(), st.integers())
def test_an_owner_can_be_written_and_read(host: str, pid: int) -> None:
    owner = Owner(host, "boot", "4026531836", pid, "123", "token")
    assert Owner.parse(str(owner)) == owner


@given(st.text())
def test_any_text_can_be_read_as_an_owner(text: str) -> None:
    assert isinstance(Owner.parse(text), Owner)


def test_two_owners_in_one_process_differ(me: Owner) -> None:
    assert str(me) != str(Owner.current())
    assert me.same_boot(Owner.current())


def test_this_process_lives(me: Owner) -> None:
    assert not me.is_gone(Owner.current())


@pytest.mark.skipif(not boot_id(), reason="this system tells no boot id")
def test_a_process_of_an_earlier_boot_is_gone(me: Owner) -> None:
    earlier = replace(me, boot="an earlier one")
    assert earlier.is_gone(me)
    assert not earlier.same_boot(me)


@pytest.mark.skipif(start_ticks(os.getpid()) is None, reason="this system tells no start times")
def test_a_process_that_has_an_old_ones_id_is_not_that_one(me: Owner) -> None:
    assert replace(me, started="1").is_gone(me)


@pytest.mark.parametrize(
    "changes",
    [
        {"host": "mars", "pid": 2**22 + 1},
        {"host": "mars", "boot": "another", "pid": 2**22 + 1},
        {"namespace": "1", "pid": 2**22 + 1},
        {"boot": ""},
        {"started": ""},
        {"pid": 2**70},
    ],
)
def test_what_cannot_be_told_counts_as_alive(me: Owner, changes: dict[str, object]) -> None:
    assert not replace(me, **changes).is_gone(me)


def test_an_unreadable_owner_counts_as_alive(me: Owner) -> None:
    assert not Owner.parse("nonsense").is_gone(me)
    assert not Owner.parse("nonsense").same_boot(me)


def test_a_process_that_was_killed_is_gone_even_before_its_parent_noticed(me: Owner) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        child = replace(me, pid=process.pid, started=start_ticks(process.pid) or "")
        assert not child.is_gone(me)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        if start_ticks(process.pid) is not None:
            assert child.is_gone(me)
    finally:
        process.communicate()
    assert child.is_gone(me)
