from agentflow.plan.service_tools import service_calls, service_errors, without_open_calls
from tests.builders_web import CITED, searched


def test_uses_and_failures_of_a_reply_are_found_by_the_workflows_names():
    content = [*searched(1), *searched(2, error="max_uses_exceeded"), CITED]
    assert service_calls(content) == ["WebSearch", "WebSearch"]
    assert service_errors(content) == [("WebSearch", "max_uses_exceeded")]


def test_what_is_no_tool_of_ours_or_no_error_is_left_alone():
    odd = [
        {"type": "server_tool_use", "id": "a", "name": "code_execution", "input": {}},
        {"type": "server_tool_use", "id": "b", "name": ["web_search"], "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "a", "content": {"error_code": 3}},
        {"type": "web_search_tool_result", "tool_use_id": "a"},
    ]
    assert service_calls(odd) == []
    assert service_errors(odd) == []


def test_a_use_without_its_result_is_left_out():
    open_call, _ = searched(2)
    assert without_open_calls([*searched(1), CITED, open_call]) == [*searched(1), CITED]
