"""What `plan` and `show` tell of contexts; the lines of a run are in `test_lines.py`."""

from agentflow.report.plan_json import plan_json
from agentflow.report.plan_text import plan_text
from agentflow.report.style import Paint
from tests.builders import plan_of


def told(agent: str) -> str:
    return plan_text(plan_json(plan_of(f"steps: {{s: {{agent: {{{agent}}}, prompt: Hi}}}}"), {}), Paint(on=False))


def test_a_plan_tells_what_is_done_when_the_window_fills_where_it_is_not_the_usual():
    assert "context:" not in told("model: claude-haiku-4-5")
    assert "context: window from 160,000 tokens on" in told("model: claude-haiku-4-5, context: {strategy: window}")
    said = told("context: {strategy: summarize, at: 9000}")
    assert "context: summarize from 9,000 tokens on, summaries by claude-haiku-5-5" in said
    assert "context: none: a conversation that fills the window fails" in told("context: {strategy: none}")


def test_the_plan_as_data_has_the_sizes():
    plan = plan_of("steps: {s: {agent: {model: claude-haiku-4-5, tools: [Read], context: {keep: [Read]}}, prompt: Hi}}")
    (agent,) = plan_json(plan, {})["agents"]
    assert agent["context"] == {
        "strategy": "compact",
        "at": 160_000,
        "window": 200_000,
        "keep_last": 10,
        "keep": ("Read",),
        "model": "claude-haiku-4-5",
        "summary_window": 200_000,
    }
