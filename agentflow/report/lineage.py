"""What a run takes over from an older one, for people and for programs."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import structs

from agentflow.events.values import Lineage
from agentflow.report.inert import inert_line
from agentflow.report.style import Paint, count
from agentflow.run.reuse import Fate
from agentflow.session.state import AGENT

JSON = Any


def lineage_text(lineage: Lineage) -> str:
    """Which run it goes on from, and how, in a few words."""
    older = inert_line(lineage.run, 60)
    if lineage.how == "edited":
        return f"goes on from run {older}, whose file was edited"
    if lineage.how == "session":
        turn = "" if lineage.turn is None else f", up to turn {lineage.turn}"
        return f"carries on session {inert_line(lineage.session or '', 120)} of run {older}{turn}"
    where = ", ".join(inert_line(step, 60) for step in lineage.steps[:5])
    more = ", …" if len(lineage.steps) > 5 else ""
    return f"goes on from run {older}, from {f'{where}{more}' if where else 'where it failed'}"


def lineage_json(lineage: Lineage | None) -> JSON:
    """The same as JSON data; None for a run that began by itself."""
    return None if lineage is None else {**structs.asdict(lineage), "steps": list(lineage.steps)}


def fates_text(fates: Iterable[Fate], paint: Paint) -> Iterator[str]:
    """What becomes of each step, one line each."""
    for fate in fates:
        indent = "  " * (fate.step.count(".") + 1)
        if fate.reused:
            yield f"{indent}{paint('reused', 'dim')}  {inert_line(fate.step)}"
            continue
        inside = f" ({count(fate.inside, 'step')} inside reused)" if fate.inside else ""
        yield f"{indent}{paint('runs', 'bold')}    {inert_line(fate.step)}: {inert_line(fate.why or '', 300)}{inside}"


def fates_json(older: str, fates: Iterable[Fate], widened: Iterable[str]) -> dict[str, JSON]:
    """The same as JSON data, with what an edit lets the file do beside what it could."""
    return {
        "type": "reuse",
        "goes_on_from": older,
        "steps": [structs.asdict(fate) for fate in fates],
        "widened": list(widened),
    }


def widened(before: Mapping[str, JSON], after: Mapping[str, JSON]) -> list[str]:
    """What a file may do now and could not before, in words.

    Parameters:
        before, after: what `plan_json` gives.
    """
    had = set(_may(before))
    return [may for may in dict.fromkeys(_may(after)) if may not in had]


def _may(plan: Mapping[str, JSON]) -> Iterator[str]:
    if plan["sandbox"] == "off":
        yield "commands run without a sandbox"
    else:
        for key, way in (("network", "reach"), ("write", "write"), ("read", "read")):
            yield from (f"commands may {way} {grant}" for grant in plan["sandbox"][key])
    for agent in plan["agents"]:
        for tool in [tool for tool in agent["tools"] if tool["name"] != AGENT]:
            for rule in tool["rules"] or [None]:
                what = tool["name"] if rule is None else f"{tool['name']}({rule['rule']})"
                yield f"agent {agent['name']} may use {what}"
        yield from (f"agent {agent['name']} may call agent {name}" for name in agent["subagents"])
    for command in plan["commands"]:
        whose = f"step {command['step']}" if command["tool"] is None else f"tool {command['tool']}"
        words = command["script"] if command["argv"] is None else " ".join(command["argv"])
        yield f"{whose} runs: {words}"
    for function in plan["functions"]:
        yield f"step {function['step']} calls {function['file']}:{function['function']}"
    yield from (f"step {call['step']} uses {call['tool']}" for call in plan["tool_calls"])
    yield from (f"{what} may reach any host" for what in plan["hosts"]["unbounded"])
    for secret in plan["secrets"]:
        yield from (f"{whose} gets the secret {secret['name']}" for whose in secret["for"])
