"""A slice of the whole; `python -m tests.fuzz` goes on for as long as it is told."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz.inputs import changed_bytes, changed_nodes, examples, expressions, workflows
from tests.fuzz.judge import PATH, Broken, Figures, _counted, judge

KINDS = {"bytes": changed_bytes(), "nodes": changed_nodes(), "words": expressions(), "made": workflows()}


@pytest.mark.parametrize("kind", KINDS)
def test_any_file_gets_an_answer(kind):
    figures = Figures()

    @settings(max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(KINDS[kind])
    def check(source: bytes) -> None:
        judge(source, figures)

    check()
    assert figures.inputs >= 50
    assert len(figures.codes) >= 5


def test_the_examples_are_far_from_the_bound_on_steps():
    figures = Figures()
    for example in examples():
        judge(example, figures)
    assert figures.valid == len(examples())
    assert figures.most_steps_per_byte < 150


def test_an_answer_that_does_not_hold_is_noticed(monkeypatch):
    monkeypatch.setattr("tests.fuzz.judge.STEPS_PER_BYTE", 0)
    monkeypatch.setattr("tests.fuzz.judge.FIXED_STEPS", 10)
    with pytest.raises(Broken, match="steps for"):
        judge(examples()[0], Figures())
    assert _counted(examples()[0])[1] > 10
    assert not PATH.exists()
