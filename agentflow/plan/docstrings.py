"""What docstrings say: the first paragraph, and of each parameter what it is, in the three styles in common use.

Google (https://google.github.io/styleguide/pyguide.html#383-functions-and-methods), NumPy
(https://numpydoc.readthedocs.io/en/latest/format.html) and the field lists of reStructuredText that Sphinx reads.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

_GOOGLE = re.compile(r"(?:Args|Arguments|Parameters|Params|Attributes|Keyword Args|Keyword Arguments):\s*")
_NUMPY = re.compile(r"(?:Parameters|Other Parameters|Attributes)\s*")
_RULE = re.compile(r"-{3,}\s*")
_GOOGLE_ENTRY = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:(?:\s+(.*))?")
_NUMPY_ENTRY = re.compile(r"(\*{0,2}\w+(?:\s*,\s*\*{0,2}\w+)*)\s*(?::.*)?")
_FIELD = re.compile(r":(?:param|parameter|arg|argument|ivar)\s+(?:[^:]*\s)?\*{0,2}(\w+)\s*:\s*(.*)")


def summary(docstring: str) -> str:
    """The first paragraph, on one line; '' where there is none."""
    first = docstring.strip().split("\n\n", 1)[0]
    lines = [line.strip() for line in first.splitlines()]
    kept: list[str] = []
    for line in lines:
        if _FIELD.fullmatch(line) or _GOOGLE.fullmatch(line):
            break
        kept.append(line)
    return " ".join(line for line in kept if line)


def parameters(docstring: str) -> Mapping[str, str]:
    """What is said of each parameter or attribute, on one line each.

    Parameters:
        docstring: without the indentation that all of its lines share.
    """
    lines = docstring.splitlines()
    found: dict[str, list[str]] = {}
    for index, line in enumerate(lines):
        if _GOOGLE.fullmatch(line):
            entries = _google(lines[index + 1 :])
        elif _NUMPY.fullmatch(line) and index + 1 < len(lines) and _RULE.fullmatch(lines[index + 1]):
            entries = _numpy(lines[index + 2 :])
        elif field := _FIELD.fullmatch(line.strip()):
            entries = iter([(field[1], [field[2], *_indented(lines[index + 1 :], _indent(line))])])
        else:
            continue
        for name, words in entries:
            found.setdefault(name, words)
    return {name: text for name, words in found.items() if (text := " ".join(filter(None, map(str.strip, words))))}


def _google(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    base = next((_indent(line) for line in lines if line.strip()), 0)
    if base == 0:
        return
    entry: tuple[str, list[str]] | None = None
    for line in _until_dedent(lines, base):
        match = _GOOGLE_ENTRY.fullmatch(line.strip()) if _indent(line) == base else None
        if match is not None:
            if entry is not None:
                yield entry
            entry = (match[1], [match[2] or ""])
        elif entry is not None:
            entry[1].append(line)
    if entry is not None:
        yield entry


def _until_dedent(lines: Sequence[str], base: int) -> Iterator[str]:
    for line in lines:
        if line.strip():
            if _indent(line) < base:
                return
            yield line


def _numpy(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    for index, line in enumerate(lines):
        if index + 1 < len(lines) and _RULE.fullmatch(lines[index + 1]):
            return  # the title of the next section
        match = _NUMPY_ENTRY.fullmatch(line) if _indent(line) == 0 else None
        if match is not None:
            words = list(_indented(lines[index + 1 :], 0))
            for name in match[1].split(","):
                yield name.strip().lstrip("*"), words


def _indented(lines: Sequence[str], base: int) -> Iterator[str]:
    """The lines that go on with an entry: those right after it that stand further in."""
    for line in lines:
        if line.strip() and _indent(line) <= base:
            return
        if not line.strip():
            return
        yield line


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())
