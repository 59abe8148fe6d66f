"""The JSON Schema of workflow files, for editors, made from the models.

`python -m agentflow.spec.schema > schemas/workflow.schema.json` writes it. It says no more than the models do: what an
editor marks, `validate` refuses; what only `validate` can tell (references, types, cycles) is not in it.
"""

import json
import sys
from typing import Any

from agentflow.spec.steps import KINDS
from agentflow.spec.workflow import Workflow

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_MODELS = {f"#/$defs/{model.__name__}": kind for kind, model in KINDS.items()}
_STEP = {"$ref": "#/$defs/Step"}


def workflow_schema() -> dict[str, Any]:
    """Returns the JSON Schema (draft 2020-12) of a workflow file."""
    generated = Workflow.model_json_schema(by_alias=True, mode="validation")
    definitions = generated.pop("$defs")
    schema: dict[str, Any] = for_editors(generated, definitions)
    named = {name: for_editors(definition, definitions) for name, definition in definitions.items()}
    # Which body a loop has, and that a case has a condition: the models leave it to the loader, whose words are better.
    for loop in ("ForEachStep", "RepeatStep"):
        named[loop]["oneOf"] = [
            {"required": ["steps"]},
            {"required": ["step"], "not": {"required": ["output"]}},
        ]
    named["ChooseStep"]["properties"]["choose"]["items"] = {"allOf": [_STEP, {"required": ["when"]}]}
    named["Step"] = _step()
    return {
        "$schema": DIALECT,
        "title": "agentflow workflow",
        **{key: value for key, value in schema.items() if key != "title"},
        "$defs": dict(sorted(named.items())),
    }


def _step() -> dict[str, Any]:
    """Returns a chain of `if` by the key that names the kind: a union would report the errors of every kind at once."""
    references = {kind: reference for reference, kind in _MODELS.items()}
    chain: dict[str, Any] = {"anyOf": [{"required": [kind]} for kind in KINDS]}
    for kind in reversed(KINDS):
        chain = {"if": {"required": [kind]}, "then": {"$ref": references[kind]}, "else": chain}
    kinds = ", ".join(f"`{kind}`" for kind in KINDS)
    return {"description": f"A step; it has one of {kinds}, which names its kind.", "type": "object", **chain}


def for_editors(node: Any, definitions: dict[str, Any]) -> Any:
    """Returns a part of pydantic's schema without what only says how the models are written."""
    if isinstance(node, list):
        return [for_editors(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if {item.get("$ref") for item in node.get("oneOf", ())} == set(_MODELS):
        return _STEP
    plain = {
        key: for_editors(value, definitions)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str)) and not (key == "default" and value is None)
    }
    plain = _without_null(plain)
    if "patternProperties" in plain:
        plain.setdefault("additionalProperties", False)
    if set(plain) == {"$ref"}:
        description = definitions[plain["$ref"].removeprefix("#/$defs/")].get("description")
        return {**plain, "description": description} if description else plain
    if plain.get("type") == "string" and isinstance(plain.get("default"), float):
        plain["default"] = f"{plain['default']:g}s"
    return plain


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Returns the schema of a key that may be absent, which is not the same as one that may be empty."""
    alternatives = [item for item in schema.get("anyOf", ()) if item != {"type": "null"}]
    if len(alternatives) == len(schema.get("anyOf", ())):
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**alternatives[0], **rest} if len(alternatives) == 1 else {**rest, "anyOf": alternatives}


def schema_text() -> str:
    """Returns the schema as it stands in `schemas/workflow.schema.json`."""
    return json.dumps(workflow_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
