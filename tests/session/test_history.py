from agentflow.events.session_events import ModelReplied, SessionKept, SessionStarted, ToolFinished
from agentflow.events.values import Usage
from agentflow.session.history import MOST_MATCHES, recalled


def replied(turn: int, *content: dict[str, object]) -> ModelReplied:
    return ModelReplied(1.0, turn, content, "tool_use", "m", Usage(), 0.0)


def call(name: str, tool: str = "look") -> dict[str, object]:
    return {"type": "tool_use", "id": name, "name": tool, "input": {"at": name}}


THINKING = {"type": "thinking", "thinking": "secret", "signature": "s"}
STORY = [
    SessionStarted(1.0, "a", "s", "Find the key.", None),
    replied(1, THINKING, {"type": "text", "text": "I look."}, call("c1")),
    ToolFinished(1.0, "c1", [{"type": "text", "text": "the KEY is under the mat"}, {"type": "image", "source": {}}]),
    replied(2, call("c2")),
    ToolFinished(1.0, "c2", "no such door", is_error=True),
    replied(3, call("r", "Recall")),
    ToolFinished(1.0, "r", "the KEY is under the mat"),
]


def test_words_are_found_in_any_case_and_order_and_say_where_they_stood():
    text, is_error = recalled(STORY, {"words": "mat key"})
    assert (text, is_error) == ("[turn 1, call c1]\nResult (c1): the KEY is under the mat\n[image]", False)


def test_the_newest_comes_first_and_what_was_recalled_is_not_found_again():
    text, _ = recalled(STORY, {"words": "key"})
    assert text.index("under the mat") < text.index("Find the key.")
    assert text.count("under the mat") == 1


def test_turns_are_read_whole_without_thinking():
    text, _ = recalled(STORY, {"from_turn": 1, "to_turn": 2})
    assert text.startswith("[turn 1]\nI look.\nCall look (c1) ")
    assert "[turn 2]" in text
    assert "Result (c2, an error): no such door" in text
    assert "secret" not in text


def test_a_call_gives_its_input_and_its_result():
    text, _ = recalled(STORY, {"call": "c2"})
    assert "Call look (c2)" in text
    assert "no such door" in text


def test_what_was_taken_over_from_an_older_run_is_found_too():
    def result(name: str, text: str) -> dict[str, object]:
        return {"type": "tool_result", "tool_use_id": name, "content": text}

    messages = [
        {"role": "user", "content": [{"type": "text", "text": "Find the lamp."}]},
        {"role": "assistant", "content": [THINKING, call("k1"), call("k2", "Recall")]},
        {"role": "user", "content": [result("k1", "the lamp is in the attic"), result("k2", "the lamp, once more")]},
    ]
    story = [SessionKept(0.0, "a", "earlier", messages), *STORY]
    text, is_error = recalled(story, {"words": "lamp"})
    assert not is_error
    assert text == "[turn 0, call k1]\nResult (k1): the lamp is in the attic\n\n[turn 0]\nFind the lamp."
    assert "the lamp is in the attic" in recalled(story, {"call": "k1"})[0]
    assert "secret" not in recalled(story, {"from_turn": 0})[0]


def test_what_cannot_be_found_says_what_to_do():
    for given in ({}, {"words": "a b", "call": "c1"}, {"call": "c9"}, {"from_turn": 9}, {"words": "   "}):
        text, is_error = recalled(STORY, given)
        assert is_error, text
    text, is_error = recalled(STORY, {"words": "zebra"})
    assert "try fewer" in text
    assert not is_error


def test_many_matches_are_bounded():
    story = [STORY[0], *(replied(turn, {"type": "text", "text": f"the same {turn}"}) for turn in range(1, 60))]
    text, _ = recalled(story, {"words": "same"})
    assert text.count("[turn ") == MOST_MATCHES
    assert "[39 more; give more words]" in text


def test_a_session_that_is_carried_on_is_searched_too():
    earlier = [SessionStarted(1.0, "a", "before", "Count.", None), replied(1, {"type": "text", "text": "seven lamps"})]
    text, _ = recalled([*earlier, *STORY], {"words": "lamps"})
    assert text == "[turn 0]\nseven lamps"
    assert "seven" not in recalled([*earlier, *STORY], {"from_turn": 1})[0]


def test_a_session_of_an_older_run_that_is_carried_on_is_searched_too():
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "Count."}]},
        {"role": "assistant", "content": [THINKING, call("k1"), call("k2", "Recall")]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "k1", "content": "seven lamps"},
                {"type": "tool_result", "tool_use_id": "k2", "content": "lamps, as was said"},
            ],
        },
    ]
    story = [SessionKept(1.0, "a", "earlier", messages), *STORY]
    assert recalled(story, {"words": "lamps"})[0] == "[turn 0, call k1]\nResult (k1): seven lamps"
    assert recalled(story, {"call": "k1"})[0].endswith("Result (k1): seven lamps")
    assert "lamps" not in recalled(story, {"from_turn": 1})[0]
