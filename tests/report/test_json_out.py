import json

from agentflow.events.codec import VERSIONS
from agentflow.events.values import Failure
from agentflow.journal.port import Gate
from agentflow.report.json_out import dumps, event_json, node_json, result_json, type_name
from agentflow.report.view import RunView
from tests.report.stories import STARTED, an_agent_with_a_subagent, its_end
from tests.report.test_view import told


def test_an_event_has_its_stream_its_type_its_time_and_every_field():
    body = event_json("", STARTED)
    assert list(body)[:3] == ["stream", "type", "at"]
    assert (body["type"], body["run"], body["inputs"]) == ("run_started", "20260101-000000-abcd", {"topic": "tea"})
    failed = event_json("", its_end()[4][1])
    assert failed["failure"] == {
        "kind": "step_failed",
        "message": "it went wrong",
        "retryable": False,
        "step": "research[1].find",
    }
    assert failed["exit_code"] is None


def test_every_kind_of_event_has_a_name_of_its_own_that_no_field_hides():
    assert not any({"stream", "type"} & set(kind.__struct_fields__) for kind in VERSIONS)
    names = {type_name(event) for _, event in an_agent_with_a_subagent() + its_end()}
    assert names == {
        "run_started", "run_finished", "step_started", "step_finished", "session_started", "session_finished",
        "model_called", "model_replied", "tool_called", "tool_finished",
    }  # fmt: skip


def test_every_event_survives_json():
    for stream, event in an_agent_with_a_subagent() + its_end():
        body = event_json(stream, event)
        assert json.loads(dumps(body)) == body


def test_json_holds_nothing_that_a_terminal_acts_on():
    text = dumps({"text": "\x1b[31m\x9b\u202e\ud800"})
    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text) == {"text": "\x1b[31m\x9b\u202e\ud800"}


def test_a_result_sums_the_run_up():
    view = told(an_agent_with_a_subagent() + its_end())
    gate = Gate("r", "publish", "approve", "Publish?", None, 1.0, None)
    body = result_json("r", "failed", None, Failure("turns", "enough"), view, [gate])
    assert (body["type"], body["status"], body["turns"], body["tool_calls"]) == ("result", "failed", 3, 2)
    assert (body["cost_usd"], body["seconds"]) == (0.04, 6.0)
    assert body["usage"]["input_tokens"] == 30
    assert body["waiting"][0]["step"] == "publish"
    assert json.loads(dumps(body)) == body


def test_a_tree_is_nested():
    view: RunView = told(an_agent_with_a_subagent())
    research = node_json(view.root)["inside"][0]
    assert [item["path"] for item in research["inside"]] == ["research[0]", "research[1]"]
    assert research["inside"][1]["inside"][0]["inside"][0]["agent"] == "fetcher"
