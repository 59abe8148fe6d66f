"""One pass over `messages`: shapes, pairing of tool uses and results, thinking, breakpoints.

Comes in: the message list of a request. Goes out: a `History` (turn count, prefix blocks, breakpoints, thinking
blocks to verify), or the API's refusal. Linear in the number of blocks. Error texts are those of real answers where
one was found; the README lists the others.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from . import compaction
from .blocks import (
    FIELDS,
    IN_TOOL_RESULT,
    ONLY_ASSISTANT,
    ONLY_USER,
    SERVER_BLOCKS,
    TOOL_NAME,
    TOOL_USE_ID,
    check_fields,
    check_source,
    check_text,
    require_string,
    unknown_tag,
)
from .errors import invalid
from .models import ModelRules
from .prefix import Breakpoint, Prefix, block_bytes

MAX_MESSAGES = 100_000
_UNMODIFIED = (
    "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. "
    "These blocks must remain as they were in the original response."
)


@dataclass(frozen=True, slots=True)
class ThinkingSeen:
    """A thinking block of the history: its place, text and signature, and the prompt positions it may have answered."""

    message: int
    block: int
    text: str
    signature: str
    turn_start: int
    position: int

    @property
    def place(self) -> str:
        return f"messages.{self.message}.content.{self.block}"


@dataclass(frozen=True, slots=True)
class HistoryState:
    """The state of a `History` before a certain message, to go on from there with a later request."""

    values: dict[str, Any]
    chunks: list[bytes]
    breakpoints: list[Breakpoint]
    head: tuple[list[bytes], list[Breakpoint]]


_PLAIN = ("turns", "uses_tools", "last_role", "last_assistant", "_pending_at", "_turn_start", "_server_tail")
_COPIED = ("thinking", "_ttls", "_ids", "_pending")


@dataclass(slots=True)
class History:
    """What one pass over the messages found."""

    rules: ModelRules
    prefix: Prefix
    strict_blocks: bool = True
    paused: Collection[bytes] = ()
    turns: int = 0
    uses_tools: bool = False
    thinking: list[ThinkingSeen] = field(default_factory=list)
    last_role: str = ""
    last_assistant: int = -1
    head_breakpoints: list[Breakpoint] = field(default_factory=list)
    _ttls: list[str] = field(default_factory=list)
    _ids: set[str] = field(default_factory=set)
    _pending: list[str] = field(default_factory=list)
    _pending_at: int = 0
    _turn_start: int = 0
    _server_tail: bool = False

    def save(self, head: tuple[list[bytes], list[Breakpoint]]) -> HistoryState:
        """A copy of the state; `head` is what came before the messages."""
        values = {name: getattr(self, name) for name in _PLAIN}
        values.update({name: getattr(self, name).copy() for name in _COPIED})
        return HistoryState(values, self.prefix.chunks.copy(), self.prefix.breakpoints.copy(), head)

    def load(self, state: HistoryState) -> None:
        """Go on from a saved state."""
        for name in _PLAIN:
            setattr(self, name, state.values[name])
        for name in _COPIED:
            setattr(self, name, state.values[name].copy())
        self.prefix.chunks = state.chunks.copy()
        self.prefix.breakpoints = state.breakpoints.copy()

    def read(self, messages: Any, start: int = 0, save_at: int | None = None) -> HistoryState | None:
        """Check the messages from `start` on in order; raises the API's refusal at the first that is wrong.

        Returns the state before the message numbered `save_at`, if asked for.
        """
        if not isinstance(messages, list):
            raise invalid("messages: Input should be a valid list")
        if not messages:
            raise invalid("messages: at least one message is required")
        if len(messages) > MAX_MESSAGES:
            raise invalid(f"messages: at most {MAX_MESSAGES} messages are allowed")
        head = (self.prefix.chunks[: self.prefix.messages_start], [*self.head_breakpoints])
        saved: HistoryState | None = None
        for index in range(start, len(messages)):
            if index == save_at:
                saved = self.save(head)
            self._read_message(index, messages[index], index == len(messages) - 1)
        if self._pending:
            raise self._missing_results()
        self._check_end(messages[-1])
        return saved

    def _read_message(self, index: int, message: Any, last: bool) -> None:
        if not isinstance(message, dict):
            raise invalid(f"messages.{index}: Input should be a valid dictionary")
        role = message.get("role")
        if len(message) != 2 or "content" not in message or role is None:
            self._refuse_keys(index, message)
        if role == "assistant":
            if self.last_role == "" and not compaction.begins(message):
                raise invalid('messages: first message must use the "user" role')
            if self._pending:
                raise self._missing_results()
            if self.last_role != "assistant":
                self._turn_start = len(self.prefix.chunks)
            self.turns += 1
            self.last_assistant = index
        elif role == "system":
            self._check_system_place(index)
        elif role != "user":
            raise invalid(f"messages.{index}.role: Input should be 'user' or 'assistant'")
        content = message["content"]
        if isinstance(content, str):
            self._read_string(index, role, content, last)
        elif isinstance(content, list):
            if not content and not (last and role == "assistant"):
                raise invalid(_nonempty(index))
            self._read_blocks(index, role, content)
        else:
            raise invalid(f"messages.{index}.content: Input should be a valid list")
        self.last_role = role

    def _refuse_keys(self, index: int, message: dict[str, Any]) -> None:
        for key in ("role", "content"):
            if key not in message:
                raise invalid(f"messages.{index}.{key}: Field required")
        extra = min(message.keys() - {"role", "content"}, default="")
        if extra:
            raise invalid(f"messages.{index}.{extra}: Extra inputs are not permitted")

    def _check_system_place(self, index: int) -> None:
        if index == 0:
            raise invalid("messages.0: use the top-level 'system' parameter for the initial system prompt")
        if not self.rules.system_messages:
            raise invalid("role 'system' is not supported on this model")
        if self.last_role != "user":
            raise invalid(f"messages.{index}: role 'system' must follow a 'user' message")

    def _read_string(self, index: int, role: str, content: str, last: bool) -> None:
        if self._pending:
            raise self._missing_results()
        if not content:
            if last and role == "assistant":
                return
            raise invalid(_nonempty(index))
        if content.isspace():
            raise invalid("messages: text content blocks must contain non-whitespace text")
        self._server_tail = False
        self.prefix.chunks.append(block_bytes(role, {"type": "text", "text": content}))

    def _read_blocks(self, index: int, role: str, content: list[Any]) -> None:
        pending, self._pending = self._pending, []
        if pending and role == "user":
            self._match_results(index, pending, content)
        elif pending:
            self._pending = pending
            raise self._missing_results()
        expected = set(pending)
        chunks = self.prefix.chunks
        for number, block in enumerate(content):
            if not isinstance(block, dict):
                raise invalid(f"messages.{index}.content.{number}: Input should be a valid dictionary")
            kind = block.get("type")
            place = f"messages.{index}.content.{number}"
            if kind == "text":
                if not block.keys() <= FIELDS["text"]:
                    check_fields(place, block, "text")
                check_text(place, block.get("text"), cached=block.get("cache_control") is not None)
                if self.strict_blocks and role == "user" and block.get("citations"):
                    raise invalid(f"{place}.text.citations: citations are not permitted in user messages")
            else:
                self._read_block(place, index, number, role, block, expected)
            chunks.append(block_bytes(role, block))
            if block.get("cache_control") is not None:
                self.mark(place if kind not in FIELDS else f"{place}.{kind}", block["cache_control"])
            self._server_tail = kind in SERVER_BLOCKS

    def _read_block(
        self, place: str, index: int, number: int, role: str, block: dict[str, Any], expected: set[str]
    ) -> None:
        kind = block.get("type")
        if kind in SERVER_BLOCKS:
            return
        if kind not in FIELDS or kind == "tool_reference":
            raise unknown_tag(place, kind)
        check_fields(place, block, kind)
        if role == "system":
            raise invalid(f"{place}: role 'system' messages take text blocks only")
        if role == "user" and kind in ONLY_ASSISTANT:
            raise invalid(f"{place}: `{kind}` blocks can only be in `assistant` messages")
        if role == "assistant" and kind in ONLY_USER:
            raise invalid(f"{place}: `{kind}` blocks can only be in `user` messages")
        if kind == "compaction":
            compaction.check_block(place, index == number == 0, block)
        elif kind == "tool_use":
            self._read_tool_use(place, index, block)
        elif kind == "tool_result":
            self._read_tool_result(place, block, expected)
        elif kind == "thinking":
            self._read_thinking(place, index, number, block)
        elif kind == "redacted_thinking":
            require_string(f"{place}.redacted_thinking", block, "data")
        elif kind in ("image", "document"):
            check_source(place, block, kind)

    def _read_tool_use(self, place: str, index: int, block: dict[str, Any]) -> None:
        at = f"{place}.tool_use"
        identity = require_string(at, block, "id")
        if not TOOL_USE_ID.fullmatch(identity):
            raise invalid(f"{at}.id: String should match pattern '^[a-zA-Z0-9_-]+$'")
        if identity in self._ids:
            raise invalid("messages: `tool_use` ids must be unique")
        self._ids.add(identity)
        if not TOOL_NAME.fullmatch(require_string(at, block, "name")):
            raise invalid(f"{at}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'")
        if "input" not in block:
            raise invalid(f"{at}.input: Field required")
        if not isinstance(block["input"], dict):
            raise invalid(f"{at}.input: Input should be a valid dictionary")
        self.uses_tools = True
        self._pending.append(identity)
        self._pending_at = index

    def _match_results(self, index: int, pending: list[str], content: list[Any]) -> None:
        """Results come first in the message, one for each tool use, none twice."""
        seen: set[str] = set()
        for number, block in enumerate(content):
            if not isinstance(block, dict) or block.get("type") != "tool_result":
                break
            identity = block.get("tool_use_id")
            if isinstance(identity, str) and identity in seen:
                raise invalid(
                    f"messages.{index}.content.{number}: each tool_use must have a single result. "
                    f"Found multiple `tool_result` blocks with id: {identity}"
                )
            if isinstance(identity, str):
                seen.add(identity)
        missing = [identity for identity in pending if identity not in seen]
        if missing:
            self._pending = missing
            raise self._missing_results()

    def _missing_results(self) -> Exception:
        return invalid(
            f"messages.{self._pending_at}: `tool_use` ids were found without `tool_result` blocks immediately after: "
            f"{', '.join(self._pending)}. Each `tool_use` block must have a corresponding `tool_result` block in the "
            "next message."
        )

    def _read_tool_result(self, place: str, block: dict[str, Any], expected: set[str]) -> None:
        at = f"{place}.tool_result"
        identity = require_string(at, block, "tool_use_id")
        if identity not in expected:
            raise invalid(
                f"{place}: unexpected `tool_use_id` found in `tool_result` blocks: {identity}. Each `tool_result` "
                "block must have a corresponding `tool_use` block in the previous message."
            )
        expected.discard(identity)
        if not isinstance(block.get("is_error", False), bool):
            raise invalid(f"{at}.is_error: Input should be a valid boolean")
        content = block.get("content")
        if block.get("is_error") and not content:
            raise invalid(f"{at}: content cannot be empty if `is_error` is true")
        if content is None or isinstance(content, str):
            return
        if not isinstance(content, list):
            raise invalid(f"{at}.content: Input should be a valid string")
        for number, inner in enumerate(content):
            self._read_result_block(f"{at}.content.{number}", inner)

    def _read_result_block(self, place: str, inner: Any) -> None:
        kind = inner.get("type") if isinstance(inner, dict) else None
        if kind not in IN_TOOL_RESULT:
            raise unknown_tag(place, kind)
        check_fields(place, inner, kind)
        if kind == "text":
            check_text(place, inner.get("text"), cached=inner.get("cache_control") is not None)
        elif kind in ("image", "document"):
            check_source(place, inner, kind)
        if inner.get("cache_control") is not None:
            self.mark(f"{place}.{kind}", inner["cache_control"], len(self.prefix.chunks) + 1)

    def _read_thinking(self, place: str, index: int, number: int, block: dict[str, Any]) -> None:
        text = require_string(f"{place}.thinking", block, "thinking")
        signature = require_string(f"{place}.thinking", block, "signature")
        self.thinking.append(ThinkingSeen(index, number, text, signature, self._turn_start, len(self.prefix.chunks)))

    def mark(self, place: str, control: Any, end: int | None = None) -> None:
        """Note a cache breakpoint after `end` blocks (default: those collected so far); checks its shape."""
        at = f"{place}.cache_control" if place else "cache_control"
        if not isinstance(control, dict) or control.get("type") != "ephemeral":
            raise invalid(f"{at}.type: Input should be 'ephemeral'")
        extra = control.keys() - {"type", "ttl"}
        if extra:
            raise invalid(f"{at}.{min(extra)}: Extra inputs are not permitted")
        ttl = control.get("ttl", "5m")
        if ttl not in ("5m", "1h"):
            raise invalid(f"{at}.ttl: Input should be '5m' or '1h'")
        if ttl == "1h" and "5m" in self._ttls:
            raise invalid(
                f"{at}.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' cache_control block. "
                "Note that blocks are processed in the following order: `tools`, `system`, `messages`."
            )
        self._ttls.append(ttl)
        self.prefix.breakpoints.append(Breakpoint(len(self.prefix.chunks) if end is None else end, ttl))

    def _continues_pause(self, content: Any) -> bool:
        return bool(self.paused) and isinstance(content, list) and content_key(content) in self.paused

    def _check_end(self, message: dict[str, Any]) -> None:
        if self.last_role != "assistant":
            return
        if compaction.begins(message):
            return
        if not self.rules.prefill and not self._server_tail and not self._continues_pause(message["content"]):
            raise invalid(
                "This model does not support assistant message prefill. The conversation must end with a user message."
            )
        content = message["content"]
        tail = content if isinstance(content, str) else (content[-1].get("text", "") if content else "")
        if isinstance(tail, str) and tail != tail.rstrip():
            raise invalid("messages: final assistant content cannot end with trailing whitespace")


def content_key(content: list[Any]) -> bytes:
    """A key for the content of an assistant message, to know a paused turn again when it is sent back."""
    return hashlib.blake2b(b"".join(block_bytes("assistant", block) for block in content), digest_size=12).digest()


def _nonempty(index: int) -> str:
    return f"messages.{index}: all messages must have non-empty content except for the optional final assistant message"


def modified(seen: ThinkingSeen) -> Exception:
    """The refusal of a thinking block of the latest assistant message that is not what was issued."""
    return invalid(f"{seen.place}: {_UNMODIFIED}")
