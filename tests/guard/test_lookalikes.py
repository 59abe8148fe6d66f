"""Text that looks like other text."""

import pytest

from agentflow.guard.lookalikes import has_hidden, plain_form, shown, strangers


@pytest.mark.parametrize(
    "character", ["\u200b", "\u202e", "\ufeff", "\U000e0041", "\x00", "\x1b", "\ud800", "\u2028", "\ufe0f", "\u3164"]
)
def test_what_shows_nothing_of_itself_is_made_visible_and_left_out_of_what_is_compared(character: str):
    assert has_hidden(f"a{character}b")
    assert shown(f"a{character}b") == f"a⟦U+{ord(character):04X}⟧b"
    assert plain_form(f"a{character}b") == "ab"


@pytest.mark.parametrize("text", ["plain", "línea\n\tzwei", "日本語", "😀", ""])
def test_what_can_be_seen_stays_as_it_is(text: str):
    assert not has_hidden(text)
    assert shown(text) == text


@pytest.mark.parametrize("text", ["раypal.com", "ｐaypal.com", "pаypаl.com", "ραypal.com"])
def test_letters_that_look_alike_come_to_the_same(text: str):
    assert plain_form(text) == "paypal.com"


def test_strangers_among_latin_letters_are_named_and_a_text_in_its_own_script_is_not():
    assert strangers("pаypal") == ["а (CYRILLIC SMALL LETTER A)"]
    assert strangers("привет") == []
    assert strangers("paypal") == []
