"""The JSON Schema of a file, shaped for editors: what they complete, show, and say of a mistake.

It accepts what pydantic's schema of the same models accepts; its form is another:

- A union becomes a chain of `if` by the type of the value, or by the key that names a step's kind. Of a plain `anyOf`
  an editor reports the errors of whichever alternative it takes for the best match, which is often not the one meant.
- Every key carries `markdownDescription`: its text, default and bounds. yaml-language-server shows it; it shows a plain
  `description` with its back-quotes escaped.
- `errorMessage` says in words of the language what a bare keyword cannot. Validators ignore it.
"""

from collections.abc import Mapping
from typing import Any

from agentflow.spec.author_keywords import input_keywords, schema_keywords
from agentflow.spec.base import (
    AGENT_NAME_PATTERN,
    AUTHORED,
    DURATION_PATTERN,
    FUNCTION_PATTERN,
    ID_PATTERN,
    INPUT_PATTERN,
    FileRef,
    Spec,
)
from agentflow.spec.describe import Key, keys_in, models_below
from agentflow.spec.own_tools import RATE_PATTERN, TOOL_KINDS
from agentflow.spec.steps import KINDS, StepBase

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_STEP_MODELS = {f"#/$defs/{model.__name__}": kind for kind, model in KINDS.items()}
_TOOL_MODELS = {kind: f"#/$defs/{model.__name__}" for kind, model in TOOL_KINDS.items()}
_FILE = f"#/$defs/{FileRef.__name__}"
_UNIONS = ("anyOf", "oneOf")
_NO_KIND = f"A step has one of {', '.join(f'`{kind}`' for kind in KINDS)}, which names its kind."
_NO_BODY = "A body is missing: add `steps`, or `step` for a single one."
_TWO_BODIES = "The body is `step`, whose own output counts: `steps` and `output` do not go with it."
_NO_CONDITION = "A case has a `when`; what runs where none holds goes under `otherwise`."
_FILE_ALONE = "`file` stands alone: move what is beside it into the file."
_NAME_FORM = "A name starts with a letter or `_` and goes on with letters, digits and `_`"
_FORMS = {
    ID_PATTERN: f"{_NAME_FORM}.",
    AGENT_NAME_PATTERN: f"{_NAME_FORM}; agents and the workflow also with `-`.",
    DURATION_PATTERN: "Expected: a number and a unit, as 500ms, 30s, 20m, 24h or 7d.",
    FUNCTION_PATTERN: "Expected: a module and a function, as `lib.stats:mean`.",
    RATE_PATTERN: "Expected: at most 10000 calls and a time, as 30/min, 2/s, 500/h or 1000/d.",
    INPUT_PATTERN: "Expected: a whole number, or an input as `inputs.name`.",
}
# As good as none, but an editor writes no colon after a key whose value is of no type.
_ANY = ["string", "number", "boolean", "array", "object", "null"]
_WORDS = {
    "array": ["a list"],
    "boolean": ["true", "false"],
    "integer": ["a whole number"],
    "number": ["a number"],
    "object": ["a mapping"],
    "string": ["text"],
}

JSONObject = dict[str, Any]


def editor_schema(model: type[Spec], title: str) -> JSONObject:
    """Returns the JSON Schema (draft 2020-12) of a file that is read as `model`."""
    generated = model.model_json_schema(by_alias=True, mode="validation")
    definitions: JSONObject = generated.pop("$defs", {})
    shaped = {name: _shaped(definition) for name, definition in {**definitions, model.__name__: generated}.items()}
    for described in models_below(model):
        if described.__name__ in shaped:
            _describe(shaped[described.__name__], described)
    if {kind.__name__ for kind in KINDS.values()} <= shaped.keys():
        shaped["Step"] = _step(shaped)
    shaped |= _author_definitions()
    whole = shaped.pop(model.__name__)
    del whole["title"]
    return {"$schema": DIALECT, "title": title, **whole, "$defs": _used(dict(sorted(shaped.items())), whole)}


def _shaped(node: Any) -> Any:
    """Returns a part of pydantic's schema without what only says how the models are written."""
    if isinstance(node, list):
        return [_shaped(item) for item in node]
    if not isinstance(node, dict):
        return node
    if {item.get("$ref") for item in node.get("oneOf", ())} == set(_STEP_MODELS):
        return {"$ref": "#/$defs/Step"}
    if {item.get("$ref") for item in node.get("oneOf", ())} == set(_TOOL_MODELS.values()):
        return _tool()
    if AUTHORED in node:
        return {"$ref": f"#/$defs/{node[AUTHORED]}", **_said(node)}
    plain = {
        key: _shaped(value)
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str)) and not (key == "default" and value is None)
    }
    return _by_file(_by_type(_explained(_named(_without_null(plain)))))


def _named(schema: JSONObject) -> JSONObject:
    """Returns a mapping of names in a form in which an editor says of a wrong name why it is wrong."""
    patterns = schema.get("patternProperties")
    if patterns is None:
        return schema
    ((pattern, value),) = patterns.items()
    rest = {key: item for key, item in schema.items() if key != "patternProperties"}
    names = _explained({"type": "string", "pattern": pattern, "doNotSuggest": True})
    return {**rest, "propertyNames": names, "additionalProperties": value}


def _explained(schema: JSONObject) -> JSONObject:
    """Says of a text with a form what the form is; an editor would show the pattern."""
    message = _FORMS.get(str(schema.get("pattern")))
    return schema if message is None else {**schema, "errorMessage": message}


def _said(node: Mapping[str, Any]) -> JSONObject:
    return {key: node[key] for key in ("description", "markdownDescription") if key in node}


def _without_null(schema: JSONObject) -> JSONObject:
    """Returns the schema of a key that may be absent, which is not the same as one that may be empty."""
    alternatives = [item for item in schema.get("anyOf", ()) if item != {"type": "null"}]
    if len(alternatives) == len(schema.get("anyOf", ())):
        return schema
    rest = {key: value for key, value in schema.items() if key != "anyOf"}
    return {**alternatives[0], **rest} if len(alternatives) == 1 else {**rest, "anyOf": alternatives}


def _by_type(schema: JSONObject) -> JSONObject:
    """Turns a union into a chain of `if`, where the type of a value says which alternative it is.

    At its end stands null, which `type` refuses: it is how an editor sees a value that is still to be written, and
    what stands there is what it completes.
    """
    alternatives = _alternatives(schema)
    types = ["object" if "$ref" in item else str(item.get("type")) for item in alternatives]
    if not types or not set(types) <= _WORDS.keys() or len(set(types)) < len(types):
        return schema
    # The key says what it is for; an editor would show an alternative's own words in their place.
    alternatives = [{key: value for key, value in item.items() if key != "description"} for item in alternatives]
    mapping = next((item for item in alternatives if "$ref" in item), None)
    chain: JSONObject = {} if mapping is None else {"if": {"type": "null"}, "then": mapping}
    for name, item in reversed(list(zip(types, alternatives, strict=True))):
        chain = {"if": {"type": name}, "then": item, **({"else": chain} if chain else {})}
    rest = {key: value for key, value in schema.items() if key not in _UNIONS}
    # Text first: the form in which an editor writes a key depends on the first.
    types.sort(key=lambda name: name != "string")
    *others, last = [word for name in types for word in _WORDS[name]]
    return {**rest, "type": types, "errorMessage": f"Expected: {', '.join(others)} or {last}.", **chain}


def _by_file(schema: JSONObject) -> JSONObject:
    """Turns the union of a mapping and a `{file: path}` for one into an `if`: a path under `file` tells them apart."""
    alternatives = _alternatives(schema)
    files = [item for item in alternatives if item.get("$ref") == _FILE]
    others = [item for item in alternatives if item.get("$ref") != _FILE]
    if len(files) != 1 or len(others) != 1:
        return schema
    rest = {key: value for key, value in schema.items() if key not in _UNIONS}
    is_file = {"type": "object", "required": ["file"], "properties": {"file": {"type": "string"}}}
    (key,) = keys_in(FileRef)
    offered = {"file": {"type": _ANY, "description": key.description, "markdownDescription": _markdown(key)}}
    chain = {"if": is_file, "then": files[0], "else": others[0]}
    return {**rest, "type": "object", "properties": offered, **chain}


def _alternatives(schema: Mapping[str, Any]) -> list[JSONObject]:
    return next((list(schema[union]) for union in _UNIONS if union in schema), [])


def _describe(schema: JSONObject, model: type[Spec]) -> None:
    """Puts what the model says of its keys into its schema."""
    schema["title"] = _title(model)
    if not issubclass(model, StepBase):
        # An editor would show it in the place of what the key says that holds such a mapping.
        schema.pop("description", None)
    for key in keys_in(model):
        shown = schema["properties"][key.name]
        shown["description"] = key.description
        shown["markdownDescription"] = _markdown(key)
        if not shown.keys() & {"$ref", "anyOf", "const", "enum", "if", "oneOf", "type"}:
            shown["type"] = _ANY
        if "if" in shown:
            shown["errorMessage"] = f"Expected: {key.takes}."
        if key.default is not None and shown.get("type") == "string":
            shown["default"] = key.default
        if any(meaning for _, meaning in key.choices) and "enum" in shown:
            shown["markdownEnumDescriptions"] = [meaning for _, meaning in key.choices]
        if key.choices and isinstance(shown.get("type"), list):
            # What stands behind an `if` is not offered.
            shown["defaultSnippets"] = [
                {"label": value, "markdownDescription": meaning or key.description, "body": value}
                for value, meaning in key.choices
            ]
    if {"step", "steps"} <= schema["properties"].keys():
        schema |= _one_body()
    if "choose" in schema["properties"]:
        # That a case has a condition: the models leave it to the loader, whose words are better still.
        condition = {"required": ["when"], "errorMessage": _NO_CONDITION}
        schema["properties"]["choose"]["items"] = {"allOf": [{"$ref": "#/$defs/Step"}, condition]}


def _title(model: type[Spec]) -> str:
    kind = next((kind for kind, of in KINDS.items() if of is model), None)
    if kind is not None:
        return f"step: {kind}" if kind != "steps" else "step: a group"
    words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in model.__name__)
    return words.strip()


def _markdown(key: Key) -> str:
    facts = [key.takes[0].upper() + key.takes[1:] + (f", {key.bounds}" if key.bounds else "")]
    if key.required:
        facts.append("required")
    if key.default is not None:
        facts.append(f"default `{key.default}`")
    return f"{key.description}\n\n{'; '.join(facts)}."


def _one_body() -> JSONObject:
    """Says which of `steps` and `step` a body has; the models leave it to the loader, whose words are better still."""
    return {
        "if": {"required": ["step"]},
        "then": {"properties": {"steps": False, "output": False}, "errorMessage": _TWO_BODIES},
        "else": {"required": ["steps"], "errorMessage": _NO_BODY},
    }


def _step(shaped: Mapping[str, Any]) -> JSONObject:
    """Returns a chain of `if` by the key that names the kind.

    At its end stands what a step has before its kind is written: the keys that every kind takes, and one for each kind.
    """
    named = {kind: shaped[model.__name__]["properties"][kind] for kind, model in KINDS.items()}
    common = {key.name: shaped[KINDS["steps"].__name__]["properties"][key.name] for key in keys_in(StepBase)}
    chain: JSONObject = {
        "properties": {**named, **common},
        "anyOf": [{"required": [kind], "errorMessage": _NO_KIND} for kind in KINDS],
        "defaultSnippets": [_snippet(kind, model) for kind, model in KINDS.items()],
    }
    for reference, kind in reversed(_STEP_MODELS.items()):
        chain = {"if": {"type": "object", "required": [kind]}, "then": {"$ref": reference}, "else": chain}
    return {"title": "step", "description": _NO_KIND, "type": "object", **chain}


def _tool() -> JSONObject:
    """Returns a chain of `if` by the key that names what a tool is; one that has neither yet is offered both."""
    offered = {"call": {"type": "string", "description": "A Python function beside this file, as `lib.stats:mean`."}}
    is_of = {kind: {"type": "object", "required": [kind]} for kind in _TOOL_MODELS}
    of_none = {"properties": offered, "$ref": _TOOL_MODELS["run"]}
    as_command = {"if": is_of["run"], "then": {"$ref": _TOOL_MODELS["run"]}, "else": of_none}
    return {"type": "object", "if": is_of["call"], "then": {"$ref": _TOOL_MODELS["call"]}, "else": as_command}


def _snippet(kind: str, model: type[StepBase]) -> JSONObject:
    wanted = [kind, *(key.name for key in keys_in(model) if key.required and key.name != kind)]
    body = {name: f"${number}" for number, name in enumerate(wanted, start=1)}
    return {"label": f"step: {kind}", "description": (model.__doc__ or "").strip(), "body": body}


def _author_definitions() -> JSONObject:
    """Returns what an editor offers where the author writes a schema."""
    schema = {
        "title": "JSON Schema",
        "type": "object",
        "properties": _keywords(schema_keywords()),
    }
    from_input = {
        "title": "input",
        "type": "object",
        "properties": _keywords(input_keywords()),
    }
    file = {
        "type": "string",
        "minLength": 1,
        "description": "A file that holds the schema, in the place of all other keys; relative to this file.",
    }
    either = {
        "title": "JSON Schema, or a file that holds it",
        "type": "object",
        "properties": {"file": {**file, "markdownDescription": file["description"]}},
        "if": {"required": ["file"]},
        "then": {"properties": {"file": {}}, "additionalProperties": False, "errorMessage": _FILE_ALONE},
        "else": {"$ref": "#/$defs/JsonSchema"},
    }
    return {"InputSchema": from_input, "JsonSchema": schema, "JsonSchemaOrFile": either}


def _keywords(keywords: JSONObject) -> JSONObject:
    return {
        name: {**_by_type(_inner(value)), "markdownDescription": value["description"]}
        for name, value in keywords.items()
    }


def _inner(value: JSONObject) -> JSONObject:
    return {key: _by_type(item) if isinstance(item, dict) else item for key, item in value.items()}


def _used(definitions: JSONObject, whole: JSONObject) -> JSONObject:
    """Returns the definitions that a schema refers to, directly or through others."""
    used: set[str] = set()
    waiting = [whole]
    while waiting:
        for name in _references(waiting.pop()) - used:
            used.add(name)
            waiting.append(definitions[name])
    return {name: definition for name, definition in definitions.items() if name in used}


def _references(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*(_references(item) for item in node))
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"].removeprefix("#/$defs/")} if isinstance(node.get("$ref"), str) else set()
    return own.union(*(_references(value) for value in node.values()))
