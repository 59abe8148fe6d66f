"""Whether an agent goes round in circles: the same call, the same few calls, turns that bring nothing new. Pure.

What a call gave counts as much as what it asked: a call that is made again because its answer changes, as one that asks
how far something is, goes nowhere near a bound.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from rpds import HashTrieSet

JSON = Any

LONGEST_ROUND = 4
"""Calls that may make up a round that is gone through again and again."""
PATIENCE = 2
"""How much oftener something may come that is not the same call to the letter: rounds of several calls, as those of an
agent that waits and looks; calls that differ in spelling alone, or results in times, which may be what matters."""
SHOWN = 300
"""Characters of a call, and of what it gave, that are kept as evidence."""

_SAYS_NOTHING: Mapping[str, frozenset[str]] = {
    "Bash": frozenset({"description", "timeout"}),
    "Agent": frozenset({"description"}),
}
"""Parameters that change nothing of what a call does."""
_BLANKS = re.compile(r"[\s\"'`\\]+")
_TIMES = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?|\d\d:\d\d:\d\d(?:\.\d+)?|\d+(?:\.\d+)?\s?m?s\b")


class Made(Struct, frozen=True):
    """A call that was made.

    Attributes:
        form: what it asked, canonically; `alike`: the same without matters of spelling.
        gave: what came of it; None: nothing has yet. `gave_alike`: the same without times.
        text, said: what people are shown of both.
    """

    turn: int
    id: str
    tool: str
    form: str
    alike: str
    text: str
    gave: str | None = None
    gave_alike: str | None = None
    said: str = ""

    def ended(self, content: JSON, *, is_error: bool) -> "Made":
        """The call with what it gave: text, or content blocks of the Messages API."""
        text = content if isinstance(content, str) else _canonical(content)
        kind = "error" if is_error else "result"
        return replace(
            self, gave=_digest(kind, text), gave_alike=_digest(kind, _TIMES.sub("0", text)), said=text[:SHOWN]
        )


def made(turn: int, call: str, tool: str, tool_input: Mapping[str, JSON]) -> Made:
    """A call as it begins."""
    nothing = _SAYS_NOTHING.get(tool, frozenset())
    text = _canonical({name: value for name, value in tool_input.items() if name not in nothing})
    return Made(turn, call, tool, _digest(tool, text), _digest(tool, _smoothed(text)), text[:SHOWN])


class Circles(Struct, frozen=True):
    """What the calls of a session come to so far.

    Attributes:
        last: the last calls, the newest last, at most `LONGEST_ROUND`.
        rounds: for rounds of 1, 2, … calls: how many calls in a row were what came one round before them.
        alike: how many calls in a row were like the one before them.
        known: every call with what it gave.
        stale: turns in a row that brought nothing that is not in `known`.
    """

    last: tuple[Made, ...] = ()
    rounds: tuple[int, ...] = (0,) * LONGEST_ROUND
    alike: int = 0
    known: "HashTrieSet[str]" = HashTrieSet()
    stale: int = 0


class Circle(Struct, frozen=True):
    """A circle that was found.

    Attributes:
        times: how often it was gone through.
        calls: one round of it, oldest first.
        is_exact: the calls were the same to the letter.
    """

    times: int
    calls: tuple[Made, ...]
    is_exact: bool = True


def with_call(circles: Circles, call: Made) -> Circles:
    """The same after one more call; one that has given nothing yet is taken to give what is expected of it."""
    before = circles.last
    rounds = tuple(
        count + 1 if len(before) >= size and _same(before[-size], call) else 0
        for size, count in enumerate(circles.rounds, start=1)
    )
    alike = circles.alike + 1 if before and _alike(before[-1], call) else 0
    return replace(circles, last=(*before, call)[-LONGEST_ROUND:], rounds=rounds, alike=alike)


def with_turn(circles: Circles, calls: tuple[Made, ...]) -> Circles:
    """The same after a turn whose calls, all of them, have given something."""
    for call in calls:
        circles = with_call(circles, call)
    pairs = {f"{call.form} {call.gave_alike}" for call in calls}
    is_stale = bool(pairs) and all(pair in circles.known for pair in pairs)
    return replace(circles, known=circles.known.update(pairs), stale=circles.stale + 1 if is_stale else 0)


def broken_off(circles: Circles) -> Circles:
    """The same after something that gives reason to make calls again."""
    return replace(circles, last=(), rounds=(0,) * LONGEST_ROUND, alike=0, stale=0)


def circle_in(circles: Circles, most: int) -> Circle | None:
    """The circle that has been gone through `most` times, if there is one.

    Parameters:
        most: of the same call, from 1; other circles may be gone through `PATIENCE` times as often.
    """
    for size, count in enumerate(circles.rounds, start=1):
        times = 1 + count // size
        if times >= (most if size == 1 else most * PATIENCE):
            return Circle(times, circles.last[-size:])
    if circles.alike + 1 >= most * PATIENCE:
        return Circle(circles.alike + 1, circles.last[-2:], is_exact=False)
    return None


def _same(before: Made, call: Made) -> bool:
    return before.form == call.form and (call.gave is None or before.gave is None or before.gave == call.gave)


def _alike(before: Made, call: Made) -> bool:
    if call.gave_alike is None or before.gave_alike is None:
        return before.alike == call.alike
    return before.alike == call.alike and before.gave_alike == call.gave_alike


def _canonical(value: JSON) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _smoothed(text: str) -> str:
    return _BLANKS.sub(" ", unicodedata.normalize("NFKC", text).casefold())


def _digest(kind: str, text: str) -> str:
    return hashlib.blake2b(f"{kind} {text}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
