"""Files that are made to hurt. Each is refused; none raises, hangs or takes memory beyond its own size."""

import json
import tracemalloc

import pytest

from agentflow.source.yaml_reader import read

LAUGHS = "a0: &a0 [lol, lol, lol, lol]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
)
FILES = {
    "brackets": ("[" * 40_000, "AF104"),
    "braces": ("{a: " * 40_000, "AF104"),
    "brackets on lines": ("[\n" * 40_000, "AF104"),
    "dashes": ("- " * 40_000, "AF104"),
    "question marks": ("? " * 40_000, "AF104"),
    "indentation": ("".join(" " * depth + "a:\n" for depth in range(1_500)), "AF104"),
    "billion laughs": (LAUGHS, "AF104"),
    "many aliases": ("a: &a x\nb: [" + "*a, " * 100_000 + "]", "AF104"),
    "a tower of aliases": (
        "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [[[*a{i - 1}]]]\n" for i in range(1, 150)),
        "AF104",
    ),
    "a long text many times": ("a: &a " + "x" * 1_000_000 + "\nb: [" + "*a, " * 190 + "]", "AF104"),
    "a recursive alias": ("a: &a [*a]", "AF105"),
    "a mapping inside itself": ("&a {b: *a}", "AF105"),
    "merge keys": ("a: &a {x: 1}\nb: {" + "<<: *a, " * 150 + "}", "AF105"),
    "a list of merge keys": ("a: &a {x: 1}\nb: {<<: [" + "*a, " * 150 + "]}", "AF105"),
    "nul": ("a: \0", "AF101"),
    "bad utf-8": (b"a: \xc0\x80", "AF101"),
    "a surrogate": (b"a: \xed\xa0\x80", "AF101"),
    "a python tag": ("!!python/object/apply:os.system [id]", "AF105"),
    "many documents": ("--- a\n" * 100_000, "AF105"),
    "ten megabytes": (b"\xff\x00{[" * 2_500_000, "AF104"),
    "ten megabytes of text": ("[" * 10_000_000, "AF104"),
    "a huge integer": ("a: " + "9" * 2_000_000, "AF104"),
    "a huge hexadecimal": ("a: 0x" + "f" * 2_000_000, "AF104"),
    "a huge float": ("a: 0." + "9" * 2_000_000 + "e9", "AF104"),
    "directives": ("".join(f"%TAG !a{i}! x\n" for i in range(100_000)), "AF104"),
    "directives after the end": ("a: 1\n...\n" + "".join(f"%TAG !a{i}! x\n" for i in range(100_000)), "AF104"),
    "commas": ("[" + "," * 2_000_000, "AF102"),
    "colons": (":" * 2_000_000, "AF102"),
    "tabs": ("\t" * 2_000_000, "AF102"),
    "an open quote": ('"' + "\\n" * 900_000, "AF102"),
    "a flow without end": ("[" + "a " * 900_000, "AF102"),
    "duplicate keys": ("a: 1\n" * 300_000, "AF104"),
    "hidden line breaks": ("#\u2028" * 400_000, "AF104"),
    "unknown aliases among many anchors": ("".join(f"- &a{i} x\n" for i in range(9_000)) + "- *b\n" * 99, "AF102"),
    "nothing but breaks": ("\n" * 2_000_000, "AF104"),
    "nothing but returns": ("\r" * 2_000_000, "AF104"),
    "many items": ("[" + "1, " * 100_000 + "]", "AF104"),
    "many keys": ("".join(f"k{i}: 1\n" for i in range(100_000)), "AF104"),
}


@pytest.mark.parametrize("name", FILES)
def test_it_is_refused(name):
    source, code = FILES[name]
    _, problems = read(source, "w.yaml")
    assert code in {problem.code for problem in problems}
    assert len(problems) <= 101


def test_what_aliases_stand_for_is_not_made():
    tracemalloc.start()
    try:
        read(LAUGHS, "w.yaml")
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


def test_whatever_is_accepted_can_be_written_as_json():
    text = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [[*a{i - 1}], {'9' * 300}, 1e308]\n" for i in range(1, 49))
    document, problems = read(text, "w.yaml")
    assert problems == []
    assert len(json.dumps(document.data, allow_nan=False)) > 1_000


def test_a_very_long_line_is_read():
    document, problems = read("a: [" + "words without end, " * 9_000 + "]\nb: c", "w.yaml")
    assert problems == []
    assert document.place(("a", 8_999)).column == 5 + 19 * 8_999


def test_ten_thousand_steps_are_read():
    text = "steps:\n" + "".join(f"  s{i}:\n    agent: writer\n    prompt: |\n      Hi {i}\n" for i in range(10_000))
    document, problems = read(text, "w.yaml")
    assert problems == []
    assert document.place(("steps", "s9999", "prompt"), key=True).line == 4 * 9_999 + 4
    assert document.place_in(("steps", "s9999", "prompt"), 3, 4).column == 10
