"""Whatever calls, settlements and subagents come in whatever order, no account spends past its cap."""

from dataclasses import dataclass
from math import inf

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

from agentflow.guard.ledger import SMALLEST_REPLY, Account, Exhausted, Ledger, Reservation, UsedUp, Wait
from agentflow.plan.prices import Price

PRICE = Price(input=3e-6, output=15e-6, cache_read=0.3e-6, cache_write_5m=3.75e-6, cache_write_1h=6e-6)
TINY = 1e-9


def ledger(cap: float = 1.0, turns: int = 100, agents: int = 100) -> Ledger:
    made = Ledger(cap, turns, agents)
    made.open("a", "writer", None, None)
    return made


def test_a_call_is_held_at_the_most_it_can_cost():
    held = ledger().reserve("a", PRICE, 1000, 2000)
    assert held == Reservation(2000, pytest.approx(1000 * 3.75e-6 + 2000 * 15e-6))


def test_the_reply_is_bounded_by_what_is_left():
    held = ledger(cap=0.05).reserve("a", PRICE, 1000, 8000)
    assert isinstance(held, Reservation)
    assert SMALLEST_REPLY <= held.max_tokens < 8000
    assert held.usd <= 0.05 + TINY


@pytest.mark.parametrize(("lost", "free"), [(0.0, True), (2.0, True), (0.0, False)])
def test_a_model_that_costs_nothing_needs_nothing_of_what_is_left(lost: float, free: bool):
    made = ledger(cap=1.0)
    made.write_off(lost)
    price = Price(0.0, 0.0, 0.0, 0.0, 0.0) if free else Price(1e-6, 0.0, 0.0, 0.0, 0.0)
    assert made.reserve("a", price, 1000, 8000) == Reservation(8000, pytest.approx(0.0 if free else 1e-3))


def test_a_model_whose_replies_are_free_still_needs_money_for_what_it_reads():
    made = ledger(cap=0.01)
    assert isinstance(made.reserve("a", Price(1e-3, 0.0, 0.0, 0.0, 0.0), 1000, 8000), Exhausted)


def test_a_reply_is_never_bounded_below_1024_for_moneys_sake():
    made = ledger(cap=0.0150)
    refused = made.reserve("a", PRICE, 100, 8000)
    assert isinstance(refused, Exhausted)
    failure = refused.failure
    assert failure.kind == "cost_usd"
    assert "limits.cost_usd" in failure.message


def with_files(**caps: float) -> Ledger:
    """The run, in it the file `outer` with these caps, in that the file `inner` without any, in that a session."""
    made = Ledger(1.0, 100, 100)
    made.open_part("outer", "`o.yaml`", (caps.get("usd"), caps.get("turns"), caps.get("agents")), None)
    made.open_part("outer.inner", "`i.yaml`", (None, None, None), "outer")
    made.open("s", "writer", None, None, "outer.inner")
    return made


def test_money_that_is_spent_in_a_file_is_spent_in_every_file_around_it_and_in_the_run():
    made = with_files(usd=0.02)
    held = made.reserve("s", PRICE, 1000, 2000)
    assert isinstance(held, Reservation)
    assert held.usd <= 0.02 + TINY
    made.called("s", held.usd)
    assert made.reserve("s", PRICE, 1000, 2000) == Wait()
    made.settled("s", held.usd, held.usd)
    assert made.run.settled_usd == held.usd
    refused = made.reserve("s", PRICE, 1000, 2000)
    assert isinstance(refused, UsedUp)
    assert (refused.part, refused.failure.kind) == ("outer", "cost_usd")
    assert "`o.yaml`" in refused.failure.message
    assert "limits.cost_usd" in refused.failure.message


def test_a_files_turns_are_used_up_by_all_that_is_in_it():
    made = with_files(turns=1)
    made.called("s", 0.0)
    refused = made.reserve("s", PRICE, 10, 2000)
    assert isinstance(refused, UsedUp)
    assert (refused.part, refused.failure.kind) == ("outer", "turns")


def test_a_files_agents_are_used_up_by_all_that_is_in_it_subagents_too():
    made = with_files(agents=2)
    assert made.no_more_agents_in("outer.inner") is None
    made.open("s/1", "helper", None, "s")
    made.close("s/1")
    refused = made.no_more_agents_in("outer.inner")
    assert refused is not None
    assert (refused.part, refused.failure.kind) == ("outer", "agents")
    assert made.no_more_agents_in(None) is None


def test_a_file_with_more_than_the_run_is_held_by_the_run():
    made = with_files(usd=50)
    assert isinstance(made.reserve("s", PRICE, 400_000, 2000), Exhausted)


def test_an_agent_that_wants_less_than_1024_may_have_it():
    assert isinstance(ledger(cap=0.0150).reserve("a", PRICE, 100, 900), Reservation)


def test_a_call_waits_while_others_hold_what_it_needs_and_goes_when_they_give_it_back():
    made = ledger(cap=0.05)
    made.open("b", "writer", None, None)
    first = made.reserve("a", PRICE, 1000, 3000)
    made.called("a", first.usd)
    assert made.reserve("b", PRICE, 1000, 3000) == Wait()
    made.settled("a", first.usd, 0.001)
    assert made.reserve("b", PRICE, 1000, 3000) == first


def test_nothing_is_waited_for_where_nothing_is_held():
    made = ledger(cap=0.05)
    first = made.reserve("a", PRICE, 1000, 3000)
    made.called("a", first.usd)
    made.settled("a", first.usd, first.usd)
    assert made.reserve("a", PRICE, 1000, 3000).failure.kind == "cost_usd"


def test_nothing_is_waited_for_though_sums_of_money_do_not_come_out_even():
    made = ledger(cap=0.02)
    for usd in (0.1, 0.2, 0.3):
        made.called("a", usd)
    for usd in (0.3, 0.1, 0.2):
        made.settled("a", usd, 0.005)
    assert isinstance(made.reserve("a", PRICE, 1000, 3000), Exhausted)


def test_an_agents_own_cap_is_named_and_covers_its_subagents():
    made = ledger()
    made.open("lead", "lead", 0.05, None)
    made.open("lead/1", "helper", None, "lead")
    first = made.reserve("lead/1", PRICE, 1000, 3000)
    made.called("lead/1", first.usd)
    made.settled("lead/1", first.usd, first.usd)
    made.close("lead/1")
    failure = made.reserve("lead", PRICE, 1000, 3000)
    assert "agent `lead`" in failure.message
    assert "stop.cost_usd" in failure.message
    assert isinstance(made.reserve("a", PRICE, 1000, 3000), Reservation), "the run has money left"


def test_a_longer_input_is_held_at_its_higher_price():
    dear = Price(6e-6, 30e-6, 1e-6, 7.5e-6, 12e-6)
    tiered = Price(3e-6, 15e-6, 0.3e-6, 3.75e-6, 6e-6, tiers=((200_000, dear),))
    held = ledger(cap=10).reserve("a", tiered, 200_001, 1024)
    assert held.usd == pytest.approx(200_001 * 7.5e-6 + 1024 * 30e-6)


def test_turns_of_the_run_are_bounded():
    made = ledger(turns=1)
    made.called("a", 0.0)
    failure = made.reserve("a", PRICE, 10, 1024).failure
    assert failure.kind == "turns"
    assert "limits.turns" in failure.message


def test_agents_of_the_run_are_bounded():
    made = Ledger(1.0, 10, 1)
    assert made.no_more_agents() is None
    made.open("a", "writer", None, None)
    assert made.no_more_agents().kind == "agents"
    made.close("a")
    assert made.no_more_agents().kind == "agents", "an agent that has ended was one all the same"


def test_a_lease_is_a_tenth_of_the_cap_or_what_is_short():
    made = ledger(cap=1.0)
    assert made.lease(0.02) == pytest.approx(0.1)
    made.leased(0.1)
    assert made.lease(0.02) == 0.0
    assert made.lease(0.5) == pytest.approx(0.4)


def test_the_last_lease_ends_at_the_cap():
    made = ledger(cap=1.0)
    made.leased(0.95)
    made.called("a", 0.94)
    assert made.lease(0.02) == pytest.approx(0.05)


def test_what_a_loss_of_power_left_unaccounted_stays_charged():
    made = ledger(cap=1.0)
    made.leased(0.4)
    made.called("a", 0.1)
    assert made.unaccounted_usd() == pytest.approx(0.3)
    made.write_off(0.3)
    assert made.unaccounted_usd() == pytest.approx(0.0)
    assert made.run.left_usd == pytest.approx(0.6)


@dataclass(frozen=True)
class Out:
    session: str
    usd: float


class Spending(RuleBasedStateMachine):
    """A tree of sessions that call, settle and end in any order."""

    sessions = Bundle("sessions")
    calls = Bundle("calls")

    @initialize(cap=st.floats(0.01, 2.0))
    def begin(self, cap: float) -> None:
        self.ledger = Ledger(cap, 10_000, 10_000)
        self.accounts: dict[str, Account] = {}
        self.out: dict[str, int] = {}
        self.settled = 0.0
        self.seen = 0

    @rule(target=sessions, cap=st.none() | st.floats(0.005, 1.0))
    def start(self, cap: float | None) -> str:
        return self._open(None, cap)

    @rule(target=sessions, parent=sessions, cap=st.none() | st.floats(0.005, 1.0))
    def spawn(self, parent: str, cap: float | None) -> str:
        return self._open(parent, cap)

    def _open(self, parent: str | None, cap: float | None) -> str:
        self.seen += 1
        name = f"{parent}/{self.seen}" if parent else str(self.seen)
        self.ledger.open(name, name, cap, parent)
        above = self.ledger.run if parent is None else self.accounts[parent]
        self.accounts[name] = Account(name, inf if cap is None else cap, above)
        return name

    def _above(self, session: str) -> list[Account]:
        account: Account | None = self.accounts[session]
        found = []
        while account is not None:
            found.append(account)
            account = account.above
        return found

    @rule(target=calls, session=sessions, input_tokens=st.integers(0, 50_000), most=st.integers(1, 40_000))
    def call(self, session: str, input_tokens: int, most: int) -> object:
        held = self.ledger.reserve(session, PRICE, input_tokens, most)
        lefts = [account.left_usd for account in self._above(session)]
        if isinstance(held, Reservation):
            assert min(SMALLEST_REPLY, most) <= held.max_tokens <= most
            assert held.usd >= input_tokens * PRICE.cache_write_5m + held.max_tokens * PRICE.output - TINY
            assert held.usd <= min(lefts) + TINY
            short = self.ledger.lease(held.usd)
            assert short >= 0
            self.ledger.leased(short)
            self.ledger.called(session, held.usd)
            for account in self._above(session):
                if account is not self.ledger.run:
                    account.reserved_usd += held.usd
            self.out[session] = self.out.get(session, 0) + 1
            return Out(session, held.usd)
        needed = input_tokens * PRICE.cache_write_5m + min(SMALLEST_REPLY, most) * PRICE.output
        assert min(lefts) < needed + PRICE.output, "refused or told to wait, and there was enough"
        if isinstance(held, Wait):
            assert sum(self.out.values()) > 0, "nothing is out that could give anything back"
        return multiple()

    @rule(out=consumes(calls), share=st.floats(0, 1))
    def settle(self, out: Out, share: float) -> None:
        cost = out.usd * share
        self.ledger.settled(out.session, out.usd, cost)
        for account in self._above(out.session):
            if account is not self.ledger.run:
                account.reserved_usd -= out.usd
                account.settled_usd += cost
        self.out[out.session] -= 1
        self.settled += cost

    @invariant()
    def no_account_passes_its_cap(self) -> None:
        for account in (self.ledger.run, *self.accounts.values()):
            assert account.settled_usd + account.reserved_usd <= account.cap_usd + TINY

    @invariant()
    def leases_cover_what_is_held_and_settled_and_stay_within_the_cap(self) -> None:
        run = self.ledger.run
        assert run.settled_usd + run.reserved_usd <= self.ledger.leased_usd + TINY
        assert self.ledger.leased_usd <= run.cap_usd + TINY

    @invariant()
    def what_was_settled_stays_with_the_run(self) -> None:
        assert self.ledger.run.settled_usd == pytest.approx(self.settled, abs=TINY)


TestSpending = Spending.TestCase
TestSpending.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
