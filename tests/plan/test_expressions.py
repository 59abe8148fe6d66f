"""The values of expressions and templates over plain data."""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agentflow.plan.expressions import ExpressionError
from agentflow.plan.templates import parse_expression, parse_template

KEYS = st.sampled_from(["a", "b", "items", "keys", "get", "__class__", "0"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)

EXPRESSIONS = st.recursive(
    st.sampled_from(["x", "x.a", "x.a.b", "x[0]", "x['items']", "1", "-2.5", "'text'", "true", "null_", "[]", "x[x]"]),
    lambda inner: st.one_of(
        st.builds(
            "({} {} {})".format,
            inner,
            st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "~", "==", "<", "in", "and", "or"]),
            inner,
        ),
        st.builds(
            "({} | {})".format,
            inner,
            st.sampled_from(
                [
                    "length",
                    "first",
                    "last",
                    "list",
                    "sort",
                    "unique",
                    "sum",
                    "min",
                    "max",
                    "round",
                    "flatten",
                    "tojson",
                    "trim",
                    "lower",
                    "upper",
                    "items",
                    "abs",
                    "int",
                    "float",
                    "string",
                    "reverse",
                    "join(',')",
                    "split",
                    "replace('a','bb')",
                    "truncate(4)",
                    "default(1)",
                    "map('upper')",
                    "map(attribute='a')",
                    "select",
                    "reject('eq',1)",
                    "selectattr('a')",
                    "rejectattr('a','defined')",
                ]
            ),
        ),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("(not {})".format, inner),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("{{'k': {}}}".format, inner),
        st.builds("({})[1:]".format, inner),
        st.builds("({} is defined)".format, inner),
    ),
    max_leaves=6,
)


def value_of(source: str, **names: object) -> object:
    return parse_expression(source).evaluate(names)


@given(EXPRESSIONS, DATA)
@settings(max_examples=300, deadline=None)
def test_an_expression_over_plain_data_has_a_plain_value_or_an_expression_error(source: str, data: object):
    try:
        value = value_of(source, x=data)
    except ExpressionError as error:
        value = error.message
    assert json.dumps(value, allow_nan=False)


@pytest.mark.parametrize(
    "source",
    [
        "x.n + 1 * 2 ** 3 // 2 - 5 % 3",
        "x.s ~ x.n ~ 'b'",
        "x.list | length > 2 and not x.flag",
        "x.list | map('string') | join('-')",
        "x.rows | selectattr('ok') | map(attribute='name') | list",
        "x.rows | rejectattr('ok') | map(attribute='name') | first",
        "x.rows | sort(attribute='name', reverse=true) | map(attribute='name') | join",
        "x.words | sort | join(',')",
        "x.words | unique | join(',')",
        "x.words | select('ne', 'b') | list",
        "x.s | replace('t', 'T') | truncate(7)",
        "x.s | upper | trim",
        "(x.list | sum) / (x.list | length)",
        "x.list | max - x.list | min",
        "2.567 | round(1)",
        "7 | round",
        "1 < x.n <= 3",
        "x.n in x.list and 9 not in x.list",
        "x.missing | default('none')",
        "x.empty | default('none', true)",
        "x.list[1:] + x.list[:1]",
        "x.s[0] if x.flag else x.s[-1]",
        "x.missing is defined or x.s is string",
        "{'a': [x.n, 1.5]}",
        "x.empty or 'fallback'",
    ],
)
def test_the_language_means_what_jinja_means(source: str):
    x = {
        "n": 2,
        "s": "some text",
        "empty": "",
        "flag": False,
        "list": [1, 2, 3],
        "words": ["b", "A", "a", "c"],
        "rows": [{"name": "p", "ok": True}, {"name": "q", "ok": False}],
    }
    expected = ImmutableSandboxedEnvironment().compile_expression(source, undefined_to_none=False)(x=x)
    assert value_of(source, x=x) == expected


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, SCALARS)), KEYS, KEYS)
def test_data_wins_over_methods(data: dict[str, dict[str, object]], outer: str, inner: str):
    expression = parse_expression(f"x['{outer}']['{inner}']")
    if inner in data.get(outer, {}):
        assert expression.evaluate({"x": data}) is data[outer][inner]
    else:
        with pytest.raises(ExpressionError):
            expression.evaluate({"x": data})


def test_an_input_named_items_is_the_input():
    assert value_of("inputs.items", inputs={"items": [1]}) == [1]
    assert value_of("inputs.keys | default('none')", inputs={}) == "none"


@pytest.mark.parametrize("source", ["x.__class__", "''.__class__", "x.append", "(1).real", "x['__class__']", "[].pop"])
def test_attributes_of_python_objects_cannot_be_reached(source: str):
    with pytest.raises(ExpressionError, match=r"__class__|append|real|pop"):
        value_of(source, x=[])


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("y", "`y` is not defined"),
        ("x.b", "there is no field 'b'"),
        ("x.a.b.c", "type integer has no field 'b'"),
        ("x.list[3]", "there is no item 3"),
        ("[] | first", "there is no item 0"),
    ],
)
def test_what_is_not_there_is_an_error_that_names_the_expression(source: str, words: str):
    with pytest.raises(ExpressionError) as caught:
        value_of(source, x={"a": 1, "list": [1]})
    assert words in caught.value.message
    assert f"`{source}`" in caught.value.message


def test_default_looks_past_a_whole_chain_but_not_past_its_arguments():
    assert value_of("previous.review.output.notes | default('')") == ""
    assert value_of("x.a.b | default('d')", x={"a": None}) == "d"
    assert value_of("[] | first | default('d')") == "d"
    with pytest.raises(ExpressionError, match="`key` is not defined"):
        value_of("x[key] | default('d')", x={})
    with pytest.raises(ExpressionError, match="`y` is not defined"):
        value_of("(y ~ 'z') | default('d')")


def test_null_is_a_value_and_not_missing():
    assert value_of("x.a | default('d')", x={"a": None}) is None
    assert value_of("x.a is defined", x={"a": None}) is True


@pytest.mark.parametrize(
    "source",
    [
        "'a' * 1000000000",
        "[1] * 1000000000",
        "'%1000000000s' % 1",
        "9 ** 9 ** 9",
        "10 ** 64",
        "9223372036854775807 * 4",
        "1e308 * 10",
        "1 / 0",
        "1 % 0",
        "(-8) ** 0.5",
        "big ~ big",
        "big + big",
        "[big, big] | join",
        "big | replace('a', 'bb')",
        "big | list",
        "rows + rows",
        "true + 1",
        "1 < 'a'",
        "{1: 2}",
        "'a' in 3",
        "[1, 'a'] | sort",
        "'x' | int",
        "('1' ~ '0000000000000000000000000000') | int",
        "1e30 | int",
        "5 | length",
        "'abc' | split('')",
        "x[1.5]",
    ],
)
def test_what_explodes_or_makes_no_sense_is_an_error(source: str):
    with pytest.raises(ExpressionError):
        value_of(source, big="a" * 600_000, rows=[0] * 60_000, x=[1])


def repeated(source: str, times: int) -> object:
    expression, value = parse_expression(source), "some text"
    for _ in range(times):
        value = expression.evaluate({"x": value})
    return value


def test_what_is_put_together_is_bounded_however_small_it_is_in_memory():
    assert repeated("{'left': x, 'right': x}", 3)
    with pytest.raises(ExpressionError, match="too large"):
        repeated("{'left': x, 'right': x}", 40)
    with pytest.raises(ExpressionError, match="levels deep"):
        repeated("[x]", 200)


def test_the_loops_of_a_text_are_bounded_together():
    template = parse_template(
        "{% for a in x %}{% for b in x %}{% if false %}.{% endif %}{% endfor %}{% endfor %}", statements=True
    )
    with pytest.raises(ExpressionError, match="100,000 rounds"):
        template.render({"x": list(range(1000))})


def test_what_is_no_text_stands_in_text_as_json():
    template = parse_template("{{ x.n }}|{{ x.b }}|{{ x.o }}|{{ x.f }}|{{ x.s }}", statements=False)
    data = {"n": None, "b": True, "o": {"k": ["é", '"']}, "f": 1.5, "s": "<&>"}
    assert template.render({"x": data}) == 'null|true|{"k": ["é", "\\""]}|1.5|<&>'


def test_data_is_never_rendered_again():
    assert (
        parse_template("{{ x }}", statements=True).render({"x": "{{ secrets }}{% raw %}"}) == "{{ secrets }}{% raw %}"
    )


def test_a_final_newline_is_kept():
    assert parse_template("{{ x }}\n", statements=False).render({"x": "a"}) == "a\n"
    assert parse_template("a\n", statements=False).render({}) == "a\n"


def test_a_value_that_is_exactly_one_insertion_keeps_its_type():
    assert parse_template("{{ x }}", statements=False).value({"x": [1]}) == [1]
    assert parse_template(" {{ x }}", statements=False).value({"x": [1]}) == " [1]"
    assert parse_template("x", statements=False).value({}) == "x"


def test_loops_and_conditions_render():
    text = "{% for k, v in x | items %}{{ loop.index }}{{ k }}={{ v }}{% if not loop.last %}, {% endif %}{% endfor %}"
    assert parse_template(text, statements=True).render({"x": {"a": 1, "b": 2}}) == "1a=1, 2b=2"
    empty = parse_template("{% for v in x %}{{ v }}{% else %}none{% endfor %}", statements=True)
    assert empty.render({"x": []}) == "none"


def test_json_is_plain_and_not_escaped_for_html():
    assert value_of("x | tojson", x={"a": "<b> & 'c'"}) == '{"a": "<b> & \'c\'"}'


def test_a_number_that_json_lacks_is_refused():
    with pytest.raises(ExpressionError, match="not finite"):
        parse_template("{{ x }}", statements=False).render({"x": math.inf})
