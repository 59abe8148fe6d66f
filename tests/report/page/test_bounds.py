import json

from agentflow.report.page.bounds import Bounds, bounded, cut_text
from tests.report.page.pages import whole


def test_a_small_report_is_left_as_it_is():
    assert bounded(whole(), "all") == whole()


def test_a_long_text_keeps_both_ends_and_says_what_is_missing():
    text = "a" * 50 + "b" * 100 + "c" * 50
    cut = cut_text(text, 100)
    assert cut.startswith("a" * 50)
    assert cut.endswith("c" * 25)
    assert "100 characters left out" in cut


def test_the_notes_say_what_is_cut_and_how_to_get_it():
    made = whole()
    made["sessions"][0]["prompt"] = "x" * 1_000
    shown = bounded(made, "agentflow report r --full", Bounds(texts=(100,)))
    assert len(shown["sessions"][0]["prompt"]) < 200
    assert shown["notes"] == ["1 text is cut after 100 characters.", "All of it: agentflow report r --full"]
    assert len(made["sessions"][0]["prompt"]) == 1_000


def test_long_data_is_cut_as_text():
    made = whole()
    made["steps"][0]["output"] = [{"n": n} for n in range(5_000)]
    shown = bounded(made, "all", Bounds(texts=(200,)))
    assert len(shown["steps"][0]["output"]) < 300


def test_all_texts_together_stay_below_the_bound_where_a_smaller_limit_reaches_it():
    made = whole()
    made["sessions"] = [dict(made["sessions"][0], prompt="x" * 5_000) for _ in range(100)]
    shown = bounded(made, "all", Bounds(texts=(4_000, 500), all_texts=100_000))
    assert len(json.dumps(shown)) < 200_000


def test_what_failed_stays_when_steps_and_sessions_are_left_out():
    made = whole()
    shown = bounded(made, "all", Bounds(steps=2, sessions=1))
    assert [row["path"] for row in shown["steps"]] == ["research[1]", "research[1].find"]
    assert [one["session"] for one in shown["sessions"]] == ["research[1].find"]
    assert shown["notes"][:2] == ["4 steps of 6 are left out.", "2 conversations of 3 are left out."]


def test_a_long_conversation_keeps_its_beginning_and_its_end():
    made = whole()
    entries = [{"kind": "event", "type": "x", "at": n} for n in range(100)]
    made["sessions"] = [dict(made["sessions"][0], entries=entries)]
    (talk,) = bounded(made, "all", Bounds(entries=10))["sessions"]
    assert [entry.get("at") for entry in talk["entries"]] == [0, 1, 2, 3, 4, None, 95, 96, 97, 98, 99]
    assert talk["entries"][5] == {"kind": "left_out", "count": 90}
