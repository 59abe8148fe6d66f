from agentflow.plan.agent_plan import Grant, StopRules
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.service_tools import service_calls, service_errors, with_options, without_open_calls
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


def test_sites_that_are_denied_are_told_to_the_service_or_left_out_of_those_it_may_find():
    spec = BUILTIN_TOOLS["WebSearch"].spec
    sites = ("domain:a.org", "domain:b.a.org", "domain:c.org", "domain:d.org")
    whole, narrowed = Grant(spec), Grant(spec, sites)
    stop = StopRules(1, 1, 1)
    assert with_options(whole, stop, ["domain:x.org"]).service["blocked_domains"] == ["x.org"]
    told = with_options(narrowed, stop, ["domain:a.org", "domain:deep.d.org"]).service
    assert told["allowed_domains"] == ["c.org"]
    assert "blocked_domains" not in told
