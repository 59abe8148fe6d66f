"""What can happen to a run because of money, bounds and roles that an operator, or the file's author, has set.

`at` is seconds since the epoch; a step is named by its path.
"""

from typing import Literal

from msgspec import Struct


class MoneyLeased(Struct, frozen=True):
    """The run may spend this much more, in US dollars, before it asks again; synced to disk before use."""

    at: float
    amount_usd: float


class MoneyWrittenOff(Struct, frozen=True):
    """A lease that power loss left unaccounted stays charged, in US dollars."""

    at: float
    amount_usd: float


class BudgetWarned(Struct, frozen=True):
    """The share of a cap that somebody wanted to hear of is taken; told once for each cap.

    Attributes:
        whose: `run`, `user` or `tenant`; `name`: of the user or tenant.
        period: of a user's or tenant's cap: `day` or `month`.
        used_usd: what is spent or held; `cap_usd`: the cap.
    """

    at: float
    whose: Literal["run", "user", "tenant"]
    used_usd: float
    cap_usd: float
    name: str = ""
    period: str = ""


class GateEscalated(Struct, frozen=True):
    """Nobody has answered a gate for as long as its `escalate` gives them: others may, too, from now on."""

    at: float
    step: str
    to: tuple[str, ...]
