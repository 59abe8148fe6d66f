import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from agentflow.report.inert import inert, inert_line

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=200)


def test_plain_text_stays_as_it_is():
    text = "Grüße, 世界 👩‍👩‍👧 — [bold]not markup[/bold]\n\tשלום"
    assert inert(text) == text


def test_escape_sequences_become_visible():
    assert inert("\x1b[31mred\x07 \x9b1m") == "␛[31mred␇ ⟦U+009B⟧1m"
    assert inert("a\u202eb\u2066c") == "a⟦U+202E⟧b⟦U+2066⟧c"
    assert inert("\ud800") == "⟦U+D800⟧"
    assert inert("\U000e0041") == "⟦U+E0041⟧"


def test_windows_line_ends_become_plain_ones():
    assert inert("a\r\nb\rc\x00") == "a\nb␍c␀"


@given(ANYTHING)
def test_nothing_that_acts_on_a_terminal_is_left(text: str):
    shown = inert(text)
    assert all(unicodedata.category(character) != "Cc" or character in "\n\t" for character in shown)
    assert not any(unicodedata.bidirectional(character) in ("LRE", "RLE", "LRO", "RLO", "PDF") for character in shown)
    assert inert(shown) == shown
    shown.encode("utf-8")


@given(ANYTHING, st.integers(1, 50))
def test_a_line_is_one_line_of_bounded_length(text: str, limit: int):
    shown = inert_line(text, limit)
    assert len(shown) <= limit
    assert "\n" not in shown


def test_a_line_that_is_cut_says_so():
    assert inert_line("one\n two   three", 100) == "one two three"
    assert inert_line("x" * 50, 10) == "x" * 9 + "…"
    assert inert_line("x" + " " * 1_000_000 + "y", 10) == "x…"
