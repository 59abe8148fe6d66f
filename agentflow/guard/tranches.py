"""What a run holds of the caps of its user and tenant, and what its calls have used of it, by the day they went out.

A fold over events, beside `ledger`. In nano-dollars, rounded as the journal rounds, so that both come to the same.
"""

from dataclasses import dataclass, field

from agentflow.guard.money import nano


@dataclass(slots=True)
class DayUse:
    """One day of one run. `leased` is what the journal says that the run holds, what it has used included."""

    leased: int = 0
    settled: int = 0
    reserved: int = 0

    @property
    def in_use(self) -> int:
        """What calls have cost, and what those in flight may cost."""
        return self.settled + self.reserved

    @property
    def left(self) -> int:
        """What is held and not used."""
        return self.leased - self.in_use


@dataclass(slots=True)
class Tranches:
    """The days of a run. Calls of a run without a policy have no day, and are not counted here."""

    days: dict[str, DayUse] = field(default_factory=dict)
    _out: dict[str, tuple[str, int]] = field(default_factory=dict)

    def of(self, day: str) -> DayUse:
        """A day, which is there from then on."""
        return self.days.setdefault(day, DayUse())

    def called(self, session: str, day: str, reserved_usd: float) -> None:
        """A session's call went out on that day; it has one in flight at a time."""
        if not day:
            return
        amount = nano(reserved_usd)
        self.of(day).reserved += amount
        self._out[session] = (day, amount)

    def settled(self, session: str, cost_usd: float) -> None:
        """A session's call came to its end."""
        if (out := self._out.pop(session, None)) is None:
            return
        day, amount = out
        self.of(day).reserved -= amount
        self.of(day).settled += nano(cost_usd)
