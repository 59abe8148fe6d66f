"""What the agents of a run said and did, session by session, as JSON data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import structs

from agentflow.events.codec import Event
from agentflow.events.session_events import (
    BreakerTripped,
    Compacted,
    CompactionCalled,
    CompactionFailed,
    LimitReached,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    SessionFinished,
    SessionResumed,
    SessionStarted,
    ToolCalled,
    ToolFinished,
    ToolRetried,
)
from agentflow.events.values import Failure, Usage
from agentflow.plan.service_tools import service_calls
from agentflow.report.contexts import compaction_failed_line, compaction_line
from agentflow.report.json_out import event_json
from agentflow.report.style import duration

JSON = Any

_BINARY = frozenset({"image", "document"})


@dataclass(slots=True)
class Conversation:
    """A session, kept up by one event at a time.

    Attributes:
        entries: what happened after the prompt, in order; see `report_json`.
        request: the entry of the request that is out; `calls`: those of tool calls, by their ids.
        compactor: the model that was last asked to compact.
        usage, cost_usd: its own, without its subagents; `models`: the same for each model.
    """

    stream: str
    started: SessionStarted
    entries: list[dict[str, JSON]] = field(default_factory=list)
    request: dict[str, JSON] | None = None
    compactor: str = ""
    calls: dict[str, dict[str, JSON]] = field(default_factory=dict)
    finished: SessionFinished | None = None
    usage: Usage = field(default_factory=Usage)
    cost_usd: float = 0.0
    turns: int = 0
    tool_calls: int = 0
    models: dict[str, tuple[int, Usage, float]] = field(default_factory=dict)

    def apply(self, event: Event) -> None:
        """Takes an event up; one of a kind that has no place of its own is kept as it is."""
        handle = _HANDLED.get(type(event))
        if handle is not None:
            handle(self, event)
        else:
            self._event(event)

    def charge(self, model: str, usage: Usage, cost_usd: float, turns: int) -> None:
        """Counts what a request took."""
        before = self.models.get(model, (0, Usage(), 0.0))
        self.models[model] = (before[0] + turns, before[1] + usage, before[2] + cost_usd)
        self.usage = self.usage + usage
        self.cost_usd += cost_usd
        self.turns += turns

    def _model_called(self, event: ModelCalled) -> None:
        self.request = {
            "kind": "turn",
            "turn": event.turn,
            "attempt": event.attempt,
            "model": event.model,
            "at": event.at,
            "ended_at": None,
            "note": event.note,
            "blocks": [],
            "stop_reason": None,
            "usage": None,
            "cost_usd": 0.0,
            "failure": None,
            "retry_at": None,
        }
        self.entries.append(self.request)

    def _model_replied(self, event: ModelReplied) -> None:
        blocks = [block_json(block) for block in event.content if block.get("type") != "tool_use"]
        cost = round(event.cost_usd, 9)
        self._answered(
            model=event.model,
            ended_at=event.at,
            blocks=blocks,
            stop_reason=event.stop_reason,
            usage=usage_json(event.usage),
            cost_usd=cost,
        )
        self.charge(event.model, event.usage, event.cost_usd, 1)
        self.tool_calls += len(service_calls(event.content))
        for block in event.content:
            if block.get("type") == "tool_use":
                self._tool(str(block.get("id")), str(block.get("name")), block.get("input"))

    def _model_failed(self, event: ModelFailed) -> None:
        model = str((self.request or {}).get("model", ""))
        self._answered(
            ended_at=event.at,
            cost_usd=round(event.charged_usd, 9),
            failure=failure_json(event.failure),
            retry_at=event.retry_at,
        )
        if event.charged_usd:
            self.charge(model, Usage(), event.charged_usd, 0)

    def _answered(self, **what: JSON) -> None:
        if self.request is not None:
            self.request.update(what)
        self.request = None

    def _tool(self, call: str, name: str, given: JSON) -> dict[str, JSON]:
        entry = {
            "kind": "tool",
            "call": call,
            "tool": name,
            "input": given,
            "effects": None,
            "at": None,
            "ended_at": None,
            "session": None,
            "result": None,
            "is_error": False,
            "unknown": False,
        }
        self.calls[call] = entry
        self.entries.append(entry)
        return entry

    def _tool_called(self, event: ToolCalled) -> None:
        entry = self.calls.get(event.call) or self._tool(event.call, event.tool, None)
        entry.update(tool=event.tool, at=event.at, effects=event.effects, session=event.session)

    def _tool_finished(self, event: ToolFinished) -> None:
        entry = self.calls.get(event.call) or self._tool(event.call, "", None)
        entry.update(
            ended_at=event.at, result=content_json(event.content), is_error=event.is_error, unknown=event.unknown
        )
        if event.denied is not None:
            entry["denied"] = structs.asdict(event.denied)
        self.tool_calls += 1

    def _compaction_called(self, event: CompactionCalled) -> None:
        self.compactor = event.model
        self._event(event)

    def _compaction_failed(self, event: CompactionFailed) -> None:
        if event.charged_usd or event.usage.total:
            self.charge(self.compactor, event.usage, event.charged_usd, 0)
        self._event(event)

    def _compacted(self, event: Compacted) -> None:
        if event.cost_usd or event.usage.total:
            self.charge(self.compactor or event.model or "", event.usage, event.cost_usd, 0)
        self._event(event)

    def _event(self, event: Event) -> None:
        fields = content_json(event_json(self.stream, event))
        self.entries.append({"kind": "event", **fields, "told": _told(event)})

    def _finished(self, event: SessionFinished) -> None:
        self.finished = event
        self.request = None

    def as_json(self) -> dict[str, JSON]:
        """The session as JSON data; see `report_json`."""
        started, finished = self.started, self.finished
        return {
            "session": self.stream,
            "agent": started.agent,
            "step": started.step,
            "depth": started.depth,
            "parent": started.parent,
            "continues": started.continues,
            "started_at": started.at,
            "ended_at": None if finished is None else finished.at,
            "ending": None if finished is None else finished.ending,
            "failure": None if finished is None or finished.failure is None else failure_json(finished.failure),
            "turns": self.turns,
            "tool_calls": self.tool_calls,
            "usage": usage_json(self.usage),
            "cost_usd": round(self.cost_usd, 9),
            "models": list(self.models),
            "instructions": started.instructions,
            "prompt": started.prompt,
            "entries": self.entries,
            "output": None if finished is None else finished.output,
        }


_HANDLED: Mapping[type[Any], Callable[[Conversation, Any], None]] = {
    ModelCalled: Conversation._model_called,
    ModelReplied: Conversation._model_replied,
    ModelFailed: Conversation._model_failed,
    ToolCalled: Conversation._tool_called,
    ToolFinished: Conversation._tool_finished,
    CompactionCalled: Conversation._compaction_called,
    CompactionFailed: Conversation._compaction_failed,
    Compacted: Conversation._compacted,
    SessionFinished: Conversation._finished,
}


def _told(event: Event) -> str | None:
    """What an event without a place of its own says to people; None where it says nothing to them."""
    match event:
        case Compacted():
            return compaction_line(event)
        case CompactionFailed():
            return compaction_failed_line(event)
        case ToolRetried():
            return f"tool {event.tool}: {event.message}; again in {duration(event.next_at - event.at)}"
        case LimitReached() | BreakerTripped():
            return f"{event.failure.kind}: {event.failure.message}"
        case SessionResumed():
            return "taken up again"
    return None


def block_json(block: Mapping[str, JSON]) -> dict[str, JSON]:
    """A block of a reply: `{type, text}`; what is neither text nor thinking has its JSON data under `data`."""
    kind = str(block.get("type"))
    if kind in ("text", "thinking"):
        return {"type": kind, "text": str(block.get(kind, ""))}
    if kind == "redacted_thinking":
        return {"type": kind, "text": ""}
    return {"type": kind, "text": "", "data": content_json(dict(block))}


def content_json(content: JSON) -> JSON:
    """A tool's result; pictures and documents are told by their kind and size, not held."""
    if isinstance(content, Mapping):
        source = content.get("source")
        if content.get("type") in _BINARY and isinstance(source, Mapping) and isinstance(source.get("data"), str):
            told = {"type": content["type"], "media_type": source.get("media_type")}
            # Four letters of base64 are three bytes.
            return {**told, "bytes": len(source["data"]) * 3 // 4}
        return {key: content_json(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [content_json(item) for item in content]
    return content


def failure_json(failure: Failure) -> dict[str, JSON]:
    """Why something failed."""
    return {
        "kind": failure.kind,
        "message": failure.message,
        "retryable": failure.retryable,
        "step": failure.step,
    }


def usage_json(usage: Usage) -> dict[str, int]:
    """Tokens by their kind."""
    return {name: getattr(usage, name) for name in usage.__struct_fields__}
