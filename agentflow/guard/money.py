"""Caps of users and tenants: what of them is counted, when, and how much of one a run takes at a time. Pure.

Sums are kept in whole nano-dollars: a thousand additions of floats drift, and a cap is passed by a cent or it is not.
"""

import math
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

Whose = Literal["user", "tenant"]
Period = Literal["day", "month"]

NANO = 1_000_000_000
"""Nano-dollars in a US dollar."""

_ROUNDING = 1e-6
"""Of a nano-dollar: what is above a whole number by no more than a float's own error is that number."""

_OWN_SHARE = 0.1
"""A run takes this share of its own cap at a time, as it does of that alone."""

_CAPS_SHARE = 100
"""At most a hundredth of a cap is taken at a time, so that what waiting runs hold is little."""

_NEARLY_USED = 4
"""Once less than a quarter of a cap is left, a run takes what its next call needs, and a hundredth of what is left."""


class Cap(Struct, frozen=True):
    """The most that a user or a tenant may spend in a day or a month, in nano-dollars.

    Attributes:
        warn_at: a warning is due from this share on.
    """

    whose: Whose
    name: str
    period: Period
    nano: int
    warn_at: float | None = None


class Want(Struct, frozen=True):
    """What a run wants of the caps above it, in nano-dollars.

    Attributes:
        day: as `day_of` names it.
        in_use: what the run's calls of that day have cost, and what those in flight may.
        least: what its next call needs at least; `full`: what it needs where nothing lowers it.
        tranche: what it takes where there is enough.
    """

    user: str
    tenant: str
    day: str
    caps: tuple[Cap, ...]
    in_use: int
    least: int
    full: int
    tranche: int


class Warned(Struct, frozen=True):
    """A cap of which the share that its owner wanted to hear of is taken."""

    cap: Cap
    used: int


class Granted(Struct, frozen=True):
    """The run holds this much of the day, in nano-dollars, what it has used included."""

    leased: int
    warned: tuple[Warned, ...] = ()


class Refused(Struct, frozen=True):
    """A cap does not leave what a call needs.

    Attributes:
        used: what is charged to it, by this run and others.
        others_hold: other runs that are at work hold some of it, and may give that back.
    """

    cap: Cap
    used: int
    others_hold: bool


def nano(usd: float) -> int:
    """An amount in whole nano-dollars, rounded up."""
    return math.ceil(usd * NANO - _ROUNDING)


def dollars(amount: int) -> float:
    """Nano-dollars in US dollars."""
    return amount / NANO


def tranche(cap_usd: float) -> int:
    """What a run with a cap of its own takes at a time, in nano-dollars."""
    return nano(cap_usd * _OWN_SHARE)


def share(free: int, cap: int, full: int, wanted: int) -> int:
    """What a run takes of a cap, in nano-dollars: at least what its next call needs, and less near the cap.

    Parameters:
        free: what is left of the cap; at least `full`.
        wanted: what the run would take.
    """
    if free * _NEARLY_USED < cap:
        return min(free, full + free // _CAPS_SHARE)
    return min(free, max(full, min(wanted, cap // _CAPS_SHARE)))


def zone_of(name: str) -> tzinfo:
    """The time zone of that name. Raises ValueError where this machine knows none."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:  # an unknown name, a folder's, one that leaves the data
        raise ValueError(f"no time zone {name!r}") from error


def day_of(at: float, zone: tzinfo = UTC) -> str:
    """The day of a time (seconds since the epoch) in a zone, as `2026-11-21`; its first seven letters are its month."""
    return datetime.fromtimestamp(at, zone).date().isoformat()


def period_of(day: str, period: Period) -> str:
    """What accounts call a day, or the month that it is in."""
    return day if period == "day" else day[:7]


def frees_at(day: str, period: Period, zone: tzinfo = UTC) -> float:
    """When the cap of a day, or of its month, is whole again: the midnight after it, in seconds since the epoch."""
    first = date.fromisoformat(day)
    if period == "day":
        after = first + timedelta(days=1)
    else:
        after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return datetime(after.year, after.month, after.day, tzinfo=zone).timestamp()
