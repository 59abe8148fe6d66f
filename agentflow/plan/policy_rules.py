"""Permission rules of the operator's policy, checked before there is a file: a malformed one would deny nothing."""

import re
from collections.abc import Iterator

from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.parameter_rules import RuleError, conditions_of
from agentflow.plan.rules import path_rule_problem
from agentflow.plan.service_tools import SERVICE_TOOLS
from agentflow.plan.tool_rules import HOST_RULES, bash_rule_problem, rule_kind
from agentflow.source.diagnostics import Diagnostic, Severity
from agentflow.source.document import Document, Loc
from agentflow.source.suggest import did_you_mean
from agentflow.spec.policy import ToolRules

_RULE = re.compile(r"(?:([A-Za-z_][A-Za-z0-9_-]*)(?:\((.*)\))?|(?:[A-Za-z_][A-Za-z0-9_-]*)?\*)", re.DOTALL)
_LONGEST = 4_096
_Problem = tuple[str, str]
"""What is wrong, and the next move."""


def rule_problems(tools: ToolRules, document: Document, loc: Loc) -> Iterator[Diagnostic]:
    """What is wrong with the rules of one part of a policy.

    A tool of a file's own is known by nothing but its name here; its rules are read again beside each file.
    """
    for key, rules in (("allow", tools.allow or ()), ("ask", tools.ask), ("deny", tools.deny)):
        for index, text in enumerate(rules):
            place = document.place((*loc, key, index))
            if (problem := _problem(text, key)) is not None:
                yield Diagnostic("AF309", f"`{text[:80]}`: {problem[0]}", place, problem[1])
            elif (name := text.partition("(")[0]) not in BUILTIN_TOOLS and (hint := did_you_mean(name, BUILTIN_TOOLS)):
                message = f"`{text[:80]}` is about a tool of files' own: there is no built-in tool `{name}`"
                yield Diagnostic("AF309", message, place, hint, Severity.WARNING)


def _problem(text: str, key: str) -> _Problem | None:
    match = _RULE.fullmatch(text)
    if match is None or len(text) > _LONGEST:
        return "it is no rule", "write `Name`, `Name(rule)`, or `begin*` for all tools whose names begin so"
    name, rule = match[1], match[2]
    if name in SERVICE_TOOLS and (rule is not None or key == "ask"):
        return "the model's service uses this tool, and tells its input to nobody first", "allow or deny it as a whole"
    return None if rule is None else _rule_problem(name, rule)


def _rule_problem(name: str, rule: str) -> _Problem | None:
    kind = rule_kind(name, rule, own=name not in BUILTIN_TOOLS)
    if kind == "path":
        return path_rule_problem(rule, {}, outside=True)
    if kind == "bash":
        return bash_rule_problem(rule)
    if kind in HOST_RULES:
        return HOST_RULES[kind](rule)
    if kind != "parameters":
        return None
    if name not in BUILTIN_TOOLS:
        return None if rule.strip() else ("the rule is empty", "name a parameter, or take the brackets away")
    try:
        conditions_of(rule, BUILTIN_TOOLS[name].spec.input_schema)
    except RuleError as error:
        return str(error), error.hint
    return None
