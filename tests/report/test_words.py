from agentflow.events.session_events import ModelFailed, ModelReplied
from agentflow.events.values import Failure, Usage
from agentflow.report.style import Paint, cell_width
from agentflow.report.view import RunView
from agentflow.report.words import Words
from tests.report.stories import STARTED, called, ended, session, use


class Told:
    """A view and its words, which hear the same."""

    def __init__(self, columns: int | None = None, paint: Paint = Paint(False)) -> None:  # noqa: B008
        self.view = RunView()
        self.words = Words(self.view, paint, columns)
        self.view.apply("", STARTED)
        for stream in ("a", "b"):
            self.take(stream, session(1.0, stream))
            self.take(stream, called(1.0))

    def take(self, stream: str, event: object) -> list[str]:
        self.view.apply(stream, event)
        return self.words.take(stream, event)


def said(*blocks: dict[str, object]) -> ModelReplied:
    return ModelReplied(2.0, 1, blocks, "end_turn", "m", Usage(1, 1), 0.0)


def test_lines_of_agents_that_write_at_once_are_told_apart_and_whole():
    told = Told()
    assert told.words.hear("a", "one ") == []
    assert told.words.hear("b", "uno\ndos") == ["b | uno"]
    assert told.words.hear("a", "line\nnext") == ["a | one line"]
    assert told.take("a", said({"type": "text", "text": "one line\nnext"})) == ["a | next"]
    assert told.take("b", said()) == ["b | dos"]


def test_a_reply_that_was_not_streamed_is_told_when_it_is_there():
    told = Told()
    text = {"type": "text", "text": "one\n\ntwo"}
    assert told.take("a", said(text, use("c", "Grep", pattern="x"))) == ["a | one", "a | two", 'a | → Grep "x"']


def test_what_was_cut_off_is_marked():
    told = Told()
    told.words.hear("a", "half a sen")
    failure = Failure("model_unavailable", "gone", retryable=True)
    assert told.take("a", ModelFailed(2.0, 1, 1, failure, retry_at=3.0)) == ["a | half a sen", "a | (cut off)"]


def test_a_subagent_says_where_it_stands():
    told = Told()
    told.take("a/c", session(1.0, "a", "helper", "a"))
    assert told.words.hear("a/c", "hi\n") == ["a > helper | hi"]
    assert told.take("a/c", ended(2.0)) == []


def test_long_lines_are_broken_between_words_at_the_edge_of_the_terminal():
    told = Told(columns=40)
    lines = told.words.hear("a", "始まり is where one begins and goes on " * 4 + "\n")
    assert len(lines) > 3
    assert all(cell_width(line) < 40 for line in lines)
    assert (
        " ".join(line.removeprefix("a | ") for line in lines).split()
        == ("始まり is where one begins and goes on " * 4).split()
    )


def test_a_line_without_end_is_told_in_parts():
    told = Told()
    lines = told.words.hear("a", "x" * 10_000)
    assert [len(line) for line in lines] == [4_004, 4_004]


def test_nothing_in_the_words_acts_on_the_terminal():
    told = Told(paint=Paint(True))
    (line,) = told.words.hear("a", "\x1b[2J\x07\u202egnp\r\n")
    assert line == "\x1b[34ma |\x1b[0m ␛[2J␇⟦U+202E⟧gnp"


def test_agents_one_after_the_other_have_different_colours():
    told = Told(paint=Paint(True))
    first = told.words.hear("a", "one\n")[0]
    told.take("a", ended(2.0))
    second = told.words.hear("b", "two\n")[0]
    assert first[:5] == "\x1b[34m"
    assert second[:5] == "\x1b[32m"
