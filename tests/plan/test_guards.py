"""What stands where `… is defined` holds needs no `default`: it is read only where it is there."""

import pytest

ROUNDS = """
inputs: {{go: {{type: boolean}}}}
steps:
  r:
    when: inputs.go
    repeat: {{until: steps.a.output.ok, max: 3}}
    steps:
      a:
        agent:
          output: {{type: object, properties: {{ok: {{type: boolean}}, note: {{type: string}}}}, required: [ok]}}
        prompt: "{text}"
"""
MISSING = ("AF313", "`previous` is not there in the first round")


def messages(compiled, body: str) -> list[tuple[str, str]]:
    return [(found.code, found.message) for found in compiled(body)[1]]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{% if previous.a.output is defined %}{{ previous.a.output.ok }}{% endif %}", []),
        ("{% if previous.a.output.ok is defined %}{{ previous.a.output.ok }}{% endif %}", []),
        ("{{ previous.a.output.ok if previous.a.output is defined else '' }}", []),
        ("{{ previous.a.output is defined and previous.a.output.ok }}", []),
        ("{% if inputs.go and previous.a.output is defined %}{{ previous.a.output.ok }}{% endif %}", []),
        ("{% if previous is defined %}{{ previous.a.status }}{% endif %}", []),
        ("{% if previous.a.output.note is defined %}{{ previous.a.output.note }}{% endif %}", []),
        # A step that was skipped is there without an output.
        ("{% if previous is defined %}{{ previous.a.output.ok }}{% endif %}", [MISSING]),
        ("{% if previous.a is defined %}{{ previous.a.output.ok }}{% endif %}", [MISSING]),
        ("{% if previous.a.output is undefined %}{{ previous.a.output.ok }}{% endif %}", [MISSING]),
        ("{% if previous.a.output is defined %}{% else %}{{ previous.a.output.ok }}{% endif %}", [MISSING]),
        ("{{ '' if previous.a.output is defined else previous.a.output.ok }}", [MISSING]),
        ("{{ previous.a.output is defined or previous.a.output.ok }}", [MISSING]),
        ("{% if inputs.go or previous.a.output is defined %}{{ previous.a.output.ok }}{% endif %}", [MISSING]),
        ("{% if previous.a.output is defined %}{{ previous.a.output.note }}{% endif %}", ["note"]),
        ("{% if previous.a.output is defined %}{{ previous.a.output.nay }}{% endif %}", ["nay"]),
    ],
)
def test_the_last_round_is_read_where_it_is_known_to_be_there(compiled, text: str, expected: list):
    known = {"note": ("AF313", "`note` may be missing"), "nay": ("AF303", "the object has no field `nay`")}
    assert messages(compiled, ROUNDS.format(text=text)) == [known.get(found, found) for found in expected]


ITEMS = """
inputs:
  all: {{type: array, items: {{type: object, properties: {{note: {{type: string}}}}}}}}
  key: {{type: integer}}
steps:
  a: {{agent: {{}}, prompt: "{text}"}}
outputs: {{all: inputs.all, key: inputs.key}}
"""


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("{% for one in inputs.all %}{% if one.note is defined %}{{ one.note }}{% endif %}{% endfor %}", 0),
        ("{% for one in inputs.all %}{{ one.note }}{% endfor %}", 1),
        ("{% if inputs.all[0].note is defined %}{{ inputs.all[0].note }}{% endif %}", 0),
        ("{% if inputs.all[0].note is defined %}{{ inputs.all[1].note }}{% endif %}", 1),
        ("{% if inputs.all[0].note is defined %}{{ inputs.all[inputs.key].note }}{% endif %}", 1),
        ("{% if inputs.all[0].note is defined %}{{ (inputs.all | first).note }}{% endif %}", 1),
        (
            "{% for one in inputs.all %}{% if one.note is defined %}"
            "{% for one in inputs.all %}{{ one.note }}{% endfor %}{% endif %}{% endfor %}",
            1,
        ),
    ],
)
def test_an_optional_field_is_read_where_it_is_known_to_be_there(compiled, text: str, problems: int):
    expected = [("AF313", "`note` may be missing")] * problems
    assert messages(compiled, ITEMS.format(text=text)) == expected


def test_a_skipped_step_is_read_where_it_is_known_to_be_there(compiled):
    body = """
        inputs: {{go: {{type: boolean}}}}
        steps:
          a: {{when: inputs.go, value: "1"}}
        outputs: {{a: "{output}"}}
    """
    assert messages(compiled, body.format(output="steps.a.output if steps.a.output is defined else 0")) == []
    assert [code for code, _ in messages(compiled, body.format(output="steps.a.output if inputs.go else 0"))] == [
        "AF304"
    ]
