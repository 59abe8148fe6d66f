"""What earlier calls of the file's own tools mean for later ones: when they began, and what they gave.

Folded from the run's events, so that a resume finds it again: a rate is kept across a crash, and so is a result.
"""

import hashlib
import json
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from agentflow.plan.agent_plan import Rate, ToolSpec

JSON = Any

MOST_CHARS = 64 << 20
"""What is remembered of results, in characters; the oldest are forgotten first, and their calls are made again."""
MOST_RESULTS = 100_000


class Caller(Struct, frozen=True):
    """Who calls a tool, and where.

    Attributes:
        stream: of the session, or `""` for a step's own call.
        call: the id of the call, or the path of the step.
        file: the path of the file that the tool is of.
        scope: where in the run that file was started: another start of it may have other variables.
        folder: the workspace it works in; '' for the project's own files.
        form: what tells results apart that are told in different words.
    """

    stream: str
    call: str
    file: str
    scope: str
    folder: str = ""
    form: str = ""


class Given(Struct, frozen=True):
    """A result: what it was, and when it was there, in seconds since the epoch."""

    content: JSON
    at: float


@dataclass(slots=True)
class ToolHistory:
    """The calls of a run's own tools that have a rate or a cache.

    Attributes:
        freed: the keys of results that others may have waited for, since somebody last took them out.
    """

    _starts: dict[tuple[str, str], deque[float]] = field(default_factory=dict)
    _given: "OrderedDict[str, tuple[Given, int]]" = field(default_factory=OrderedDict)
    _flying: dict[tuple[str, str], str] = field(default_factory=dict)
    _leaders: dict[str, tuple[str, str]] = field(default_factory=dict)
    _chars: int = 0
    freed: list[str] = field(default_factory=list)

    def began(self, caller: Caller, tool: ToolSpec, tool_input: Mapping[str, JSON], at: float) -> None:
        """A call has begun."""
        options = tool.options
        if options.rate is not None:
            starts = self._starts.setdefault((caller.file, tool.name), deque(maxlen=options.rate.calls))
            starts.append(at)
        if options.cache:
            key = key_of(caller, tool, tool_input)
            self._flying[caller.stream, caller.call] = key
            self._leaders[key] = (caller.stream, caller.call)

    def ended(self, stream: str, call: str, content: JSON, at: float, *, good: bool) -> None:
        """A call has ended."""
        key = self._flying.pop((stream, call), None)
        if key is None:
            return
        self._leaders.pop(key, None)
        if good:
            self._remember(key, Given(content, at))
        self.freed.append(key)

    def given(self, key: str, tool: ToolSpec, now: float) -> Given | None:
        """What a call with the same input gave, where that still counts."""
        found = self._given.get(key)
        if found is None:
            return None
        lasts = tool.options.cache_for
        return found[0] if lasts is None or found[0].at + lasts > now else None

    def in_flight(self, key: str) -> tuple[str, str] | None:
        """The call that is to give what `key` stands for."""
        return self._leaders.get(key)

    def next_start(self, file: str, tool: str, rate: Rate) -> float:
        """The earliest time at which another call keeps the rate, in seconds since the epoch."""
        starts = self._starts.get((file, tool), deque[float]())
        return starts[0] + rate.seconds if len(starts) >= rate.calls else 0.0

    def _remember(self, key: str, given: Given) -> None:
        before = self._given.pop(key, None)
        size = len(given.content) if isinstance(given.content, str) else len(json.dumps(given.content))
        self._chars += size - (0 if before is None else before[1])
        self._given[key] = (given, size)
        while self._given and (self._chars > MOST_CHARS or len(self._given) > MOST_RESULTS):
            _, (_, gone) = self._given.popitem(last=False)
            self._chars -= gone


def key_of(caller: Caller, tool: ToolSpec, tool_input: Mapping[str, JSON]) -> str:
    """What calls share that give the same: the tool, where it works, and its input in canonical form."""
    form = [caller.file, caller.scope, caller.folder, caller.form, tool.name, tool_input]
    text = json.dumps(form, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
