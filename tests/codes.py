"""`python -m tests.codes > docs/codes.md`: every diagnostic code, and the tests that show it.

What is found is what is there: the invalid examples that name the code, the hostile files that must give it, and the
tests in whose text it stands.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from agentflow.source.codes import CODES
from tests.acceptance.hostile_files import NAMED, PATHS, TEXTS
from tests.acceptance.hostile_parts import PART_CODES

TESTS = Path(__file__).parent
_CODE = re.compile(r"AF\d{3}")
_MOST_NAMED = 3
# These name codes as samples to print, or as those that they leave out.
_NO_PROOF = ("report/", "house/", "fuzz/", "plan/test_example_files.py")
_HEAD = """# Codes and their tests

Each diagnostic code, and what proves that a file gives it. `agentflow explain AF301` says what to do about one.

This page is made by `python -m tests.codes > docs/codes.md`; a test fails when it is out of date.

| Code | Stands for | Invalid examples | Hostile files | Tests |
|---|---|---|---|---|
"""


def examples() -> dict[str, list[str]]:
    """The invalid examples by the codes that their first lines name."""
    found: dict[str, list[str]] = {code: [] for code in CODES}
    for file in sorted((TESTS / "examples" / "invalid").glob("*.yaml")):
        named = re.findall(r"^# (AF\d{3}) \d+:\d+$", file.read_text(), re.MULTILINE)
        for code in dict.fromkeys(named):
            found[code].append(file.stem)
    return found


def hostile_files() -> dict[str, int]:
    """How many of the hostile files must give each code."""
    wanted = [codes for _, codes in (*TEXTS.values(), *NAMED.values())] + [*PATHS.values(), *PART_CODES.values()]
    return {code: sum(code in codes for codes in wanted) for code in CODES}


def tests() -> dict[str, list[str]]:
    """The test files by the codes that they expect of a file."""
    found: dict[str, list[str]] = {code: [] for code in CODES}
    for file in sorted(TESTS.rglob("test_*.py")):
        if file.relative_to(TESTS).as_posix().startswith(_NO_PROOF):
            continue
        for code in sorted(set(_codes_of(file))):
            found.get(code, []).append(file.relative_to(TESTS).as_posix())
    return found


def _codes_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _CODE.findall(node.value)


def page() -> str:
    """The page as Markdown."""
    by_example, by_hostile, by_test = examples(), hostile_files(), tests()
    rows = (
        f"| {code} | {line} | {_named(by_example[code])} | {by_hostile[code] or ''} | {_named(by_test[code])} |"
        for code, line in CODES.items()
    )
    return _HEAD + "\n".join(rows) + "\n"


def _named(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:_MOST_NAMED])
    return shown + (f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else "")


if __name__ == "__main__":
    print(page(), end="")
