"""What editors say of a mistake helps to mend it; of a file that is right they say nothing."""

import shutil
from pathlib import Path

import pytest

from tests.editors.conftest import SCHEMA
from tests.editors.language_server import LanguageServer
from tests.house.checkout import ROOT

HEAD = "agentflow: 1\nname: w\n"
RIGHT = [
    *(
        path
        for path in sorted(ROOT.glob("workflows/*.yaml"))
        if not path.name.endswith((".replies.yaml", ".test.yaml"))
    ),
    *sorted(ROOT.glob("tests/examples/valid/*.yaml")),
]
NO_KIND = "A step has one of `agent`, "
WRONG = [
    ("steps: {a: {run: ls, foo: 1}}", ["Property foo is not allowed."]),
    ("steps: {a: {agent: x, promt: p}}", ['Missing property "prompt".', "Property promt is not allowed."]),
    ("steps: {a: {agent: x, prompt: p, run: ls}}", ["Property run is not allowed."]),
    ("steps: {a: {agent: x, prompt: p, parallel: 2}}", ["Property parallel is not allowed."]),
    ("steps: {a: {agent: {tols: []}, prompt: p}}", ["Property tols is not allowed."]),
    ("steps: {a: {agent: {stop: {turn: 3}}, prompt: p}}", ["Property turn is not allowed."]),
    ("steps: {a: {agent: [x], prompt: p}}", ["Expected: name or mapping."]),
    ("steps: {a: {agent: x, prompt: {fil: p.md}}}", ['Missing property "file".', "Property fil is not allowed."]),
    ("steps: {a: {agent: x, prompt: 3}}", ["Expected: template or `{file: path}`."]),
    ("steps: {a: {run: 3}}", ["Expected: list of templates or text."]),
    ("steps: {a: {run: ls, parse: yaml}}", ['Value is not accepted. Valid values: "text", "json", "lines".']),
    ("steps: {a: {run: ls, timeout: 5}}", ["Expected: a number and a unit, as 500ms, 30s, 20m, 24h or 7d."]),
    ("steps: {a: {run: ls, timeout: 5 minutes}}", ["Expected: a number and a unit, as 500ms, 30s, 20m, 24h or 7d."]),
    ("steps: {a: {for_each: x}}", ["A body is missing: add `steps`, or `step` for a single one."]),
    (
        "steps: {a: {for_each: x, step: {value: a}, output: b}}",
        ["The body is `step`, whose own output counts: `steps` and `output` do not go with it."],
    ),
    ("steps: {a: {repeat: {until: x, max: 2}}}", ["A body is missing: add `steps`, or `step` for a single one."]),
    ("steps: {a: {repeat: {until: x}, step: {value: a}}}", ['Missing property "max".']),
    (
        "steps: {a: {choose: [{value: '1'}]}}",
        ["A case has a `when`; what runs where none holds goes under `otherwise`."],
    ),
    ("steps: {a: {choose: [{when: x, value: '1', foo: 1}]}}", ["Property foo is not allowed."]),
    ("steps: {a: {choose: {when: x, value: '1'}}}", ['Incorrect type. Expected "array".']),
    ("steps: {a: {call: stats.mean}}", ["Expected: a module and a function, as `lib.stats:mean`."]),
    ("steps: {a: {value: x, retry: {attempts: 1}}}", ["Value is below the minimum of 2."]),
    (
        "steps: {a: {for_each: x, max: many, step: {value: a}}}",
        ["Expected: a whole number, or an input as `inputs.name`."],
    ),
    (
        "steps: {a: {for_each: x, steps: {b: {steps: {c: {value: '1', foo: 1}}}}}}",
        ["Property foo is not allowed."],
    ),
    (
        "steps: {a-b: {value: '1'}}",
        ["A name starts with a letter or `_` and goes on with letters, digits and `_`."],
    ),
    ("steps: {a: {value: '1'}}\nlimts: {}", ["Property limts is not allowed."]),
    ("steps: {a: {value: '1'}}\nlimits: {turns: 0}", ["Value is below the minimum of 1."]),
    (
        "steps: {a: {value: '1'}}\ninputs: {n: {type: integre}}",
        [
            'Value is not accepted. Valid values: "string", "integer", "number", "boolean", "array", "object", "null".',
        ],
    ),
    (
        "steps: {a: {value: '1'}}\nagents: {b: {output: {file: x.json, type: object}}}",
        ["`file` stands alone: move what is beside it into the file."],
    ),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[text for text, _ in WRONG])
def test_a_mistake_is_told_in_terms_of_what_was_meant(text: str, said: list[str], editor: LanguageServer):
    assert sorted(editor.problems(f"{HEAD}{text}\n")) == sorted(said)


@pytest.mark.parametrize("step", ["{}", "{description: x}", "{foo: 1}", "{prompt: p}"])
def test_a_step_of_no_kind_is_told_the_kinds(step: str, editor: LanguageServer):
    (said,) = editor.problems(f"{HEAD}steps: {{a: {step}}}\n")
    assert said.startswith(NO_KIND)


@pytest.mark.parametrize("path", RIGHT, ids=lambda path: path.name)
def test_a_file_that_is_right_has_no_problems(path: Path, editor: LanguageServer):
    assert editor.problems(path.read_text(encoding="utf-8"), path.with_suffix(".workflow.yaml")) == []


def test_a_line_at_the_top_of_a_file_names_the_schema(tmp_path: Path, node: str):
    (tmp_path / "schemas").mkdir()
    shutil.copy(SCHEMA, tmp_path / "schemas")
    text = (
        "# yaml-language-server: $schema=../schemas/workflow.schema.json\nagentflow: 1\nname: w\nsteps: {a: {run: 3}}\n"
    )
    server = LanguageServer(node, {})
    try:
        assert server.problems(text, tmp_path / "flows" / "with.yaml") == ["Expected: list of templates or text."]
        assert server.problems(text.partition("\n")[2], tmp_path / "flows" / "without.yaml") == []
    finally:
        server.close()
