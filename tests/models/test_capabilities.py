import pytest
from msgspec.structs import replace

from agentflow.models.capabilities import FEATURES, lacking, needed, refused_features
from agentflow.models.messages_params import MessagesParams
from agentflow.plan.agent_plan import ToolSpec
from agentflow.plan.builtin_tools import BUILTIN_TOOLS

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
DEFERRED = ToolSpec("look_up", "Looks up.", {"type": "object"}, "none", deferred=True)
FOUND = {
    "role": "user",
    "content": [
        {"type": "text", "text": "and"},
        {"type": "tool_result", "tool_use_id": "x", "content": [{"type": "tool_reference", "tool_name": "look_up"}]},
    ],
}

USES = {
    "output_format": {"output_schema": SCHEMA},
    "effort": {"effort": "high"},
    "thinking": {"thinking": "adaptive"},
    "caching": {},
    "tool_choice": {"tool_choice": "none"},
    "deferred_tools": {"tools": (DEFERRED,), "messages": (FOUND,)},
    "web_search": {"tools": (BUILTIN_TOOLS["WebSearch"].spec,)},
}
SAYS = {
    "output_format": "'response_format' of type 'json_schema' is not supported with this model",
    "effort": "output_config.effort: Extra inputs are not permitted",
    "thinking": "litellm.UnsupportedParamsError: openai does not support parameters: ['thinking']",
    "caching": "Unrecognized request argument supplied: cache_control",
    "tool_choice": "tool_choice: Input tag 'none' found",
    "deferred_tools": "tools.0.defer_loading: Extra inputs are not permitted",
    "web_search": "tools.0: web_search_20260318 is unknown",
}
FIELDS = {
    "output_format": "format",
    "effort": "effort",
    "thinking": "'thinking'",
    "caching": "cache_control",
    "tool_choice": "tool_choice",
    "deferred_tools": "defer_loading",
}


@pytest.fixture
def params_of():
    builder = MessagesParams(lambda schema: schema)
    return lambda request: repr(builder.build(request))


def test_every_feature_has_a_case_here():
    assert USES.keys() == SAYS.keys() == FEATURES.keys()
    assert FIELDS.keys() == {name for name, feature in FEATURES.items() if feature.without is not None}


@pytest.mark.parametrize("name", FIELDS)
def test_what_a_server_lacks_is_not_sent_to_it(ask, params_of, name):
    request = ask(**USES[name])
    assert FIELDS[name] in params_of(request)
    assert FIELDS[name] not in params_of(lacking(request, frozenset({name})))


@pytest.mark.parametrize("name", FEATURES)
def test_a_server_that_has_all_gets_all_and_what_is_not_used_changes_nothing(ask, name):
    request = ask(**USES[name])
    assert lacking(request, frozenset()) is request
    unused = ask(cache="none")
    assert lacking(unused, frozenset(FEATURES)) is unused


def test_a_schema_that_no_format_holds_to_is_asked_for_in_the_instructions(ask):
    fitted = lacking(ask(output_schema=SCHEMA), frozenset({"output_format"}))
    assert fitted.system.startswith(f"{ask().system}\n\n")
    assert '"required": ["n"]' in fitted.system
    assert lacking(ask(output_schema=SCHEMA, system=None), frozenset({"output_format"})).system.startswith("Your final")


def test_a_turn_in_which_no_tool_may_be_called_goes_without_tools(ask):
    fitted = lacking(ask(tool_choice="none"), frozenset({"tool_choice"}))
    assert (fitted.tools, fitted.tool_choice) == ((), "auto")


def test_tools_that_cannot_be_deferred_are_sent_whole_and_those_found_named_in_words(ask):
    fitted = lacking(ask(**USES["deferred_tools"]), frozenset({"deferred_tools"}))
    assert fitted.tools == (replace(DEFERRED, deferred=False),)
    text, result = fitted.messages[0]["content"]
    assert text == {"type": "text", "text": "and"}
    assert result["content"] == [{"type": "text", "text": "Found: look_up"}]
    assert FOUND["content"][1]["content"][0]["type"] == "tool_reference", "the session's own messages stay"


@pytest.mark.parametrize("name", FEATURES)
def test_a_refusal_tells_which_feature_it_means(ask, name):
    request = ask(**{"cache": "none", **USES[name]})
    request = ask(**USES[name]) if name == "caching" else request
    learnt = refused_features(SAYS[name], request)
    assert learnt == (frozenset() if name == "web_search" else {name})


def test_a_refusal_of_what_was_not_asked_for_teaches_nothing(ask):
    assert not any(refused_features(words, ask(cache="none")) for words in SAYS.values())
    assert not refused_features("max_tokens: 1 is too few", ask(**USES["thinking"]))


def test_where_a_refusal_names_the_whole_of_two_settings_both_are_left_out(ask):
    request = ask(effort="high", output_schema=SCHEMA, cache="none")
    assert refused_features("output_config: Extra inputs are not permitted", request) == {"effort", "output_format"}


def test_what_an_agent_cannot_do_without_is_known_before_it_is_sent(ask):
    lacks = frozenset(FEATURES)
    assert needed(ask(**USES["web_search"]), lacks) == "web_search"
    assert needed(ask(**USES["web_search"]), lacks - {"web_search"}) is None
    assert needed(ask(**USES["web_search"], tool_choice="none"), lacks) is None
    assert needed(ask(**USES["thinking"]), lacks) is None
