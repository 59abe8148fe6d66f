import re

import pytest

from agentflow.report.page.markdown import LONGEST, block, code, markdown
from tests.report.page.pages import BAIT, around, hostile, report, whole
from tests.report.stories import an_agent_with_a_subagent


def test_a_comment_tells_how_the_run_went():
    shown = markdown(whole())
    assert shown.startswith("### ✓ `demo` done\n")
    assert "| `research[1].find` | ✗ failed | 4.0s | 2 | $0.0300 | `step_failed: it went wrong` |" in shown
    assert "**Step `research[1].find` failed** (step_failed): `it went wrong`" in shown
    assert "- go on: `agentflow resume x`" in shown


def test_steps_inside_blocks_are_told_where_they_did_not_go_well():
    rows = [line.split("`")[1] for line in markdown(whole()).splitlines() if line.startswith("| `")]
    assert "research[0].find" not in rows
    assert "research[1].find" in rows


@pytest.mark.parametrize("text", ["", "a", "`", "``", "a`b", "`a", "\\", "a|b", "|\\|", "a\n\nb", "x" * 500, BAIT])
def test_a_code_span_holds_whatever_stands_in_it(text: str):
    span = code(text, in_table=True)
    if not text:
        assert span == ""
        return
    fence = re.match("`+", span)
    assert fence is not None
    inner = span[len(fence[0]) : -len(fence[0])]
    assert span.endswith(fence[0])
    assert fence[0] not in list(re.findall("`+", inner))
    assert "\n" not in span
    assert re.search(r"(?<!\\)\|", inner) is None


def test_a_code_block_ends_where_it_should():
    shown = block("a\n```\n````\nb").splitlines()
    assert shown[0] == "`````text"
    assert shown[-1] == "`````"


def outside_code(shown: str) -> str:
    without_blocks = re.sub(r"^(`{3,})text\n.*?^\1$", "", shown, flags=re.M | re.S)
    return re.sub(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", "", without_blocks)


def test_no_text_of_the_run_stands_outside_code():
    made = hostile()
    # These are our own words, in every run.
    made["next"], made["notes"] = [], []
    left = outside_code(markdown(made))
    for word in ("script", "img", "somebody", "example.com", "link"):
        assert word not in left


def test_it_fits_a_comment_and_the_whole_is_there_on_request():
    made = whole()
    made["outputs"] = {f"o{n}": "x" * 5_000 for n in range(50)}
    made["steps"] = [dict(made["steps"][-1], path=f"s{n}", reason="y" * 400) for n in range(500)]
    assert len(markdown(made)) <= LONGEST
    assert "… and 460 more steps." in markdown(made)
    assert markdown(made, full=True).count("\n| `s") == 500


def test_a_question_is_told_with_its_place():
    from agentflow.journal.port import Gate

    gate = Gate("r", "agree", "approve", "Publish?", None, 1.0, None)
    assert "**Waiting for a person** at `agree`: `Publish?`" in markdown(
        report(an_agent_with_a_subagent(), around("waiting", (gate,)))
    )
