"""A file around any mapping of the language, made from the models: new ones are tried without being named."""

from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

from agentflow.spec.base import Spec
from agentflow.spec.describe import Key, keys_in
from agentflow.spec.own_tools import TOOL_KINDS
from agentflow.spec.steps import KINDS
from agentflow.spec.workflow import Workflow

JSON = Any

_SAMPLES = {
    "duration": "1s",
    "expression": "1",
    "list of steps": [{"when": "true", "value": "1"}],
    "mapping of steps": {"x": {"value": "1"}},
    "number": 1,
    "step": {"value": "1"},
    "true or false": True,
    "US dollars": 1,
    "whole number": 1,
}


def sample(key: Key) -> JSON:
    """A value for a key, plain enough to be read in any place."""
    if key.choices:
        value = key.choices[0][0]
        return int(value) if value.isdecimal() else value
    if key.takes in _SAMPLES:
        return _SAMPLES[key.takes]
    if key.takes.startswith(("list", "mapping")):
        return ["x"] if key.takes.startswith("list of") and " or " not in key.takes else {"x": "x"}
    return {"type": "string"} if key.takes.startswith("JSON Schema") else "x"


def required(model: type[Spec]) -> dict[str, JSON]:
    """The least that a mapping of a model must have."""
    return {key.name: sample(key) for key in keys_in(model) if key.required}


def around(root: type[Spec], model: type[Spec], mapping: Mapping[str, JSON]) -> JSON:
    """A file read as `root`, in which `mapping` stands where a mapping of `model` may stand."""
    held: JSON = dict(mapping)
    while model is not root:
        holder, name, hint = _holder(root, model)
        held = {**required(holder), name: _wrapped(hint, model, held)}
        model = holder
    return held


def _holder(root: type[Spec], model: type[Spec]) -> tuple[type[Spec], str, JSON]:
    """The model that is nearest to the file's root among those with a key for `model`; the key, and its type."""
    waiting = [root]
    for current in waiting:
        hints = get_type_hints(current, include_extras=True)
        for (name, _), key in zip(current.model_fields.items(), keys_in(current), strict=True):
            # What an author writes as a schema is told of as a schema.
            if model in key.models and not key.takes.startswith("JSON Schema"):
                return current, key.name, hints[name]
            waiting += [below for below in key.models if below not in waiting]
    raise LookupError(f"nothing in such a file holds a {model.__name__}")


def _wrapped(hint: JSON, model: type[Spec], held: JSON) -> JSON:
    """`held` in the lists and mappings of names that stand between a key and the model."""
    if hint is model or isinstance(hint, type):
        return held
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is dict:
        return {"x": _wrapped(arguments[1], model, held)}
    if origin is list:
        return [_wrapped(arguments[0], model, held)]
    inner = next((part for part in arguments if not isinstance(part, str) and _holds(part, model)), None)
    return held if inner is None else _wrapped(inner, model, held)


def _holds(hint: JSON, model: type[Spec]) -> bool:
    return hint is model or any(_holds(part, model) for part in get_args(hint) if not isinstance(part, str))


def least(model: type[Spec]) -> dict[str, JSON]:
    """What a mapping needs so that an editor knows it for one of `model`: of a step or tool, the key that names its
    kind."""
    if model is Workflow:
        return {"agentflow": 1}
    kind = next((kind for kind, of in (*KINDS.items(), *TOOL_KINDS.items()) if of is model), None)
    return {key: value for key, value in required(model).items() if key == kind}
