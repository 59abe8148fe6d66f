"""What a run cost: by model, by agent, by step."""

from collections.abc import Iterable
from typing import Any

from agentflow.events.values import Usage
from agentflow.report.node import Node
from agentflow.report.page.conversations import Conversation, usage_json

JSON = Any


def costs_json(conversations: Iterable[Conversation], root: Node) -> dict[str, JSON]:
    """Three tables of the same money, each with the dearest first; see `report_json`."""
    models: dict[str, tuple[int, Usage, float]] = {}
    agents: dict[str, dict[str, JSON]] = {}
    for conversation in conversations:
        for model, (turns, usage, cost) in conversation.models.items():
            before = models.get(model, (0, Usage(), 0.0))
            models[model] = (before[0] + turns, before[1] + usage, before[2] + cost)
        name = conversation.started.agent
        row = agents.setdefault(name, {"agent": name, "sessions": 0, "turns": 0, "tokens": 0, "cost_usd": 0.0})
        row["sessions"] += 1
        row["turns"] += conversation.turns
        row["tokens"] += conversation.usage.total
        row["cost_usd"] += conversation.cost_usd
    return {
        "by_model": _dearest_first(
            {"model": model, "turns": turns, "usage": usage_json(usage), "tokens": usage.total, "cost_usd": cost}
            for model, (turns, usage, cost) in models.items()
        ),
        "by_agent": _dearest_first(agents.values()),
        "by_step": _dearest_first(
            {"step": node.path, "turns": node.turns, "tokens": node.tokens, "cost_usd": node.cost_usd}
            for node in root.inner.values()
            if node.turns or node.cost_usd
        ),
    }


def _dearest_first(rows: Iterable[dict[str, JSON]]) -> list[dict[str, JSON]]:
    found = [row | {"cost_usd": round(row["cost_usd"], 9)} for row in rows]
    return sorted(found, key=lambda row: -row["cost_usd"])
