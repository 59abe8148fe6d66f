"""Forms as people read them."""

from agentflow.report.forms import answer_words, form_lines


def test_each_field_says_what_it_takes():
    form = {
        "type": "object",
        "properties": {
            "tone": {"enum": ["calm", "loud", None], "default": "calm", "description": "How it sounds"},
            "n": {"type": ["integer", "null"], "exclusiveMinimum": 1, "maximum": 9},
            "odd": {},
        },
        "required": ["n"],
    }
    assert list(form_lines(form)) == [
        "  tone: one of calm, loud, null (default calm) – How it sounds",
        "  n: a whole number or null, more than 1 and at most 9",
        "  odd: any value (optional)",
    ]
    assert answer_words(form) == ["n=…"]
    assert list(form_lines({"type": "boolean"})) == ["  answer: true or false"]
    assert answer_words({"type": "boolean"}) == ["…"]


def test_a_form_of_a_stranger_is_inert_and_bounded():
    names = [f"\x1b[31m{n}\n" for n in range(10_000)]
    form = {"type": "object", "properties": {name: {"enum": [name] * 1000} for name in names}, "required": names}
    lines = [*form_lines(form), *answer_words(form)]
    assert len(lines) < 60
    assert not set("\x1b\n") & set("".join(lines))
    assert max(map(len, lines)) < 5_000
    assert answer_words({"type": "object", "properties": {}}) == ["--json", "…"]
