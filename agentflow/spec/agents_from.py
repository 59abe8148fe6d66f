"""`from:` of an agent: what a Claude Code agent file says, with what stands beside `from` in its place."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from agentflow.source.diagnostics import Diagnostic, Place
from agentflow.source.document import Document, Loc
from agentflow.source.project import Problem
from agentflow.spec.claude_agents import ClaudeAgent, read_claude_agent
from agentflow.spec.files import Files, path_and_pin, pin_finding, unread
from agentflow.spec.findings import Finding
from agentflow.spec.positions import steps_of
from agentflow.spec.steps import kind_of


@dataclass(slots=True)
class AgentFiles:
    """What agent files brought into a workflow file.

    Attributes:
        places: where values stand that come from agent files, by their locs.
        verbatim: the locs of instructions that are no templates.
        texts: the agent files, by path.
        findings: what is wrong with how they are named; `problems`: inside them.
        unusable: the agents that cannot be made.
    """

    places: dict[Loc, Place] = field(default_factory=dict)
    verbatim: set[Loc] = field(default_factory=set)
    texts: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    unusable: list[Loc] = field(default_factory=list)
    _read: dict[str, ClaudeAgent] = field(default_factory=dict)


def take_agents(document: Document, data: Any, files: Files, folder: str) -> AgentFiles:
    """Puts what agent files say into the agents of `data` that name one by `from`.

    Args:
        document: the file, for places.
        data: what was read of it, to be changed.
        folder: the file's.
    """
    taken = AgentFiles()
    for loc, agent in _agents(data):
        if isinstance(agent, dict) and "from" in agent:
            _take(document, loc, agent, taken, files, folder)
    return taken


def _agents(data: Any) -> Iterator[tuple[Loc, Any]]:
    named = data.get("agents")
    yield from ((("agents", name), agent) for name, agent in (named.items() if isinstance(named, dict) else ()))
    yield from (((*loc, "agent"), step["agent"]) for loc, step in steps_of(data) if kind_of(step) == "agent")


def _take(document: Document, loc: Loc, agent: dict[str, Any], taken: AgentFiles, files: Files, folder: str) -> None:
    where = (*loc, "from")
    named = path_and_pin(agent["from"])
    if named is None:
        return  # the model says what is wrong with it
    text = files.get(folder, named[0])
    if isinstance(text, Problem):
        taken.findings.append(Finding(unread(document, where, agent["from"], text).diagnostic, None))
        taken.unusable.append(loc)
        return
    taken.texts[text.path] = text.text
    unpinned = pin_finding(
        document, where, agent["from"], text, lambda: files.digest("agent", text.path, lambda: {text.path: text.text})
    )
    if unpinned is not None:
        taken.findings.append(Finding(unpinned.diagnostic, None))
    if text.path not in taken._read:
        taken._read[text.path] = read_claude_agent(text)
    _merge(loc, agent, taken._read[text.path], taken)


def _merge(loc: Loc, agent: dict[str, Any], found: ClaudeAgent, taken: AgentFiles) -> None:
    problems = [problem for key, problem in found.problems if key not in agent]
    taken.problems += problems
    if problems:
        taken.unusable.append(loc)
    beside = set(agent)
    for key, value in found.keys.items():
        if key == "stop" and isinstance(agent.get("stop"), dict) and "turns" not in agent["stop"]:
            agent["stop"] = {**value, **agent["stop"]}
        elif key not in beside:
            agent[key] = list(value) if isinstance(value, list) else value
            if key == "instructions":
                taken.verbatim.add((*loc, key))
        else:
            continue
        ours = {way: place for way, place in found.places.items() if way[0] == key and (key != "stop" or len(way) == 2)}
        taken.places.update({(*loc, *way): place for way, place in ours.items()})
