"""Options that say who runs something, and under which policy."""

import math
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

from agentflow.errors import UsageError

if TYPE_CHECKING:
    from agentflow.plan.callers import Charge

user = click.option(
    "--user", metavar="NAME", help="Who runs it, and answers; default: AGENTFLOW_USER, else the system's user."
)
tenant = click.option(
    "--tenant", metavar="NAME", help="Who else is charged; default: AGENTFLOW_TENANT, else what the policy says."
)
policy = click.option(
    "--policy", metavar="FILE", help="The operator's policy; default: AGENTFLOW_POLICY, else the project's."
)
limit = click.option(
    "--limit",
    "limits",
    multiple=True,
    metavar="NAME=VALUE",
    help="A larger bound from now on, as cost_usd=5, turns=500 or agents=80.",
)


class Given(Struct, frozen=True):
    """What the options say."""

    user: str | None = None
    tenant: str | None = None
    policy: str | None = None
    limits: tuple[str, ...] = ()

    def charge(self) -> "Charge":
        """What the API makes of it. Raises UsageError where a limit is none."""
        from agentflow.plan.callers import Charge

        policy = None if self.policy is None else Path(self.policy)
        return Charge(self.user, self.tenant, policy, read_limits(self.limits))

    @property
    def words(self) -> tuple[str, ...]:
        """The options by which a command goes on as the same user under the same policy."""
        named = (("--user", self.user), ("--policy", self.policy))
        return tuple(word for option, value in named if value is not None for word in (option, value))


def charged(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options, and hands over what they say as `given`."""

    @wraps(command)
    def with_options(**said: Any) -> Any:
        given = Given(said.pop("user"), said.pop("tenant"), said.pop("policy"), said.pop("limits", ()))
        return command(**said, given=given)

    return user(tenant(policy(with_options)))


def read_limits(given: Iterable[str]) -> dict[str, float]:
    """The bounds, by their names. Raises UsageError where one is none."""
    found: dict[str, float] = {}
    for text in given:
        name, equals, value = text.partition("=")
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        whole = name in ("turns", "agents")
        if not equals or not math.isfinite(number) or number < 0 or (whole and number != int(number)):
            raise UsageError(f"`--limit {text[:80]}` is no bound", "write it as `--limit cost_usd=5`")
        found[name] = number
    return found
