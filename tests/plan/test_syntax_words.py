"""What is told of a text that cannot be parsed."""

import pytest

from agentflow.plan.templates import SyntaxProblem, parse_expression, parse_template


@pytest.mark.parametrize(
    "text",
    ["1 +", "a b", "(a", "x = 1", "x == = 1", "x[1", "x + }", "x is", "x.1a", "x if", "§", "{% if %}", "'a", "", '"a'],
)
def test_every_expression_that_cannot_be_parsed_comes_with_a_next_move(text: str):
    with pytest.raises(SyntaxProblem) as refused:
        parse_expression(text)
    assert refused.value.hint
    assert "Jinja" not in refused.value.message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("{{ a", "close what is open"),
        ("{{ a b }}", "join the parts by an operator"),
        ("{{ 'x }}", "close the quote"),
        ("{{ a ! b }}", "write names, texts in quotes and operators"),
        ("{% if x %} a", "close `{% if %}` by `{% endif %}`"),
        ("{% for x in y %}{% endif %}", "`{% endfor %}`"),
    ],
)
def test_every_template_that_cannot_be_parsed_comes_with_a_next_move(text: str, hint: str):
    with pytest.raises(SyntaxProblem) as refused:
        parse_template(text, statements=True)
    assert hint in (refused.value.hint or "")
    assert "Jinja" not in refused.value.message


def test_the_place_of_a_mistake_is_inside_the_text_of_the_file(compiled):
    _, diagnostics = compiled(
        """
        steps:
          a:
            agent: {}
            prompt: |
              Say it.
              Then {{ run.id | upper ~ }} again.
        """
    )
    (found,) = diagnostics
    assert (found.code, found.place.line, found.place.column) == ("AF306", 9, 32)


def test_a_field_of_an_error_that_may_be_null_wants_a_default(compiled):
    _, diagnostics = compiled(
        """
        steps:
          a: {run: [x], on_error: continue}
          b: {value: steps.a.error.message}
        """
    )
    (found,) = diagnostics
    assert (found.code, found.hint) == ("AF313", "add `| default(…)`: what it is read from may be null")
