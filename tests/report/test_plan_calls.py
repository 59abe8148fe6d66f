from pathlib import Path

from agentflow import api
from agentflow.report.plan_json import plan_json
from agentflow.report.plan_text import plan_text
from agentflow.report.style import Paint

WEB = Path(__file__).parents[1] / "examples" / "valid" / "the_web.yaml"


def test_plan_names_the_hosts_of_each_agent_and_step_that_fetches():
    data = plan_json(api.plan(WEB), {})
    assert [(row["host"], row["agent"], row["step"]) for row in data["hosts"]["web"]] == [
        ("*.wikipedia.org", "researcher", None),
        ("x.org", "researcher", None),
        ("en.wikipedia.org", None, "page"),
        ("*", None, "own"),
    ]
    assert [(row["host"], row["agent"]) for row in data["hosts"]["searched"]] == [
        ("*", "researcher"),
        ("wikipedia.org", "narrow"),
        ("x.org", "narrow"),
    ]


def test_a_grant_without_a_rule_is_told_to_reach_any_public_host():
    text = plan_text(plan_json(api.plan(WEB), {}), Paint(on=False))
    assert "  any public one  WebFetch of step own\n" in text
    assert "  the whole web  WebSearch of researcher\n" in text
    assert "  *.wikipedia.org  WebFetch of researcher\n" in text
