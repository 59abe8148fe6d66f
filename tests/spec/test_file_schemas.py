from pathlib import Path

import jsonschema
import pytest

from agentflow.source.yaml_reader import read
from agentflow.spec.closed_files import read_closed
from agentflow.spec.schema import SCHEMAS, schema_of, schema_text

ROOT = Path(__file__).parents[2]
SAMPLES = [
    ("stubs", "stubs: {}"),
    ("stubs", "stubs: {a: {output: 1}, 'b[0].c': [{error: {kind: turns}}, {answer: 'no', by: x}]}"),
    ("stubs", "stubs: {a: {answer: maybe}}"),
    ("stubs", "stubs: {a: {exit_code: 256}}"),
    ("stubs", "stubs: {a: []}"),
    ("stubs", "stubs: {a: {ouput: 1}}"),
    ("stubs", "stub: {}"),
    ("test", "tests: [{name: t, expect: {}}]"),
    (
        "test",
        "tests: [{name: t, stubs: {file: x.yaml}, recording: r, expect: {calls: {agents: {a: 1, b: {count: 2}}}}}]",
    ),
    ("test", "tests: []"),
    ("test", "tests: [{name: t}]"),
    ("test", "tests: [{name: t, expect: {exit: -1}}]"),
    ("test", "tests: [{name: t, expect: {steps: {a: {status: ok}}}}]"),
    ("test", "tests: [{name: t, expect: {calls: {agents: {a: x}}}}]"),
    ("test", "tests: [{name: t, expect: {cost_usd: {max: -1}}}]"),
]


@pytest.mark.parametrize("kind", ["stubs", "test"])
def test_the_written_schema_is_what_the_models_say(kind: str):
    written = (ROOT / "schemas" / f"{kind}.schema.json").read_text(encoding="utf-8")
    assert written == schema_text(kind), f"run: python -m agentflow.spec.schema {kind} > schemas/…"


@pytest.mark.parametrize(("kind", "text"), SAMPLES)
def test_what_an_editor_marks_is_what_is_refused(kind: str, text: str):
    document, _ = read(text, "a.yaml")
    assert document is not None
    validator = jsonschema.Draft202012Validator(schema_of(kind))
    assert validator.is_valid(document.data) == (read_closed(SCHEMAS[kind][0], text, "a.yaml")[0] is not None)


def test_the_shipped_tests_meet_the_schema():
    for path in ROOT.glob("workflows/*.test.yaml"):
        document, _ = read(path.read_bytes(), str(path))
        assert document is not None
        jsonschema.Draft202012Validator(schema_of("test")).validate(document.data)


@pytest.mark.parametrize("kind", ["stubs", "test"])
def test_every_key_is_described_and_every_mapping_is_closed(kind: str):
    schema = schema_of(kind)
    jsonschema.Draft202012Validator.check_schema(schema)
    for definition in (schema, *schema["$defs"].values()):
        assert definition["additionalProperties"] is False
        assert all(value.get("description") for value in definition["properties"].values())
