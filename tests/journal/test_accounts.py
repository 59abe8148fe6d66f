"""What users and tenants share in the journal: caps, what was spent, and how often tools are called."""

import asyncio
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from agentflow.errors import LeaseLostError
from agentflow.events.run_events import RunFinished
from agentflow.events.session_events import ModelCalled, ModelReplied, SessionStarted
from agentflow.events.values import NOTHING_SPENT, Usage
from agentflow.guard.money import Cap, Granted, Refused, Want, day_of, nano
from agentflow.journal.port import Entry, Spending
from agentflow.journal.schema import MIGRATIONS, migrate
from agentflow.journal.sqlite import open_journal
from tests.journal.samples import started

DAY = "2026-11-21"
CAP = Cap("tenant", "acme", "day", 1_000)


@pytest.fixture
def journal(tmp_path: Path):
    with closing(open_journal(tmp_path / ".agentflow" / "journal.db")) as opened:
        yield opened


def begin(journal, name, user="ada", tenant="acme"):
    event = started()
    fields = {field: getattr(event, field) for field in event.__struct_fields__}
    return journal.create(type(event)(**{**fields, "run": name, "user": user, "tenant": tenant}))


def want(least, full, in_use=0, *, day=DAY, caps=(CAP,), tranche=0, user="ada"):
    return Want(user, "acme", day, caps, in_use, least, full, tranche)


def reply(stream, cost, at=1_000.0, day=DAY, model="claude-sonnet-5-5"):
    return [
        Entry(stream, SessionStarted(at, "writer", "a", "x", None)),
        Entry(stream, ModelCalled(at, 1, 1, model, 100, 0.5, day=day)),
        Entry(stream, ModelReplied(at, 1, (), "end_turn", model, Usage(10, 5), cost)),
    ]


def test_a_run_holds_what_it_needs_and_no_more_than_the_cap(journal):
    one, two = begin(journal, "one"), begin(journal, "two")
    assert journal.lease_money(one, want(100, 600)) == Granted(600)
    # The reply of the second is bounded by what is left.
    assert journal.lease_money(two, want(100, 600)) == Granted(400)
    assert journal.charged("tenant", "acme", DAY) == journal.charged("user", "ada", "2026-11") == 1_000
    refused = journal.lease_money(two, want(1, 1, in_use=400))
    assert (refused.cap, refused.used, refused.others_hold) == (CAP, 1_000, True)
    journal.give_back(one, DAY, 100)
    assert journal.lease_money(two, want(1, 1, in_use=400)).leased >= 401
    assert journal.charged("tenant", "acme", DAY) <= 1_000


def test_who_is_refused_keeps_nothing_that_others_could_use(journal):
    one, two = begin(journal, "one"), begin(journal, "two")
    journal.lease_money(one, want(100, 500))
    journal.lease_money(two, want(100, 500))
    # The first has used 200 of its 500 and needs 900 more; it holds 200 from then on.
    assert isinstance(journal.lease_money(one, want(900, 900, in_use=200)), Refused)
    assert journal.held_money("one") == {DAY: 200}
    assert journal.lease_money(two, want(300, 300, in_use=500)).leased >= 800


def test_the_tightest_of_several_caps_is_the_one_that_is_named(journal):
    lease = begin(journal, "one")
    caps = (CAP, Cap("user", "ada", "month", 50), Cap("tenant", "acme", "month", 5_000))
    refused = journal.lease_money(lease, want(60, 60, caps=caps))
    assert refused.cap == caps[1]
    assert journal.charged("tenant", "acme", DAY) == 0


def test_another_process_that_owns_the_run_now_keeps_this_one_from_spending(journal):
    lease = begin(journal, "one")
    journal.release(lease)
    again = journal.take("one")
    for act in (
        lambda: journal.lease_money(lease, want(1, 1)),
        lambda: journal.give_back(lease, DAY, 0),
        lambda: journal.write_off(lease, DAY, 0),
    ):
        with pytest.raises(LeaseLostError):
            act()
    assert journal.lease_money(again, want(1, 1)).leased >= 1


def test_a_call_that_cost_more_than_was_held_is_charged_all_the_same(journal):
    lease = begin(journal, "one")
    journal.lease_money(lease, want(100, 100))
    asyncio.run(journal.append(lease, reply("s", 0.000_000_7)))
    assert journal.charged("tenant", "acme", DAY) == 700


def test_money_of_one_day_is_no_money_of_the_next_but_of_the_same_month(journal):
    lease = begin(journal, "one")
    month = Cap("tenant", "acme", "month", 1_500)
    journal.lease_money(lease, want(1_000, 1_000, day="2026-11-30", caps=(CAP, month)))
    refused = journal.lease_money(lease, want(600, 600, day="2026-11-29", caps=(CAP, month)))
    assert refused.cap == month
    assert journal.lease_money(lease, want(600, 600, day="2026-12-01", caps=(CAP, month))).leased >= 600
    assert journal.charged("tenant", "acme", "2026-11") == 1_000
    assert journal.held_money("one") == {"2026-11-29": 0, "2026-11-30": 1_000, "2026-12-01": 600}


def test_what_was_spent_before_there_was_a_policy_counts_once_there_is_one(journal):
    lease = begin(journal, "one")
    at = 1_000.0
    asyncio.run(journal.append(lease, reply("s", 0.000_000_9, at, day="")))
    day = day_of(at)
    assert isinstance(journal.lease_money(lease, want(101, 101, day=day)), Refused)
    assert journal.lease_money(lease, want(100, 100, day=day)) == Granted(100)


def test_spending_is_told_by_whatever_is_wanted_and_stays_when_runs_are_deleted(journal):
    one, two = begin(journal, "one"), begin(journal, "two", "bob", "")
    asyncio.run(journal.append(one, reply("s", 0.25)))
    asyncio.run(journal.append(one, reply("t", 0.50, day="2026-11-22", model="claude-haiku-4-5")))
    asyncio.run(journal.append(two, reply("s", 1.00)))
    assert journal.spending(("user",)) == [
        Spending({"user": "bob"}, 1.00, 1, 10, 5),
        Spending({"user": "ada"}, 0.75, 2, 20, 10),
    ]
    assert [(one.of["day"], one.of["model"], one.cost_usd) for one in journal.spending(("day", "model"))] == [
        (DAY, "claude-sonnet-5-5", 1.25),
        ("2026-11-22", "claude-haiku-4-5", 0.50),
    ]
    assert journal.spending((), since="2026-11-22") == [Spending({}, 0.50, 1, 10, 5)]
    assert journal.spending(("agent",), only={"tenant": "acme"}, until=DAY) == [
        Spending({"agent": "writer"}, 0.25, 1, 10, 5)
    ]
    for lease in (one, two):
        asyncio.run(journal.append(lease, [Entry("", RunFinished(2.0, "done", {}, None, NOTHING_SPENT))]))
        journal.release(lease)
    assert journal.prune(3.0) == 2
    assert [one.cost_usd for one in journal.spending(("run",))] == [1.00, 0.75]


def test_a_journal_of_before_knows_what_its_runs_have_cost(tmp_path):
    with closing(apsw.Connection(str(tmp_path / "old.db"))) as connection:
        migrate(connection, MIGRATIONS[:3])
        connection.execute("INSERT INTO runs VALUES ('old', 'w', 'p', 'd', 1795262400.0, 'done', NULL, 1795262401.0)")
        connection.execute("INSERT INTO spend (run, settled_usd, turns) VALUES ('old', 0.125, 7)")
        migrate(connection)
        rows = connection.execute("SELECT run, day, cost, calls FROM spending").fetchall()
    assert rows == [("old", DAY, nano(0.125), 7)]


def test_a_rate_counts_the_calls_of_a_user_in_every_process(tmp_path):
    path = tmp_path / ".agentflow" / "journal.db"
    with closing(open_journal(path)) as one, closing(open_journal(path)) as two:
        begin(one, "r")
        assert one.begin_call("ada", "WebFetch", 2, 60.0, 1_000.0) is None
        assert two.begin_call("ada", "WebFetch", 2, 60.0, 1_010.0) is None
        assert one.begin_call("ada", "WebFetch", 2, 60.0, 1_059.0) == 1_060.0
        assert two.begin_call("bob", "WebFetch", 2, 60.0, 1_059.0) is None
        assert two.begin_call("ada", "Bash", 2, 60.0, 1_059.0) is None
        assert two.begin_call("ada", "WebFetch", 2, 60.0, 1_060.0) is None
        assert one.begin_call("ada", "WebFetch", 2, 60.0, 1_069.0) == 1_070.0


def test_a_clock_that_was_set_back_holds_nobody_longer_than_the_rate_would(journal):
    begin(journal, "r")
    assert journal.begin_call("ada", "WebFetch", 1, 60.0, 100_000.0) is None
    assert journal.begin_call("ada", "WebFetch", 1, 60.0, 1_000.0) is None
