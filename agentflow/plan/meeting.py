"""Where private data, untrusted text and a way to send meet in one agent's context: the table of decision 12.

Each of the three alone is harmless, and any two of them; with all three, whoever wrote the text can have the agent send
the data to them.
"""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from agentflow.plan.agent_plan import AgentPlan
from agentflow.plan.arrange import Arranged
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.draft import Draft, DraftBlock
from agentflow.plan.expressions import Reference
from agentflow.plan.findings import Findings
from agentflow.plan.memory_tool import MEMORY
from agentflow.plan.texts import Use
from agentflow.source.diagnostics import Severity
from agentflow.source.document import Loc
from agentflow.spec.agents import Label
from agentflow.spec.own_tools import OwnTool
from agentflow.spec.steps import (
    AgentStep,
    ApproveStep,
    AskStep,
    CallStep,
    FailStep,
    RunStep,
    StepBase,
    ToolStep,
    ValueStep,
)
from agentflow.spec.workflow import Workflow

Labels = frozenset[Label]

NOTHING: Labels = frozenset()
ALL: Labels = frozenset({"private", "untrusted", "sends"})
_TEXT: Labels = frozenset({"private", "untrusted"})
_WORDS: Mapping[Label, str] = {"private": "private data", "untrusted": "untrusted text", "sends": "a way to send"}


def check_meeting(
    workflow: Workflow,
    arranged: Arranged,
    named: Mapping[str, AgentPlan],
    by_step: Mapping[Loc, AgentPlan],
    findings: Findings,
) -> None:
    """Warns of each agent, and else of each step, in whose context all three meet.

    Parameters:
        named: the file's agents.
        by_step: the agent of each agent step, by where the step stands.
    """
    tools = {name: _labels_of_tool(tool) for name, tool in workflow.tools.items()}
    own = _labels_of_agents(named, tools)
    steps = _Steps(workflow, tools, own, by_step)
    if not any("sends" in held for held in (*own.values(), *(steps.held(agent) for agent in by_step.values()))):
        return
    for name, agent in named.items():
        # Where a subagent alone has all three, that is the one to mend.
        if own[name] == ALL and not any(own.get(each) == ALL for each in agent.subagents if each != name):
            _warn(f"agent `{name}`", _sources(agent, tools, own), ("agents", name), findings)
    for seen in steps.settled(arranged):
        asked, step = by_step.get(seen.draft.loc), seen.draft.step
        if asked is None or any(own.get(name) == ALL for name in asked.subagents):
            continue
        if isinstance(step, AgentStep) and isinstance(step.agent, str) and own.get(step.agent) == ALL:
            continue
        held, read = steps.held(asked), steps.read(seen)
        if held | read == ALL:
            sources = _sources(asked, tools, own)
            sources.update({label: ["what its prompt reads"] for label in read - held})
            _warn(f"the agent of step `{seen.draft.id}`", sources, (*seen.draft.loc, "agent"), findings)


def _warn(who: str, sources: Mapping[Label, list[str]], loc: Loc, findings: Findings) -> None:
    found = {label: ", ".join(dict.fromkeys(sources[label])) for label in _WORDS}
    if len(set(found.values())) == 1:
        meeting = f"private data, untrusted text and a way to send meet ({found['sends']})"
    else:
        parts = [f"{words} ({found[label]})" for label, words in _WORDS.items()]
        meeting = f"{parts[0]}, {parts[1]} and {parts[2]} meet"
    message = f"in {who} {meeting}: whoever wrote the text could have the data sent"
    hint = "let one agent read what others wrote and another one send; or say by `labels` what the file's own tools do"
    findings.add("AF509", message, findings.source.document.place(loc, key=True), hint, Severity.WARNING)


def _labels_of_tool(tool: OwnTool) -> Labels:
    if tool.labels is not None:
        return frozenset(tool.labels)
    return ALL if tool.effects == "sends" else _TEXT


def _labels_of_agents(named: Mapping[str, AgentPlan], tools: Mapping[str, Labels]) -> Mapping[str, Labels]:
    """What the tools of each agent bring, and those of the agents it may call: their answers come back, and its prompts
    go out."""
    own = {name: _labels_of_grants(agent, tools) for name, agent in named.items()}
    grown = True
    while grown:
        grown = False
        for name, agent in named.items():
            found = own[name] if own[name] == ALL else _with_subagents(own[name], agent, own)
            grown = grown or found != own[name]
            own[name] = found
    return own


def _labels_of_grants(agent: AgentPlan, tools: Mapping[str, Labels]) -> Labels:
    return NOTHING.union(*(_labels_of_grant(grant.tool.name, tools) for grant in agent.grants))


def _with_subagents(labels: Labels, agent: AgentPlan, own: Mapping[str, Labels]) -> Labels:
    return labels.union(*{own[name] for name in agent.subagents if name in own})


def _labels_of_grant(name: str, tools: Mapping[str, Labels]) -> Labels:
    if name in tools:
        return tools[name]
    if name == MEMORY:
        return _TEXT
    builtin = BUILTIN_TOOLS.get(name)
    return ALL if builtin is None else builtin.labels


def _sources(agent: AgentPlan, tools: Mapping[str, Labels], own: Mapping[str, Labels]) -> dict[Label, list[str]]:
    found: dict[Label, list[str]] = {}
    for grant in agent.grants:
        for label in _labels_of_grant(grant.tool.name, tools):
            found.setdefault(label, []).append(f"`{grant.tool.name}`")
    for name in agent.subagents:
        for label in own.get(name, NOTHING):
            found.setdefault(label, []).append(f"`Agent({name})`")
    return found


class _Seen(Struct, frozen=True):
    """A step, and the blocks around it, the innermost first, each with the step that holds it."""

    draft: Draft
    around: tuple[tuple[DraftBlock, Draft | None], ...]


class _Steps(Struct, frozen=True):
    """What the outputs of steps bring with them."""

    workflow: Workflow
    tools: Mapping[str, Labels]
    own: Mapping[str, Labels]
    by_step: Mapping[Loc, AgentPlan]
    outputs: dict[Loc, Labels] = {}
    known: dict[int, Labels] = {}

    def settled(self, arranged: Arranged) -> list[_Seen]:
        """Every step, once what their outputs bring does not grow any more; loops may read in circles."""
        every = list(_every(arranged, ((arranged.block, None),)))
        grown = True
        while grown:
            grown = False
            for seen in every:
                found = self._output(seen) - {"sends"}
                if not found <= self.outputs.get(seen.draft.loc, NOTHING):
                    self.outputs[seen.draft.loc] = self.outputs.get(seen.draft.loc, NOTHING) | found
                    grown = True
        return every

    def held(self, agent: AgentPlan) -> Labels:
        """What an agent's tools bring, and those of the agents that it may call."""
        key = id(agent)
        if key not in self.known:
            self.known[key] = _with_subagents(_labels_of_grants(agent, self.tools), agent, self.own)
        return self.known[key]

    def read(self, seen: _Seen) -> Labels:
        """What a step's texts bring, and the instructions of its agent, and a session that it carries on."""
        found = self._of_uses((use for key, use in seen.draft.uses.items() if key != ("when",)), seen)
        agent = self.by_step.get(seen.draft.loc)
        if agent is not None and agent.instructions is not None:
            found |= self._of_references(agent.instructions.references, seen)
        step = seen.draft.step
        if isinstance(step, AgentStep) and step.session is not None:
            found |= self._of_step(step.session.continue_.removeprefix("previous."), seen)
        return found

    def _output(self, seen: _Seen) -> Labels:
        step: StepBase = seen.draft.step
        if isinstance(step, ApproveStep | AskStep | FailStep):
            return NOTHING
        if isinstance(step, RunStep | CallStep):
            return frozenset({"private"}) if step.effects == "none" else _TEXT
        if isinstance(step, ToolStep):
            return _labels_of_grant(step.tool, self.tools)
        if isinstance(step, AgentStep):
            agent = self.by_step.get(seen.draft.loc)
            return (ALL if agent is None else self.held(agent)) | self.read(seen)
        body = seen.draft.body
        if body is None:
            # A kind that this table does not know may bring anything.
            return self.read(seen) if isinstance(step, ValueStep) else _TEXT
        if body.output is None:
            return NOTHING.union(*(self._known(each) for each in body.drafts.values()))
        return self._of_uses((body.output,), _Seen(seen.draft, ((body, seen.draft), *seen.around)))

    def _of_uses(self, uses: Iterable[Use], seen: _Seen) -> Labels:
        return NOTHING.union(*(self._of_references(use.code.references, seen) for use in uses))

    def _of_references(self, references: Iterable[Reference], seen: _Seen) -> Labels:
        return NOTHING.union(*(self._of_reference(reference, seen) for reference in references))

    def _of_reference(self, reference: Reference, seen: _Seen) -> Labels:
        root, path = reference.root, reference.path
        if root == "inputs":
            names = [str(path[0])] if path else list(self.workflow.inputs)
            untrusted = any(self.workflow.inputs.get(name, {}).get("untrusted") is True for name in names)
            return frozenset({"untrusted"}) if untrusted else NOTHING
        if root in ("steps", "previous"):
            if len(path) > 1 and path[1] not in ("output", "error", "errors"):
                return NOTHING
            return self._of_step(str(path[0]), seen) if path else _TEXT
        if root in ("run", "loop", "secrets"):
            return NOTHING
        # The variable of a loop around it: what the loop runs over.
        for depth, (_, holder) in enumerate(seen.around):
            if holder is not None and getattr(holder.step, "as_", None) == root:
                return self._of_uses(holder.uses.values(), _Seen(holder, seen.around[depth + 1 :]))
        return _TEXT

    def _of_step(self, name: str, seen: _Seen) -> Labels:
        for block, _ in seen.around:
            if name in block.drafts:
                return self._known(block.drafts[name])
        return _TEXT

    def _known(self, draft: Draft) -> Labels:
        return self.outputs.get(draft.loc, NOTHING)


def _every(arranged: Arranged, around: tuple[tuple[DraftBlock, Draft | None], ...]) -> Iterator[_Seen]:
    """Every step after those that it reads, and a block after the steps in it, so that one round mostly settles it."""
    for name in arranged.order:
        draft = arranged.block.drafts[name]
        if name in arranged.bodies:
            body = arranged.bodies[name]
            yield from _every(body, ((body.block, draft), *around))
        yield _Seen(draft, around)
