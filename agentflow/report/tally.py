"""What a run has used so far, counted up one event at a time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from agentflow.events.codec import Event
from agentflow.events.file_events import FileEvent
from agentflow.events.run_events import StepRetried
from agentflow.events.session_events import (
    Compacted,
    CompactionCalled,
    CompactionFailed,
    ModelCalled,
    ModelFailed,
    ModelReplied,
    SessionStarted,
    ToolFinished,
)
from agentflow.events.values import Usage
from agentflow.plan.service_tools import service_calls

NO_TOKENS = Usage()


def worked_at(event: Event) -> float:
    """When a run was worked on, by an event; 0.0 for those of its files, which may be rewound long after its end."""
    return 0.0 if isinstance(event, FileEvent) else event.at


class ModelUse(Struct, frozen=True):
    """What one model did: replies, tokens, US dollars; a call that failed may have cost something too."""

    turns: int = 0
    usage: Usage = NO_TOKENS
    cost_usd: float = 0.0


@dataclass(slots=True)
class Tally:
    """Counts of a run.

    Attributes:
        agents: sessions, those of subagents included.
        models: by the model that was asked.
        calls_again: requests to a model that failed and were made again.
        steps_again: attempts at steps after the first.
        tool_errors: tool calls whose result was an error.
        compactions: how often a conversation was made smaller.
    """

    agents: int = 0
    usage: Usage = NO_TOKENS
    models: dict[str, ModelUse] = field(default_factory=dict)
    calls_again: int = 0
    steps_again: int = 0
    tool_calls: int = 0
    tool_errors: int = 0
    compactions: int = 0
    _asked: dict[str, str] = field(default_factory=dict)

    def take(self, stream: str, event: Event) -> None:
        """Takes an event up."""
        count = _COUNTED.get(type(event))
        if count is not None:
            count(self, stream, event)

    @property
    def cached_share(self) -> float | None:
        """Which part of what was sent came from the cache, from 0 to 1; None where nothing was sent."""
        return self.usage.cache_read_tokens / self.usage.input_total if self.usage.input_total else None

    def _session_started(self, _stream: str, _event: SessionStarted) -> None:
        self.agents += 1

    def _model_called(self, stream: str, event: ModelCalled | CompactionCalled) -> None:
        self._asked[stream] = event.model

    def _model_replied(self, stream: str, event: ModelReplied) -> None:
        self.usage = self.usage + event.usage
        self.tool_calls += len(service_calls(event.content))
        # As it was asked for: the reply may name the same model by its date.
        model = self._asked.get(stream, event.model)
        before = self.models.get(model, ModelUse())
        self.models[model] = ModelUse(before.turns + 1, before.usage + event.usage, before.cost_usd + event.cost_usd)

    def _model_failed(self, stream: str, event: ModelFailed) -> None:
        self.calls_again += event.retry_at is not None
        self._paid(stream, NO_TOKENS, event.charged_usd)

    def _compacted(self, stream: str, event: Compacted) -> None:
        self.compactions += 1
        self._paid(stream, event.usage, event.cost_usd)

    def _compaction_failed(self, stream: str, event: CompactionFailed) -> None:
        self.calls_again += event.retry_at is not None
        self._paid(stream, event.usage, event.charged_usd)

    def _paid(self, stream: str, usage: Usage, cost_usd: float) -> None:
        """Counts what a call took that is no turn."""
        self.usage = self.usage + usage
        if (model := self._asked.get(stream)) is not None and (usage.total or cost_usd):
            before = self.models.get(model, ModelUse())
            self.models[model] = ModelUse(before.turns, before.usage + usage, before.cost_usd + cost_usd)

    def _tool_finished(self, _stream: str, event: ToolFinished) -> None:
        self.tool_calls += 1
        self.tool_errors += event.is_error

    def _step_retried(self, _stream: str, _event: StepRetried) -> None:
        self.steps_again += 1


_COUNTED: Mapping[type[Any], Any] = {
    SessionStarted: Tally._session_started,
    ModelCalled: Tally._model_called,
    ModelReplied: Tally._model_replied,
    ModelFailed: Tally._model_failed,
    CompactionCalled: Tally._model_called,
    Compacted: Tally._compacted,
    CompactionFailed: Tally._compaction_failed,
    ToolFinished: Tally._tool_finished,
    StepRetried: Tally._step_retried,
}
