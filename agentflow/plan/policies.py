"""The operator's policy, checked: its shape, and that what it names is there."""

from collections.abc import Iterable, Iterator

from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.findings import has_errors
from agentflow.plan.policy_rules import rule_problems
from agentflow.source.diagnostics import Diagnostic, Severity, in_order
from agentflow.source.document import Document, Loc
from agentflow.source.suggest import did_you_mean
from agentflow.spec.bodies import body_of
from agentflow.spec.closed_files import read_closed
from agentflow.spec.policy import Holder, PolicyFile, User
from agentflow.spec.sources import Source
from agentflow.spec.steps import ApproveStep, StepBase

_COUNTED_ELSEWHERE = {
    "service": "the model's service calls it while it replies",
    "session": "a session answers it by itself",
    "subagent": "it is a session of its own",
    "person": "a person answers it",
}


def read_policy(source: bytes, path: str) -> tuple[PolicyFile | None, list[Diagnostic]]:
    """Reads and checks a policy.

    Parameters:
        path: the file as the user named it.

    Returns:
        The policy, or None where there are errors; and all of them, in the order of the text.
    """
    closed, problems = read_closed(PolicyFile, source, path)
    if closed is None:
        return None, problems
    found = in_order(_problems(closed.value, closed.document))
    return None if has_errors(found) else closed.value, found


def _problems(policy: PolicyFile, document: Document) -> Iterator[Diagnostic]:
    yield from _zone(policy, document)
    yield from _rates(policy.rate_limits, ("rate_limits",), document)
    users: list[tuple[Loc, User]] = [(("users", name), user) for name, user in policy.users.items()]
    if isinstance(policy.unknown_users, User):
        users.append((("unknown_users",), policy.unknown_users))
    for loc, user in users:
        if user.tenant is not None and user.tenant not in policy.tenants:
            yield _unknown("tenant", user.tenant, policy.tenants, document, (*loc, "tenant"))
        for index, role in enumerate(user.roles):
            if role not in policy.roles:
                yield _unknown("role", role, policy.roles, document, (*loc, "roles", index))
        yield from _rates(user.rate_limits, (*loc, "rate_limits"), document)
    holders: list[tuple[Loc, Holder]] = [*users]
    holders += [(("tenants", name), tenant) for name, tenant in policy.tenants.items()]
    holders += [(("roles", name), role) for name, role in policy.roles.items()]
    for loc, holder in holders:
        yield from rule_problems(holder.tools, document, (*loc, "tools"))


def _zone(policy: PolicyFile, document: Document) -> Iterator[Diagnostic]:
    from zoneinfo import ZoneInfo

    if policy.time_zone == "UTC":
        return
    try:
        ZoneInfo(policy.time_zone)
    except (KeyError, OSError, ValueError):
        message = f"this machine knows no time zone `{policy.time_zone}`"
        hint = "write it as `Europe/Berlin`; where none is known, install the package `tzdata`"
        yield Diagnostic("AF203", message, document.place(("time_zone",)), hint)


def _rates(rates: Iterable[str], loc: Loc, document: Document) -> Iterator[Diagnostic]:
    for tool in rates:
        builtin = BUILTIN_TOOLS.get(tool)
        if builtin is not None and builtin.spec.by in _COUNTED_ELSEWHERE:
            message = f"calls of `{tool}` cannot be held back: {_COUNTED_ELSEWHERE[builtin.spec.by]}"
            yield Diagnostic("AF309", message, document.place((*loc, tool), key=True), "bound it by a cap on money")
        elif builtin is None and (hint := did_you_mean(tool, BUILTIN_TOOLS)):
            message = f"`{tool}` is a tool of files' own: there is no built-in tool of that name"
            yield Diagnostic("AF309", message, document.place((*loc, tool), key=True), hint, Severity.WARNING)


def _unknown(what: str, name: str, known: Iterable[str], document: Document, loc: Loc) -> Diagnostic:
    hint = did_you_mean(name, list(known)) or f"add it to `{what}s`"
    return Diagnostic("AF318", f"the policy has no {what} `{name}`", document.place(loc), hint)


# What a workflow wants of a policy


def role_problems(source: Source, policy: PolicyFile) -> Iterator[Diagnostic]:
    """The roles that gates of a file, and of the files its steps run, name and that may not approve."""
    files = {one.document.path: one for one in _files(source)}
    for one in files.values():
        yield from _role_problems(one, policy)


def _files(source: Source) -> Iterator[Source]:
    """A file and those that its steps run, each once."""
    waiting, seen = [source], set[str]()
    while waiting:
        one = waiting.pop()
        if one.document.path not in seen:
            seen.add(one.document.path)
            yield one
            waiting += one.children.values()


def _role_problems(source: Source, policy: PolicyFile) -> Iterator[Diagnostic]:
    for loc, step in _steps(source):
        if not isinstance(step, ApproveStep):
            continue
        named = [((*loc, "from", index), role) for index, role in enumerate(step.from_)]
        if step.escalate is not None:
            named += [((*loc, "escalate", "to", index), role) for index, role in enumerate(step.escalate.to)]
        for place, role in named:
            if role not in policy.roles:
                yield _unknown("role", role, policy.roles, source.document, place)
            elif not policy.roles[role].may_approve:
                message = f"the role `{role}` of the policy may not approve"
                yield Diagnostic("AF318", message, source.document.place(place), "set its `may_approve: true` there")


def _steps(source: Source) -> Iterator[tuple[Loc, StepBase]]:
    waiting: list[tuple[Loc, StepBase]] = [(("steps", name), step) for name, step in source.workflow.steps.items()]
    while waiting:
        loc, step = waiting.pop(0)
        yield loc, step
        if (body := body_of(step)) is not None:
            waiting += [((*loc, *place), inner) for place, inner in body.steps.values()]
