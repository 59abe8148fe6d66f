"""The reference of the language: made from the models and from prose, whole, and up to date."""

import re

import pytest

from agentflow.plan.filters import FILTERS, TESTS
from agentflow.spec.base import Spec
from agentflow.spec.describe import keys_in, models_below
from agentflow.spec.steps import KINDS, StepBase
from agentflow.spec.workflow import Workflow
from scripts import generate_reference
from scripts.generate_reference import CHAPTERS, FILTER_EXAMPLES, TEST_EXAMPLES, reference, section_of
from tests.house.checkout import ROOT

WRITTEN = ROOT / "docs" / "language.md"
MODELS = (*models_below(Workflow), StepBase)


def test_the_reference_is_what_the_models_and_the_prose_say():
    text = WRITTEN.read_text(encoding="utf-8")
    assert text == reference(), "run: python -m scripts.generate_reference > docs/language.md"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_step_has_a_section_of_prose_with_an_example(kind: str):
    assert section_of(kind).exists(), f"write docs/language/steps/{kind}.md"
    text = section_of(kind).read_text(encoding="utf-8")
    assert re.search(r"^```yaml\n(?:.*\n)*?.*\b" + kind + r":", text, re.MULTILINE), "show a workflow that has one"
    assert "```console" in text, "show what it does"


def test_no_section_is_of_a_kind_that_is_not_there():
    assert {path.stem for path in (CHAPTERS / "steps").iterdir()} == set(KINDS)


def test_a_kind_without_a_section_is_told_where_to_write_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(generate_reference, "KINDS", {**KINDS, "dance": StepBase})
    with pytest.raises(LookupError, match=r"docs/language/steps/dance\.md"):
        reference()


@pytest.mark.parametrize("model", MODELS, ids=[model.__name__ for model in MODELS])
def test_every_key_has_its_row_with_its_meaning(model: type[Spec]):
    text = WRITTEN.read_text(encoding="utf-8").replace("\\|", "|")
    for key in keys_in(model):
        assert key.description
        row = rf"^\| `{key.name}` \| [^\n]* \| {re.escape(key.description)}"
        assert re.search(row, text, re.MULTILINE), f"no table has {model.__name__}.{key.name}"


def test_every_filter_and_test_has_an_example_and_no_other_has():
    assert FILTER_EXAMPLES.keys() == FILTERS.keys()
    assert TEST_EXAMPLES.keys() == TESTS.keys()
    assert [name for name in FILTERS if f"| {name}" not in FILTER_EXAMPLES[name]] == []
    assert [name for name in TESTS if f"is {name}" not in TEST_EXAMPLES[name]] == []


def test_a_line_that_stands_for_nothing_is_told(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(generate_reference, "_MADE", {})
    with pytest.raises(LookupError, match="nothing is made for"):
        reference()


def test_links_inside_the_reference_lead_to_a_heading():
    text = WRITTEN.read_text(encoding="utf-8")
    headings = {
        re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
        for line in re.findall(
            r"^#+ .+$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
        )
    }
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) - headings == set()
