"""What is closed to one call at the time of use: files that a link or a search leads to, hosts that a redirect does."""

from msgspec import Struct

from agentflow.guard.rule_lists import Anchors, RuleList
from agentflow.plan.permission_plan import PermissionRule


class Closed(Struct, frozen=True):
    """Rules that a call may meet only while it runs.

    Attributes:
        approved: the rule that a person was asked by about the call, and said yes: what it asks about is open.
    """

    deny: RuleList
    ask: RuleList
    anchors: Anchors
    approved: str | None = None

    def path(self, path: str) -> PermissionRule | None:
        """The rule that closes a file, by its path from the project; None: it is open.

        Nobody can be asked by now: what would be asked about is closed.
        """
        whole = f"{self.anchors.project.rstrip('/')}/{path}"
        found = self.deny.about_path(whole)
        return found if found is not None else self._unasked(self.ask.about_path(whole))

    def host(self, host: str) -> PermissionRule | None:
        """The rule that closes a host, by its canonical name; None: it is open."""
        found = self.deny.about_host(host)
        return found if found is not None else self._unasked(self.ask.about_host(host))

    def _unasked(self, rule: PermissionRule | None) -> PermissionRule | None:
        return None if rule is None or rule.text == self.approved else rule


def closed_to(deny: RuleList, ask: RuleList, anchors: Anchors, approved: str | None) -> Closed | None:
    """What is closed to a call; None where no rule is about paths or hosts."""
    if not any(rule.kind in ("path", "host") for rules in (deny, ask) for rule in rules.rules):
        return None
    return Closed(deny, ask, anchors, approved)
