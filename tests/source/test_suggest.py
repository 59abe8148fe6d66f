import pytest

from agentflow.source.suggest import did_you_mean, nearest


@pytest.mark.parametrize(
    ("word", "candidates", "name"),
    [
        ("promt", ["agent", "prompt"], "prompt"),
        ("webfetch", ["WebSearch", "WebFetch"], "WebFetch"),
        ("Prompt", ["prompts", "prompt"], "prompt"),
        ("webfetc", ["WebSearch", "WebFetch"], "WebFetch"),
        ("max-tokens", ["max_tokens"], "max_tokens"),
        ("untill", iter(["max", "until"]), "until"),
    ],
)
def test_the_nearest_name_is_named(word, candidates, name):
    assert did_you_mean(word, candidates) == f"did you mean `{name}`?"


@pytest.mark.parametrize(
    ("word", "candidates"),
    [("prompt", []), ("xyz", ["prompt", "agent"]), ("", ["a"]), ("prompt", ["prompt"]), ("a", ["b"]), ("ab", ["a\nb"])],
)
def test_nothing_is_named_when_nothing_is_near(word, candidates):
    assert did_you_mean(word, candidates) is None


def test_very_long_words_and_lists_are_not_compared():
    assert did_you_mean("x" * 1_000_000, ["y" * 1_000_000, "x" * 999_999]) is None
    assert did_you_mean("Wanted", (f"step_{i}" for i in range(100_000))) is None
    assert did_you_mean("Wanted", [*(f"step_{i}" for i in range(100_000)), "wanted"]) == "did you mean `wanted`?"


def test_the_right_name_is_found_among_a_thousand_that_are_like_it():
    names = [f"step_{number:04}" for number in range(900)]
    assert nearest("step_0420x", names) == "step_0420"


def test_what_is_compared_is_bounded_in_characters():
    assert nearest("plann", ["x" * 60] * 3 + ["plan"]) == "plan"
    assert nearest("plann", [f"{number:060}" for number in range(500)] + ["plan"]) is None
