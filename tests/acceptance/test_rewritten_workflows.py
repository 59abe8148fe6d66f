"""Workflows that people wrote for other runners, in our language: each runs and does what its first lines say."""

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest

from agentflow import api
from agentflow.api import RunOptions, RunResult
from agentflow.engine.port import Answer
from agentflow.events.run_events import StepFinished
from tests.engine.doubles import ModelDouble, reply

WORKFLOWS = Path(__file__).parent.parent / "examples" / "valid" / "rewritten"


def said(request) -> str:
    """What the agent was asked last."""
    return str(request.messages[-1]["content"][0].get("text", ""))


class Here:
    """A project that holds the workflows, and what happened in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[tuple[str, object]] = []
        self.model = ModelDouble()

    async def run(self, name: str, answers, inputs=None, ask=None) -> RunResult:
        """Runs a workflow whose agents answer by `answers`: by name, what to say to a request."""

        def answer(request):
            found = answers[request.agent](request)
            return (
                found
                if not isinstance(found, dict | str)
                else reply(found if isinstance(found, str) else json.dumps(found))
            )

        self.model = ModelDouble(answer)
        options = RunOptions(
            model=self.model, ask=ask, observe=lambda stream, event: self.events.append((stream, event))
        )
        return await api.run(self.folder / name, inputs or {}, options)

    def ended(self) -> dict[str, str]:
        """How each step ended, in the order in which they did."""
        return {event.step: event.status for _, event in self.events if isinstance(event, StepFinished)}

    def asked(self, agent: str) -> list[str]:
        """What an agent was asked, by the requests that reached it."""
        return [said(request) for request in self.model.requests if request.agent.endswith(agent)]


@pytest.fixture
def here(tmp_path, monkeypatch) -> Here:
    shutil.copytree(WORKFLOWS, tmp_path, dirs_exist_ok=True)
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return Here(tmp_path)


def research(request):
    """Every angle but that of the industry."""
    if "industry" in said(request):
        return reply("I would rather not.", stop_reason="refusal")
    return {"findings": f"found for {said(request)}", "confidence": 0.9 if "press" in said(request) else 0.4}


RESEARCH = {
    "planner": lambda _: {"questions": ["How thick?"]},
    "researcher": research,
    "writer": lambda request: said(request),
    "reviewer": lambda _: {"score": 8, "gaps": []},
}


async def test_a_fan_out_goes_on_with_those_that_succeeded_and_says_which_did_not(here):
    result = await here.run("parallel_research.yaml", RESEARCH, {"topic": "sea ice"})
    assert result.status == "done"
    assert result.outputs["researched"] == ["academic", "press"]
    assert result.outputs["missing"] == 1
    digest = result.outputs["digest"]
    assert digest.index("## press (0.9)") < digest.index("## academic (0.4)")
    assert "industry (refusal)" in digest
    assert "Angles: 2 of 3" in here.asked("reviewer")[0]


async def test_gaps_go_into_the_next_plan_and_after_the_last_round_the_digest_is_kept_as_it_is(here):
    scores = iter([4, 5, 6])
    weak = {"reviewer": lambda _: {"score": next(scores), "gaps": ["the south"]}}
    result = await here.run("parallel_research.yaml", RESEARCH | weak, {"topic": "sea ice", "depth": "quick"})
    assert (result.status, result.outputs["score"]) == ("done", 6)
    asked = here.asked("planner")
    assert asked[0].startswith("sea ice (quick)")
    assert ["Still missing: the south" in text for text in asked] == [False, True, True]


async def test_a_fan_out_in_which_nothing_succeeded_fails_and_says_so(here):
    refuse = {"researcher": lambda _: reply("No.", stop_reason="refusal")}
    result = await here.run("parallel_research.yaml", RESEARCH | refuse, {"topic": "sea ice"})
    assert result.status == "failed"
    assert "None of the 3 angles" in result.failure.message
    assert here.asked("writer") == []


async def test_drafts_go_round_the_inner_review_until_it_passes_and_round_the_outer_one_again(here):
    drafts = Counter()

    def write(_request):
        drafts["n"] += 1
        return {"document": f"draft {drafts['n']}", "notes": "as asked"}

    def technical(request):
        if "draft 1" in said(request):
            return {"score": 60, "feedback": "wrong API", "critical": ["no error handling"]}
        return {"score": 95, "feedback": "sound", "critical": []}

    def readable(request):
        return {"score": 92 if "draft 3" in said(request) else 70, "feedback": "too long", "critical": []}

    answers = {"architect": write, "technical": technical, "readability": readable}
    result = await here.run("design_reviews.yaml", answers, {"purpose": "a cache"})
    assert result.outputs == {"scores": [95, 92], "passed": True}
    assert (here.folder / "design.md").read_text() == "draft 3"
    asked = here.asked("architect")
    assert len(asked) == 3
    assert "- no error handling" in asked[1]
    assert "Technical review" not in asked[2]  # a new outer round begins the inner loop anew
    assert "For readers: too long" in asked[2]
    assert "So far: draft 2" in asked[2]


def develop(refused=(), whole=(True,)):
    """The agents of the worklist. The review refuses each story in `refused` once; what it finds of the whole."""
    left, of_whole = list(refused), iter(whole)

    def review(request):
        if "The whole" in said(request):
            return {"approved": next(of_whole), "issues": ["one name for one thing"]}
        story = next((story for story in left if story in said(request)), None)
        if story is not None:
            left.remove(story)
        return {"approved": story is None, "issues": ["name it"]}

    return {
        "planner": lambda _: {"stories": [{"id": "S1", "title": "a"}, {"id": "S2", "title": "b", "after": ["S1"]}]},
        "coder": lambda request: {"summary": f"did {said(request).splitlines()[0]}"},
        "reviewer": review,
        "fixer": lambda _: "mended",
    }


async def test_a_loop_takes_one_story_after_another_off_a_list_that_it_changes_itself(here):
    stories = [{"id": f"S{n}", "title": f"story {n}", "passes": n == 1} for n in (1, 2, 3)]
    (here.folder / "plan.json").write_text(json.dumps(stories))
    result = await here.run("worklist.yaml", develop(refused=["story 2"]))
    assert result.outputs["progress"] == ["S1: was done", "S2: did Story S2: story 2", "S3: did Story S3: story 3"]
    asked = here.asked("coder")
    assert [text.splitlines()[0] for text in asked] == ["Story S2: story 2", "Story S2: story 2", "Story S3: story 3"]
    assert "- fix: name it" in asked[1]
    assert here.asked("planner") == []


async def test_a_list_that_is_not_there_is_written_first_and_the_whole_is_mended_until_it_passes(here):
    result = await here.run("worklist.yaml", develop(whole=[False, True]), {"idea": "a shop"})
    assert here.asked("planner") == ["a shop"]
    assert result.outputs == {"progress": ["S1: did Story S1: a", "S2: did Story S2: b"], "rounds": 2}
    assert here.asked("fixer") == ["one name for one thing"]


async def test_with_nothing_left_to_do_only_the_whole_is_reviewed(here):
    (here.folder / "plan.json").write_text(json.dumps([{"id": "S1", "title": "a", "passes": True}]))
    result = await here.run("worklist.yaml", develop())
    assert result.outputs == {"progress": ["S1: was done"], "rounds": 1}
    assert here.asked("coder") == []


async def test_a_story_that_waits_for_another_one_is_not_begun(here):
    stories = [
        {"id": "S1", "title": "a", "after": ["S2"], "passes": False},
        {"id": "S2", "title": "b", "passes": False},
    ]
    (here.folder / "plan.json").write_text(json.dumps(stories))
    result = await here.run("worklist.yaml", develop())
    assert (result.status, result.failure.message) == ("failed", "Story S1 waits for S2.")
    assert here.model.requests == []


async def test_every_join_starts_what_it_should(here):
    result = await here.run("joins.yaml", {})
    assert result.outputs == {
        "all": ["all", None],
        "any": ["any", None],
        "done": ["done", "after"],
        "none_failed": ["one and no failure", None],
        "statuses": ["done", "skipped", "failed"],
        "broken": 7,
        "counted": "3",
        "verified": True,
    }


SPEC = {"spec": "a todo app", "sprints": [{"title": "Foundation"}, {"title": "Search"}]}


def sprint(scores):
    """The agents of the sprints; the evaluator gives these scores, one list for each look."""
    left = iter(scores)
    return {
        "planner": lambda _: SPEC,
        "negotiator": lambda request: {"criteria": [f"criterion of {said(request)}"]},
        "generator": lambda request: {"done": "built"},
        "evaluator": lambda _: {"scores": next(left), "feedback": "line 3 breaks"},
        "reporter": lambda request: said(request),
    }


async def test_sprints_follow_one_another_and_each_is_built_again_until_it_passes(here):
    result = await here.run("sprints.yaml", sprint([[8, 5], [8, 6], [9, 7], [10, 9]]), {"idea": "todo"})
    assert result.outputs["sprints"] == [
        {"title": "Foundation", "score": 7, "attempts": 3},
        {"title": "Search", "score": 9, "attempts": 1},
    ]
    asked = here.asked("generator")
    assert [text.splitlines()[-1].partition(":")[0] for text in asked] == ["Contract", "Refine", "Refine", "Contract"]


@pytest.mark.parametrize(
    ("scores", "attempts", "message", "last"),
    [
        ([[5], [4], [4], [10]], 6, "Sprint Foundation stayed at 4 of 10 and stalled.", "Pivot"),
        ([[3], [4], [5], [10]], 3, "Sprint Foundation stayed at 5 of 10.", "Refine"),
    ],
)
async def test_a_sprint_that_stalls_or_has_no_attempts_left_ends_the_run_and_is_reported_all_the_same(
    here, scores, attempts, message, last
):
    result = await here.run("sprints.yaml", sprint(scores), {"idea": "todo", "attempts": attempts})
    assert result.status == "failed"
    assert result.failure.message == message
    assert here.asked("generator")[-1].splitlines()[-1].startswith(last)
    assert here.ended()["report"] == "done"
    report = here.asked("reporter")[0]
    assert "Planned: Foundation, Search (failed)" in report
    assert f"Foundation,3,{scores[2][0]}" in report
    assert "Search,1" not in report


async def test_a_workflow_runs_for_each_item_of_a_list_that_only_the_run_knows(here):
    (here.folder / "issues").mkdir()
    for number, text in ((1, "crash"), (2, "label: bug\n"), (3, "typo"), (7, "?")):
        (here.folder / "issues" / f"{number}.md").write_text(text)

    def probe(request):
        if "/7.md" in said(request):
            return reply("no idea", stop_reason="refusal")
        return {"label": "docs" if "/3.md" in said(request) else "bug", "reason": "as it says"}

    answers = {"prober": probe, "triager": lambda request: said(request)}
    result = await here.run("triage_children.yaml", answers)
    assert result.outputs["labels"] == ["bug", "docs"]
    assert result.outputs["failed"] == 1
    assert result.outputs["summary"].splitlines()[0] == "#1: bug (as it says)"


async def test_the_lead_sends_out_whom_it_wants_and_they_send_out_others(here):
    def send(name, prompt, turn):
        return (f"{name}{turn}", "Agent", {"subagent_type": name, "prompt": prompt, "description": "d"})

    def lead(request):
        if request.turn == 1:
            return reply("", send("designer", "design it", 1))
        if request.turn == 2:
            return reply("", send("engineer", "build login", 2), send("engineer", "build search", 3))
        if request.turn == 3:
            return reply("", ("w", "Write", {"file_path": "app/all.txt", "content": "login and search"}))
        return "Shipped."

    def engineer(request):
        feature = request.messages[0]["content"][0]["text"]
        if request.turn == 1:
            return reply("", ("w", "Write", {"file_path": "app/feature.txt", "content": feature}))
        if request.turn == 2:
            return reply("", send("tester", f"test {feature}", 1))
        return "built and tested"

    def tester(request):
        if request.turn == 1:
            return reply("", ("r", "Read", {"file_path": "app/feature.txt"}))
        return "fine"

    answers = {"lead": lead, "designer": lambda _: "a box", "engineer": engineer, "tester": tester}
    result = await here.run("dev_team.yaml", answers, {"request": "a todo app"})
    assert result.outputs == {"report": "Shipped."}
    by_agent = Counter(request.agent for request in here.model.requests)
    assert by_agent == {"lead": 4, "designer": 1, "engineer": 6, "tester": 4}
    # Each tester saw what its own engineer wrote; the project has what the lead took over, and nothing else.
    seen = [request.messages for request in here.model.requests if request.agent == "tester" and request.turn == 2]
    for messages in seen:
        task = messages[0]["content"][0]["text"]
        assert task.removeprefix("test ") in json.dumps(messages[-1])
    assert [path.name for path in (here.folder / "app").iterdir()] == ["all.txt"]


TRIAGE = {
    "issues": lambda _: {"changes": [{"file": "1.md", "line": "label: bug"}]},
    "duplicates": lambda _: {"changes": []},
    "links": lambda _: {"changes": [{"file": "1.md", "line": "closed by: 12"}]},
    "reminders": lambda _: {"changes": []},
    "digester": lambda request: said(request),
}


@pytest.mark.parametrize("approved", [True, False])
async def test_nothing_is_written_before_a_person_has_seen_all_of_it(here, approved):
    (here.folder / "issues").mkdir()
    (here.folder / "changes").mkdir()
    (here.folder / "issues" / "1.md").write_text("crash\n")
    shown = []

    async def ask(gate):
        shown.append(gate.show)
        assert (here.folder / "issues" / "1.md").read_text() == "crash\n"
        return Answer(approved, "me")

    result = await here.run("repo_triage.yaml", TRIAGE, ask=ask)
    assert shown == ["1.md: label: bug\n1.md: closed by: 12\n"]
    written = "crash\nlabel: bug\nclosed by: 12\n" if approved else "crash\n"
    assert (here.folder / "issues" / "1.md").read_text() == written
    assert result.outputs["applied"] == (2 if approved else 0)
    assert result.outputs["digest"].startswith("Applied" if approved else "Proposed")
    assert "label: bug" in here.asked("duplicates")[0]


async def test_a_dry_run_asks_nobody_and_a_missing_folder_ends_it_at_once(here):
    failed = await here.run("repo_triage.yaml", TRIAGE)
    assert (failed.status, failed.failure.step) == ("failed", "preflight")
    assert here.model.requests == []
    (here.folder / "issues").mkdir()
    result = await here.run("repo_triage.yaml", TRIAGE, {"dry_run": True})
    assert (result.status, result.outputs["applied"]) == ("done", 0)
    assert result.outputs["digest"].startswith("Proposed")


async def test_each_draft_is_read_as_soon_as_it_is_there_and_goes_back_once(here):
    letters = [{"to": name, "text": f"from {name}"} for name in ("ann", "ben", "cem")]

    async def ask(gate):
        if gate.step.startswith("answers[0]"):
            return Answer(True, "me")
        if gate.step.startswith("answers[1]"):
            return Answer(gate.step.endswith("second"), "me", "too stiff")
        return Answer(False, "me", "no")

    result = await here.run("gate_per_item.yaml", {"writer": lambda r: f"re: {said(r)}"}, {"letters": letters}, ask)
    assert result.outputs == {"sent": ["ann", "ben"], "dropped": ["cem"]}
    outbox = (here.folder / "outbox.txt").read_text()
    assert "To ann: re: Answer this:" in outbox
    assert "To ben: re: Not like this: too stiff" in outbox


async def test_a_finding_is_kept_when_two_of_three_sceptics_hold_it_to_be_real(here):
    def find(request):
        return {"findings": ["leak", "nit"] if "a.py" in said(request) else []}

    def vote(request):
        return {"real": "leak" in said(request) and not said(request).startswith("security")}

    result = await here.run("votes.yaml", {"finder": find, "sceptic": vote}, {"files": ["a.py", "b.py"]})
    assert result.outputs == {"kept": [{"file": "a.py", "finding": "leak", "votes": 2}]}
    assert len(here.asked("sceptic")) == 6


@pytest.mark.parametrize(
    ("given", "approach"),
    [("Postgres", "revised: which store? Postgres / which cloud? (not answered)"), ("", "a sketch")],
)
async def test_questions_that_were_answered_go_back_into_the_approach(here, given, approach):
    shown = []

    async def ask(gate):
        shown.append(gate.show)
        return Answer(True, "me", answers={"answer": given if "store" in gate.message else ""})

    questions = [
        {"question": "which store?", "choices": ["Postgres", "files"]},
        {"question": "which cloud?", "choices": []},
    ]
    answers = {
        "architect": lambda _: {"summary": "a sketch", "questions": questions},
        "reviser": lambda request: f"revised: {' / '.join(said(request).split(chr(10))[1:3])}",
    }
    result = await here.run("questions.yaml", answers, {"topic": "a cache"}, ask)
    expected = [{"question": "which store?", "answer": given}] if given else []
    assert result.outputs == {"approach": approach, "answers": expected, "skipped": 1 if given else 2}
    assert sorted(shown) == ["a sketch\n", "a sketch\n- Postgres\n- files\n"]


@pytest.mark.parametrize(
    ("state", "outputs"),
    [
        ("current", {"result": "no-op", "reason": "The document is up to date."}),
        ("stale", {"result": "would rewrite it", "reason": "The document is stale."}),
    ],
)
async def test_a_classification_decides_what_is_done(here, state, outputs):
    answers = {"refresher": lambda _: {"summary": "would rewrite it"}}
    assert (await here.run("terminate.yaml", answers, {"state": state})).outputs == outputs


async def test_a_classification_may_end_the_run_with_its_reason(here):
    result = await here.run("terminate.yaml", {}, {"state": "unsafe"})
    assert result.status == "failed"
    assert result.failure.message == "Aborted in the precheck: The document is not safe to touch."
