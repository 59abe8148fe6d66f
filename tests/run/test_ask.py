"""What LANGUAGE promises of `ask`."""

import pytest

from tests.builders import Run

ASKED = """
inputs: {n: {type: integer}}
steps:
  who:
    ask: "Who is number {{ inputs.n }}?"
    show: "n = {{ inputs.n }}"
    timeout: 1m
    output: {type: object, properties: {name: {type: string}}, required: [name]}
    %s
  greet: {run: [greet, "{{ steps.who.output.name }}"]}
outputs: {who: "steps.who.output | default(none)"}
"""


def asked(more: str = "if_skipped: {name: nobody}") -> Run:
    return Run(ASKED % more, n=3)


def test_a_question_shows_its_text_and_its_form():
    gate = asked().state.gates["who"]
    assert (gate.message, gate.show, gate.about) == ("Who is number 3?", "n = 3", "ask")
    assert gate.form["required"] == ["name"]


def test_the_answers_are_the_output_and_trusted_where_a_models_words_would_not_be():
    run = asked()
    run.answer("who", True, answers={"name": "ada"})
    assert run.actions["greet"].argv == ("greet", "ada")
    run.finish("greet")
    assert run.outputs == {"who": {"name": "ada"}}


def test_a_question_without_a_form_takes_a_line_of_text():
    run = Run("steps: {q: {ask: What?}}\noutputs: {q: steps.q.output}")
    assert run.state.gates["q"].form == {"type": "string"}
    run.answer("q", True, answers="that")
    assert run.outputs == {"q": "that"}


@pytest.mark.parametrize(("more", "status"), [("", "failed"), ("on_error: continue, if_skipped: {name: x}", "done")])
def test_no_answer_in_time_is_a_failure(more: str, status: str):
    run = asked("\n    ".join(more.split(", ", 1)))
    run.answer("who", False, expired=True)
    assert run.ended("who").failure.kind == "timeout"
    if status == "done":
        assert run.actions["greet"].argv == ("greet", "x")
    else:
        assert run.finished.failure.message == "nobody answered in time"


def test_an_open_question_survives_whatever_comes_between():
    run = asked()
    resumed = Run.folded(run.plan, run.begun, run.events)
    resumed.resume()
    assert resumed.asked == ["who"]
    resumed.answer("who", True, answers={"name": "ada"})
    assert resumed.actions["greet"].argv == ("greet", "ada")


def test_a_question_is_pointless_after_a_failure():
    run = Run("steps: {q: {ask: What?}, a: {run: [work]}}")
    run.fail("a")
    assert run.reason("q") == "not asked any more: step `a` failed"
