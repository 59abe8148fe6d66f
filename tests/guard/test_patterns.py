import pytest

from agentflow.guard.patterns import PatternError, compile_pattern


def test_the_first_match_from_a_byte_on_is_found():
    pattern = compile_pattern("b+")
    assert pattern.find(b"abba b") == (1, 3)
    assert pattern.find(b"abba b", 3) == (5, 6)
    assert pattern.find(b"abba b", 6) is None


def test_lines_have_their_own_beginning_and_end():
    assert compile_pattern("^two$").find(b"one\ntwo\nthree") == (4, 7)
    assert compile_pattern("^t").find(b"one two", 4) is None


def test_a_match_spans_lines_only_when_asked():
    data = b"one {\n}"
    assert compile_pattern(r"\{.*\}").find(data) is None
    assert compile_pattern(r"\{\s*\}").find(data) is None
    assert compile_pattern(r"\{.*\}", multiline=True).find(data) == (4, 7)


def test_case_is_ignored_only_when_asked():
    assert compile_pattern("straße").find("STRASSE Straße".encode()) is None
    assert compile_pattern("straße", ignore_case=True).find("Straße".encode()) == (0, 7)


def test_alternatives_are_all_case_blind():
    assert compile_pattern("a|b", ignore_case=True).find(b"xB") == (1, 2)


@pytest.mark.parametrize("text", ["(", "a)", "(?=x)", r"(a)\1", "[z-a]", "(a{1000}){1000}", r"\p{L}{999}", "a" * 2001])
def test_what_cannot_be_matched_in_linear_time_and_bounded_memory_is_refused(text):
    with pytest.raises(PatternError) as caught:
        compile_pattern(text)
    assert caught.value.hint
    assert len(caught.value.message) < 500


def test_half_a_character_is_refused():
    with pytest.raises(PatternError, match="surrogate"):
        compile_pattern("\ud800")


def test_a_pattern_that_is_exponential_elsewhere_is_answered():
    assert compile_pattern("(a+)+$").find(b"a" * 50_000 + b"!") is None


def test_bytes_that_are_no_text_do_no_harm():
    assert compile_pattern("x").find(b"\xff\xfex") == (2, 3)
