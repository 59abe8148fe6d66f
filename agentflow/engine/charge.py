"""Whom a run is charged to, and what the operator's policy lets them do.

The operator's file is found by `AGENTFLOW_POLICY`; where that is set it alone counts, so that no option and no
repository puts another in its place. Else by what the caller names, else in the project.
"""

import getpass
import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from agentflow.engine.seeds import Seed
from agentflow.errors import UsageError
from agentflow.events.run_events import RunStarted
from agentflow.guard.entitlements import Entitlements, PolicyRules, check_plan, entitlements
from agentflow.guard.policy_levels import check_rules
from agentflow.plan.callers import IN_PROJECT, POLICY, Charge
from agentflow.plan.checked import Checked, InvalidWorkflowError
from agentflow.plan.model import Plan
from agentflow.plan.policies import read_policy, role_problems
from agentflow.source.project import Problem, read_workflow
from agentflow.spec.policy import PolicyFile

USER = "AGENTFLOW_USER"
TENANT = "AGENTFLOW_TENANT"

_LONGEST_NAME = 128


class Standing(Struct, frozen=True):
    """Who acts here, whom the run is charged to, and what the policy says of that one; None: there is no policy."""

    acting: str
    user: str
    tenant: str
    entitled: Entitlements | None

    def begins(self, seed: Seed) -> Seed:
        """A run that begins, charged to them."""
        return replace(seed, started=replace(seed.started, user=self.user, tenant=self.tenant or None))


def acting_user(given: str | None = None, environ: Mapping[str, str] = os.environ) -> str:
    """Who sits here, as the journal names them.

    Raises:
        UsageError: the name is empty, or holds what no terminal should show.
    """
    name = given if given is not None else environ.get(USER)
    if name is None:
        try:
            return getpass.getuser()
        except (KeyError, OSError):
            return f"uid {os.getuid()}"
    return _named(name, "user", USER)


def _named(name: str, what: str, variable: str) -> str:
    if not name or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise UsageError(f"{name[:40]!r} is no name of a {what}", f"see `--{what}` and {variable}")
    return name


def policy_file(given: Path | None, project: Path, environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file of the policy that holds in a project; None: there is none.

    Raises:
        UsageError: two are named, or one that is named is not there.
    """
    if setting := environ.get(POLICY):
        if given is not None and os.path.realpath(given) != os.path.realpath(setting):
            raise UsageError(f"{POLICY} names the policy, and it alone counts", "leave `--policy` out")
        return Path(setting)
    if given is not None:
        return given
    there = [project / name for name in IN_PROJECT if os.path.lexists(project / name)]
    if len(there) > 1:
        raise UsageError(f"there are two policies: {there[0]} and {there[1]}", "keep one of them")
    return there[0] if there else None


def checked_policy(path: Path, content: bytes | None = None) -> tuple[PolicyFile | None, Checked]:
    """A policy, and what is wrong with it.

    Parameters:
        content: its bytes, where they are not to be read from there.
    """
    from agentflow.source.diagnostics import Diagnostic, Place

    source = read_workflow(path) if content is None else content
    if isinstance(source, Problem):
        problem = Diagnostic("AF106", source.message, Place(str(path), 1, 1), source.hint)
        return None, Checked(str(path), None, (problem,), {})
    policy, problems = read_policy(source, str(path))
    texts = {str(path): source.decode("utf-8", "replace")}
    return policy, Checked(str(path), None, tuple(problems), texts, is_policy=True)


def policy_here(given: Path | None, project: Path) -> tuple[PolicyFile, Path] | None:
    """The policy that holds in a project, and its file.

    Raises:
        InvalidWorkflowError: it has errors.
        UsageError: as of `policy_file`.
    """
    path = policy_file(given, project)
    if path is None:
        return None
    policy, checked = checked_policy(path)
    if policy is None:
        raise InvalidWorkflowError(checked)
    return policy, path


def check_roles(checked: Checked, given: Path | None) -> Checked:
    """A workflow, checked against the policy that is named: the roles of its gates."""
    if given is None or checked.source is None:
        return checked
    policy, told = checked_policy(given)
    if policy is None:
        return told
    return checked.joined(role_problems(checked.source, policy))


def standing(charge: Charge, plan: Plan, project: Path, started: RunStarted | None = None) -> Standing:
    """Whom a run is charged to, and what they may do.

    Parameters:
        started: of a run that goes on: it stays charged to whom it began for.

    Raises:
        PolicyError: the policy does not let the run begin, or go on.
        PolicyRuleError: one of its rules does not fit a tool of the plan.
        InvalidWorkflowError, UsageError: as of `policy_here`.
    """
    acting = acting_user(charge.user)
    user = acting if started is None or not started.user else started.user
    recorded = started is not None and bool(started.tenant)
    tenant = started.tenant if started is not None and recorded else charge.tenant or os.environ.get(TENANT) or None
    if tenant is not None and not recorded:
        _named(tenant, "tenant", TENANT)
    found = policy_here(charge.policy, project)
    entitled = None
    if found is not None:
        policy, path = found
        entitled = entitlements(policy, path.name, user, tenant, recorded=recorded)
        check_rules(entitled.levels, plan)
    check_plan(plan, entitled)
    return Standing(acting, user, (tenant or "") if entitled is None else entitled.tenant, entitled)


def rules_of(charge: Charge, project: Path) -> tuple[PolicyRules, ...]:
    """What the policy says of tools to who would run something now; nothing where there is no policy.

    Raises:
        PolicyError: the policy does not know who that is.
        InvalidWorkflowError, UsageError: as of `policy_here`.
    """
    found = policy_here(charge.policy, project)
    if found is None:
        return ()
    tenant = charge.tenant or os.environ.get(TENANT) or None
    return entitlements(found[0], found[1].name, acting_user(charge.user), tenant).levels


def roles_of(charge: Charge, project: Path) -> tuple[str, frozenset[str]]:
    """Who acts here, and the roles in which they may answer gates. Raises as `standing`."""
    acting = acting_user(charge.user)
    found = policy_here(charge.policy, project)
    if found is None:
        return acting, frozenset()
    return acting, entitlements(found[0], found[1].name, acting, None).may_approve(acting)
