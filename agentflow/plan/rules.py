"""Path rules of grants: patterns of a `.gitignore`, in which an input that is a path may stand."""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

JSON = Any

_INPUT = re.compile(r"\{\{\s*inputs\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_SPECIAL = re.compile(r"([*?\[\]\\!# ])")


def path_rule_problem(
    rule: str, inputs: Mapping[str, Mapping[str, JSON]], *, outside: bool = False
) -> tuple[str, str] | None:
    """What keeps a path rule from being used, with the next move; None where nothing does.

    Parameters:
        inputs: the schemas of the file's inputs, by name.
        outside: it may be anchored, as in Claude Code, and lie outside the project: `//etc/**`, `~/.ssh/**`, `/src`.
    """
    if not rule.strip():
        return "the rule is empty", "name what it is about, as `src/**`, or take the brackets away"
    for name in inputs_of(rule):
        if inputs.get(name, {}).get("format") != "path":
            return f"`inputs.{name}` is no input of `format: path`", "declare it as one, or write the folder out"
    plain = _INPUT.sub("folder", rule)
    if "{{" in plain or "{%" in plain:
        return "a rule may hold an input that is a path, and nothing else", "write `{{ inputs.name }}/**`"
    anchored = outside and plain.startswith(("/", "~/"))
    if plain.startswith(("!", "#")) or "\\" in plain or (plain.startswith(("/", "~")) and not anchored):
        return "a rule is a path or pattern inside the project", "write it relative to the project, as `src/**`"
    if not plain.strip("/~"):
        return "the rule names no file", "name what it is about, as `src/**`"
    plain = plain.removeprefix("~").removeprefix("/") if anchored else plain
    if ".." in plain.split("/"):
        return "a rule cannot leave the project", "write it relative to the project, without `..`"
    from pathspec import GitIgnoreSpec  # late: it and what it brings are 10 ms, and most files have no such rules

    try:
        GitIgnoreSpec.from_lines([plain])
    except ValueError as error:
        return f"it is not a pattern: {error}", "write it as in a `.gitignore`"
    return None


def inputs_of(rule: str) -> Iterator[str]:
    """The names of the inputs that stand in a rule."""
    return (match[1] for match in _INPUT.finditer(rule))


def resolved(rules: Iterable[str], inputs: Mapping[str, JSON]) -> tuple[str, ...]:
    """The rules of a run: its inputs in their places, as paths and not as patterns."""
    return tuple(_INPUT.sub(lambda match: _literal(str(inputs[match[1]])), rule) for rule in rules)


def _literal(path: str) -> str:
    """A path as a pattern that matches nothing else; the project's own folder is `.`."""
    return _SPECIAL.sub(r"\\\1", posixpath.normpath(path))
