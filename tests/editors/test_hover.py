"""Every key of the language says what it is where the pointer rests on it."""

import json

import pytest

from agentflow.spec.author_keywords import input_keywords, schema_keywords
from agentflow.spec.base import Spec
from agentflow.spec.describe import Key, keys_in, models_below
from agentflow.spec.schema import SCHEMAS
from agentflow.spec.steps import KINDS
from tests.editors.language_server import LanguageServer
from tests.editors.workflows import around, least, sample

EVERY_KEY = [
    (kind, model, key) for kind, (root, _) in SCHEMAS.items() for model in models_below(root) for key in keys_in(model)
]


@pytest.mark.parametrize(
    ("kind", "model", "key"), EVERY_KEY, ids=[f"{kind}:{model.__name__}.{key.name}" for kind, model, key in EVERY_KEY]
)
def test_a_key_is_documented(kind: str, model: type[Spec], key: Key, editor: LanguageServer):
    mapping = {**least(model), key.name: sample(key)}
    marked = {("|" + name if name == key.name else name): value for name, value in mapping.items()}
    shown = editor.hover(json.dumps(around(SCHEMAS[kind][0], model, marked), indent=1), kind)
    assert key.description
    if key.takes == "step":  # the editor tells of the step that stands there
        assert "#### step" in shown
        return
    assert key.description in shown
    if key.default is not None:
        assert f"default `{key.default}`" in shown
    for value, meaning in key.choices:
        assert value in shown
        assert meaning in shown


@pytest.mark.parametrize("keyword", input_keywords())
def test_a_keyword_of_an_input_is_documented(keyword: str, editor: LanguageServer):
    text = f"agentflow: 1\nname: w\ninputs:\n  a: {{|{keyword}: 1}}\nsteps: {{a: {{value: inputs.a}}}}\n"
    assert input_keywords()[keyword]["description"] in editor.hover(text)


@pytest.mark.parametrize("keyword", schema_keywords())
def test_a_keyword_of_a_schema_is_documented_however_deep_it_stands(keyword: str, editor: LanguageServer):
    inner = f"properties: {{a: {{items: {{|{keyword}: 1}}}}}}"
    text = f"agentflow: 1\nname: w\nagents:\n  a: {{output: {{{inner}}}}}\nsteps: {{a: {{agent: a, prompt: p}}}}\n"
    assert schema_keywords()[keyword]["description"] in editor.hover(text)


@pytest.mark.parametrize("kind", KINDS)
def test_the_id_of_a_step_says_what_its_kind_does(kind: str, editor: LanguageServer):
    mapping = {"agentflow": 1, "name": "w", "steps": {"|a": least(KINDS[kind])}}
    told = editor.hover(json.dumps(mapping, indent=1)).replace("\\", "")
    assert (KINDS[kind].__doc__ or "").split("\n")[0] in told
