"""Scripts choose replies by the request alone."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.messages_api import Reply, ScriptError, read_script

YAML = """
rules:
  - match: {system: planner, turn: 0}
    tools: [{name: read, input: {path: a}}]
  - match: {first_user: research}
    turns:
      - {thinking: hm, text: one, usage: {input_tokens: 7}}
      - two
  - match: {last_user: "42", tool: read}
    text: found
  - match: {turn: {from: 3, to: 4}}
    text: late
    faults: [{kind: overloaded, attempt: 1}, {kind: cut, at: 10, how: close}]
  - text: default
"""


def request(first: str = "x", last: str = "y", turns: int = 0, **more: Any) -> dict[str, Any]:
    middle = [message for _ in range(turns) for message in ({"role": "assistant", "content": "a"},)]
    messages = [{"role": "user", "content": first}, *middle, {"role": "user", "content": last}]
    return {"model": "claude-sonnet-5-5", "messages": messages, **more}


@pytest.fixture
def script(tmp_path: Path):
    path = tmp_path / "script.yaml"
    path.write_text(YAML, encoding="utf-8")
    return read_script(path)


def said(reply: Reply | None) -> list[Any]:
    assert reply is not None
    return [block.get("text") or block.get("thinking") or block["name"] for block in reply.content]


def test_the_example_of_the_readme_is_a_script():
    page = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
    example = page.partition("```yaml\n")[2].partition("```")[0]
    script = read_script(yaml.safe_load(example))
    assert said(script(request("research x"))) == ["Let me see.", "WebSearch"]
    assert said(script(request("research x", turns=1))) == ['{"answer": 42}']
    assert [fault.kind for fault in script(request()).faults] == ["overloaded", "cut"]


def test_the_first_rule_that_applies_answers(script):
    assert said(script(request(system="You are the planner."))) == ["read"]
    assert said(script(request(system=[{"type": "text", "text": "planner"}], turns=1))) == ["default"]


def test_turns_answer_by_the_number_of_assistant_messages(script):
    assert said(script(request("research this"))) == ["hm", "one"]
    assert said(script(request("research this", turns=1))) == ["two"]
    assert said(script(request("research this", turns=2))) == ["default"]


def test_a_range_of_turns_is_closed(script):
    assert [said(script(request(turns=turns))) for turns in (2, 3, 4, 5)] == [
        ["default"],
        ["late"],
        ["late"],
        ["default"],
    ]


def test_tool_results_count_as_text_of_the_user(script):
    result = [{"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "it is 42"}]}]
    assert said(script(request(last=result, tools=[{"name": "read"}]))) == ["found"]
    assert said(script(request(last=result))) == ["default"]


def test_faults_are_read(script):
    assert [(fault.kind, fault.attempt, fault.how) for fault in script(request(turns=3)).faults] == [
        ("overloaded", 1, "reset"),
        ("cut", None, "close"),
    ]


def test_the_stop_reason_follows_from_the_content(script):
    assert script(request(system="planner")).reason == "tool_use"
    assert script(request()).reason == "end_turn"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("text", "a script is a list of rules"),
        ([{"txt": "a"}], "rule 0: unknown key 'txt'"),
        ([{"match": {"turns": 1}}], "rule 0.match: unknown key 'turns'"),
        ([{"text": "a", "turns": []}], "'turns' stands alone"),
        ([{"stop_reason": "tired"}], "rule 0.stop_reason: must be one of"),
        ([{"faults": [{"kind": "explode"}]}], "rule 0.faults: unknown kind 'explode'"),
        ([{"faults": [{"kind": "cut", "seconds": 1}]}], "'cut' does not take 'seconds'"),
    ],
)
def test_a_mistake_in_a_script_is_named(data: Any, message: str):
    with pytest.raises(ScriptError, match=message):
        read_script(data)
