"""Calls that a session answers by itself: lists, skills, tools that wait to be found."""

import pytest

from agentflow.session.plans import session_plan
from tests.builders import Conversation, plan_of

SKILLS = {
    "skills/notes/SKILL.md": "---\nname: release-notes\ndescription: How notes are written.\n---\nWrite three lines.\n",
    "skills/tests/SKILL.md": "---\nname: tests\ndescription: How tests are written.\n---\nName the promise.\n",
}


def talk_of(agent: str, files: dict[str, str] | None = None) -> Conversation:
    plan = plan_of(
        f"""
        tools:
          look_birds: {{description: Looks for birds., input: {{type: object}}, run: ["true"], effects: none}}
          send_mail: {{description: Sends a letter to a bird., input: {{type: object}}, run: ["true"]}}
        agents: {{a: {agent}}}
        steps: {{s: {{agent: a, prompt: go}}}}
        """,
        files,
    )
    return Conversation(session_plan(plan.agents["a"], plan.agents))


def told(talk: Conversation) -> list[tuple[object, bool]]:
    blocks = talk.requests[-1].messages[-1]["content"]
    return [(block.get("content"), block.get("is_error", False)) for block in blocks]


def todo(*entries: tuple[str, str]) -> tuple[str, str, dict[str, object]]:
    todos = [{"content": content, "status": status, "activeForm": f"Doing {content}"} for content, status in entries]
    return ("c1", "TodoWrite", {"todos": todos})


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ((), "The list is empty now."),
        ((("a", "pending"), ("b", "pending")), "The list is noted: 0 of 2 done. Begin with: a."),
        ((("a", "completed"), ("b", "in_progress")), "The list is noted: 1 of 2 done. In progress: b."),
        ((("a", "completed"),), "The list is noted: all 1 done."),
    ],
)
def test_a_list_is_kept_and_the_agent_is_told_what_is_next(entries, said):
    talk = talk_of("{tools: [TodoWrite]}")
    talk.say("", todo(*entries))
    assert told(talk) == [(said, False)]
    assert [entry["content"] for entry in talk.state.todos] == [content for content, _ in entries]
    assert talk.running == []


def test_a_list_that_does_not_meet_the_schema_is_refused_with_the_reason_and_the_old_one_stays():
    talk = talk_of("{tools: [TodoWrite]}")
    talk.say("", todo(("a", "pending")))
    talk.say("", ("c2", "TodoWrite", {"todos": [{"content": "b", "status": "begun", "activeForm": "x"}]}))
    content, is_error = told(talk)[0]
    assert is_error
    assert "status" in content
    assert [entry["content"] for entry in talk.state.todos] == ["a"]


def test_a_skill_gives_its_body_and_says_where_its_files_are():
    talk = talk_of("{tools: [Skill], skills: [skills/notes, skills/tests/]}", SKILLS)
    tool = talk.requests[0].tools[0]
    assert "- release-notes: How notes are written.\n- tests: How tests are written." in tool.description
    talk.say("", ("c1", "Skill", {"skill": "tests"}))
    assert told(talk) == [("Files that it speaks of are in the folder `skills/tests`.\n\nName the promise.", False)]


def test_a_rule_narrows_the_skills():
    talk = talk_of("{tools: [Skill(tests)], skills: [skills/notes, skills/tests]}", SKILLS)
    assert "release-notes" not in talk.requests[0].tools[0].description
    talk.say("", ("c1", "Skill", {"skill": "release-notes"}))
    assert told(talk) == [("There is no skill `release-notes`. You have: tests.", True)]


def test_the_files_own_tools_wait_to_be_found_by_an_agent_that_may_search():
    talk = talk_of("{tools: [ToolSearch, Read, look_birds, send_mail]}")
    assert {tool.name: tool.deferred for tool in talk.requests[0].tools} == {
        "ToolSearch": False, "Read": False, "look_birds": True, "send_mail": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("find birds", ["look_birds", "send_mail"]),
        ("LETTER", ["send_mail"]),
        ("select:send_mail,nothing", ["send_mail"]),
        ("select: SEND_MAIL , look_birds", ["send_mail", "look_birds"]),
    ],
)
def test_a_search_gives_references_to_tools_the_likeliest_first(query, names):
    talk = talk_of("{tools: [ToolSearch, look_birds, send_mail]}")
    talk.say("", ("c1", "ToolSearch", {"query": query}))
    assert told(talk) == [([{"type": "tool_reference", "tool_name": name} for name in names], False)]


@pytest.mark.parametrize("query", ["submarines", "select:nothing", "...", "select:"])
def test_a_search_without_a_match_says_what_there_is(query):
    talk = talk_of("{tools: [ToolSearch, look_birds, send_mail]}")
    talk.say("", ("c1", "ToolSearch", {"query": query}))
    assert "There are: look_birds, send_mail." in told(talk)[0][0]


def test_a_search_bounds_how_much_it_finds():
    talk = talk_of("{tools: [ToolSearch, look_birds, send_mail]}")
    talk.say("", ("c1", "ToolSearch", {"query": "bird", "max_results": 1}))
    assert len(told(talk)[0][0]) == 1


def test_what_the_session_answers_is_done_at_once():
    talk = talk_of("{tools: [TodoWrite]}")
    talk.say("", todo(("a", "pending")))
    assert talk.state.turn == 2
