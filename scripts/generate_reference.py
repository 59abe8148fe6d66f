"""Writes `docs/language.md`: the prose of `docs/language/`, and between it tables of every key, made from the models.

Usage: `python -m scripts.generate_reference > docs/language.md`

A chapter is a file of `docs/language/`, in the order of their names. These lines stand for something that is made:

    <!-- keys: Stop -->    the keys of a mapping, and of those that stand in it and have no table elsewhere
    <!-- kinds -->         a section for each kind of step: docs/language/steps/KIND.md, and its keys
    <!-- list of kinds --> one line for each kind of step
    <!-- filters -->       every filter with an example and what it gives; `<!-- tests -->` the same of tests
    <!-- tools -->         the built-in tools
    <!-- bounds -->        every key that has a default or a bound
    <!-- failures -->      the kinds of failure
    <!-- codes -->         the codes of diagnostics
"""

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import get_args

from agentflow.events.values import LIMITS, FailureKind
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.filters import FILTERS, TESTS
from agentflow.plan.templates import parse_expression
from agentflow.source.codes import CODES
from agentflow.spec.base import FileRef, Spec
from agentflow.spec.describe import Key, keys_in, models_below
from agentflow.spec.steps import KINDS, StepBase
from agentflow.spec.workflow import Library, Workflow

CHAPTERS = Path(__file__).parents[1] / "docs" / "language"

NOTES = [{"title": "beta", "stars": 2, "done": True}, {"title": "Alpha", "stars": 5, "done": False}]
"""What `notes` is in the examples of filters and tests."""

FILTER_EXAMPLES = {
    "abs": "-3 | abs",
    "default": "notes[0].author | default('nobody')",
    "first": "notes | map(attribute='title') | first",
    "flatten": "[[1, 2], [3, [4]]] | flatten",
    "float": "'2.5' | float",
    "int": "'42' | int",
    "items": "{'a': 1, 'b': 2} | items",
    "join": "notes | map(attribute='title') | join(', ')",
    "last": "[1, 2, 3] | last",
    "length": "notes | length",
    "list": "'abc' | list",
    "lower": "'Alpha' | lower",
    "map": "['a', 'b'] | map('upper')",
    "max": "notes | max(attribute='stars')",
    "min": "[3, 1, 2] | min",
    "reject": "[1, 2, 3] | reject('gt', 2)",
    "rejectattr": "notes | rejectattr('done') | map(attribute='title')",
    "replace": "'a-b-c' | replace('-', '/')",
    "reverse": "[1, 2, 3] | reverse",
    "round": "2.718 | round(1)",
    "select": "[0, 1, 2] | select('gt', 0)",
    "selectattr": "notes | selectattr('stars', 'ge', 3) | map(attribute='title')",
    "sort": "notes | sort(attribute='title') | map(attribute='title')",
    "split": "'a, b' | split(', ')",
    "string": "42 | string",
    "sum": "notes | sum(attribute='stars')",
    "tojson": "{'a': [1, none]} | tojson",
    "trim": "'  text  ' | trim",
    "truncate": "'a text that is too long' | truncate(12, leeway=0)",
    "unique": "[1, 2, 1] | unique",
    "upper": "'text' | upper",
}
TEST_EXAMPLES = {
    "boolean": "notes[0].done is boolean",
    "defined": "notes[0].author is defined",
    "eq": "notes[0].stars is eq 2",
    "ge": "2 is ge 3",
    "gt": "3 is gt 2",
    "in": "'a' is in ['a', 'b']",
    "integer": "2.5 is integer",
    "le": "2 is le 2",
    "lt": "2 is lt 2",
    "mapping": "notes[0] is mapping",
    "ne": "'a' is ne 'b'",
    "none": "none is none",
    "number": "2.5 is number",
    "sequence": "notes is sequence",
    "string": "'2' is string",
    "undefined": "notes[0].author is undefined",
}

_PLACEHOLDER = re.compile(r"^<!-- (?P<what>keys: (?P<model>\w+)|[a-z ]+) -->\n", re.MULTILINE)
_HEADER = (
    "<!-- Made by `python -m scripts.generate_reference` from docs/language/ and the models of agentflow/spec/. "
    "Change those. -->\n\n"
)


def reference() -> str:
    """Returns the whole of `docs/language.md`.

    Raises:
        LookupError: a kind of step has no prose, a filter no example, or a line stands for nothing that is made.
    """
    chapters = [path.read_text(encoding="utf-8") for path in sorted(CHAPTERS.glob("*.md"))]
    placed = {match["model"] for chapter in chapters for match in _PLACEHOLDER.finditer(chapter) if match["model"]}
    return _HEADER + "\n".join(_filled(chapter, placed) for chapter in chapters)


def section_of(kind: str) -> Path:
    """Returns the file that holds the prose of a kind of step."""
    return CHAPTERS / "steps" / f"{kind}.md"


def _filled(text: str, placed: set[str]) -> str:
    def made(match: re.Match[str]) -> str:
        if match["model"]:
            return _tables(_model(match["model"]), placed)
        if match["what"] not in _MADE and match["what"] != "kinds":
            raise LookupError(f"nothing is made for `<!-- {match['what']} -->`")
        return _kinds(placed) if match["what"] == "kinds" else _MADE[match["what"]]()

    return _PLACEHOLDER.sub(made, text)


def _model(name: str) -> type[Spec]:
    models = {model.__name__: model for model in (*models_below(Workflow), Library, StepBase)}
    return models[name]


def _kinds(placed: set[str]) -> str:
    sections = []
    for kind, model in KINDS.items():
        if not section_of(kind).exists():
            raise LookupError(f"write docs/language/steps/{kind}.md: steps of this kind have no section")
        prose = section_of(kind).read_text(encoding="utf-8").rstrip("\n")
        sections.append(f"### `{kind}`\n\n{prose}\n\n{_tables(model, placed)}")
    return "\n".join(sections)


def _tables(model: type[Spec], placed: set[str]) -> str:
    """The keys of a model, and below them those of the mappings that have no table elsewhere."""
    shared = keys_in(StepBase) if issubclass(model, StepBase) and model is not StepBase else ()
    keys = [key for key in keys_in(model) if key not in shared]
    # The key that names the kind of a step comes first.
    keys.sort(key=lambda key: KINDS.get(key.name) is not model)
    tables = [_table(("key", "takes", "default", "meaning"), map(_row, keys))]
    for key in keys:
        for below in key.models:
            if below.__name__ not in placed and not issubclass(below, StepBase):
                tables.append(f"The keys of `{key.name}`:\n\n{_tables(below, placed)}")
    return "\n".join(tables)


def _row(key: Key) -> tuple[str, ...]:
    choices = "".join(f"<br>`{value}`: {meaning}" for value, meaning in key.choices if meaning)
    return f"`{key.name}`", _takes(key), _default(key), f"{key.description}{choices}"


def _takes(key: Key) -> str:
    return f"{key.takes}, {key.bounds}" if key.bounds else key.takes


def _default(key: Key) -> str:
    return "required" if key.required else f"`{key.default}`" if key.default is not None else ""


def _list_of_kinds() -> str:
    rows = ((f"[`{kind}`](#{kind})", (model.__doc__ or "").partition("\n")[0]) for kind, model in KINDS.items())
    return _table(("kind", "what it is"), rows)


def _examples_of(names: Iterable[str], examples: dict[str, str], what: str) -> Iterator[tuple[str, ...]]:
    for name in sorted(names):
        if name not in examples:
            raise LookupError(f"give the {what} `{name}` an example in scripts/generate_reference.py")
        value = parse_expression(examples[name]).evaluate({"notes": NOTES})
        yield f"`{name}`", f"`{examples[name]}`", f"`{json.dumps(value, ensure_ascii=False)}`"


def _filters() -> str:
    return _table(("filter", "example", "gives"), _examples_of(FILTERS, FILTER_EXAMPLES, "filter"))


def _tests() -> str:
    return _table(("test", "example", "gives"), _examples_of(TESTS, TEST_EXAMPLES, "test"))


def _tools() -> str:
    rules = {
        "path": "paths: `{name}(docs/**)`",
        "agent": "an agent: `{name}(researcher)`",
        "host": "hosts: `{name}(domain:*.x.org)`",
        "site": "sites: `{name}(domain:x.org)`",
        "skill": "a skill: `{name}(release-notes)`",
        None: "",
    }
    rows = (
        (f"`{name}`", tool.spec.description.partition(". ")[0] + ".", rules[tool.rule].format(name=name))
        for name, tool in BUILTIN_TOOLS.items()
    )
    return _table(("tool", "what it does", "a rule narrows"), rows)


def _bounds() -> str:
    rows = []
    for model in models_below(Workflow):
        if model is FileRef or issubclass(model, StepBase):
            continue
        rows += [_bound(model.__name__, key) for key in keys_in(model)]
    for kind, step in KINDS.items():
        shared = keys_in(StepBase)
        rows += [_bound(f"a step with `{kind}`", key) for key in keys_in(step) if key not in shared]
    rows += [_bound("every step", key) for key in keys_in(StepBase)]
    return _table(("of", "key", "bounds", "default"), [row for row in dict.fromkeys(rows) if row[2] or row[3]])


def _bound(owner: str, key: Key) -> tuple[str, ...]:
    words = {
        "Workflow": "the file",
        "AgentDefaults": "`defaults`",
        "Agent": "an agent",
        "Stop": "`stop`",
        "Context": "`context`",
        "Limits": "`limits`",
        "CommandTool": "a tool",
        "FunctionTool": "a tool with `call`",
        "ToolRetry": "`retry` of a tool",
        "Retry": "`retry`",
        "Rounds": "`repeat`",
    }
    default = f"`{key.default}`" if key.default is not None else ""
    return words.get(owner, owner), f"`{key.name}`", key.bounds, default


def _failures() -> str:
    rows = ((f"`{kind}`", "3" if kind in LIMITS else "1") for kind in get_args(FailureKind))
    return _table(("kind", "exit code of a run that it ends"), rows)


def _codes() -> str:
    return _table(("code", "what it stands for"), ((f"`{code}`", meaning) for code, meaning in CODES.items()))


_MADE: dict[str, Callable[[], str]] = {
    "list of kinds": _list_of_kinds,
    "filters": _filters,
    "tests": _tests,
    "tools": _tools,
    "bounds": _bounds,
    "failures": _failures,
    "codes": _codes,
}


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(_cell(cell) for cell in line) + " |\n" for line in lines)


def _cell(text: str) -> str:
    """A cell of a table: within one, `|` ends it, in code too."""
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    sys.stdout.write(reference())
