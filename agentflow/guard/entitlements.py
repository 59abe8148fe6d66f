"""What the operator's policy means for one user: caps, rates, models, rules of tools, roles. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, tzinfo

from msgspec import Struct

from agentflow.errors import AgentflowError
from agentflow.guard.money import Cap, Period, Whose, day_of, frees_at, nano, zone_of
from agentflow.plan.agent_plan import AgentPlan, Rate
from agentflow.plan.model import AgentStepPlan, ApproveStepPlan, Plan, ToolStepPlan, WorkflowStepPlan, every_step
from agentflow.plan.permission_rules import FAMILIES
from agentflow.plan.service_tools import SERVICE_TOOLS
from agentflow.spec.policy import Caps, ModelRules, PolicyFile, ToolRules, User


class PolicyError(AgentflowError):
    """The operator's policy does not let this happen; the message says which part of it."""


class PolicyRules(Struct, frozen=True):
    """Permission rules of one part of the policy; a level of its own beside the file's and the agent's.

    Attributes:
        source: where it stands, as `users.ada.tools of policy.yaml`.
        allow: None: it allows whatever the others do; it never adds to what the file grants.
    """

    source: str
    allow: tuple[str, ...] | None
    ask: tuple[str, ...]
    deny: tuple[str, ...]


class Entitlements(Struct, frozen=True):
    """What holds for a user while the policy is as it is.

    Attributes:
        caps: of the user and of the tenant.
        rates: calls of a tool by the user, in all runs together.
        models: what each part of the policy says, with where it stands.
        levels: permission rules, the tenant's first; a call needs the yes of all of them.
        approving: the roles that may approve, by every user that is named, and by `unknown`, whoever is not.
        roles: those of the policy that may approve.
        keep_days, keep_runs: how long runs that have ended are kept.
    """

    user: str
    tenant: str
    zone: tzinfo = UTC
    caps: tuple[Cap, ...] = ()
    rates: Mapping[str, Rate] = {}
    models: tuple[tuple[str, ModelRules], ...] = ()
    levels: tuple[PolicyRules, ...] = ()
    approving: Mapping[str, frozenset[str]] = {}
    unknown: frozenset[str] | None = None
    roles: frozenset[str] = frozenset()
    keep_days: int | None = None
    keep_runs: int | None = None

    def day(self, at: float) -> str:
        """The day, in the policy's zone, on which a call counts that goes out then."""
        return day_of(at, self.zone)

    def frees_at(self, cap: Cap, day: str) -> float:
        """When what a cap leaves is whole again, in seconds since the epoch."""
        return frees_at(day, cap.period, self.zone)

    def may_approve(self, user: str) -> frozenset[str]:
        """The roles in which a user may answer gates. Raises PolicyError where the policy refuses the user."""
        roles = self.approving.get(user, self.unknown)
        if roles is None:
            raise _unknown_user(user)
        return roles


def entitlements(
    policy: PolicyFile, path: str, user: str, tenant: str | None, *, recorded: bool = False
) -> Entitlements:
    """What a policy means for a user.

    Parameters:
        path: of the policy's file, for messages.
        tenant: whom the run is charged to; None: the user's own.
        recorded: a run that goes on is charged to that tenant already, whatever the user's is by now.

    Raises:
        PolicyError: the policy does not know the user or the tenant, or the user belongs to another.
    """
    found = _user(policy, user)
    tenant = _tenant(policy, found, user, tenant, recorded)
    parts = list(_parts(policy, path, user, found, tenant))
    caps = [*_caps("user", user, found.cost_usd)]
    if tenant:
        caps += _caps("tenant", tenant, policy.tenants[tenant].cost_usd)
    approvers = frozenset(name for name, role in policy.roles.items() if role.may_approve)
    unknown = None if policy.unknown_users == "refuse" else approvers.intersection(policy.unknown_users.roles)
    return Entitlements(
        user=user,
        tenant=tenant,
        zone=zone_of(policy.time_zone),
        caps=tuple(caps),
        rates={name: Rate(*rate) for name, rate in {**policy.rate_limits, **found.rate_limits}.items()},
        models=tuple((where, models) for where, models, _ in parts),
        levels=tuple(_level(where, tools) for where, _, tools in parts if tools != ToolRules()),
        approving={name: approvers.intersection(one.roles) for name, one in policy.users.items()},
        unknown=unknown,
        roles=approvers,
        keep_days=policy.retention.days,
        keep_runs=policy.retention.runs,
    )


def _user(policy: PolicyFile, name: str) -> User:
    if (found := policy.users.get(name)) is not None:
        return found
    if policy.unknown_users == "refuse":
        raise _unknown_user(name)
    return policy.unknown_users


def _unknown_user(name: str) -> PolicyError:
    return PolicyError(
        f"the policy does not know the user {name!r}", "say who you are with --user, or have the operator add you"
    )


def _tenant(policy: PolicyFile, user: User, name: str, tenant: str | None, recorded: bool) -> str:
    own = user.tenant or ""
    if tenant is None or tenant == own:
        return own
    if tenant not in policy.tenants:
        raise PolicyError(f"the policy has no tenant {tenant!r}", f"it has {', '.join(policy.tenants) or 'none'}")
    if recorded:
        return tenant
    whose = f"belongs to the tenant {own!r}" if own else "belongs to no tenant"
    raise PolicyError(f"the user {name!r} {whose}, not to {tenant!r}", "leave --tenant out, or have the policy changed")


def _caps(whose: Whose, name: str, caps: Caps) -> Iterator[Cap]:
    periods: tuple[tuple[Period, float | None], ...] = (("day", caps.per_day), ("month", caps.per_month))
    for period, usd in periods:
        if usd is not None:
            yield Cap(whose, name, period, nano(usd), caps.warn_at)


def _parts(
    policy: PolicyFile, path: str, name: str, user: User, tenant: str
) -> Iterator[tuple[str, ModelRules, ToolRules]]:
    """What speaks for or against a model or tool, and where it stands. Roles add to each other and are one part."""
    if tenant:
        yield f"tenants.{tenant} of {path}", policy.tenants[tenant].models, policy.tenants[tenant].tools
    where = f"users.{name}" if name in policy.users else "unknown_users"
    yield f"{where} of {path}", user.models, user.tools
    roles = [policy.roles[role] for role in user.roles]
    if roles:
        models, tools = [role.models for role in roles], [role.tools for role in roles]
        yield (
            f"roles {', '.join(user.roles)} of {path}",
            ModelRules(
                allow=_together(one.allow for one in models), deny=[rule for one in models for rule in one.deny]
            ),
            ToolRules(
                allow=_together(one.allow for one in tools),
                ask=[rule for one in tools for rule in one.ask],
                deny=[rule for one in tools for rule in one.deny],
            ),
        )


def _together(allowed: Iterable[list[str] | None]) -> list[str] | None:
    """What several roles allow; one of them that does not bound it leaves it unbounded."""
    lists = list(allowed)
    return None if None in lists else [rule for one in lists if one is not None for rule in one]


def _level(where: str, tools: ToolRules) -> PolicyRules:
    allow = None if tools.allow is None else tuple(tools.allow)
    return PolicyRules(f"tools of {where}", allow, tuple(tools.ask), tuple(tools.deny))


# What a plan wants of it


def check_plan(plan: Plan, entitled: Entitlements | None) -> None:
    """Refuses a run that the policy does not let begin or go on.

    Parameters:
        entitled: None: there is no policy.

    Raises:
        PolicyError: a gate names a role that nobody could have, or a model may not be asked.
    """
    known = frozenset[str]() if entitled is None else entitled.roles
    for step in every_step(plan.root):
        if isinstance(step, ApproveStepPlan) and (lacking := [role for role in step.roles if role not in known]):
            message = f"the gate `{step.id}` wants the role `{lacking[0]}`"
            if entitled is None:
                raise PolicyError(f"{message}, and there is no policy that says who has it", "see docs/policy.md")
            raise PolicyError(
                f"{message}, which the policy lets nobody approve in", "give it `may_approve: true` there"
            )
    if entitled is not None:
        for model in models_of(plan):
            check_model(model, entitled)
        for tool in tools_of(plan):
            _check_tool(tool, entitled)


def _check_tool(tool: str, entitled: Entitlements) -> None:
    """Refuses a tool of which no call could be allowed; what narrows a tool is judged call by call."""
    for rules in entitled.levels:
        asked = next((rule for rule in rules.ask if _names(rule, tool)), None) if tool in SERVICE_TOOLS else None
        if asked is not None:
            message = f"nobody can be asked about {tool} while the model's service replies: `{asked}` in {rules.source}"
            raise PolicyError(message, f"let the policy allow or deny {tool} as a whole")
        denied = next((rule for rule in rules.deny if "(" not in rule and _names(rule, tool)), None)
        if denied is not None:
            raise PolicyError(f"the tool {tool} is denied to {entitled.user!r}: `{denied}` in {rules.source}")
        if rules.allow is not None and not any(_names(rule, tool) for rule in rules.allow):
            allowed = ", ".join(rules.allow) or "none"
            message = f"the tool {tool} is not allowed to {entitled.user!r} by {rules.source}"
            raise PolicyError(message, f"it allows {allowed}")


def _names(rule: str, tool: str) -> bool:
    """Whether a rule is about calls of a tool; one of Edit is about Write too, as in files."""
    name = rule.partition("(")[0]
    return any(_covers(each, tool) for each in FAMILIES.get(name, (name,)))


def _agents_of(plan: Plan) -> list[AgentPlan]:
    """Every agent of a plan and of the files that its steps run."""
    steps = list(every_step(plan.root))
    plans = [plan, *(step.plan for step in steps if isinstance(step, WorkflowStepPlan))]
    agents = [step.agent for step in steps if isinstance(step, AgentStepPlan)]
    return [*agents, *(agent for one in plans for agent in one.agents.values())]


def tools_of(plan: Plan) -> list[str]:
    """Every tool that acts on something, and that an agent or a step of a plan may call."""
    granted = [grant.tool for agent in _agents_of(plan) for grant in agent.grants]
    names = dict.fromkeys(tool.name for tool in granted if tool.by in ("toolbox", "service"))
    return list(
        names | dict.fromkeys(step.tool.name for step in every_step(plan.root) if isinstance(step, ToolStepPlan))
    )


def models_of(plan: Plan) -> list[str]:
    """Every model that an agent of a plan, and of the files that its steps run, may ask."""
    found: dict[str, None] = {}
    for agent in _agents_of(plan):
        compacting = None if agent.context is None else agent.context.model
        found |= dict.fromkeys(name for name in (agent.model, agent.fallback_model, compacting) if name is not None)
    return list(found)


def check_model(model: str, entitled: Entitlements) -> None:
    """Raises PolicyError where a model may not be asked."""
    for where, rules in entitled.models:
        denied = next((rule for rule in rules.deny if _covers(rule, model)), None)
        if denied is not None:
            raise PolicyError(f"the model {model} is denied to {entitled.user!r}: `{denied}` in models.deny of {where}")
        if rules.allow is not None and not any(_covers(rule, model) for rule in rules.allow):
            allowed = ", ".join(rules.allow) or "none"
            message = f"the model {model} is not allowed to {entitled.user!r} by models.allow of {where}"
            raise PolicyError(message, f"it allows {allowed}")


def _covers(rule: str, model: str) -> bool:
    return model.startswith(rule[:-1]) if rule.endswith("*") else model == rule
