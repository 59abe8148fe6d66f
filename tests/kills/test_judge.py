"""What is wrong is found: each judgement, on evidence made by hand."""

from collections import Counter

from agentflow.events.run_events import CommandCalled, GateAnswered, GateOpened, OutcomeUnknown, RunFinished
from agentflow.events.session_events import ModelCalled, ModelFailed, ModelReplied, ToolCalled, ToolFinished
from agentflow.events.values import Failure, Spent, Usage
from agentflow.journal.port import Recorded
from tests.kills.boundaries import digest
from tests.kills.judge import Evidence, judge

SAVE = CommandCalled(1.0, "save", ("sh", "effect.sh", "--", "save"))
ASKED = GateOpened(2.0, "save", "Again?", about="unknown")
YES = GateAnswered(3.0, "save", True, "harness", "by process 2")
APPROVE = GateOpened(2.0, "save", "Good?")
NOTE = ToolCalled(1.0, "toolu_for_the_effect_found", "note", "sends", "r1/find/toolu_for_the_effect_found")
FOUND = ToolFinished(2.0, "toolu_for_the_effect_found", "done: found")
CUT = ToolFinished(2.0, "toolu_for_the_effect_found", "unknown", is_error=True, unknown=True)
ASKED_MODEL = ModelCalled(0.5, 1, 1, "m", 1024, 0.5)
USES_NOTE = ModelReplied(
    0.6, 1, ({"type": "tool_use", "id": "toolu_for_the_effect_found"},), "tool_use", "m", Usage(), 0.25
)
GONE = Failure("model_unavailable", "gone")
END = RunFinished(9.0, "done", {"report": "good"}, None, Spent())
END_OF_NOTE = RunFinished(9.0, "done", {"report": "good"}, None, Spent(cost_usd=0.25))


def evidence(*events, effects=(), acknowledged=(), charged_usd=0.0):
    seqs = Counter()
    recorded = []
    for event in events:
        stream = "find" if type(event).__module__.endswith("session_events") else ""
        seqs[stream] += 1
        recorded.append(Recorded(stream, seqs[stream], event))
    return Evidence(tuple(recorded), tuple(acknowledged), tuple(effects), charged_usd)


def a_note(result, **more):
    return evidence(ASKED_MODEL, USES_NOTE, NOTE, result, END_OF_NOTE, charged_usd=0.25, **more)


def test_a_run_with_nothing_wrong_is_found_to_be_so():
    found = judge(a_note(FOUND, effects=["found"]), ["found"])
    assert (found.lost, found.repeated, found.vanished, found.unknown, found.problems) == (0, (), (), 0, ())
    assert found.outputs == '{"report": "good"}'


def test_a_tool_that_ran_twice_was_repeated_silently_even_where_it_was_told_as_unknown():
    assert judge(a_note(FOUND, effects=["found", "found"]), ["found"]).repeated == ("found",)
    assert judge(a_note(CUT, effects=["found", "found"]), ["found"]).repeated == ("found",)


def test_a_command_may_run_twice_after_a_person_said_yes():
    found = judge(evidence(SAVE, OutcomeUnknown(2.0, "save"), ASKED, YES, SAVE, END, effects=["save"] * 2), ["save"])
    assert (found.repeated, found.told, found.unknown) == ((), 1, 1)


def test_a_command_that_ran_twice_unasked_was_repeated_silently():
    unasked = evidence(SAVE, OutcomeUnknown(2.0, "save"), SAVE, END, effects=["save"] * 2)
    assert judge(unasked, ["save"]).repeated == ("save",)
    other_gate = evidence(APPROVE, YES, SAVE, END, effects=["save"] * 2)
    assert judge(other_gate, ["save"]).repeated == ("save",)
    once_too_often = evidence(OutcomeUnknown(2.0, "save"), ASKED, YES, SAVE, END, effects=["save"] * 3)
    assert judge(once_too_often, ["save"]).repeated == ("save",)


def test_an_effect_may_be_missing_only_where_it_was_told_as_unknown():
    assert judge(a_note(CUT), ["found"]).vanished == ()
    assert judge(a_note(FOUND), ["found"]).vanished == ("found",)
    assert judge(evidence(END), ["found"]).vanished == ("found",)


def test_an_effect_that_no_undisturbed_run_has_is_a_fault():
    assert judge(evidence(END, effects=["strange"]), []).problems


def test_an_acknowledged_event_that_is_missing_or_another_is_lost():
    told = {"stream": "", "seq": 1, "digest": digest(SAVE)}
    assert judge(evidence(SAVE, END, effects=["save"], acknowledged=[told]), ["save"]).lost == 0
    assert judge(evidence(END, acknowledged=[told]), []).lost == 1
    assert judge(evidence(END, acknowledged=[{**told, "seq": 7}]), []).lost == 1


def test_an_acknowledged_answer_that_is_missing_or_another_is_lost():
    told = {"step": "save", "comment": "by process 2"}
    assert judge(evidence(ASKED, YES, END, acknowledged=[told]), []).lost == 0
    other = GateAnswered(3.0, "save", True, "harness", "by process 3")
    assert judge(evidence(ASKED, other, END, acknowledged=[told]), []).lost == 1


def test_a_run_that_failed_or_goes_on_has_no_outputs():
    failed = RunFinished(9.0, "failed", None, GONE, Spent())
    assert judge(evidence(failed), []).outputs is None
    assert judge(evidence(SAVE), []).outputs is None


def test_a_model_call_is_settled_once():
    failed = ModelFailed(0.7, 1, 1, GONE, 0.5, retry_at=1.0)
    assert judge(evidence(ASKED_MODEL, failed, failed, END, charged_usd=1.0), []).problems
    assert judge(evidence(ASKED_MODEL, END), []).problems


def test_money_over_the_cap_or_unlike_the_journals_sum_is_a_fault():
    failed = ModelFailed(0.7, 1, 1, GONE, 30.0, retry_at=1.0)
    dear = ModelCalled(0.5, 1, 1, "m", 1024, 30.0)
    spent = RunFinished(9.0, "done", None, None, Spent(cost_usd=30.0))
    assert any("cap" in problem for problem in judge(evidence(dear, failed, spent, charged_usd=30.0), []).problems)
    assert any("sum" in problem for problem in judge(evidence(END, charged_usd=1.0), []).problems)


def test_a_tool_call_begins_once_and_has_one_result():
    twice = evidence(ASKED_MODEL, USES_NOTE, NOTE, NOTE, FOUND, END_OF_NOTE, effects=["found"], charged_usd=0.25)
    none = evidence(ASKED_MODEL, USES_NOTE, NOTE, END_OF_NOTE, effects=["found"], charged_usd=0.25)
    assert any("begun 2 times" in problem for problem in judge(twice, ["found"]).problems)
    assert any("0 results" in problem for problem in judge(none, ["found"]).problems)


def test_each_question_has_one_answer():
    assert judge(evidence(ASKED, END), []).problems
    assert judge(evidence(ASKED, YES, YES, END), []).problems
