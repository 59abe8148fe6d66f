"""What a plan says of permissions: rules that are read, each with the place where it stands."""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from agentflow.plan.parameter_rules import Condition
from agentflow.plan.rules import resolved
from agentflow.spec.permissions import Mode

JSON = Any
RuleKind = Literal["whole", "path", "host", "site", "agent", "skill", "bash", "parameters"]


class PermissionRule(Struct, frozen=True):
    """One rule over the calls of tools.

    Attributes:
        text: as it is written: `Bash(git push *)`.
        tools: the names of the tools that it is about; one that ends in `*` means all that begin so.
        kind: how `pattern` is read; `whole`: every call.
        pattern: what stands in the brackets.
        conditions: of `parameters`, all of which must hold.
        where: the file, the line and the key it stands at.
    """

    text: str
    tools: tuple[str, ...]
    kind: RuleKind
    pattern: str = ""
    conditions: tuple[Condition, ...] = ()
    where: str = ""


class PermissionLevel(Struct, frozen=True):
    """The permissions of an agent, a file or a policy.

    Attributes:
        mode: None: it does not say.
        allow: None: it does not say, and all that is granted needs no asking.
    """

    mode: Mode | None = None
    allow: tuple[PermissionRule, ...] | None = None
    ask: tuple[PermissionRule, ...] = ()
    deny: tuple[PermissionRule, ...] = ()


NO_RULES = PermissionLevel()


def level_with_inputs(level: PermissionLevel, inputs: Mapping[str, JSON]) -> PermissionLevel:
    """The level of a run: inputs in the places where paths name them."""

    def filled(rules: tuple[PermissionRule, ...]) -> tuple[PermissionRule, ...]:
        return tuple(
            replace(rule, pattern=resolved([rule.pattern], inputs)[0]) if rule.kind == "path" else rule
            for rule in rules
        )

    allow = None if level.allow is None else filled(level.allow)
    return PermissionLevel(level.mode, allow, filled(level.ask), filled(level.deny))
