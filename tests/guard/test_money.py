"""Days and months of a time zone, and how much of a cap a run takes."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.guard.money import NANO, day_of, dollars, frees_at, nano, period_of, share, zone_of

BERLIN = zone_of("Europe/Berlin")


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("time", "day"),
    [
        ("2026-12-31T22:59:59", "2026-12-31"),
        ("2026-12-31T23:00:00", "2027-01-01"),
        ("2026-03-28T22:59:59", "2026-03-28"),
        ("2026-03-29T21:59:59", "2026-03-29"),  # a day of 23 hours
        ("2026-03-29T22:00:00", "2026-03-30"),
        ("2026-10-25T22:59:59", "2026-10-25"),  # a day of 25 hours
        ("2026-10-25T23:00:00", "2026-10-26"),
    ],
)
def test_a_day_begins_at_midnight_of_the_zone(time, day):
    assert day_of(at(time), BERLIN) == day


@pytest.mark.parametrize(
    ("day", "period", "time"),
    [
        ("2026-12-31", "day", "2026-12-31T23:00:00"),
        ("2026-12-31", "month", "2026-12-31T23:00:00"),
        ("2026-02-03", "month", "2026-02-28T23:00:00"),
        ("2028-02-28", "day", "2028-02-28T23:00:00"),
        ("2026-03-29", "day", "2026-03-29T22:00:00"),
        ("2026-10-25", "day", "2026-10-25T23:00:00"),
        ("2026-10-01", "month", "2026-10-31T23:00:00"),
    ],
)
def test_a_cap_is_whole_again_at_the_midnight_after_its_period(day, period, time):
    assert frees_at(day, period, BERLIN) == at(time)
    # The last moment before still counts for it, and the first after does not.
    assert period_of(day_of(at(time) - 1, BERLIN), period) == period_of(day, period)
    assert period_of(day_of(at(time), BERLIN), period) != period_of(day, period)


@given(st.integers(0, 10**15))
def test_money_that_is_turned_into_dollars_and_back_is_what_it_was_or_a_nano_dollar_more(amount):
    assert amount <= nano(dollars(amount)) <= amount + 1


@given(st.integers(1, 10**12), st.data())
def test_what_a_run_takes_covers_its_call_leaves_nobody_less_than_nothing_and_is_little_near_the_cap(cap, data):
    full = data.draw(st.integers(0, cap))
    free = data.draw(st.integers(full, cap))
    taken = share(free, cap, full, data.draw(st.integers(0, 2 * cap)))
    assert full <= taken <= free
    if free * 4 < cap:
        assert taken <= full + free // 100
    else:
        assert taken <= max(full, cap // 100)


def test_a_zone_that_is_none_is_refused():
    for name in ("Mars/Olympus", "../../etc/passwd", "Europe"):
        with pytest.raises(ValueError, match="no time zone"):
            zone_of(name)
    assert zone_of("UTC") is UTC
    assert nano(0.01) == NANO // 100
