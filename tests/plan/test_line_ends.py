"""Where a character stood before its line ends became plain."""

from hypothesis import given
from hypothesis import strategies as st

from agentflow.plan.line_ends import original_offsets, with_plain_line_ends


@given(st.text("\r\nab", max_size=12))
def test_every_character_is_found_where_it_was(source):
    plain, original = with_plain_line_ends(source), original_offsets(source)
    assert "\r" not in plain
    for offset, character in enumerate(plain):
        assert source[original(offset)] == (character if character != "\n" else source[original(offset)])
        assert (source[original(offset)] in "\r\n") == (character == "\n")
    assert [original(offset) for offset in range(len(plain))] == sorted({original(o) for o in range(len(plain))})
    assert original(len(plain)) == len(source)
