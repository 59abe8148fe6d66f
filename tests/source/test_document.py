import json
import string

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from agentflow.source.diagnostics import Place
from agentflow.source.yaml_reader import read

TEXT = """\
agentflow: 1
steps:
  plan: &plan
    agent: planner
    prompt: "Topic: {{ x }}"
  empty:
  list: [one, 'two',
    three]
  again: *plan
"""


def document_of(text):
    document, problems = read(text, "w.yaml")
    assert problems == []
    return document


def spot(place):
    return place.line, place.column, place.width


@pytest.fixture
def document():
    return document_of(TEXT)


@pytest.mark.parametrize(
    ("loc", "value", "key"),
    [
        ((), (1, 1, 12), (1, 1, 12)),
        (("agentflow",), (1, 12, 1), (1, 1, 9)),
        (("steps", "plan"), (4, 5, 14), (3, 3, 4)),
        (("steps", "plan", "agent"), (4, 12, 7), (4, 5, 5)),
        (("steps", "plan", "prompt"), (5, 13, 16), (5, 5, 6)),
        (("steps", "empty"), (6, 3, 5), (6, 3, 5)),
        (("steps", "list"), (7, 9, 12), (7, 3, 4)),
        (("steps", "list", 1), (7, 15, 5), (7, 15, 5)),
        (("steps", "list", 2), (8, 5, 5), (8, 5, 5)),
        (("steps", "again"), (4, 5, 14), (9, 3, 5)),
        (("steps", "again", "prompt"), (5, 13, 16), (5, 5, 6)),
    ],
)
def test_values_and_keys_know_their_places(document, loc, value, key):
    assert document.has(loc)
    assert spot(document.place(loc)) == value
    assert spot(document.place(loc, key=True)) == key


@pytest.mark.parametrize(
    ("loc", "place"),
    [
        (("nope",), (1, 1, 12)),
        (("steps", "plan", "nope", "deeper"), (3, 3, 4)),
        (("steps", "again", "nope"), (9, 3, 5)),
        (("steps", "list", 3), (7, 3, 4)),
        (("steps", "list", -1), (7, 3, 4)),
        (("steps", "list", 0, "x"), (7, 10, 3)),
        (("steps", 0), (2, 1, 5)),
        (("agentflow", "x"), (1, 1, 9)),
    ],
)
def test_what_is_not_there_is_shown_at_its_nearest_ancestor(document, loc, place):
    assert not document.has(loc)
    assert spot(document.place(loc)) == place
    assert spot(document.place(loc, key=True)) == place
    assert spot(document.place_in(loc, 3)) == place


def test_lines_are_counted_from_one(document):
    assert document.line(1) == "agentflow: 1"
    assert document.line(9) == "  again: *plan"
    assert (document.line(0), document.line(10), document.line(99), document.line(-1)) == ("", "", "", "")


def test_a_document_cannot_be_changed(document):
    with pytest.raises(AttributeError):
        document.text = ""


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_places_agree_with_lines_whatever_ends_them(newline):
    text = newline.join(["a: 1", "😀é: |", "  one", "", "  two", "b:", "  - 'x'", "  - y", ""])
    document = document_of(text)
    assert document.line(2) == "😀é: |"
    assert spot(document.place(("b", 1))) == (8, 5, 1)
    assert spot(document.place(("😀é",))) == (2, 5, 1)
    assert spot(document.place_in(("😀é",), 5, 3)) == (5, 3, 3)


def test_unicode_separators_in_a_text_do_not_count_as_lines():
    document = document_of("a: |\n  x\u2028  y\nb: c\n")
    assert document.line(2) == "  x\u2028  y"
    assert spot(document.place(("b",))) == (3, 4, 1)
    assert spot(document.place_in(("a",), 2)) == (2, 7, 1)


@pytest.mark.parametrize(
    ("text", "offset", "width", "place"),
    [
        ("a: hello", 1, 3, (1, 5, 3)),
        ("a: hello", 5, 1, (1, 8, 1)),
        ("a: 'it''s x'", 3, 1, (1, 9, 1)),
        ("a: 'it''s x'", 2, 1, (1, 7, 2)),
        (r'a: "x\ty\u00e9z"', 3, 1, (1, 9, 6)),
        (r'a: "x\ty\u00e9z"', 4, 1, (1, 15, 1)),
        (r'a: "x\U0001F600z"', 2, 1, (1, 16, 1)),
        ("a: &n # note\n  'x y'", 2, 1, (2, 6, 1)),
        ("a: one\n   two", 4, 3, (2, 4, 3)),
        ("a: one\n\n   two", 3, 1, (1, 6, 1)),
        ('a: "one\\\n   two"', 3, 3, (2, 4, 3)),
        ('a: "one\n\n\n   two"', 5, 3, (4, 4, 3)),
        ("a: |\n  one\n\n    two\n", 7, 3, (4, 5, 3)),
        ("a: |2-\n   one\n  two\n", 0, 2, (2, 3, 2)),
        ("a: |2-\n   one\n  two\n", 5, 3, (3, 3, 3)),
        ("a: |+\n\n  one\n\n\nb: 1", 1, 3, (3, 3, 3)),
        ("a: | # note\n  one", 0, 9, (2, 3, 3)),
        ("a: >\n  one\n  two\n", 4, 3, (3, 3, 3)),
        ("a: >\n  one\n  two\n", 3, 1, (2, 5, 1)),
        ("a: >\n  one\n\n  two\n    more\n  end\n", 8, 6, (5, 3, 6)),
        ("a: >\n  one\n\n  two\n    more\n  end\n", 15, 3, (6, 3, 3)),
        ("a: >1-\n  one\n two\n", 5, 3, (3, 2, 3)),
        ("a: |\n  x\n", 99, 1, (2, 3, 1)),
        ("a: 42", 1, 1, (1, 5, 1)),
        ("a: [x]", 5, 1, (1, 4, 3)),
        ("a:", 0, 1, (1, 1, 1)),
        ("a: ''", 0, 1, (1, 4, 1)),
        ("a: |\nb: 1", 0, 1, (1, 4, 1)),
    ],
)
def test_a_character_of_a_value_is_found_in_the_text(text, offset, width, place):
    assert spot(document_of(text).place_in(("a",), offset, width)) == place


def test_a_character_of_an_alias_is_found_at_the_anchor():
    assert spot(document_of("a: &x 'one two'\nb: *x\n").place_in(("b",), 4, 3)) == (1, 12, 3)


def test_the_path_is_the_one_that_the_user_named():
    document, _ = read("a: 1", "dir/../w.yaml")
    assert document.place(("a",)) == Place("dir/../w.yaml", 1, 4, 1)


WORDS = st.text(string.ascii_letters + "é😀 \n'\"\\:#-{}|>\t", max_size=60)
STYLES = st.fixed_dictionaries(
    {
        "default_style": st.sampled_from([None, "'", '"', "|", ">"]),
        "default_flow_style": st.sampled_from([True, False]),
        "allow_unicode": st.booleans(),
        "indent": st.integers(2, 5),
        "width": st.integers(8, 60),
        "line_break": st.sampled_from(["\n", "\r\n"]),
    }
)


@given(st.lists(WORDS, min_size=1, max_size=4), STYLES)
def test_every_visible_character_of_every_text_is_found_exactly(texts, style):
    document = document_of(yaml.safe_dump({"k": {"texts": texts}}, **style))
    for index, text in enumerate(document.data["k"]["texts"]):
        last = (0, 0)
        for offset, character in enumerate(text):
            place = document.place_in(("k", "texts", index), offset)
            assert (place.line, place.column) >= last
            last = (place.line, place.column)
            if not character.isspace():
                assert document.line(place.line)[place.column - 1] in {character, "\\"}


def leaves(data, loc=()):
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    if not isinstance(data, dict | list):
        yield loc, data
    for segment, value in children:
        yield from leaves(value, (*loc, segment))


NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=6)
TREES = st.recursive(
    st.integers(-99, 99) | NAMES,
    lambda inner: st.lists(inner, min_size=1, max_size=4) | st.dictionaries(NAMES, inner, min_size=1, max_size=4),
    max_leaves=20,
)


@given(TREES, st.sampled_from([True, False, None]), st.sampled_from([None, "'", '"']), st.integers(2, 5))
def test_the_place_of_every_value_and_key_is_its_text(tree, flow, quotes, indent):
    if quotes is not None:
        tree = json.loads(json.dumps(tree), parse_int=str)
    document = document_of(yaml.safe_dump(tree, default_flow_style=flow, default_style=quotes, indent=indent))
    for loc, value in leaves(document.data):
        place = document.place(loc)
        written = document.line(place.line)[place.column - 1 :][: place.width]
        assert written.strip("'\"") == str(value)
        if loc and isinstance(loc[-1], str):
            place = document.place(loc, key=True)
            assert document.line(place.line)[place.column - 1 :][: place.width].strip("'\"") == loc[-1]
