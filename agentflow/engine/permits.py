"""What agents and steps may do in a run: the levels of permissions around each, compiled once."""

import os
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from agentflow.engine.port import Loop
from agentflow.guard.closed import Closed, closed_to
from agentflow.guard.kept_closed import kept_closed
from agentflow.guard.permissions import Decision, Level, Permissions, decide
from agentflow.guard.policy_levels import policy_levels
from agentflow.guard.rule_lists import PATHS, Anchors, ToolUse
from agentflow.plan.agent_plan import Grant, ToolSpec
from agentflow.plan.permission_plan import level_with_inputs
from agentflow.plan.rules import resolved
from agentflow.run.files import files_around, inputs_at
from agentflow.run.state import ROOT, StartTool
from agentflow.session.state import Call

JSON = Any
_READERS = frozenset({"Read", "Grep"})
_ASKING = frozenset({"default", "dont_ask"})
"""Modes in which a change of a file runs only where a rule of `allow` covers it, or a person says yes."""


def permissions_of(loop: Loop, stream: str) -> Permissions:
    """The permissions that a session works under: of its files, of those that called it, its own."""
    permits = loop.live.permits
    found = permits.sessions.get(stream)
    if found is None:
        found = permits.sessions[stream] = _compiled(loop, stream)
    return found


def _compiled(loop: Loop, stream: str) -> Permissions:
    live = loop.live
    state, plan = live.sessions[stream], live.plans[stream]
    caller = None if state.parent is None else permissions_of(loop, state.parent)
    project = str(loop.workspaces.root(state.workspace))
    scope = live.scope_of(state.step)
    key = (id(plan.agent), scope.path, project, id(caller))
    found = live.permits.known.get(key)
    if found is None:
        inputs = inputs_at(live.run, scope)
        levels = _levels_of_files(loop, state.step)
        if caller is not None:
            narrowing = (level for level in caller.levels if level.of in ("caller", "agent"))
            levels += [replace(level, of="caller", mode=level.mode or caller.mode) for level in narrowing]
        levels.append(Level(level_with_inputs(plan.agent.permissions, inputs), "agent"))
        grants = [_with_inputs(grant, inputs) for grant in plan.agent.grants]
        free = set(plan.by_name) - {grant.tool.name for grant in grants}
        found = Permissions(levels, grants, free=free, anchors=_anchors(project))
        live.permits.known[key] = found
    return found


def permissions_of_step(loop: Loop, action: StartTool) -> Permissions:
    """The permissions that a `tool` step works under: those of its files."""
    live = loop.live
    project = str(loop.workspaces.root(action.workspace))
    key = (live.scope_of(action.step).path, project)
    found = live.permits.known.get(key)
    if found is None:
        tools: Mapping[str, ToolSpec] = {name: tool.spec for name, tool in live.plan_of(action.step).tools.items()}
        levels = _levels_of_files(loop, action.step)
        found = live.permits.known[key] = Permissions(levels, None, tools=tools, anchors=_anchors(project))
    return found


def _levels_of_files(loop: Loop, step: str) -> list[Level]:
    """The file at the root, and those that steps run down to the one that a step stands in."""
    live = loop.live
    entitled, own = loop.around.entitled, {name: tool.spec for name, tool in live.plan_of(step).tools.items()}
    levels = [] if entitled is None else policy_levels(entitled.levels, own)
    levels.append(Level(level_with_inputs(live.plan.permissions, inputs_at(live.run, live.run.scopes[ROOT])), "file"))
    for scope in reversed(files_around(live.run, step)):
        if scope.file is not None:
            inputs = inputs_at(live.run, scope)
            levels.append(Level(level_with_inputs(scope.file.plan.permissions, inputs), "file"))
    return levels


def _with_inputs(grant: Grant, inputs: Mapping[str, JSON]) -> Grant:
    if grant.tool.name not in PATHS or not any("{{" in rule for rule in grant.rules):
        return grant
    return replace(grant, rules=resolved(grant.rules, inputs))


def _anchors(project: str) -> Anchors:
    return Anchors(project, os.path.expanduser("~"))


def decision_on(loop: Loop, stream: str, call: Call) -> Decision:
    """What becomes of a session's call, by the rules alone."""
    decisions = loop.live.permits.decisions.setdefault(stream, {})
    found = decisions.get(call.id)
    if found is None:
        tool = loop.live.plans[stream].by_name[call.name]
        kept = call.name in _READERS and _is_kept(loop, _path_of(call.name, call.input))
        use = ToolUse(call.name, call.input, tool.effects, kept=kept)
        found = decisions[call.id] = _judged(loop, use, permissions_of(loop, stream))
    return found


def closed_of(loop: Loop, stream: str, call: Call) -> Closed | None:
    """What is closed to a call that may run, for what only shows while it does."""
    permissions = permissions_of(loop, stream)
    rules = permissions.of(call.name)
    decision = decision_on(loop, stream, call)
    approved = decision.rule if call.approved is not None else None
    bounds = rules.bounds
    effects = loop.live.plans[stream].by_name[call.name].effects
    is_by_rule = decision.verdict == "allow" and decision.rule is not None
    if rules.allow is not None and is_by_rule and effects != "none" and permissions.mode in _ASKING:
        bounds = (*bounds, rules.allow)  # what it does not cover would be asked about
    return closed_to(rules.deny, rules.ask, permissions.anchors, approved, bounds)


def decision_on_step(loop: Loop, action: StartTool) -> Decision:
    """What becomes of a step's own call, by the rules alone."""
    use = ToolUse(action.tool.name, action.input, action.tool.effects, own=True)
    return _judged(loop, use, permissions_of_step(loop, action))


def _judged(loop: Loop, use: ToolUse, permissions: Permissions) -> Decision:
    found = decide(use, permissions)
    # Nobody is asked about what the tool refuses whatever the answer is.
    closed = kept_closed(use, permissions.anchors, loop.live.own_files) if found.verdict == "ask" else None
    return closed or found


def _path_of(tool: str, tool_input: Mapping[str, JSON]) -> str:
    return str(tool_input.get(PATHS[tool]) or "")


def _is_kept(loop: Loop, name: str) -> bool:
    access = loop.results.access
    return access is not None and access.named(name) is not None


def closed_of_step(loop: Loop, action: StartTool) -> Closed | None:
    """The same for a step's own call."""
    permissions = permissions_of_step(loop, action)
    rules = permissions.of(action.tool.name)
    decision = decision_on_step(loop, action)
    approved = decision.rule if decision.verdict == "ask" else None  # it runs, so somebody said yes
    return closed_to(rules.deny, rules.ask, permissions.anchors, approved, rules.bounds)
