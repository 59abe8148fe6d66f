import json

from agentflow.events.run_events import RunPaused, StepHeld, StepStarted
from agentflow.events.values import Failure
from agentflow.report.page.markdown import markdown
from tests.report.page.pages import PICTURE, around, lengthy, report, troubled, whole
from tests.report.stories import STARTED, an_agent_with_a_subagent, called, replied, session


def test_a_report_says_what_it_is_and_can_be_written_down():
    made = whole()
    assert (made["type"], made["version"]) == ("report", 1)
    assert json.loads(json.dumps(made)) == made


def test_every_step_and_item_is_told_before_what_is_inside_it():
    made = whole()
    assert [(row["path"], row["depth"]) for row in made["steps"]] == [
        ("research", 0),
        ("research[0]", 1),
        ("research[0].find", 2),
        ("research[1]", 1),
        ("research[1].find", 2),
        ("after", 0),
    ]
    assert made["totals"]["steps"] == {"stopped": 1, "done": 1, "failed": 1, "skipped": 1}


def test_what_nobody_is_at_work_on_does_not_count_as_running():
    story = an_agent_with_a_subagent()
    states = {row["path"]: row["state"] for row in report(story, around("crashed"))["steps"]}
    assert states["research[1].find"] == "stopped"
    states = {row["path"]: row["state"] for row in report(story, around("running"))["steps"]}
    assert states["research[1].find"] == "running"


def test_a_conversation_has_each_call_with_its_input_and_its_result():
    talk = next(one for one in whole()["sessions"] if one["session"] == "research[1].find")
    assert [entry["kind"] for entry in talk["entries"]] == ["turn", "tool", "tool"]
    turn, agent, read = talk["entries"]
    assert (turn["at"], turn["ended_at"], turn["usage"]["output_tokens"]) == (1.1, 3.0, 5)
    assert (agent["tool"], agent["input"], agent["session"]) == (
        "Agent",
        {"subagent_type": "fetcher"},
        "research[1].find/c1",
    )
    assert (read["input"], read["result"], read["at"], read["ended_at"]) == ({"path": "a.txt"}, "text", 3.0, 3.5)


def test_a_subagent_is_told_with_who_sent_it_out_and_costs_are_its_own():
    inner = next(one for one in whole()["sessions"] if one["agent"] == "fetcher")
    assert (inner["parent"], inner["cost_usd"], inner["turns"]) == ("research[1].find", 0.02, 1)
    assert {row["agent"]: row["cost_usd"] for row in whole()["costs"]["by_agent"]} == {"fetcher": 0.02, "finder": 0.02}


def test_money_adds_up_over_models_agents_and_steps():
    for made in (whole(), report(troubled()), report(lengthy())):
        for table in made["costs"].values():
            assert abs(sum(row["cost_usd"] for row in table) - made["totals"]["cost_usd"]) < 1e-9


def test_requests_that_failed_and_calls_that_never_ran_are_there():
    (talk,) = report(troubled())["sessions"]
    first, second, refused, cut_off = talk["entries"]
    assert (first["failure"]["kind"], first["cost_usd"], first["retry_at"]) == ("model_unavailable", 0.25, 2.0)
    assert second["blocks"] == [{"type": "thinking", "text": "hm"}]
    assert (refused["at"], refused["is_error"]) == (None, True)
    assert cut_off["unknown"]


def test_pictures_are_told_and_not_held():
    (talk,) = report(troubled())["sessions"]
    assert talk["entries"][3]["result"] == [{"type": "image", "media_type": "image/png", "bytes": 3}]


def test_a_failure_is_told_once_where_it_came_up():
    failures = report(troubled())["failures"]
    assert [(one["where"], one["what"], one["kind"]) for one in failures] == [
        ("after", "attempt", "turns"),
        ("after", "session", "turns"),
    ]


def test_questions_carry_their_answer():
    (gate,) = [row["gate"] for row in report(troubled())["steps"] if row["gate"]]
    assert (gate["message"], gate["show"], gate["answer"]["by"], gate["answer"]["comment"]) == (
        "Is it good?",
        "what there is",
        "ada",
        "yes indeed",
    )


def test_without_a_plan_there_is_no_graph_and_a_word_on_it():
    made = report(an_agent_with_a_subagent(), around(plan=False))
    assert made["graph"] is None
    assert "graph" in made["notes"][0]


def test_events_of_other_kinds_are_kept_as_they_are():
    from agentflow.events.session_events import SessionResumed

    story = [*an_agent_with_a_subagent(), ("research[1].find", SessionResumed(9.0, 8.0))]
    talk = next(one for one in report(story)["sessions"] if one["session"] == "research[1].find")
    assert talk["entries"][-1] == {
        "kind": "event",
        "stream": "research[1].find",
        "type": "session_resumed",
        "at": 9.0,
        "worked_until": 8.0,
        "told": "taken up again",
    }


def test_where_a_run_comes_from_is_told_with_its_starts_and_resumes():
    from agentflow.events.run_events import RunPaused, RunResumed

    began, *rest = an_agent_with_a_subagent()
    story = [began, ("", RunPaused(0.2, "interrupted")), ("", RunResumed(0.9, 0.2)), *rest]
    lineage = report(story)["lineage"]
    assert [(one["what"], one["at"]) for one in lineage["history"]] == [
        ("started", 0.0),
        ("interrupted", 0.2),
        ("resumed", 0.9),
    ]
    assert lineage["began"] == {"folder": ""}


def test_what_happens_between_turns_is_told_in_words_and_what_says_nothing_is_not():
    (talk,) = report(lengthy())["sessions"]
    assert [(one["type"], one["told"]) for one in talk["entries"] if one["kind"] == "event"] == [
        ("tokens_counted", None),
        ("compaction_called", None),
        ("compaction_failed", "conversation not compacted: the service is overloaded; again in 1.0s"),
        ("compaction_called", None),
        ("compacted", "conversation summarised by claude-haiku-5-5: 160.0k to 20.0k tokens ($0.50)"),
        ("session_rested", None),
        ("tool_retried", "tool Read: busy; again in 2.0s"),
    ]


def test_pictures_among_what_stays_of_a_conversation_are_not_held_either():
    assert PICTURE["source"]["data"] not in json.dumps(report(lengthy()))


def test_a_compaction_belongs_to_the_model_that_made_it():
    rows = {row["model"]: (row["turns"], row["cost_usd"]) for row in report(lengthy())["costs"]["by_model"]}
    assert rows == {"claude-haiku-5-5": (0, 0.75), "claude-sonnet-5-5": (1, 0.01)}


def test_a_run_that_goes_on_from_another_tells_which_and_what_it_reused():
    from msgspec.structs import replace

    from agentflow.events.run_events import StepFinished
    from agentflow.events.values import Lineage

    started = replace(STARTED, lineage=Lineage("20251231-000000-aaaa", "fork", ("last",)))
    made = report([("", started), ("", StepFinished(1.0, "research", "done", [], reused=True))])
    before = made["lineage"]["goes_on_from"]
    assert (before["run"], before["told"], before["reused"]) == (
        "20251231-000000-aaaa",
        "goes on from run 20251231-000000-aaaa, from last",
        ["research"],
    )
    assert "1 step reused" in markdown(made)
    assert whole()["lineage"]["goes_on_from"] is None


def test_what_the_service_did_itself_counts_among_the_tool_calls():
    search = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "tea"}}
    story = [("", STARTED), ("after", session(0.5, "after")), ("after", called(1.0)), ("after", replied(2.0, search))]
    made = report(story)
    assert (made["sessions"][0]["tool_calls"], made["totals"]["tool_calls"]) == (1, 1)


def test_a_run_that_waits_for_the_service_tells_why_at_its_head_and_at_the_step():
    spent = Failure("model_unavailable", "the spend limit is reached", retryable=True)
    story = [
        ("", STARTED),
        ("", StepStarted(0.5, "after", session="after")),
        ("after", session(0.5, "after")),
        ("", StepHeld(1.0, "after", None, spent)),
        ("", RunPaused(1.0, "waiting", (), None, spent)),
    ]
    made = report(story, around("waiting"))
    told = "waiting for a person to act: the spend limit is reached"
    assert (made["service"]["told"], made["service"]["until"]) == (told, None)
    assert [row["reason"] for row in made["steps"] if row["path"] == "after"] == [told]
    assert told in markdown(made)
    assert whole()["service"] is None


def test_a_question_of_an_agent_is_told_as_one_and_counted_as_no_step():
    from agentflow.events.run_events import GateAnswered, GateOpened, RunFinished

    began, *rest = an_agent_with_a_subagent()
    asked = GateOpened(1.0, "research[1].find.question1", "Which?", None, "ask", session="research[1].find", call="c")
    questions = [("", asked), ("", GateAnswered(2.0, asked.step, True, "ada"))]
    ended = [entry for entry in rest if isinstance(entry[1], RunFinished)]
    story = [began, *(entry for entry in rest if entry not in ended), *questions, *ended]
    told, without = report(story), report([began, *rest])
    assert [row["kind"] for row in told["steps"] if row["path"] == asked.step] == ["question"]
    assert told["totals"]["steps"] == without["totals"]["steps"]
