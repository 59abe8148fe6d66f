"""Money, turns and agents of a run: what may still be spent, by whom.

Accounts form a tree: the run's at the root, one below it for each session, a subagent's below its parent's; a file that
runs as a step has one in between, with the turns and agents that it may use. A call
reserves the most it can cost from every account above it and settles what it did cost, so that no number of parallel
calls passes a cap. The ledger is a fold over events that is kept in place; it decides and never acts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf

from msgspec import Struct

from agentflow.events.values import Failure
from agentflow.plan.prices import Price

SMALLEST_REPLY = 1024
"""Tokens: a reply is never bounded lower than this for money's sake; the call waits, or the agent stops."""

_TRANCHE = 0.1
"""A run leases this share of its cap at a time: the most that a loss of power can leave unaccounted."""


@dataclass(slots=True)
class Account:
    """What one session, or the run, may spend and has spent, in US dollars, its subagents included.

    Attributes:
        part: the path of the step whose file it is the account of.
        turns, agents: what such a file may use of them; `turns_left`, `agents_left`: what is left of that.
        in_flight: the calls that `reserved_usd` is held for; a sum of floats alone cannot tell that there are none.
    """

    owner: str
    cap_usd: float
    above: "Account | None" = None
    settled_usd: float = 0.0
    reserved_usd: float = 0.0
    in_flight: int = 0
    part: str | None = None
    turns: float = inf
    agents: float = inf
    turns_left: float = inf
    agents_left: float = inf

    @property
    def left_usd(self) -> float:
        return self.cap_usd - self.settled_usd - self.reserved_usd


class Reservation(Struct, frozen=True):
    """A call may go out: its reply bounded by `max_tokens`, `usd` held for it."""

    max_tokens: int
    usd: float


class Wait(Struct, frozen=True):
    """Not now: calls in flight hold what this one needs, and may give some of it back."""


class Exhausted(Struct, frozen=True):
    """What the whole run may spend is used up: once nothing else is at work, `failure` is how the run ends.

    Attributes:
        until: when there is more, in seconds since the epoch; None: when somebody raises it.
    """

    failure: Failure
    until: float | None = None


class UsedUp(Struct, frozen=True):
    """What a file that runs as the step `part` may use is used up, and ends that step."""

    part: str
    failure: Failure


class Ledger:
    """The accounts of one run.

    Parameters:
        cap_usd: of the whole run.
        turns: model calls of the whole run.
        agents: sessions of the whole run.
    """

    def __init__(self, cap_usd: float, turns: int, agents: int) -> None:
        self.run = Account("the run", cap_usd)
        self.leased_usd = 0.0
        self.turns_left = turns
        self.agents_left = agents
        self._turns = turns
        self._agents = agents
        self._accounts: dict[str, Account] = {}
        self._parts: dict[str, Account] = {}

    def open_part(
        self, path: str, owner: str, caps: tuple[float | None, int | None, int | None], above: str | None
    ) -> None:
        """Opens the account of a file that runs as a step.

        Parameters:
            path: the step's.
            owner: what to call it.
            caps: US dollars, turns and agents that it may use; None: what those around it may.
            above: the path of the step whose file that step is in.
        """
        usd, turns, agents = (inf if cap is None else cap for cap in caps)
        self._parts[path] = Account(
            owner, usd, self._part(above), part=path, turns=turns, agents=agents, turns_left=turns, agents_left=agents
        )

    def close_part(self, path: str) -> None:
        """Forgets the account of a file that has ended, if there is one."""
        self._parts.pop(path, None)

    def _part(self, path: str | None) -> Account:
        return self.run if path is None else self._parts[path]

    def open(
        self, session: str, agent: str, cap_usd: float | None, parent: str | None, part: str | None = None
    ) -> None:
        """Opens a session's account and counts the session.

        Parameters:
            part: the path of the step whose file the session is in.
        """
        above = self._accounts[parent] if parent is not None else self._part(part)
        self._accounts[session] = account = Account(f"agent `{agent}`", inf if cap_usd is None else cap_usd, above)
        for around in _up_from(account):
            around.agents_left -= 1
        self.agents_left -= 1

    def close(self, session: str) -> None:
        """Forgets a session's account; what it spent stays with those above it."""
        del self._accounts[session]

    def change(self, limits: Mapping[str, float]) -> None:
        """Has other bounds hold for the run from now on, by their names in `limits`; what was used stays used."""
        if "cost_usd" in limits:
            self.run.cap_usd = limits["cost_usd"]
        if "turns" in limits:
            self.turns_left += int(limits["turns"]) - self._turns
            self._turns = int(limits["turns"])
        if "agents" in limits:
            self.agents_left += int(limits["agents"]) - self._agents
            self._agents = int(limits["agents"])

    def bounds(self) -> dict[str, float]:
        """The bounds of the run that can be changed while it is held, as they are now."""
        return {"cost_usd": self.run.cap_usd, "turns": self._turns, "agents": self._agents}

    def no_more_agents(self) -> Failure | None:
        """Why no further session may start, or None."""
        if self.agents_left > 0:
            return None
        return Failure("agents", f"the run has used its {self._agents} agents; raise `limits.agents`")

    def no_more_agents_in(self, part: str | None) -> UsedUp | None:
        """Why no further session may start in a file that runs as the step `part`, or None."""
        for account in _up_from(self._part(part)):
            if account.part is not None and account.agents_left <= 0:
                message = f"{account.owner} has used its {account.agents:g} agents; raise its `limits.agents`"
                return UsedUp(account.part, Failure("agents", message))
        return None

    def reserve(
        self, session: str, price: Price, input_tokens: int, max_tokens: int, searches: int = 0
    ) -> Reservation | Wait | Exhausted | UsedUp | Failure:
        """Whether a call may go out, and bounded how; a Failure is the session's alone.

        Parameters:
            input_tokens: a bound on what the request can count.
            max_tokens: the wanted bound of the reply; it is lowered to what the budget leaves.
            searches: how often the service may search the web for it.
        """
        if self.turns_left <= 0:
            return Exhausted(Failure("turns", f"the run has used its {self._turns} turns; raise `limits.turns`"))
        for account in _up_from(self._accounts[session]):
            if account.part is not None and account.turns_left <= 0:
                message = f"{account.owner} has used its {account.turns:g} turns; raise its `limits.turns`"
                return UsedUp(account.part, Failure("turns", message))
        tightest = self._tightest(session)
        price = price.at(input_tokens)
        input_usd = input_tokens * max(price.input, price.cache_write_5m) + searches * (price.web_search or 0.0)
        affordable = max_tokens
        if tightest.left_usd < input_usd + max_tokens * price.output:
            # A model that costs nothing needs nothing of what is left, be it less than nothing.
            spare = tightest.left_usd - input_usd
            affordable = int(spare / price.output) if price.output else max_tokens if not input_usd else 0
        if affordable >= min(SMALLEST_REPLY, max_tokens):
            return Reservation(affordable, input_usd + affordable * price.output)
        if tightest.in_flight > 0:
            return Wait()
        where = "stop.cost_usd" if tightest is not self.run and tightest.part is None else "limits.cost_usd"
        refusal = Failure(
            "cost_usd",
            f"{tightest.owner} has ${max(tightest.left_usd, 0):.4f} left of ${tightest.cap_usd:.2f}, too little for "
            f"another call; raise `{where}`",
        )
        if tightest.part is not None:
            return UsedUp(tightest.part, refusal)
        return Exhausted(refusal) if tightest is self.run else refusal

    def lease(self, amount_usd: float) -> float:
        """How much more the run must lease before it holds `amount_usd`; 0 when its lease covers that already."""
        short = self.run.settled_usd + self.run.reserved_usd + amount_usd - self.leased_usd
        if short <= 0:
            return 0.0
        return min(max(short, self.run.cap_usd * _TRANCHE), max(self.run.cap_usd - self.leased_usd, short))

    def leased(self, amount_usd: float) -> None:
        """A lease was recorded."""
        self.leased_usd += amount_usd

    def unaccounted_usd(self) -> float:
        """What is leased and neither held nor settled: lost to the run when events may be missing."""
        return max(0.0, self.leased_usd - self.run.settled_usd - self.run.reserved_usd)

    def write_off(self, amount_usd: float) -> None:
        """Charges money that nobody can account for."""
        self.run.settled_usd += amount_usd

    def called(self, session: str, reserved_usd: float) -> None:
        """A call went out."""
        self.turns_left -= 1
        account: Account | None = self._accounts[session]
        while account is not None:
            account.turns_left -= 1
            account.reserved_usd += reserved_usd
            account.in_flight += 1
            account = account.above

    def settled(self, session: str, reserved_usd: float, cost_usd: float) -> None:
        """A call came to its end."""
        account: Account | None = self._accounts[session]
        while account is not None:
            account.in_flight -= 1
            account.reserved_usd = max(0.0, account.reserved_usd - reserved_usd) if account.in_flight else 0.0
            account.settled_usd += cost_usd
            account = account.above

    def not_taken(self, session: str) -> None:
        """A call met no service: it was no turn, or an outage would use them up."""
        self.turns_left += 1
        for account in _up_from(self._accounts[session]):
            account.turns_left += 1

    def _tightest(self, session: str) -> Account:
        tightest = account = self._accounts[session]
        while account.above is not None:
            account = account.above
            if account.left_usd < tightest.left_usd:
                tightest = account
        return tightest


def _up_from(account: Account) -> Iterator[Account]:
    """An account and all above it."""
    here: Account | None = account
    while here is not None:
        yield here
        here = here.above
