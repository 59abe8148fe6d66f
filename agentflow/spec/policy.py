"""`policy.yaml`, the operator's file: who may spend how much, ask which models, use which tools, and approve."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag

from agentflow.spec.base import Id, Spec, ToolRule
from agentflow.spec.own_tools import Rate

NAME_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9._@+-]{0,127}$"
ZONE_PATTERN = r"^[A-Za-z][A-Za-z0-9_+/-]{0,63}$"
SHARE_PATTERN = r"^([1-9][0-9]?)%$"

_SHARE = re.compile(SHARE_PATTERN)
_MOST_USD = 1_000_000_000.0


def _share(value: Any) -> Any:
    """`80%` as 0.8."""
    if isinstance(value, str) and (match := _SHARE.fullmatch(value)):
        return int(match[1]) / 100
    raise ValueError("a share from 1% to 99%, as 80%")


Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Zone = Annotated[str, StringConstraints(pattern=ZONE_PATTERN)]
Share = Annotated[
    float, BeforeValidator(_share, json_schema_input_type=Annotated[str, StringConstraints(pattern=SHARE_PATTERN)])
]
Usd = Annotated[float, Field(ge=0, le=_MOST_USD, allow_inf_nan=False)]
ModelPattern = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@/-]{0,199}\*?$|^\*$")]


class Caps(Spec):
    """The most that may be spent on models, in US dollars. Days and months begin at midnight of `time_zone`."""

    per_day: Usd | None = Field(default=None, description="US dollars in a day.")
    per_month: Usd | None = Field(default=None, description="US dollars in a month.")
    warn_at: Share | None = Field(default=None, description="Warn once when this share is taken, as `80%`.")


class ModelRules(Spec):
    """Which models may be asked. Names, or beginnings of names as `claude-haiku-*`."""

    allow: list[ModelPattern] | None = Field(default=None, description="These alone; absent: every model.")
    deny: list[ModelPattern] = Field(default_factory=list, description="Not these, whatever is allowed.")


class ToolRules(Spec):
    """Which tools may be used, as permission rules; what a workflow grants is narrowed by them and never widened."""

    allow: list[ToolRule] | None = Field(
        default=None, description="These calls alone; absent: whatever the file grants."
    )
    ask: list[ToolRule] = Field(default_factory=list, description="These calls only when a person has said yes.")
    deny: list[ToolRule] = Field(default_factory=list, description="These calls never.")


class Holder(Spec):
    """What a tenant, a user and a role have in common."""

    models: ModelRules = Field(default_factory=ModelRules, description="Which models may be asked.")
    tools: ToolRules = Field(default_factory=ToolRules, description="Which tools may be used, as permission rules.")


class Tenant(Holder):
    """A customer, department or project whose users share caps."""

    cost_usd: Caps = Field(default_factory=Caps, description="Caps of all users of the tenant together.")


class User(Holder):
    """Who starts runs and answers questions."""

    tenant: Name | None = Field(default=None, description="The tenant whose caps the user's runs are charged to, too.")
    roles: list[Id] = Field(default_factory=list, description="The roles that the user has.")
    cost_usd: Caps = Field(default_factory=Caps, description="Caps of all runs of the user together.")
    rate_limits: dict[str, Rate] = Field(
        default_factory=dict, description="Calls of a tool, as `WebFetch: 30/min`, in the place of what holds for all."
    )


class Role(Holder):
    """What users with the role may do. Of several roles, each adds to what is allowed; what one denies is denied."""

    may_approve: bool = Field(default=False, description="May answer gates whose `from` or `escalate` names the role.")


class Retention(Spec):
    """How long runs that have ended are kept. What was spent is kept beyond that, for 400 days."""

    days: Annotated[int, Field(ge=1, le=3650)] | None = Field(
        default=None, description="Delete runs that ended before."
    )
    runs: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="Keep no more than this many that have ended, the newest."
    )


def _refuse_or_user(value: Any) -> str:
    return "user" if isinstance(value, dict) else "refuse"


UnknownUsers = Annotated[
    Annotated[Literal["refuse"], Tag("refuse")] | Annotated[User, Tag("user")], Discriminator(_refuse_or_user)
]


class PolicyFile(Spec):
    """The operator's file."""

    agentflow: Literal[1] = Field(description="The version of the language: `1`.")
    time_zone: Zone = Field(default="UTC", description="Where days and months begin at midnight, as `Europe/Berlin`.")
    tenants: dict[Name, Tenant] = Field(default_factory=dict, description="Tenants by their names.")
    users: dict[Name, User] = Field(default_factory=dict, description="Users by their names.")
    unknown_users: UnknownUsers = Field(
        default="refuse", description="What holds for users that are not named: `refuse`, or what a user has."
    )
    roles: dict[Id, Role] = Field(default_factory=dict, description="Roles by their names.")
    rate_limits: dict[str, Rate] = Field(
        default_factory=dict, description="Calls of a tool by each user, in all runs together, as `WebFetch: 30/min`."
    )
    retention: Retention = Field(default_factory=Retention, description="How long runs are kept.")


POLICY_KEYS = frozenset(PolicyFile.model_fields) - {"agentflow"}
"""What only a policy has on its first level."""
