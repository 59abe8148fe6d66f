import unicodedata

import pytest

from agentflow.report.page.hidden import revealed, revealed_data


@pytest.mark.parametrize(
    "character",
    [*"\u202e\u2066\u200b\u200f\U000e0041\ufe00\U000e0101\u3164\x1b\ud800"],
)
def test_what_cannot_be_seen_is_written_out(character: str):
    shown = revealed(f"a{character}b")
    assert character not in shown
    assert shown != "ab"


def test_no_format_character_is_left():
    every = "".join(
        chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in ("Cf", "Cs", "Cc", "Zl", "Zp")
    )
    visible = {"\n", "\t"} | {c for c in every if 0x600 <= ord(c) <= 0x8FF or ord(c) == 0x110BD or ord(c) == 0x110CD}
    left = {c for c in revealed(every) if unicodedata.category(c) in ("Cf", "Cs", "Cc", "Zl", "Zp")}
    # Those of Arabic and Kaithi are signs that are drawn (The Unicode Standard, 9.2 and 15.2).
    assert left <= visible


def test_lines_letters_and_plain_emoji_stay():
    assert revealed("a\tb\né 漢 ⚠\ufe0f") == "a\tb\né 漢 ⚠\ufe0f"


def test_names_in_data_are_shown_too():
    assert revealed_data({"a\u200b": ["\u202e", 1, None]}) == {"a⟦U+200B⟧": ["⟦U+202E⟧", 1, None]}
