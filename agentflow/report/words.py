"""The words of agents as they come, in lines that say whose they are."""

from agentflow.events.codec import Event
from agentflow.events.session_events import ModelFailed, ModelReplied, SessionFinished
from agentflow.report.inert import inert, inert_line
from agentflow.report.lines import place
from agentflow.report.style import Paint, cell_width, cut
from agentflow.report.view import RunView

_LONGEST = 4_000
"""Columns after which a line is told that has not ended."""
_COLOURS = ("blue", "green", "yellow", "red")


class Words:
    """Makes lines of the text of sessions.

    Parameters:
        columns: where to break lines; None: where the model breaks them.
    """

    def __init__(self, view: RunView, paint: Paint, columns: int | None = None) -> None:
        self._view = view
        self._paint = paint
        self._columns = columns
        self._begun: dict[str, str] = {}
        self._heard: set[str] = set()
        self._colours: dict[str, str] = {}
        self._coloured = 0

    def hear(self, stream: str, text: str) -> list[str]:
        """Takes a piece of text up; gives the lines that are whole now."""
        self._heard.add(stream)
        return self._lines(stream, self._begun.get(stream, "") + text)

    def take(self, stream: str, event: Event) -> list[str]:
        """Takes an event up, after the view did; gives the lines that are whole by it."""
        if isinstance(event, ModelReplied):
            told = [] if stream in self._heard else self._lines(stream, _text_of(event))
            told += self._rest(stream)
            node = self._view.node(stream)
            return told + [self._told(stream, f"→ {call}") for call in (node.calls.values() if node else ())]
        if isinstance(event, ModelFailed):
            cut_off = stream in self._heard
            return self._rest(stream) + ([self._told(stream, "(cut off)")] if cut_off else [])
        if isinstance(event, SessionFinished):
            self._colours.pop(stream, None)
            return self._rest(stream)
        return []

    def _lines(self, stream: str, text: str) -> list[str]:
        *whole, rest = text.split("\n")
        width = _LONGEST if self._columns is None else max(self._columns - cell_width(self._name(stream)) - 4, 20)
        told = [part for line in whole for part in _broken(line, width)]
        *more, rest = _broken(rest, width) or [""]
        self._begun[stream] = rest
        return [self._told(stream, line) for line in (*told, *more) if line.strip()]

    def _rest(self, stream: str) -> list[str]:
        self._heard.discard(stream)
        rest = self._begun.pop(stream, "")
        return [self._told(stream, rest)] if rest.strip() else []

    def _told(self, stream: str, line: str) -> str:
        if stream not in self._colours:
            self._colours[stream] = _COLOURS[self._coloured % len(_COLOURS)]
            self._coloured += 1
        return f"{self._paint(self._name(stream) + ' |', self._colours[stream])} {inert(line.rstrip())}"

    def _name(self, stream: str) -> str:
        node = self._view.node(stream)
        return inert_line(stream if node is None else place(node), 60)


def _text_of(event: ModelReplied) -> str:
    texts = [str(block.get("text", "")) for block in event.content if block.get("type") == "text"]
    return "\n".join(texts)


def _broken(line: str, width: int) -> list[str]:
    """A line in parts of so many columns, broken between words where there are any."""
    parts = []
    while cell_width(line) > width:
        most = max(len(cut(line, width + 1)) - 1, 1)
        at = line.rfind(" ", 1, most + 1)
        end = at if at > 0 else most
        parts.append(line[:end])
        line = line[end:].lstrip(" ")
    return [*parts, line]
