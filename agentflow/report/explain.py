"""What a diagnostic code means, why it matters, and a wrong and a right file: `explanations/*.md`, read and shown."""

import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from importlib.resources import files
from itertools import groupby

from msgspec import Struct

from agentflow.report.style import Paint
from agentflow.source.codes import CODES

WIDTH = 100
"""The most columns of a paragraph."""

_FAMILIES = {
    "AF1": "Text",
    "AF2": "Shape",
    "AF3": "References and types",
    "AF4": "Graph",
    "AF5": "Safety",
    "AF6": "Cost",
}
_FORM = re.compile(
    r"# (?P<code>AF\d{3}): (?P<summary>[^\n]+)\n\n(?P<meaning>.+?)\n\n"
    r"## Why it matters\n\n(?P<reason>.+?)\n\n"
    r"## Wrong\n\n```yaml\n(?P<wrong>.+?)```\n\n"
    r"## Right\n\n```yaml\n(?P<right>.+?)```\n",
    re.DOTALL,
)


class Explanation(Struct, frozen=True):
    """What there is to say about a code.

    Attributes:
        summary: its line in `agentflow.source.codes`.
        meaning: what is reported; paragraphs, one a line.
        reason: why it matters, likewise.
        wrong: a whole workflow file that gives the code, and no other.
        right: the same, put right.
    """

    code: str
    summary: str
    meaning: str
    reason: str
    wrong: str
    right: str


def explanation(code: str) -> Explanation:
    """The explanation of a key of `CODES`."""
    return parsed(code, (files("agentflow.report") / "explanations" / f"{code}.md").read_text(encoding="utf-8"))


def parsed(code: str, text: str) -> Explanation:
    """The explanation that a text of `explanations/` holds. Raises ValueError where it is not of their form."""
    found = _FORM.fullmatch(text)
    if found is None or found["code"] != code:
        raise ValueError(f"the explanation of {code} is not of the form that it must have")
    return Explanation(**found.groupdict())


def explained(told: Explanation, paint: Paint, columns: int) -> str:
    """An explanation as text.

    Parameters:
        columns: those of the terminal; paragraphs are wrapped to them, and to no more than `WIDTH`.
    """
    columns = max(min(columns, WIDTH), 20)
    heading = paint(f"{told.code}:", "bold", "yellow") + " " + paint(told.summary, "bold")
    sections = [
        [heading],
        _paragraphs(told.meaning, columns),
        [paint("Why it matters", "bold"), *_paragraphs(told.reason, columns)],
        [paint("Wrong", "bold", "red"), textwrap.indent(told.wrong, "  ").rstrip()],
        [paint("Right", "bold", "green"), textwrap.indent(told.right, "  ").rstrip()],
    ]
    return "\n\n".join("\n".join(section) for section in sections)


def _paragraphs(text: str, columns: int) -> Iterable[str]:
    for paragraph in text.split("\n"):
        yield textwrap.fill(paragraph, columns, break_long_words=False, break_on_hyphens=False)


def code_list(paint: Paint) -> str:
    """All codes with their lines, by family."""
    return "\n\n".join("\n".join(_family(name, codes, paint)) for name, codes in groupby(CODES, lambda code: code[:3]))


def _family(name: str, codes: Iterable[str], paint: Paint) -> Iterator[str]:
    yield paint(_FAMILIES[name], "bold")
    for code in codes:
        yield f"  {paint(code, 'yellow')}  {CODES[code]}"


def explanation_json(told: Explanation) -> str:
    """An explanation as a JSON object: a field of the same name for each of its own."""
    return json.dumps({name: getattr(told, name) for name in Explanation.__struct_fields__}, indent=2)


def code_list_json() -> str:
    """All codes as JSON: `{"codes": [{"code", "summary"}]}`, in their order."""
    return json.dumps({"codes": [{"code": code, "summary": line} for code, line in CODES.items()]}, indent=2)
