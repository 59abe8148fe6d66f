"""What a plan says of permissions: rules that are read, each with the place where it stands."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from agentflow.plan.parameter_rules import Condition
from agentflow.plan.rules import inputs_of, resolved

if TYPE_CHECKING:
    from agentflow.spec.permissions import Mode

JSON = Any
MODES: "tuple[Mode, ...]" = ("plan", "dont_ask", "default", "accept_edits", "bypass")
"""From the narrowest to the widest."""
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

    mode: "Mode | None" = None
    allow: tuple[PermissionRule, ...] | None = None
    ask: tuple[PermissionRule, ...] = ()
    deny: tuple[PermissionRule, ...] = ()


NO_RULES = PermissionLevel()


def level_with_inputs(level: PermissionLevel, inputs: Mapping[str, JSON]) -> PermissionLevel:
    """The level of a run: inputs in the places where paths name them.

    A rule whose input has no value denies, or asks about, every file, and allows none.
    """

    def filled(rules: tuple[PermissionRule, ...], otherwise: str | None) -> tuple[PermissionRule, ...]:
        found = (_filled(rule, inputs, otherwise) for rule in rules)
        return tuple(rule for rule in found if rule is not None)

    allow = None if level.allow is None else filled(level.allow, None)
    return PermissionLevel(level.mode, allow, filled(level.ask, "**"), filled(level.deny, "**"))


def _filled(rule: PermissionRule, inputs: Mapping[str, JSON], otherwise: str | None) -> PermissionRule | None:
    names = list(inputs_of(rule.pattern)) if rule.kind == "path" else []
    if not names:
        return rule
    if all(name in inputs for name in names):
        return replace(rule, pattern=resolved([rule.pattern], inputs)[0])
    return None if otherwise is None else replace(rule, pattern=otherwise)


def both(outer: PermissionLevel, inner: PermissionLevel) -> PermissionLevel:
    """Two levels as one, of which the inner says the mode."""
    written = [level.allow for level in (outer, inner) if level.allow is not None]
    allow = tuple(rule for rules in written for rule in rules) if written else None
    return PermissionLevel(inner.mode or outer.mode, allow, (*outer.ask, *inner.ask), (*outer.deny, *inner.deny))


def called_by(caller: PermissionLevel, level: PermissionLevel) -> PermissionLevel:
    """An agent's level with what narrows the one that called it."""
    modes: tuple[Mode, ...] = ("plan", "dont_ask")
    mode = next((mode for mode in modes if mode in (caller.mode, level.mode)), level.mode)
    return PermissionLevel(mode, level.allow, (*caller.ask, *level.ask), (*caller.deny, *level.deny))


def denied_sites(levels: Iterable[PermissionLevel], tool: str) -> tuple[str, ...] | None:
    """The sites that a tool of the model's service may not find; None: it may not be used at all."""
    rules = [rule for level in levels for rule in level.deny if tool in rule.tools]
    if any(rule.kind == "whole" for rule in rules):
        return None
    return tuple(dict.fromkeys(rule.pattern for rule in rules if rule.kind == "site"))
