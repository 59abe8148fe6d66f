"""What is done over: steps that fail, and steps that a resume runs again. Which of it a file may ask for."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from agentflow.plan.agent_plan import AgentPlan, ToolSpec
from agentflow.plan.arrange import Arranged
from agentflow.plan.draft import Draft, DraftBlock
from agentflow.plan.files import Compiled
from agentflow.plan.findings import Findings
from agentflow.plan.kinds.tool import tool_of
from agentflow.plan.model import (
    AgentStepPlan,
    CallStepPlan,
    Plan,
    RetryPlan,
    RunStepPlan,
    ToolStepPlan,
    WorkflowStepPlan,
    every_step,
)
from agentflow.source.document import Loc
from agentflow.spec.steps import StepBase, ToolStep


def repeats(step: StepBase, *, times_itself: bool) -> Mapping[str, Any]:
    """What a step's plan says of its repeats.

    Parameters:
        times_itself: what performs the step keeps its `timeout`.
    """
    retry = step.retry
    return {
        "retry": None
        if retry is None
        else RetryPlan(retry.attempts, retry.backoff, tuple(dict.fromkeys(retry.on)), retry.repeat_effects),
        "time_limit": None if times_itself else step.timeout,
        "reruns": step.on_resume == "rerun",
    }


class RepeatChecks(Struct, frozen=True):
    """What the checks of one file look at.

    Attributes:
        by_step: the agent of each agent step, by where the step stands.
        agents: those of the file, by name.
        tools: the file's own, by name.
        parts: the files that steps run, by where the step stands.
    """

    by_step: Mapping[Loc, AgentPlan]
    agents: Mapping[str, AgentPlan]
    tools: Mapping[str, ToolSpec]
    parts: Mapping[Loc, Compiled]
    findings: Findings


def check_repeats(arranged: Arranged, checks: RepeatChecks) -> None:
    """Repeats that would send something again, and reruns that nothing could wait for."""
    for draft in arranged.block.drafts.values():
        retry = draft.step.retry
        is_repeated = draft.step.on_resume == "rerun" if retry is None else not retry.repeat_effects
        sender = next(_senders(draft, checks), None) if is_repeated else None
        if retry is not None and sender is not None:
            message = f"`retry` would repeat what {sender} sends"
            checks.findings.at("AF515", message, (*draft.loc, "retry"), _hint(sender), key=True)
        if draft.step.on_resume == "rerun":
            _check_rerun(draft, arranged, sender, checks.findings)
        if draft.id in arranged.bodies:
            check_repeats(arranged.bodies[draft.id], checks)


def _check_rerun(draft: Draft, arranged: Arranged, sender: str | None, findings: Findings) -> None:
    loc = (*draft.loc, "on_resume")
    if sender is not None:
        findings.at("AF515", f"`on_resume: rerun` would repeat what {sender} sends", loc, _hint(sender))
    elif not arranged.followers[draft.id]:
        message = f"no step waits for `{draft.id}`, so that no resume runs it again"
        findings.at("AF406", message, loc, "take it away, or put it on a step whose output another one reads")


def _hint(sender: str) -> str:
    if sender.startswith("tool"):
        return "narrow the agent's tools, or write `repeat_effects: true` in `retry`"
    return "say what its `effects` are, if it sends nothing; else write `repeat_effects: true` in `retry`"


def _senders(draft: Draft, checks: RepeatChecks) -> Iterator[str]:
    """What in a step sends something, in words: its own, or inside the blocks it holds."""
    if getattr(draft.step, "effects", None) == "sends":
        yield f"step `{draft.id}`"
    tool = tool_of(draft.step.tool, checks.tools) if isinstance(draft.step, ToolStep) else None
    if tool is not None and tool.effects == "sends":
        yield f"tool `{tool.name}` of step `{draft.id}`"
    agent = checks.by_step.get(draft.loc)
    if agent is not None:
        yield from _sent_by(agent, checks.agents)
    part = checks.parts.get(draft.loc)
    if part is not None and part.plan is not None:
        yield from _sent_in(part.plan)
    for body in bodies_of(draft):
        for inner in body.drafts.values():
            yield from _senders(inner, checks)


def _sent_in(plan: Plan) -> Iterator[str]:
    """What sends in a file that a step runs, or in those that it runs, each looked at once."""
    waiting, seen = [plan], {plan.path}
    while waiting:
        plan = waiting.pop()
        for step in every_step(plan.root, into_files=False):
            if isinstance(step, RunStepPlan | CallStepPlan) and step.effects == "sends":
                yield f"step `{step.id}` of `{plan.path}`"
            if isinstance(step, ToolStepPlan) and step.tool.effects == "sends":
                yield f"tool `{step.tool.name}` of step `{step.id}` of `{plan.path}`"
            if isinstance(step, AgentStepPlan):
                yield from (f"{sender} of `{plan.path}`" for sender in _sent_by(step.agent, plan.agents))
            if isinstance(step, WorkflowStepPlan) and step.plan.path not in seen:
                seen.add(step.plan.path)
                waiting.append(step.plan)


def bodies_of(draft: Draft) -> Iterator[DraftBlock]:
    """The blocks that a step holds."""
    if draft.body is not None:
        yield draft.body


def _sent_by(agent: AgentPlan, agents: Mapping[str, AgentPlan]) -> Iterator[str]:
    """The tools of an agent, and of those it can come to call, that send."""
    waiting, seen = [agent], {agent.name}
    while waiting:
        caller = waiting.pop()
        for grant in caller.grants:
            if grant.tool.effects == "sends":
                yield f"tool `{grant.tool.name}` of agent `{caller.name}`"
        for name in caller.subagents:
            if name not in seen and name in agents:
                seen.add(name)
                waiting.append(agents[name])
