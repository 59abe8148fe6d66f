"""What `templates.py` makes of a text: trees, references with their places, and refusals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.plan import syntax, templates
from agentflow.plan.expressions import Reference
from agentflow.plan.filters import FILTERS, TESTS
from agentflow.plan.templates import SyntaxProblem, parse_expression, parse_template

PUBLISHED_FILTERS = [
    "default",
    "join",
    "length",
    "first",
    "last",
    "list",
    "map",
    "select",
    "reject",
    "selectattr",
    "rejectattr",
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
    "replace",
    "split",
    "truncate",
]


def problem_of(source: str) -> SyntaxProblem:
    with pytest.raises(SyntaxProblem) as caught:
        parse_expression(source)
    return caught.value


def test_the_published_filters_and_tests_are_there():
    assert set(PUBLISHED_FILTERS) <= set(FILTERS)
    assert {"eq", "ne", "in", "defined", "none"} <= set(TESTS)


def test_references_know_their_path_and_their_offset():
    found = parse_expression("steps.a.output[0]['b'].c + inputs.items").references
    assert found == (
        Reference("steps", ("a", "output", 0, "b", "c"), False, 0),
        Reference("inputs", ("items",), False, 27),
    )


def test_a_computed_subscript_ends_the_constant_path_and_is_read_itself():
    found = parse_expression("inputs.table[steps.a.output].x").references
    assert found == (Reference("inputs", ("table",), False, 0), Reference("steps", ("a", "output"), False, 13))


def test_what_stands_under_default_or_defined_may_be_missing():
    found = parse_expression("(a.b | default(c)) ~ (d.e is defined) ~ (f is not defined)").references
    assert [(reference.root, reference.defaulted) for reference in found] == [
        ("a", True),
        ("c", False),
        ("d", True),
        ("f", True),
    ]


def test_only_the_chain_directly_under_default_may_be_missing():
    (found,) = parse_expression("a.b | upper | default('x')").references
    assert not found.defaulted


def test_offsets_in_templates_are_exact_on_every_line():
    text = "one {{ inputs.a }}\n  {%- if inputs.b -%}\n {{ inputs.c }}{{ inputs.c }} {% endif %}"
    template = parse_template(text, statements=True)
    assert [(found.path[0], found.offset) for found in template.references] == [
        ("a", text.index("inputs.a")),
        ("b", text.index("inputs.b")),
        ("c", text.index("inputs.c")),
        ("c", text.rindex("inputs.c")),
    ]


def test_offsets_count_the_characters_of_the_text_as_written():
    text = "a\r\nb\rc\n{{ inputs.x }}\r\n{{ inputs.y }}"
    found = parse_template(text, statements=False).references
    assert [reference.offset for reference in found] == [text.index("inputs.x"), text.index("inputs.y")]


def test_loop_variables_are_no_references():
    text = "{% for q in steps.a.output if q.ok %}{{ q.x }}{{ loop.index }}{{ inputs.y }}{% else %}{{ q }}{% endfor %}"
    found = parse_template(text, statements=True).references
    assert [reference.root for reference in found] == ["steps", "inputs", "q"]


def test_a_text_without_marks_is_constant():
    template = parse_template("just text\n", statements=False)
    assert template.constant
    assert template.render({}) == "just text\n"


def test_a_raw_block_is_constant_text():
    template = parse_template("{% raw %}{{ x }}{% endraw %}", statements=False)
    assert template.constant
    assert template.render({}) == "{{ x }}"


@pytest.mark.parametrize(
    ("source", "hint"),
    [
        ("'x'.upper()", "use the filter: `| upper`"),
        ("inputs.items()", "use the filter: `| items`"),
        ("' x '.strip()", "use the filter: `| trim`"),
        ("range(3)", "filters do it: `value | filter`"),
        ("x | uper", "did you mean `upper`?"),
        ("x is defnied", "did you mean `defined`?"),
        ("x | map('uper')", "did you mean `upper`?"),
        ("x | select('eqq', 1)", "did you mean `eq`?"),
    ],
)
def test_what_the_language_lacks_is_refused_with_the_next_move(source: str, hint: str):
    problem = problem_of(source)
    assert problem.code == "AF307"
    assert problem.hint == hint


@pytest.mark.parametrize("name", ["attr", "xmlattr", "format", "pprint", "safe", "urlize", "groupby", "random"])
def test_filters_that_are_not_published_do_not_exist(name: str):
    assert problem_of(f"x | {name}").code == "AF307"


@pytest.mark.parametrize(
    "source", ["", "  ", "1 +", "a b", "a..b", "(a", "'x", "{{ a }}", "a }} b", "'\\d'", "9" * 5000]
)
def test_what_cannot_be_parsed_is_refused(source: str):
    assert problem_of(source).code == "AF306"


@pytest.mark.parametrize(
    "text",
    [
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% set x = 1 %}",
        "{% macro m() %}{% endmacro %}",
        "{% filter upper %}x{% endfilter %}",
        "{% for x in y recursive %}{% endfor %}",
        "{% block b %}{% endblock %}",
    ],
)
def test_statements_beyond_if_and_for_are_refused_everywhere(text: str):
    with pytest.raises(SyntaxProblem) as caught:
        parse_template(text, statements=True)
    assert caught.value.code == "AF307"


def test_if_and_for_stand_in_prose_only():
    text = "{% if a %}x{% endif %}"
    assert parse_template(text, statements=True).references[0].root == "a"
    with pytest.raises(SyntaxProblem, match="if"):
        parse_template(text, statements=False)


def test_nesting_has_a_bound_that_does_not_depend_on_the_stack():
    assert parse_expression("(" * 20 + "a" + ")" * 20).references
    assert problem_of("(" * 400 + "a" + ")" * 400).message == "the expression is nested too deeply"
    assert problem_of("not " * 4000 + "a").code == "AF306"
    assert problem_of(" + ".join(["1"] * 400)).code == "AF306"


def test_a_dotted_name_means_the_same_with_and_without_the_parser():
    direct, parsed = parse_expression("steps.a.output.b"), parse_expression("(steps.a.output.b)")

    def keys(tree: syntax.Node) -> list[object]:
        name, members = syntax.chain(tree) or pytest.fail("no chain")
        return [name.name, *(member.key.value for member in members)]

    assert keys(direct.tree) == keys(parsed.tree)
    assert [found.path for found in direct.references] == [found.path for found in parsed.references]


@given(st.text(alphabet="ab.|()[]{}%-+*'\" 1,:=<>!~#\n\r\\isnotdefault", max_size=40))
def test_any_text_is_parsed_or_refused(text: str):
    for parse in (parse_expression, lambda source: parse_template(source, statements=True)):
        try:
            offsets = [found.offset for found in parse(text).references]
        except SyntaxProblem as problem:
            offsets = [problem.offset]
        assert all(0 <= offset <= len(text) for offset in offsets)


@pytest.mark.parametrize("statements", [True, False])
@given(
    st.lists(
        st.sampled_from(
            ["{{ a }}", "{{a.b}}", "{{ a.b\n}}", "{{ not }}", "{{ true.x }}", *"{}", "{%", "{#", *" é\r\n"]
        ),
        max_size=8,
    ).map("".join)
)
def test_texts_with_plain_names_are_read_as_the_parser_reads_them(statements, source):
    def outcome():
        try:
            return parse_template(source, statements=statements)
        except SyntaxProblem as problem:
            return problem.code, problem.message, problem.offset

    quick = outcome()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(templates, "plain_parts", lambda _: None)
        assert outcome() == quick
