import io

import pytest

from agentflow.cli.counting import counted


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    """Moves on by so many seconds each time it is asked."""

    def __init__(self, step: float) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.delenv("CI", raising=False)


def test_a_long_look_is_counted_on_one_line_that_is_taken_back():
    stream = Terminal()
    paths = ["a.yaml", "b\x1b[2J.yaml", "a very long name of a file.yaml"]
    assert list(counted(paths, "checking", 3, stream, Clock(0.6))) == paths
    assert stream.getvalue().split("\r\x1b[K") == [
        "",
        "checking 1 of 3  a.yaml",
        "checking 2 of 3  b␛[2J.yaml",
        "checking 3 of 3  a very long…",
        "",
    ]


def test_a_short_look_shows_nothing():
    stream = Terminal()
    list(counted(map(str, range(100)), "checking", 100, stream, Clock(0.001)))
    assert stream.getvalue() == ""


def test_a_look_that_is_ended_early_leaves_nothing_behind():
    stream = Terminal()
    looking = counted(map(str, range(100)), "looking for workflows:", None, stream, Clock(0.6))
    next(looking)
    looking.close()
    assert stream.getvalue() == "\r\x1b[Klooking for workflows: 1  0\r\x1b[K"


@pytest.mark.parametrize(("name", "value"), [("TERM", "dumb"), ("CI", "true")])
def test_what_cannot_be_drawn_on_gets_nothing(monkeypatch, name: str, value: str):
    monkeypatch.setenv(name, value)
    stream = Terminal()
    list(counted(["a"], "checking", 1, stream, Clock(9.0)))
    assert stream.getvalue() == ""


def test_a_pipe_gets_nothing():
    stream = io.StringIO()
    list(counted(["a"], "checking", 1, stream, Clock(9.0)))
    assert stream.getvalue() == ""
