"""Rules over paths, with Claude Code's anchors: which of them, if any, is about a file. Pure: no file is looked at.

`//abs` is from the root of the file system, `~/x` from the home folder, `/x` and `./x` from the project; anything else
has the meaning of a line in a .gitignore of the project (https://git-scm.com/docs/gitignore#_pattern_format).
"""

import posixpath
from collections.abc import Sequence
from typing import Any

from agentflow.plan.permission_plan import PermissionRule

_ANY_FILE = "\x01"
"""Stands for a file in a folder: what covers it covers something there. No pattern names it."""


class PathRules:
    """Rules over paths, compiled. Asking holds no state.

    Parameters:
        rules: those of kind `path`, inputs in their places.
        project, home: absolute paths.
    """

    __slots__ = ("_below", "_from_root", "_project", "rules")

    def __init__(self, rules: Sequence[PermissionRule], project: str, home: str) -> None:
        self.rules = tuple(rules)
        self._project = project.rstrip("/")
        below, from_root = [], []
        for rule in rules:
            text = rule.pattern
            if text.startswith("//"):
                from_root.append((rule, text[1:]))
            elif text.startswith("~/"):
                from_root.append((rule, _literal(home.rstrip("/")) + text[1:]))
            else:
                below.append((rule, text[1:] if text.startswith("./") else text))
        self._below, self._from_root = _Patterns(below), _Patterns(from_root)

    def about(self, path: str, *, folder: bool = False) -> PermissionRule | None:
        """The first rule about a path, or None.

        Parameters:
            path: absolute, normalized; symbolic links are the caller's to follow.
            folder: it is a folder that is searched: a rule about files in it is about it.
        """
        paths = [path, f"{path}/{_ANY_FILE}"] if folder else [path]
        for each in paths:
            found = self._from_root.first(each.lstrip("/"))
            if found is None and each.startswith(f"{self._project}/"):
                found = self._below.first(each[len(self._project) + 1 :])
            if found is not None:
                return found
        return None


class _Patterns:
    """Patterns that are asked all at once; only a hit is asked which of them it was."""

    __slots__ = ("_all", "_each")

    def __init__(self, patterns: Sequence[tuple[PermissionRule, str]]) -> None:
        self._all = _compiled([pattern for _, pattern in patterns]) if patterns else None
        self._each = [(rule, _compiled([pattern])) for rule, pattern in patterns]

    def first(self, path: str) -> PermissionRule | None:
        clean = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace") if not path.isascii() else path
        if self._all is None or not self._all.match_file(clean):
            return None
        return next((rule for rule, spec in self._each if spec.match_file(clean)), None)


def _compiled(lines: Sequence[str]) -> Any:
    from pathspec import GitIgnoreSpec  # late: most agents have no such rules

    # Named, because its other backend is Python's `re`, which some patterns keep busy for ever.
    return GitIgnoreSpec.from_lines(lines, backend="re2")


def _literal(path: str) -> str:
    return "".join(f"\\{character}" if character in "*?[]\\!# " else character for character in path)


def absolute(project: str, name: str) -> str:
    """A name that a model gives as an absolute path, `..` taken out as text; NUL and half surrogates stay in it."""
    return posixpath.normpath(posixpath.join(project, name))
