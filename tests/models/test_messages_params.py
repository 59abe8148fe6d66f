import pytest

from agentflow.models.messages_params import FAST_MODE_BETA, MessagesParams
from agentflow.plan.agent_plan import ServiceSettings, ToolSpec

MARK = {"type": "ephemeral"}


@pytest.fixture
def build():
    return MessagesParams(lambda schema: {**schema, "closed": True}).build


def breakpoints(params):
    blocks = [*(params.get("tools") or ()), *(params["system"] if isinstance(params.get("system"), list) else ())]
    for message in params["messages"]:
        blocks.extend(message["content"] if isinstance(message["content"], list) else ())
    return sum("cache_control" in block for block in blocks) + ("cache_control" in params)


def results(count, *, start=0):
    calls = [{"type": "tool_use", "id": f"t{start + n}", "name": "Grep", "input": {}} for n in range(count)]
    answers = [{"type": "tool_result", "tool_use_id": call["id"], "content": "x"} for call in calls]
    return {"role": "assistant", "content": calls}, {"role": "user", "content": answers}


def test_a_conversation_is_marked_at_its_end_and_after_the_system_prompt(build, ask):
    params = build(ask())
    assert params["cache_control"] == MARK
    assert params["system"] == [{"type": "text", "text": ask().system, "cache_control": MARK}]
    assert "cache_control" not in params["tools"][0]


def test_without_a_system_prompt_the_last_tool_is_marked(build, ask):
    for system in (None, "", "  \n"):
        params = build(ask(system=system))
        assert "system" not in params
        assert params["tools"][-1]["cache_control"] == MARK


def test_a_shared_prefix_is_marked_and_nothing_else(build, ask):
    params = build(ask(cache="prefix"))
    assert breakpoints(params) == 1
    assert "cache_control" not in params


def test_where_nothing_will_read_the_cache_nothing_is_marked(build, ask):
    params = build(ask(cache="none"))
    assert breakpoints(params) == 0
    assert params["system"] == ask().system


def test_a_turn_of_many_calls_is_marked_where_the_last_request_ended(build, ask):
    first = {"role": "user", "content": "go"}
    params = build(ask(messages=(first, *results(15))))
    assert params["messages"][0] == {"role": "user", "content": [{"type": "text", "text": "go", "cache_control": MARK}]}
    assert breakpoints(params) == 3
    params = build(ask(messages=(first, *results(15), *results(15, start=15))))
    assert params["messages"][2]["content"][-1]["cache_control"] == MARK
    assert breakpoints(params) == 3
    assert build(ask(messages=(first, *results(2)))).get("messages") == (first, *results(2))


def test_messages_are_handed_on_and_never_changed(build, ask):
    messages = ({"role": "user", "content": [{"type": "text", "text": "go"}]}, *results(15))
    before = repr(messages)
    params = build(ask(messages=messages))
    assert repr(messages) == before
    assert params["messages"][1] is messages[1]
    few = messages[:1]
    assert build(ask(messages=few))["messages"] is few


def test_tools_and_schema_are_built_once_for_an_agent(ask):
    transformed = []

    def transform(schema):
        transformed.append(schema)
        return schema

    build = MessagesParams(transform).build
    request = ask(output_schema={"type": "object", "properties": {"a": {"type": "string"}}})
    first, second = build(request), build(request)
    assert first["tools"] is second["tools"]
    assert first["output_config"]["format"] is second["output_config"]["format"]
    assert len(transformed) == 1


def test_what_was_built_is_never_given_for_another_agents_tools(build, ask):
    for number in range(2000):
        tools = (ToolSpec(f"tool_{number}", "d", {"type": "object"}, "none"),)
        assert build(ask(tools=tools))["tools"][0]["name"] == f"tool_{number}"


@pytest.mark.parametrize(
    ("choice", "sent"),
    [("auto", None), ("none", {"type": "none"}), ("Grep", {"type": "tool", "name": "Grep"})],
)
def test_the_choice_of_tools_is_sent_where_it_is_not_the_default(build, ask, choice, sent):
    assert build(ask(tool_choice=choice)).get("tool_choice") == sent
    assert "tool_choice" not in build(ask(tool_choice=choice, tools=()))


def test_thinking_is_left_out_where_a_tool_must_be_called(build, ask):
    assert build(ask(thinking="adaptive"))["thinking"] == {"type": "adaptive"}
    assert "thinking" not in build(ask(thinking="adaptive", tool_choice="Grep"))
    assert "thinking" not in build(ask())


def test_effort_and_schema_are_the_output_config(build, ask):
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    params = build(ask(effort="high", output_schema=schema))
    shape = {"type": "json_schema", "schema": {**schema, "closed": True}}
    assert params["output_config"] == {"effort": "high", "format": shape}
    assert "output_config" not in build(ask(output_schema={"type": "object"}))


def test_the_service_is_told_under_its_own_names(ask):
    params = MessagesParams(lambda schema: schema)
    said = params.build(ask(service=ServiceSettings("us", "standard_only", "fast", "u1")))
    assert said["inference_geo"] == "us"
    assert said["service_tier"] == "standard_only"
    assert said["speed"] == "fast"
    assert said["metadata"] == {"user_id": "u1"}
    assert said["extra_headers"] == {"anthropic-beta": FAST_MODE_BETA}
    plain = params.build(ask())
    assert not {"inference_geo", "service_tier", "speed", "metadata", "extra_headers"} & plain.keys()
