import io

import pytest

from agentflow.report.style import Paint, cell_width, count, duration, money, tokens


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("世界", 4), ("e\u0301", 1), ("👍", 2), ("a\u200db", 2), ("", 0)]
)
def test_text_is_as_wide_as_a_terminal_shows_it(text: str, columns: int):
    assert cell_width(text) == columns


def test_times_amounts_and_counts_read_well():
    assert [duration(seconds) for seconds in (0.04, 9.94, 9.96, 59.4, 59.6, 3599.7, 7620)] == [
        "0.0s", "9.9s", "10s", "59s", "1m00s", "1h00m", "2h07m",
    ]  # fmt: skip
    assert [tokens(number) for number in (999, 12_340, 999_960)] == ["999", "12.3k", "1.0M"]
    assert [money(usd) for usd in (0, 0.0012, 0.25, 12)] == ["$0.00", "$0.0012", "$0.25", "$12.00"]
    assert [count(1, "turn"), count(2000, "turn"), count(2, "reply", "replies")] == [
        "1 turn",
        "2,000 turns",
        "2 replies",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_needs_a_terminal_that_wants_it():
    assert Paint.for_stream(Terminal(), {"TERM": "xterm"}).on
    assert not Paint.for_stream(Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}).on
    assert not Paint.for_stream(Terminal(), {"TERM": "dumb"}).on
    assert not Paint.for_stream(io.StringIO(), {"TERM": "xterm"}).on


def test_a_little_money_is_not_told_as_none():
    assert [money(usd) for usd in (0.0, 0.00004, 0.00006, 0.05, 0.5)] == [
        "$0.00",
        "<$0.0001",
        "$0.0001",
        "$0.0500",
        "$0.50",
    ]
