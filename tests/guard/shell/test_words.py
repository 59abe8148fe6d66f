"""Words are decoded as Bash decodes them, or said to be unknown."""

import pytest

from agentflow.guard.bash import read_script


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("a", ("a",)),
        ("'a b'", ("a b",)),
        ('"a b"', ("a b",)),
        ("a\"b\"c'd'", ("abcd",)),
        ("''", ("",)),
        ("\\a\\ b", ("a b",)),
        ('"\\$x \\" \\` \\\\ \\a"', ('$x " ` \\ \\a',)),
        ('"a\\\nb"', ("ab",)),
        ("$'a\\n\\t\\x41\\101\\e\\'\\\\\\q'", ("a\n\tAA\x1b'\\\\q",)),
        ("$'\\u41\\U42'", ("AB",)),
        ("$'\\xc3\\xa9'", ("é",)),
        ("é漢", ("é漢",)),
        ("$", ("$",)),
        ("a$", ("a$",)),
        ('"$"', ("$",)),
        ("a#b", ("a#b",)),
        ("{a,b}c", ("ac", "bc")),
        ("{a,b}{c,d}", ("ac", "ad", "bc", "bd")),
        ("{1..3}", ("1", "2", "3")),
        ("{2..-1}", ("2", "1", "0", "-1")),
        ("{,a}", ("a",)),
        ("a{,b}", ("a", "ab")),
        ("{}", ("{}",)),
        ("{a}", ("{a}",)),
        ("'{a,b}'", ("{a,b}",)),
        ("\\*", ("*",)),
        ("'*'", ("*",)),
        ('"~"', ("~",)),
        ("a~", ("a~",)),
        ("!", ("!",)),
        ("a=b", ("a=b",)),
        ("[", ("[",)),
        ("$x", (None,)),
        ('"$x"', (None,)),
        ('a"b$x"', (None,)),
        ("${x}", (None,)),
        ("${#x}", (None,)),
        ("${x:-a}", (None,)),
        ("${x%.*}", (None,)),
        ("${x//a/b}", (None,)),
        ("${x:1:2}", (None,)),
        ("${x^^}", (None,)),
        ("${x[@]}", (None,)),
        ("${!x[@]}", (None,)),
        ("$1$?$#$$", (None,)),
        ("$((1 + 2))", (None,)),
        ("*", (None,)),
        ("a?", (None,)),
        ("[ab]", (None,)),
        ("~", (None,)),
        ("~/a", (None,)),
        ("a=~/b", (None,)),
        ("{a,$x}", (None,)),
        ("{a,{b,c}}", (None,)),
        ("{a,'b c'}", (None,)),
        ("{01..03}", (None,)),
        ("{1..100}", (None,)),
        ("$'\\u00e9'", (None,)),
        ("$'\\xff'", (None,)),
    ],
)
def test_a_word_becomes_what_bash_makes_of_it(word: str, values: tuple[str | None, ...]):
    script = read_script(f"a {word}")
    assert script.undecidable is None
    assert script.commands[0].argv == ("a", *values)


@pytest.mark.parametrize(
    "word", ["$'\\0'", "$'\\c?'", "$'\\x{41}'", "$'a", "a\\", "${x", "\"${x:-'a'}\"", "$(a", "`a", "<(a"]
)
def test_a_word_that_differs_between_shells_or_does_not_end_is_not_guessed(word: str):
    assert read_script(f"a {word}").undecidable
