import math
import string

import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from agentflow.source.codes import CODES
from agentflow.source.core_schema import plain_value
from agentflow.source.limits import Limits
from agentflow.source.yaml_reader import read

KEYS = st.text(string.ascii_letters + string.digits + "_ -é😀'\":#{", max_size=8)
# The dumper loses NEL, LS and PS by itself.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\x85\u2028\u2029"), max_size=40)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(10**299), 10**299) | st.floats(allow_nan=False, allow_infinity=False)
)
DATA = st.recursive(
    SCALARS | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=30,
)
STYLES = st.fixed_dictionaries(
    {
        "default_flow_style": st.sampled_from([True, False, None]),
        "allow_unicode": st.booleans(),
        "indent": st.integers(2, 6),
        "width": st.integers(10, 100),
        "line_break": st.sampled_from(["\n", "\r\n"]),
    }
)


class Core(yaml.SafeDumper):
    """Writes YAML 1.2: a text that the core schema would take for something else is quoted."""


def write_text(dumper, value):
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, None if plain_value(value) == value else '"')


Core.add_representer(str, write_text)


def data_of(text):
    document, problems = read(text, "w.yaml")
    assert problems == []
    return document.data


def problems_of(text, **limits):
    return read(text, "w.yaml", Limits(**limits))[1]


def only_problem(text, **limits):
    (problem,) = problems_of(text, **limits)
    return problem


def at(problem):
    return problem.code, problem.place.line, problem.place.column


@given(DATA.filter(lambda data: data is not None), STYLES)
def test_what_was_written_as_yaml_reads_back_equal(data, style):
    text = yaml.dump(data, Dumper=Core, sort_keys=False, **style)
    # The dumper adds a backslash to some texts in narrow columns.
    assume(yaml.safe_load(text) == data)
    back = data_of(text)
    assert back == data
    assert repr(back) == repr(data)


@given(st.dictionaries(KEYS, TEXTS, max_size=4), st.sampled_from(["'", '"', "|", ">"]), STYLES)
def test_texts_read_back_equal_in_every_scalar_style(data, scalar_style, style):
    text = yaml.safe_dump(data, default_style=scalar_style, sort_keys=False, **style)
    assume(yaml.safe_load(text) == data)
    assert data_of(text) == data


@pytest.mark.parametrize(
    "text",
    [
        "NO",
        "no",
        "on",
        "yes",
        "y",
        "1:30",
        "2024-01-01",
        "1_000",
        "0b1",
        "tRue",
        "nUll",
        "+.nan",
        "0x",
        ".",
        "-x",
        "1e",
    ],
)
def test_what_only_yaml_1_1_takes_for_something_else_is_a_text(text):
    assert data_of(f"a: {text}\n") == {"a": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("~", None),
        ("", None),
        ("Null", None),
        ("TRUE", True),
        ("False", False),
        ("012", 12),
        ("-7", -7),
        ("0o17", 15),
        ("0xFf", 255),
        ("1.", 1.0),
        ("-.5", -0.5),
        ("1e3", 1000.0),
        ("'1'", "1"),
        ('"true"', "true"),
    ],
)
def test_plain_scalars_follow_the_core_schema_and_quoted_ones_are_texts(text, value):
    read_back = data_of(f"a: {text}\n")["a"]
    assert read_back == value
    assert type(read_back) is type(value)


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan"])
def test_numbers_that_json_lacks_are_refused(text):
    assert at(only_problem(f"a: {text}")) == ("AF105", 1, 4)


@pytest.mark.parametrize("text", ["9" * 301, "0x" + "f" * 301, "1e999", "-1." + "0" * 400])
def test_numbers_without_end_are_refused(text):
    assert at(only_problem(f"a: {text}")) == ("AF104", 1, 4)


@given(st.text("0123456789+-.eExXoOabcdefinfaINFNAN_:", max_size=20))
def test_a_plain_scalar_is_a_text_or_something_json_can_hold(text):
    value = plain_value(text)
    assert not isinstance(value, float) or math.isfinite(value)
    if isinstance(value, str):
        assert value == text


def test_order_of_keys_is_kept():
    assert list(data_of("z: 1\na: 2\nm: 3\n")) == ["z", "a", "m"]


def test_a_duplicate_key_is_refused_at_its_second_place():
    document, (problem,) = read("a: 1\nb: 2\n  \na: 3\nc: 4\n", "w.yaml")
    assert at(problem) == ("AF103", 4, 1)
    assert "`a`" in problem.message
    assert "line 1" in problem.hint
    assert document.data == {"a": 1, "b": 2, "c": 4}


def test_a_message_holds_nothing_that_acts_on_a_terminal_and_no_long_text():
    for text in (
        '"\\e[31m": 1\n"\\e[31m": 2\n',
        f"{'k' * 1000}: 1\n{'k' * 1000}: 2\n",
        f"a: *{'x' * 5000}\n",
        f"a: !{'x' * 5000} b\n",
    ):
        problem = only_problem(text)
        assert problem.message.isprintable()
        assert len(problem.message) < 200


def test_several_problems_come_in_one_pass():
    text = "a: 1\na: 2\nb: !!str 3\n1: x\ntrue: y\n? [k]\n: z\n<<: {q: 1}\nc: *nope\nd: .inf\n"
    document, problems = read(text, "w.yaml")
    assert [(p.code, p.place.line) for p in problems] == [
        ("AF103", 2),
        ("AF105", 3),
        ("AF105", 4),
        ("AF105", 5),
        ("AF105", 6),
        ("AF105", 8),
        ("AF102", 9),
        ("AF105", 10),
    ]
    assert document.data == {"a": 1, "b": 3, "1": "x", "true": "y", "c": None, "d": None}


@pytest.mark.parametrize("key", ["1", "true", "null", "1.5", "~", "0x1"])
def test_a_plain_key_that_is_not_a_text_gets_the_hint_to_quote_it(key):
    problem = only_problem(f"a:\n  {key}: x\n")
    assert at(problem) == ("AF105", 2, 3)
    assert f'"{key}"' in problem.hint


def test_a_quoted_key_may_look_like_anything():
    assert data_of('"1": a\n\'<<\': b\n"": c\n') == {"1": "a", "<<": "b", "": "c"}


def test_a_template_without_quotes_gets_the_hint_to_quote_it():
    for text in ("a: {{ inputs.x }}\n", "a: {{ inputs.x }} and more\n", "a: {% if x %}\n", "- {{ x }} y\n"):
        problem = problems_of(text)[0]
        assert problem.place.line == 1
        assert '"{{' in problem.hint


@pytest.mark.parametrize(
    ("text", "column"),
    [("a: !!str x", 4), ("a: !x y", 4), ("a: &b !!int 3", 7), ("a: !<x> [1]", 4), ("a: ! x", 4), ("!!map {a: 1}", 1)],
)
def test_a_tag_is_refused_where_it_stands(text, column):
    assert at(only_problem(text)) == ("AF105", 1, column)


def test_an_object_tag_makes_no_object():
    document, (problem,) = read("a: !!python/object/apply:os.system ['false']\n", "w.yaml")
    assert problem.code == "AF105"
    assert document.data == {"a": ["false"]}


def test_a_merge_key_is_refused_with_another_way():
    problem = only_problem("a: &x {b: 1}\nc:\n  <<: *x\n")
    assert at(problem) == ("AF105", 3, 3)
    assert "alias" in problem.hint


def test_an_alias_stands_for_the_whole_value():
    data = data_of("a: &x {b: [1]}\nc: *x\nd: [*x, *x]\n")
    assert data["c"] == {"b": [1]}
    assert data["d"][1] is data["a"]


def test_the_last_anchor_of_a_name_counts():
    assert data_of("- &x 1\n- *x\n- &x 2\n- *x\n") == [1, 1, 2, 2]


def test_an_alias_of_a_text_may_be_a_key_and_one_of_a_mapping_may_not():
    assert data_of("a: &k b\n*k : c\n") == {"a": "b", "b": "c"}
    assert at(only_problem("a: &k {b: 1}\n*k : c\n")) == ("AF105", 2, 1)


def test_an_unknown_alias_names_the_nearest_anchor():
    problem = only_problem("a: &defaults x\nb: *default\n")
    assert at(problem) == ("AF102", 2, 4)
    assert problem.hint == "did you mean `defaults`?"


def test_an_alias_inside_its_own_anchor_is_refused():
    assert at(only_problem("a: &x [1, *x]\n")) == ("AF105", 1, 11)


def test_a_second_document_is_refused():
    assert at(only_problem("a: 1\n---\nb: 2\n")) == ("AF105", 2, 1)


def test_directives_other_than_the_version_are_refused():
    assert data_of("%YAML 1.2\n---\na: 1\n") == {"a": 1}
    assert at(only_problem("# x\n%TAG ! tag:x,2000:\n---\na: 1\n")) == ("AF105", 2, 1)
    assert at(only_problem("%YAML 1.1\n---\na: 1\n")) == ("AF105", 1, 1)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "\ufeff", b"", b"\xef\xbb\xbf"])
def test_an_empty_file_is_refused(text):
    document, (problem,) = read(text, "w.yaml")
    assert document is None
    assert at(problem) == ("AF102", 1, 1)


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: b\n\tc: d\n", 2, 1, "spaces"),
        ("a:\n\t- d\n", 2, 1, "spaces"),
        ("a: b: c\n", 1, 5, "quote"),
        ("a: 1\nb\nc: 2\n", 2, 1, "wants `:`"),
        ("a: @x\n", 1, 4, "quote"),
        ("a: *.txt\n", 1, 5, "quote"),
        ('a: "\\d"\n', 1, 5, "backslash"),
        ("a:\n  b: 1\n c: 2\n", 3, 2, "align"),
        ("a: 'x' y\n", 1, 8, "align"),
        ("\ufeffa: 1\n😀: b: c\n", 2, 5, "quote"),
    ],
)
def test_a_syntax_error_has_its_place_and_a_next_move(text, line, column, words):
    problem = only_problem(text)
    assert at(problem) == ("AF102", line, column)
    assert words in problem.hint


@pytest.mark.parametrize("text", ['a: 1\nb: "x\nc: 2\n', "a: 1\nb: 'x\n", "a: 1\nb: [x\n", "a: 1\nb: {x: 1,\n"])
def test_what_is_never_closed_is_shown_where_it_opens(text):
    problem = only_problem(text)
    assert at(problem) == ("AF102", 2, 4)
    assert "never closed" in problem.message


@pytest.mark.parametrize(
    ("source", "line", "column"),
    [
        (b"a: \xff", 1, 4),
        ("é: 1\n😀b: ".encode() + b"\xc3", 2, 5),
        (b"\xef\xbb\xbfa: \xff", 1, 4),
        (b"a: 1\nb: \x00", 2, 4),
        (b"a: 1\r\nb: \x1b[0m", 2, 4),
        ("a: 1\nb: \ud800", 2, 4),
        ("a: \ufeff", 1, 4),
        (b"\xff\xfea\x00", 1, 1),
        ("a: 1".encode("utf-16"), 1, 1),
        ("a: 1".encode("utf-32"), 1, 1),
    ],
)
def test_what_is_not_text_is_refused_at_its_place(source, line, column):
    assert at(only_problem(source)) == ("AF101", line, column)


def test_utf_16_is_named():
    assert "UTF-16" in only_problem("a: 1".encode("utf-16")).message


@pytest.mark.parametrize("source", [b"\xef\xbb\xbfa: \xc3\xa9", "\ufeffa: é", "a: é"])
def test_a_byte_order_mark_is_accepted(source):
    document, problems = read(source, "w.yaml")
    assert problems == []
    assert document.text == "a: é"
    assert document.place(("a",)).column == 4


def test_an_escape_for_nul_is_refused_in_keys_and_values():
    assert [at(p) for p in problems_of('a: "x\\0"\n"\\x00": b\n')] == [("AF101", 1, 4), ("AF101", 2, 1)]


@pytest.mark.parametrize("separator", ["\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize(
    "text",
    [
        "b: 1\n# a note{}tools: [Bash]\n",
        "a: 1 # a note{}tools: [Bash]\n",
        "a: |\n  text{}tools: [Bash]\n",
        "a: | # a note{}  hidden\n  b\n",
        "a: &x # a note{} b\n",
        "{{a: 1, # a note{} b: 2\n}}\n",
        "a: 1\n# at the end{}",
    ],
)
def test_a_line_break_that_editors_do_not_show_cannot_hide_a_key(separator, text):
    problem = problems_of(text.format(separator))[0]
    assert problem.code == "AF101"
    assert f"U+{ord(separator):04X}" in problem.message
    assert problems_of(text.format(" ")) == []


@pytest.mark.parametrize("separator", ["\u2028", "\u2029"])
def test_line_separators_inside_a_text_are_kept(separator):
    assert data_of(f"a: |\n  b{separator}  c\nd: 1\n") == {"a": f"b{separator}c\n", "d": 1}
    assert data_of(f'a: "b{separator}{separator}c"\n')["a"].startswith("b")


@pytest.mark.parametrize(
    ("text", "limits", "place"),
    [
        ("a: [[[1]]]", {"depth": 3}, (1, 6)),
        ("a: &x [1]\nb: [[*x]]", {"depth": 3}, (2, 6)),
        ("a: &x 1\nb: [*x, *x]", {"aliases": 1}, (2, 9)),
        ("[1, 2, 3]", {"nodes": 3}, (1, 8)),
        ("a: &x [1, 2]\nb: *x", {"nodes": 7}, (2, 4)),
        ("a: &x abcdef\nb: *x", {"characters": 12}, (2, 4)),
        ("a: 1\na: 2\na: 3\na: 4", {"problems": 2}, (3, 1)),
        ("a: 1", {"size": 3}, (1, 1)),
        ("é: 1", {"size": 4}, (1, 1)),
        ("%A\n%B\n---\na: 1", {"directives": 1}, (2, 1)),
    ],
)
def test_every_bound_stops_the_reading_where_it_is_passed(text, limits, place):
    document, problems = read(text, "w.yaml", Limits(**limits))
    assert document is None
    assert (problems[-1].code, problems[-1].place.line, problems[-1].place.column) == ("AF104", *place)


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("a: &x [1]\nb: [*x]", {"depth": 3}),
        ("a: &x 1\nb: [*x, *x]", {"aliases": 2}),
        ("[1, 2, 3]", {"nodes": 4}),
        ("a: &x [1, 2]\nb: *x", {"nodes": 9}),
        ("a: &x abcdef\nb: *x", {"characters": 14}),
        ("é: 1", {"size": 5}),
    ],
)
def test_a_file_may_reach_every_bound(text, limits):
    assert problems_of(text, **limits) == []


def test_without_the_c_parser_the_same_is_read(monkeypatch):
    text = "\ufeffa: &x {b: [1, 'é', 😀]}\nc: *x\nd: !t 1\nd: 2\ne: |\n  x\n   y\nf: &y\n"
    with_c = read(text, "w.yaml")
    monkeypatch.delattr(yaml, "CSafeLoader")
    document, problems = read(text, "w.yaml")
    assert document.data == with_c[0].data
    assert problems == with_c[1]
    assert document.place(("c", "b", 2)) == with_c[0].place(("c", "b", 2))
    assert at(only_problem("a: b\n\tc: d\n"))[:2] == ("AF102", 2)


def locs(data, loc=()):
    """Yields every loc, with the length of its text."""
    yield loc, len(data) if isinstance(data, str) else 0
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for segment, value in children:
        yield from locs(value, (*loc, segment))


VALID = (
    "a: &x {b: [1, 'two', \"th\\x72ee\"]}\nc: |\n  text\n   more\n\nd: >-\n  x\n  y\n? e\n: *x\nf:\n- - 1\n  - !t 2\n"
)


@given(
    st.binary(max_size=200)
    | st.text(max_size=100)
    | st.text(" \n\t-:?[]{},&*!|>'\"%@`#ab1\r\u2028\0\\~<.", max_size=60)
)
def test_no_input_raises(source):
    document, problems = read(source, "w.yaml")
    assert document is not None or problems
    for problem in problems:
        assert problem.code in CODES
        assert problem.place.line >= 1
        assert problem.place.column >= 1
        assert problem.place.width >= 1


@given(st.data())
def test_no_mutation_of_a_valid_file_raises(data):
    text = VALID
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        length = data.draw(st.integers(0, 3))
        text = (
            text[:start]
            + data.draw(st.sampled_from(["", *" \n\t-:?[]{},&*!|>'\"%\\#1\u2028"]))
            + text[start + length :]
        )
    document, problems = read(text, "w.yaml")
    assert document is not None or problems
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    places = [problem.place for problem in problems]
    if document is not None:
        for loc, length in locs(document.data):
            places += [document.place(loc), document.place(loc, key=True)]
            places += [document.place_in(loc, offset, 3) for offset in range(length + 2)]
    for place in places:
        assert 1 <= place.line <= len(lines)
        assert 1 <= place.column <= place.column + place.width - 1 <= max(len(lines[place.line - 1]), 1)
