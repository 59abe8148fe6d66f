"""What is closed to one call at the time of use: files that a link or a search leads to, hosts that a redirect does."""

from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from agentflow.guard.rule_lists import Anchors, RuleList
from agentflow.plan.permission_plan import PermissionRule

_AT_USE = ("path", "host")


class Closed(Struct, frozen=True):
    """Rules that a call may meet only while it runs.

    Attributes:
        approved: the rule that a person was asked by about the call, and said yes: what it asks about is open.
        bounds: what is allowed, by each list of them: all else is closed.
    """

    deny: RuleList
    ask: RuleList
    anchors: Anchors
    approved: str | None = None
    bounds: tuple[RuleList, ...] = ()

    def path(self, path: str) -> PermissionRule | None:
        """The rule that closes a file, by its path from the project; None: it is open.

        Nobody can be asked by now: what would be asked about is closed.
        """
        whole = f"{self.anchors.project.rstrip('/')}/{path}"
        return self._first(lambda rules: rules.about_path(whole))

    def host(self, host: str) -> PermissionRule | None:
        """The rule that closes a host, by its canonical name; None: it is open."""
        return self._first(lambda rules: rules.about_host(host))

    def _first(self, about: Callable[[RuleList], PermissionRule | None]) -> PermissionRule | None:
        if (found := about(self.deny)) is not None:
            return found
        if (found := self._unasked(about(self.ask))) is not None:
            return found
        bound = next((bound for bound in self.bounds if about(bound) is None), None)
        if bound is None:
            return None
        return replace(bound.rules[0], text="allow: " + ", ".join(rule.text for rule in bound.rules))

    def _unasked(self, rule: PermissionRule | None) -> PermissionRule | None:
        return None if rule is None or rule.text == self.approved else rule


def closed_to(
    deny: RuleList, ask: RuleList, anchors: Anchors, approved: str | None, bounds: Iterable[RuleList] = ()
) -> Closed | None:
    """What is closed to a call; None where no rule is about paths or hosts.

    Parameters:
        bounds: what allowed the call. One that allows by parameters, too, says nothing of a path or host alone.
    """
    bounds = tuple(bound for bound in bounds if bound.rules and all(rule.kind in _AT_USE for rule in bound.rules))
    if not bounds and not any(rule.kind in _AT_USE for rules in (deny, ask) for rule in rules.rules):
        return None
    return Closed(deny, ask, anchors, approved, bounds)
