"""What a docstring says of a function and its parameters, in the three styles in common use."""

import inspect

import pytest

from agentflow.plan.docstrings import parameters, summary

GOOGLE = """Tells the weather
of a place.

More words, and an Args: that is none.

Args:
    place: where,
        in words.
    days (int, optional): how many

    **more: the rest.
Returns:
    text: what it says.
"""
NUMPY = """Tells the weather.

Parameters
----------
place : str
    where,
    in words.
days, hours : int, optional
    how many
silent

Returns
-------
text : str
    what it says
"""
FIELDS = """Tells the weather.

:param place: where,
    in words.
:param int days: how many
:returns: what it says
:rtype: str
"""


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, FIELDS])
def test_the_first_paragraph_is_what_it_is_for_on_one_line(text):
    assert summary(text).startswith("Tells the weather")
    assert "\n" not in summary(text)
    assert summary(text).endswith(".")


def test_a_docstring_without_a_paragraph_says_nothing():
    assert summary("") == ""
    assert summary("\n  \n") == ""
    assert summary(":param x: a thing") == ""
    assert summary("Args:\n    x: a thing") == ""


def test_parameters_of_googles_style_go_on_until_the_next_section():
    assert parameters(GOOGLE) == {"place": "where, in words.", "days": "how many", "more": "the rest."}


def test_parameters_of_numpys_style_may_share_an_entry():
    assert parameters(NUMPY) == {"place": "where, in words.", "days": "how many", "hours": "how many"}


def test_parameters_of_field_lists_may_have_a_type():
    assert parameters(FIELDS) == {"place": "where, in words.", "days": "how many"}


@pytest.mark.parametrize(
    "text", ["", "Args:", "Args:\n\n\n", "Parameters\n---", ":param", ":param :", "Args:\nx: at the margin", "---\n---"]
)
def test_what_is_not_plain_says_nothing(text):
    assert parameters(inspect.cleandoc(text)) == {}


def test_a_very_long_docstring_is_read_in_time_that_grows_with_it():
    text = "Args:\n" + "    name: words\n" * 4_000 + ":param " + "a " * 10_000
    assert parameters(text) == {"name": "words"}
