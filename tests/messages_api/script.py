"""Scripts: which reply a request gets.

A script is a list of rules, from Python or a YAML/JSON file, or a function from the request to a `Reply`. A rule looks
at the request alone, never at what came before, so a resumed or parallel client gets the same answers.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .faults import Fault, read_faults

STOP_REASONS = (
    "end_turn",
    "max_tokens",
    "stop_sequence",
    "tool_use",
    "pause_turn",
    "refusal",
    "model_context_window_exceeded",
)
_REPLY_KEYS = frozenset(
    {"text", "thinking", "tools", "content", "stop_reason", "stop_sequence", "stop_details", "usage", "faults"}
)
_MATCH_KEYS = frozenset(["system", "first_user", "last_user", "model", "turn", "tool"])
_RULE_KEYS = _REPLY_KEYS | {"match", "turns"}


class ScriptError(ValueError):
    """A script that cannot be read; the message names the rule and the key."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply: content blocks, why it stopped, and how its delivery misbehaves.

    `content` holds blocks as the API returns them; `id` of a tool use and `signature` of thinking are filled in when
    absent. `stop_reason` defaults to `tool_use` when a tool is used, else `end_turn`. `usage` overrides computed
    fields, in tokens.
    """

    content: Sequence[Mapping[str, Any]] = ()
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: Mapping[str, Any] | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    faults: Sequence[Fault] = ()

    @property
    def reason(self) -> str:
        """The stop reason sent."""
        if self.stop_reason is not None:
            return self.stop_reason
        used = any(block["type"] == "tool_use" for block in self.content)
        return "tool_use" if used else "end_turn"


def text(value: str) -> dict[str, Any]:
    """A text block."""
    return {"type": "text", "text": value}


def thinking(value: str) -> dict[str, Any]:
    """A thinking block; the server signs it."""
    return {"type": "thinking", "thinking": value}


def tool_use(name: str, tool_input: Any = None, tool_id: str | None = None) -> dict[str, Any]:
    """A tool use; without `tool_id` the server derives one from the request."""
    block: dict[str, Any] = {"type": "tool_use", "name": name, "input": {} if tool_input is None else tool_input}
    return block if tool_id is None else {**block, "id": tool_id}


class Raw(str):
    """A tool's input as the very text that is streamed, whether it is JSON or not."""

    __slots__ = ()


Script = Callable[[dict[str, Any]], Reply | None]


def turn_of(request: Mapping[str, Any]) -> int:
    """The number of assistant messages in the request: 0 for the first turn."""
    return sum(1 for message in request["messages"] if message["role"] == "assistant")


def texts_of(content: Any) -> str:
    """All text in message or system content, tool results included, joined by line feeds."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    parts = [
        block["text"] if block.get("type") == "text" else texts_of(block.get("content"))
        for block in content
        if block.get("type") in ("text", "tool_result")
    ]
    return "\n".join(parts)


def first_user(request: Mapping[str, Any]) -> str:
    """The text of the first message."""
    return texts_of(request["messages"][0]["content"])


def last_user(request: Mapping[str, Any]) -> str:
    """The text (and tool results) of the last user message."""
    for message in reversed(request["messages"]):
        if message["role"] == "user":
            return texts_of(message["content"])
    return ""


@dataclass(frozen=True, slots=True)
class Match:
    """Conditions on a request; all given ones must hold. Texts match by containment; `turn` is a closed range."""

    system: str | None = None
    first_user: str | None = None
    last_user: str | None = None
    model: str | None = None
    tool: str | None = None
    turn: tuple[int, int] | None = None

    def holds(self, request: Mapping[str, Any], turn: int) -> bool:
        """Whether `request`, whose turn number is `turn`, meets every condition."""
        if self.turn is not None and not self.turn[0] <= turn <= self.turn[1]:
            return False
        if self.model is not None and self.model != request["model"]:
            return False
        if self.system is not None and self.system not in texts_of(request.get("system")):
            return False
        if self.first_user is not None and self.first_user not in first_user(request):
            return False
        if self.last_user is not None and self.last_user not in last_user(request):
            return False
        return self.tool is None or any(tool.get("name") == self.tool for tool in request.get("tools") or ())


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition and its replies: one, or one for each turn counted from `match.turn`'s start (else 0)."""

    match: Match
    replies: tuple[Reply, ...]
    by_turn: bool = False

    def reply_to(self, request: Mapping[str, Any], turn: int) -> Reply | None:
        """The reply, or None when the rule does not apply."""
        if not self.match.holds(request, turn):
            return None
        if not self.by_turn:
            return self.replies[0]
        position = turn - (self.match.turn[0] if self.match.turn else 0)
        return self.replies[position] if position < len(self.replies) else None


@dataclass(frozen=True, slots=True)
class Rules:
    """A script of rules: the first that applies answers."""

    rules: tuple[Rule, ...]

    def __call__(self, request: dict[str, Any]) -> Reply | None:
        turn = turn_of(request)
        for rule in self.rules:
            reply = rule.reply_to(request, turn)
            if reply is not None:
                return reply
        return None


def read_script(source: Any) -> Script:
    """A script from a function, a `Reply`, a list of rules (plain data), `{rules: [...]}`, or the path of a file.

    Raises `ScriptError` for data that is no script.
    """
    if isinstance(source, Reply):
        return lambda _: source
    if callable(source):
        script: Script = source
        return script
    if isinstance(source, Path):
        return read_script(_load(source))
    if isinstance(source, Mapping) and set(source) == {"rules"}:
        source = source["rules"]
    if not isinstance(source, Sequence) or isinstance(source, str):
        raise ScriptError("a script is a list of rules, or a mapping with the one key 'rules'")
    return Rules(tuple(_read_rule(number, rule) for number, rule in enumerate(source)))


def _load(path: Path) -> Any:
    content = path.read_text(encoding="utf-8")
    return json.loads(content) if path.suffix == ".json" else yaml.safe_load(content)


def _read_rule(number: int, data: Any) -> Rule:
    place = f"rule {number}"
    if not isinstance(data, Mapping):
        raise ScriptError(f"{place}: must be a mapping")
    _refuse_unknown(place, data, _RULE_KEYS)
    match = _read_match(f"{place}.match", data.get("match") or {})
    if "turns" in data:
        if data.keys() & _REPLY_KEYS:
            raise ScriptError(f"{place}: 'turns' stands alone beside 'match'")
        replies = tuple(_read_reply(f"{place}.turns.{at}", reply) for at, reply in enumerate(data["turns"]))
        return Rule(match, replies, by_turn=True)
    return Rule(match, (_read_reply(place, {key: data[key] for key in data if key != "match"}),))


def _read_match(place: str, data: Mapping[str, Any]) -> Match:
    _refuse_unknown(place, data, _MATCH_KEYS)
    turn = data.get("turn")
    bounds: tuple[int, int] | None = None
    if isinstance(turn, int):
        bounds = turn, turn
    elif isinstance(turn, Mapping):
        _refuse_unknown(f"{place}.turn", turn, frozenset({"from", "to"}))
        bounds = turn.get("from", 0), turn.get("to", 1_000_000)
    elif turn is not None:
        raise ScriptError(f"{place}.turn: must be a number or a mapping with 'from' and 'to'")
    return Match(turn=bounds, **{key: data[key] for key in data if key != "turn"})


def _read_reply(place: str, data: Any) -> Reply:
    if isinstance(data, str):
        return Reply((text(data),))
    _refuse_unknown(place, data, _REPLY_KEYS)
    content: list[Mapping[str, Any]] = []
    if "thinking" in data:
        content.append(thinking(data["thinking"]))
    if "text" in data:
        content.append(text(data["text"]))
    for call in data.get("tools", ()):
        _refuse_unknown(f"{place}.tools", call, frozenset({"name", "input", "id"}))
        content.append(tool_use(call["name"], call.get("input"), call.get("id")))
    content.extend(data.get("content", ()))
    reason = data.get("stop_reason")
    if reason is not None and reason not in STOP_REASONS:
        raise ScriptError(f"{place}.stop_reason: must be one of {', '.join(STOP_REASONS)}")
    try:
        faults = read_faults(data.get("faults", ()))
    except ValueError as error:
        raise ScriptError(f"{place}.faults: {error}") from None
    return Reply(content, reason, data.get("stop_sequence"), data.get("stop_details"), data.get("usage", {}), faults)


def _refuse_unknown(place: str, data: Any, allowed: frozenset[str]) -> None:
    if not isinstance(data, Mapping):
        raise ScriptError(f"{place}: must be a mapping")
    unknown = sorted(str(key) for key in data.keys() - allowed)
    if unknown:
        raise ScriptError(f"{place}: unknown key '{unknown[0]}'; known: {', '.join(sorted(allowed))}")
