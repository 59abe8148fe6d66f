"""Characters that nobody sees are written out, and those that writing needs are left alone."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentflow.source.visible import hidden, meant, visible, visible_blocks, visible_data

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=200)
TAGS = "".join(chr(0xE0000 + ord(letter)) for letter in "ignore all")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("invoice\u202efdp.exe", "invoice⟦U+202E⟧fdp.exe"),
        ("a\u200bb", "a⟦U+200B⟧b"),
        ("a\u200db", "a⟦U+200D⟧b"),
        ("x\x1b[8mhidden\x1b[0m", "x␛[8mhidden␛[0m"),
        ("safe\rrm -rf", "safe␍rm -rf"),
        ("a\x08b\x7f", "a␈b␡"),
        ("hi" + TAGS[:2], "hi⟦U+E0069⟧⟦U+E0067⟧"),
        ("😀\ufe0f\U000e0101\U000e0102", "😀\ufe0f⟦U+E0101⟧⟦U+E0102⟧"),
        ("😀\ufe0f\ufe0f", "😀\ufe0f⟦U+FE0F⟧"),
        ("\ufeffbegin", "⟦U+FEFF⟧begin"),
        ("\u3164\u2064\ufff9", "⟦U+3164⟧⟦U+2064⟧⟦U+FFF9⟧"),
        ("\ud800", "⟦U+D800⟧"),
        ("a\u2028b", "a⟦U+2028⟧b"),
        ("Z" + "\u0301" * 30, "Z" + "\u0301" * 8 + "⟦22 more marks⟧"),
        ("\U0001f3f4" + TAGS[:3] + "\U000e007f", "\U0001f3f4⟦U+E0069⟧⟦U+E0067⟧⟦U+E006E⟧⟦U+E007F⟧"),
    ],
)
def test_what_hides_is_written_out(text: str, shown: str):
    assert visible(text) == shown
    assert hidden(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "plain\n\ttext\r\nof Windows",
        "👩‍👩‍👧 👩🏽‍🚀 ❤️‍🔥 🏳️‍🌈 👁️‍🗨️ 1️⃣ ⚠️ ☎︎",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "می‌خواهم",  # Persian: a non-joiner in the middle of a word
        "क्‍ष ශ්‍රී",  # Hindi, Sinhala: joiners behind a virama
        "ภาษา\u200bไทย",
        "שלום (hi)\u200f!",
        "\u200fאבג",
        "葛\U000e0100城",
        "Donau\u00addampf",
        "tiếng Việt é ạ̈",
        "ᠮᠣ\u180bᠩ",
    ],
)
def test_what_writing_needs_is_left_alone(text: str):
    assert visible(text) == text
    assert hidden(text) is None


@given(ANYTHING)
def test_nothing_is_left_that_could_lie(text: str):
    shown = visible(text)
    assert not any(unicodedata.category(one) in ("Cc", "Cs") and one not in "\n\t\r" for one in shown)
    assert not any(one in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069" for one in shown)
    assert visible(shown) == shown


@given(st.text(st.sampled_from("ab\n \u200b\u202e\x1b\x7f\u00ad\u200d\U000e0041\ufe0f"), max_size=40))
def test_the_way_back_gives_what_was_there(text: str):
    assert meant(visible(text)) == text


@pytest.mark.parametrize("text", ["⟦U+0041⟧", "⟦U+FFFFFF⟧", "⟦x⟧", "⟦3 more marks⟧"])
def test_brackets_that_name_nothing_hidden_are_text(text: str):
    assert meant(text) == text


def test_of_content_blocks_the_texts_are_shown_and_images_are_left():
    image = {"type": "image", "source": {"type": "base64", "data": "AAAA"}}
    assert visible_blocks([{"type": "text", "text": "a\u202e"}, image]) == [
        {"type": "text", "text": "a⟦U+202E⟧"},
        image,
    ]
    assert visible_blocks("a\u200bb") == "a⟦U+200B⟧b"
    assert visible_blocks(None) is None
    assert visible_data({"k\u200b": ["\u202e", 1]}) == {"k⟦U+200B⟧": ["⟦U+202E⟧", 1]}
