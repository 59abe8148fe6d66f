"""What a run's calls need of the caps of its user and tenant: taken from the journal a tranche at a time.

Most calls find what they need in the tranche that the run holds. The journal is asked when it is used up, on another
day, or when what was not used for a while had gone back.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from agentflow.engine.service import HOLD
from agentflow.errors import JournalFullError
from agentflow.events.operator_events import BudgetWarned
from agentflow.events.values import Failure
from agentflow.guard.entitlements import Entitlements
from agentflow.guard.ledger import SMALLEST_REPLY, Exhausted, Reservation, Wait
from agentflow.guard.money import NANO, Refused, Want, dollars, nano, period_of, tranche
from agentflow.guard.tranches import DayUse
from agentflow.journal.port import RUN_STREAM, Journal

if TYPE_CHECKING:
    from agentflow.engine.port import Loop

PURSE = "money"
_IDLE = "idle"
IDLE_SECONDS = 5.0
"""What a run holds and has not used for so long goes back: others may need it."""

SECONDS_BETWEEN_LOOKS = 0.2
"""While other runs hold what this one needs, and may give it back."""


class Covered(Struct, frozen=True):
    """A call may go out, bounded so; `day` is what it counts on, '' without a policy."""

    held: Reservation
    day: str = ""


@dataclass(slots=True)
class Purse:
    """The money of one run.

    Parameters:
        journal: where it is shared; None: nobody has a policy.
    """

    loop: "Loop"
    journal: Journal | None
    _used_at: float = 0.0

    def cover(self, held: Reservation, output_usd: float) -> Covered | Wait | Exhausted:
        """Has the run hold what a call needs, the reply bounded lower where a cap leaves less.

        Parameters:
            held: what the run's own accounts let it have.
            output_usd: what a token of the reply costs.
        """
        entitled, journal = self.loop.around.entitled, self.journal
        if entitled is None or journal is None:
            return Covered(held)
        self._used_at = now = self.loop.now()
        day = entitled.day(now)
        self._turn_to(day, journal)
        use = self.loop.live.tranches.of(day)
        self._goes_back_later(day)
        if use.left >= nano(held.usd):
            return Covered(held, day)
        smallest = min(SMALLEST_REPLY, held.max_tokens)
        least_usd = held.usd - (held.max_tokens - smallest) * output_usd
        own = tranche(self.loop.live.ledger.run.cap_usd)
        caps = entitled.caps
        full = nano(held.usd)
        want = Want(entitled.user, entitled.tenant, day, caps, use.in_use, nano(least_usd), full, own)
        try:
            answer = journal.lease_money(self.loop.lease, want)
        except JournalFullError:
            # Nothing is recorded and nothing sent while the disk has no room; the recorder tells of it.
            self._look_again()
            return Wait()
        if isinstance(answer, Refused):
            use.leased = use.in_use
            return self._refused(answer, want, entitled)
        use.leased = answer.leased
        for warned in answer.warned:
            cap = warned.cap
            told = BudgetWarned(
                self.loop.now(), cap.whose, dollars(warned.used), dollars(cap.nano), cap.name, cap.period
            )
            self.loop.happen(RUN_STREAM, told)
        return Covered(lowered(held, use.left, output_usd), day)

    def recover(self, *, survived: bool) -> None:
        """Takes up what the journal says that the run holds.

        Parameters:
            survived: nothing that was recorded can be missing; else what events do not account for is charged.
        """
        if self.journal is None:
            return
        for day, leased in self.journal.held_money(self.loop.live.run.id).items():
            use = self.loop.live.tranches.of(day)
            use.leased = leased
            if not survived and use.left > 0:
                self.journal.write_off(self.loop.lease, day, use.in_use)
                use.settled += use.left

    def _turn_to(self, day: str, journal: Journal) -> None:
        """Gives back what was held for another day; calls that went out on it are still charged to it."""
        for other, use in self.loop.live.tranches.days.items():
            if other != day and use.left > 0:
                self._give_back(other, use, journal)

    def _give_back(self, day: str, use: DayUse, journal: Journal) -> None:
        # Without room on the disk it is kept, and goes back when the run ends.
        with suppress(JournalFullError):
            journal.give_back(self.loop.lease, day, use.in_use)
            use.leased = use.in_use

    def _goes_back_later(self, day: str, seconds: float = IDLE_SECONDS) -> None:
        def idle() -> None:
            left = self._used_at + IDLE_SECONDS - self.loop.now()
            use = self.loop.live.tranches.of(day)
            if left > 0:
                self._goes_back_later(day, left)
            elif self.journal is not None and use.left > 0:
                self._give_back(day, use, self.journal)

        # Set once and looked at when it fires: a call more costs no timer more.
        if not self.loop.timers.is_set(PURSE, _IDLE):
            self.loop.timers.set(PURSE, _IDLE, seconds, idle)

    def _refused(self, refused: Refused, want: Want, entitled: Entitlements) -> Wait | Exhausted:
        if self.loop.live.ledger.run.in_flight > 0:
            return Wait()
        if refused.others_hold:
            self._look_again()
            return Wait()
        cap = refused.cap
        until = entitled.frees_at(cap, want.day)
        period = "today" if cap.period == "day" else "this month"
        if want.least > cap.nano:
            then = f", and so is all of it: one may cost {usd_text(want.least)}, and the operator has to raise it"
        else:
            then = f"; it is whole again on {clock_text(until)}, and the run can be resumed then"
        message = (
            f"the {cap.whose} {cap.name!r} has ${max(dollars(cap.nano - refused.used), 0):.4f} left of "
            f"{usd_text(cap.nano)} for {period} ({period_of(want.day, cap.period)}), too little for another call{then}"
        )
        return Exhausted(Failure("cost_usd", message), until)

    def _look_again(self) -> None:
        def again() -> None:
            self._ask_again()
            self.loop.settle()

        # By the name of a wait that ends by itself, so that the run does not end meanwhile.
        self.loop.timers.set(PURSE, HOLD, SECONDS_BETWEEN_LOOKS, again)

    def _ask_again(self) -> None:
        short: dict[str, Callable[[], bool]] = dict(self.loop.short_of_money)
        self.loop.short_of_money.clear()
        for stream, begin in short.items():
            self.loop.slots.request(stream, "model", begin)


def lowered(held: Reservation, available: int, output_usd: float) -> Reservation:
    """A reservation whose reply is bounded so that it costs no more than is there, in nano-dollars.

    `available` covers the smallest reply.
    """
    short = nano(held.usd) - available
    if short <= 0 or not output_usd:
        return held
    smallest = min(SMALLEST_REPLY, held.max_tokens)
    tokens = max(smallest, held.max_tokens - int(short / (output_usd * NANO)) - 1)
    return replace(held, max_tokens=tokens, usd=held.usd - (held.max_tokens - tokens) * output_usd)


def usd_text(amount: int) -> str:
    """An amount in nano-dollars as dollars: to the cent where it is whole cents, else finer."""
    return f"${dollars(amount):.{2 if amount % (NANO // 100) == 0 else 4}f}"


def clock_text(at: float) -> str:
    """A time here, with its date and zone."""
    return time.strftime("%Y-%m-%d at %H:%M %Z", time.localtime(at))
