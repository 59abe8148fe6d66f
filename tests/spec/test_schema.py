import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agentflow.spec.schema import schema_text, workflow_schema

WRITTEN = Path(__file__).parents[2] / "schemas" / "workflow.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(workflow_schema())


def workflow(**keys: Any) -> dict[str, Any]:
    return {"agentflow": 1, "name": "w", "steps": {"a": {"value": "1"}}, **keys}


def steps(**steps: Any) -> dict[str, Any]:
    return workflow(steps=steps)


def test_the_written_schema_is_what_the_models_say():
    assert WRITTEN.read_text(encoding="utf-8") == schema_text(), "run: python -m agentflow.spec.schema > schemas/…"


def test_the_schema_is_valid_and_refers_only_to_itself():
    jsonschema.Draft202012Validator.check_schema(workflow_schema())
    references = {node["$ref"] for node in mappings(workflow_schema()) if "$ref" in node}
    assert all(reference.removeprefix("#/$defs/") in workflow_schema()["$defs"] for reference in references)


def mappings(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from mappings(value)
    elif isinstance(node, list):
        for value in node:
            yield from mappings(value)


def test_every_key_of_the_language_is_described_and_every_mapping_is_closed():
    schema = workflow_schema()
    named = [schema, *(schema["$defs"][name] for name in schema["$defs"] if name != "Step")]
    for definition in named:
        assert definition["additionalProperties"] is False
        for key, value in definition["properties"].items():
            assert value.get("description"), key


VALID = [
    workflow(),
    workflow(inputs={"n": {"type": "integer", "default": 3, "untrusted": True}}, sandbox="off", env={"LANG": "C"}),
    workflow(limits={"cost_usd": 1, "wall_time": "20m"}, agents={"a-b": {"output": {"file": "a.json"}}}),
    workflow(tools={"t": {"description": "d", "run": ["wc"], "input": {"type": "object"}}}),
    steps(a={"agent": "x", "prompt": {"file": "p.md"}, "session": {"continue": "b"}, "if_skipped": None}),
    steps(a={"agent": {"instructions": "i", "stop": {"turns": 3}}, "prompt": "p", "output": {"type": "object"}}),
    steps(a={"run": "ls"}, b={"run": ["ls", "-l"], "parse": "json", "exit_codes": [0, 1]}),
    steps(a={"approve": "ok?", "timeout": "24h", "on_timeout": "fail"}),
    steps(a={"for_each": "inputs.x", "max": "inputs.n", "step": {"value": "item"}, "on_error": "collect"}),
    steps(a={"for_each": "inputs.x", "steps": {"b": {"value": "item"}}, "output": "steps.b.output"}),
    steps(a={"steps": {"b": {"steps": {"c": {"value": "1"}}}}, "output": "steps.b.output", "when": "true"}),
]
BROKEN = [
    [],
    {},
    workflow(agentflow=2),
    workflow(name="a b"),
    workflow(steps={}),
    workflow(unknown=1),
    workflow(description=None),
    workflow(limits={"wall_time": 30}),
    workflow(agents={"a b": {}}),
    workflow(inputs={"n": "string"}),
    steps(a={}),
    steps(a="x"),
    steps(a={"agent": "x"}),
    steps(a={"agent": "x", "prompt": "p", "run": "ls"}),
    steps(a={"value": 3}),
    steps(a={"value": "1", "on_error": "collect"}),
    steps(a={"value": "1", "when": None}),
    steps(a={"for_each": "x"}),
    steps(a={"for_each": "x", "step": {"value": "1"}, "steps": {"b": {"value": "1"}}}),
    steps(a={"for_each": "x", "step": {"value": "1"}, "output": "1"}),
    steps(a={"steps": {"b": {"valu": "1"}}}),
    steps(a={"run": []}),
]


def problems_of(document: Any) -> list[str]:
    from agentflow.source.project import Problem, SourceText
    from agentflow.spec.load import load

    def read(name: str) -> SourceText | Problem:
        return SourceText(name, "{}")

    return [diagnostic.message for diagnostic in load(json.dumps(document), "w.yaml", read)[1]]


@pytest.mark.parametrize("document", VALID, ids=range(len(VALID)))
def test_what_the_loader_accepts_passes_in_an_editor(document: Any):
    VALIDATOR.validate(document)
    assert problems_of(document) == []


@pytest.mark.parametrize("document", BROKEN, ids=range(len(BROKEN)))
def test_what_an_editor_marks_is_refused_by_the_loader(document: Any):
    assert not VALIDATOR.is_valid(document)
    assert problems_of(document) != []


def test_a_broken_step_is_told_in_terms_of_its_own_kind():
    errors = list(VALIDATOR.iter_errors(steps(a={"agent": "x", "promt": "p"})))
    assert {error.validator for error in errors} == {"required", "additionalProperties"}
