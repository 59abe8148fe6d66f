import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.source import yaml_reader
from agentflow.source.diagnostics import Diagnostic
from agentflow.source.project import SourceText
from agentflow.spec.agents import Agent
from agentflow.spec.base import Spec
from agentflow.spec.choices import CHOICES
from agentflow.spec.describe import keys_in, models_below
from agentflow.spec.load import load
from agentflow.spec.schema import SCHEMAS, schema_of, schema_text
from agentflow.spec.steps import WorkflowStep

ROOT = Path(__file__).parents[2]
SCHEMA = schema_of("workflow")
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
EXAMPLES = ROOT / "tests" / "examples"
RIGHT = [
    *(
        path
        for path in sorted(ROOT.glob("workflows/*.yaml"))
        if not path.name.endswith((".replies.yaml", ".test.yaml"))
    ),
    *sorted(EXAMPLES.glob("valid/*.yaml")),
]
WRONG = sorted(EXAMPLES.glob("invalid/*.yaml"))
SHAPES = {"AF201", "AF202", "AF203", "AF204", "AF205", "AF207"}
"""The codes of what a schema can tell."""


def workflow(**keys: Any) -> dict[str, Any]:
    return {"agentflow": 1, "name": "w", "steps": {"a": {"value": "1"}}, **keys}


def steps(**steps: Any) -> dict[str, Any]:
    return workflow(steps=steps)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_written_schema_is_what_the_models_say(name: str):
    written = ROOT / "schemas" / f"{name}.schema.json"
    assert written.read_text(encoding="utf-8") == schema_text(name), f"run: agentflow schema {name} > schemas/…"


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_valid_and_refers_only_to_itself(name: str):
    schema = schema_of(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    references = {node["$ref"] for node in mappings(schema) if "$ref" in node}
    assert references == {f"#/$defs/{defined}" for defined in schema["$defs"]}


def test_a_file_named_by_an_optional_key_goes_by_the_same_words_as_one_that_must_be_there():
    takes = {key.name: key.takes for model in (Agent, WorkflowStep) for key in keys_in(model)}
    assert takes["from"] == takes["workflow"] == "path or `{path: …, pin: …}`"


def test_a_file_that_others_import_has_a_schema_of_its_own():
    library = {"agentflow": 1, "agents": {"reader": {"description": "Reads."}}}
    meets = {name: jsonschema.Draft202012Validator(schema_of(name)).is_valid for name in SCHEMAS}
    assert meets["library"](library)
    assert not meets["library"](workflow())
    assert not meets["workflow"](library)


def mappings(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from mappings(value)
    elif isinstance(node, list):
        for value in node:
            yield from mappings(value)


EVERY_MODEL = [(kind, model) for kind, (root, _) in SCHEMAS.items() for model in models_below(root)]
NAMES = [f"{kind}:{model.__name__}" for kind, model in EVERY_MODEL]


@pytest.mark.parametrize(("kind", "model"), EVERY_MODEL, ids=NAMES)
def test_every_key_is_described_and_every_choice_has_a_meaning(kind: str, model: type[Spec]):
    for key in keys_in(model):
        assert key.description.endswith("."), f"{model.__name__}.{key.name} has no description"
        if len(key.choices) > 1:
            silent = [value for value, meaning in key.choices if not meaning]
            assert silent == [], f"say in spec/choices.py what these values of {model.__name__}.{key.name} mean"


def test_no_meaning_is_given_for_what_is_not_there():
    there = {
        f"{owner.__name__}.{key.name}": {value for value, _ in key.choices}
        for _, model in EVERY_MODEL
        for key in keys_in(model)
        for owner in model.__mro__
        if key.choices
    }
    assert [name for name in CHOICES if set(CHOICES[name]) - there.get(name, set())] == []


@pytest.mark.parametrize(("kind", "model"), EVERY_MODEL, ids=NAMES)
def test_every_mapping_is_closed_and_its_keys_are_documented_for_editors(kind: str, model: type[Spec]):
    whole = schema_of(kind)
    schema = whole if model is SCHEMAS[kind][0] else whole["$defs"][model.__name__]
    assert schema["additionalProperties"] is False
    assert schema["properties"].keys() == {key.name for key in keys_in(model)}
    for key in keys_in(model):
        assert schema["properties"][key.name]["markdownDescription"].startswith(key.description)


def test_every_example_of_a_key_is_one_that_the_key_accepts():
    resolver = {"$schema": SCHEMA["$schema"], "$defs": SCHEMA["$defs"]}
    with_examples = [node for node in mappings(SCHEMA) if isinstance(node.get("examples"), list)]
    assert len(with_examples) >= 3
    for node in with_examples:
        for example in node["examples"]:
            jsonschema.Draft202012Validator({**resolver, **node}).validate(example)


def test_the_tools_that_editors_offer_are_those_there_are():
    (tools,) = {
        tuple(node["items"]["examples"])
        for node in mappings(SCHEMA)
        if isinstance(node.get("items"), dict) and isinstance(node["items"].get("examples"), list)
    }
    assert {tool.partition("(")[0] for tool in tools} == BUILTIN_TOOLS.keys()


@pytest.mark.parametrize("path", [*RIGHT, *WRONG], ids=lambda path: path.name)
def test_an_editor_marks_exactly_the_files_whose_shape_the_loader_refuses(path: Path):
    text = path.read_text(encoding="utf-8")
    document, problems = yaml_reader.read(text, path.name)
    if document is None or problems:
        return  # no YAML that a schema could be asked about
    codes = {diagnostic.code for diagnostic in diagnostics_of(text)}
    if not codes & {"AF206", "AF208", "AF209"} or codes & SHAPES:
        assert VALIDATOR.is_valid(document.data) == (not codes & SHAPES), codes


VALID = [
    workflow(),
    workflow(inputs={"n": {"type": "integer", "default": 3, "untrusted": True}}, sandbox="off", env={"LANG": "C"}),
    workflow(limits={"cost_usd": 1, "wall_time": "20m"}, agents={"a-b": {"output": {"file": "a.json"}}}),
    workflow(tools={"t": {"description": "d", "run": ["wc"], "input": {"type": "object"}}}),
    steps(a={"agent": "x", "prompt": {"file": "p.md"}, "session": {"continue": "b"}, "if_skipped": None}),
    steps(a={"agent": {"instructions": "i", "stop": {"turns": 3}}, "prompt": "p", "output": {"type": "object"}}),
    workflow(inputs={"n": {"enum": ["a"], "anyOf": [True, {"type": ["string", "null"]}], "const": None}}),
    workflow(agents={"b": {"output": {"properties": {"file": {"type": "string"}}, "items": False}}}),
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
    steps(a=None),
    steps(a={"agent": None, "prompt": "p"}),
    steps(a={"agent": "a b", "prompt": "p"}),
    steps(a={"agent": {"tols": []}, "prompt": "p"}),
    steps(a={"agent": "x", "prompt": {"file": "p.md", "of": 1}}),
    steps(a={"agent": "x", "prompt": "p", "output": {"file": "a.json", "type": "object"}}),
    steps(a={"agent": "x", "prompt": "p", "output": {"file": 3}}),
    steps(a={"for_each": "x", "max": "many", "step": {"value": "1"}}),
    steps(a={"for_each": "x", "max": 0, "step": {"value": "1"}}),
    steps(a={"run": "ls", "timeout": "5 minutes"}),
    steps(**{"a-b": {"value": "1"}}),
    workflow(inputs={"n": {"type": "integre"}}),
    workflow(inputs={"n": {"type": "object", "required": True}}),
    workflow(inputs={"n": {"type": "string", "untrusted": "yes"}}),
    workflow(agents={"b": {"output": {"properties": {"a": "string"}}}}),
    workflow(tools={"t": {"description": "d", "run": ["wc"], "input": {"type": "objet"}}}),
]


def diagnostics_of(text: str) -> list[Diagnostic]:
    return load(text, "w.yaml", lambda name: SourceText(name, "{}"))[1]


def problems_of(document: Any) -> list[str]:
    return [diagnostic.message for diagnostic in diagnostics_of(json.dumps(document))]


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
