"""Agents that write, and whose files: which of them may be at work on the same files at the same time."""

import posixpath
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice

from msgspec import Struct

from agentflow.plan.agent_plan import AgentPlan
from agentflow.plan.arrange import Arranged
from agentflow.plan.bounds import bound
from agentflow.plan.draft import Draft
from agentflow.plan.findings import Findings
from agentflow.source.document import Loc
from agentflow.spec.steps import AgentStep, CallStep, ForEachStep, RunStep, ToolStep, WorkflowStep

_WRITING = frozenset({"Write", "Edit"})
_ANYWHERE = ""
_MOST_COMPARED = 64
# Each costs a comparison with each of every other writer, and nobody names so many by hand.
_MOST_FOLDERS = 32


class Writer(Struct, frozen=True):
    """An agent at work in a step.

    Attributes:
        agent: its name.
        folders: the beginnings of the paths that it may write; `""` is everywhere.
    """

    agent: str
    folders: frozenset[str]


def check_workspaces(
    arranged: Arranged,
    agents: Mapping[Loc, AgentPlan],
    named: Mapping[str, AgentPlan],
    parallel: int,
    findings: Findings,
) -> None:
    """Warns of agents that may write the same files at the same time, and of workspaces in which nothing works.

    Parameters:
        agents: the agent of each agent step, by where the step stands.
        named: the file's agents, which others may call.
        parallel: how many items of a `for_each` are at work at once unless it says.
    """
    _Check(agents, named, parallel, findings, {}, set()).block(arranged)


class _Check(Struct, frozen=True):
    agents: Mapping[Loc, AgentPlan]
    named: Mapping[str, AgentPlan]
    parallel: int
    findings: Findings
    known: dict[str, frozenset[str]]
    sent_out: set[str]

    def block(self, arranged: Arranged) -> tuple[Writer, ...]:
        """Checks a block and all that it holds; gives those that write the files that surround it."""
        by_step = {name: self._step(arranged.block.drafts[name], arranged) for name in arranged.order}
        self._check_siblings(arranged, {name: found for name, found in by_step.items() if found})
        return tuple(writer for found in by_step.values() for writer in found)

    def _step(self, draft: Draft, arranged: Arranged) -> tuple[Writer, ...]:
        own = draft.step.workspace not in (None, "shared")
        if draft.step.workspace is not None and not _works(draft):
            message = f"nothing in step `{draft.id}` works on files, so its `workspace` changes nothing"
            self.findings.warn("AF404", message, (*draft.loc, "workspace"), "take it away")
        if draft.body is not None:
            inside = self.block(arranged.bodies[draft.id])
            if own:
                return ()
            if inside and isinstance(draft.step, ForEachStep) and self._at_once(draft.step):
                self._warn(inside[0], inside[0], draft, "items")
            return inside
        agent = self.agents.get(draft.loc)
        if agent is None or own or (agent.workspace not in (None, "shared") and draft.step.workspace is None):
            return ()
        if draft.step.workspace is None and _goes_on_apart(draft, arranged):
            return ()
        self._check_subagents(agent)
        folders = self._folders(agent)
        return (Writer(agent.name, folders),) if folders else ()

    def _at_once(self, step: ForEachStep) -> bool:
        return bound(self.parallel if step.parallel is None else step.parallel).value != 1

    def _folders(self, agent: AgentPlan) -> frozenset[str]:
        """Where an agent writes, by itself or by those that it sends out to work on its files."""
        if agent.name not in self.known:
            rules = (rule for reached in self._reached(agent) for rule in _written_by(reached))
            self.known[agent.name] = frozenset(islice(map(_beginning, rules), _MOST_FOLDERS))
        return self.known[agent.name]

    def _reached(self, agent: AgentPlan) -> Iterator[AgentPlan]:
        """An agent, and those that it may send out, or they in turn, to work on the same files."""
        seen, waiting = {agent.name}, [agent]
        while waiting:
            yield (here := waiting.pop())
            for name in here.subagents:
                called = self.named.get(name)
                if called is not None and name not in seen and called.workspace in (None, "shared"):
                    seen.add(name)
                    waiting.append(called)

    def _check_subagents(self, agent: AgentPlan) -> None:
        """`Agent` calls of one reply run at once, also several to one agent; each agent is told of once."""
        waiting = [agent]
        while waiting:
            for name in waiting.pop().subagents:
                called = self.named.get(name)
                if called is None or name in self.sent_out or called.workspace not in (None, "shared"):
                    continue
                self.sent_out.add(name)
                waiting.append(called)
                if called is not agent and self._folders(called):
                    message = f"subagents `{name}` may write at the same time, to the same files"
                    hint = f"give agent `{name}` a `workspace: copy` or `worktree`"
                    self.findings.warn("AF512", message, ("agents", name), hint)

    def _check_siblings(self, arranged: Arranged, writers: Mapping[str, tuple[Writer, ...]]) -> None:
        """Steps between which no path runs, so that they may be at work at once; each is told of once."""
        if len(writers) < 2 or arranged.block.cases:
            return  # of the cases of a choice one runs
        bits = {name: 1 << index for index, name in enumerate(arranged.order)}
        before = dict.fromkeys(arranged.order, 0)
        earlier: list[str] = []
        for name in arranged.order:
            for follower in arranged.followers[name]:
                before[follower] |= before[name] | bits[name]
            if name not in writers:
                continue
            beside = (other for other in reversed(earlier[-_MOST_COMPARED:]) if not before[name] & bits[other])
            for other in beside:
                pair = _overlapping(writers[other], writers[name])
                if pair is not None:
                    self._warn(*pair, arranged.block.drafts[name], other)
                    break
            earlier.append(name)

    def _warn(self, first: Writer, second: Writer, draft: Draft, beside: str) -> None:
        if isinstance(draft.step, ForEachStep) and beside == "items":
            message = f"the items of `{draft.id}` run at once, and their agent `{first.agent}` may write the same files"
            hint = "give the step `workspace: copy` or `worktree`, or `parallel: 1`"
        else:
            message = f"`{draft.id}` and `{beside}` may run at the same time, and both may write the same files"
            hint = "let one need the other, narrow their rules, or give them `workspace: copy` or `worktree`"
        self.findings.warn("AF512", message, draft.loc, hint)


def _goes_on_apart(draft: Draft, arranged: Arranged) -> bool:
    """Whether a session carries on one of the same scope that has a workspace of its own."""
    seen = {draft.id}
    while isinstance(draft.step, AgentStep) and draft.step.session is not None:
        before = arranged.block.drafts.get(draft.step.session.continue_)
        if before is None or before.id in seen:
            return False
        if before.step.workspace not in (None, "shared"):
            return True
        seen.add(before.id)
        draft = before
    return False


def _overlapping(first: tuple[Writer, ...], second: tuple[Writer, ...]) -> tuple[Writer, Writer] | None:
    pairs = ((one, other) for one in first[:_MOST_COMPARED] for other in second[:_MOST_COMPARED])
    return next((pair for pair in pairs if _meet(pair[0].folders, pair[1].folders)), None)


@lru_cache(maxsize=4_096)
def _meet(first: frozenset[str], second: frozenset[str]) -> bool:
    return any(one.startswith(other) or other.startswith(one) for one in first for other in second)


def _written_by(agent: AgentPlan) -> Iterator[str]:
    for grant in agent.grants:
        if grant.tool.name == "Bash":
            yield "**"
        elif grant.tool.name in _WRITING:
            yield from grant.rules or ("**",)


def _beginning(rule: str) -> str:
    """What every path that a rule covers begins with, as far as it is constant."""
    rule = rule.removeprefix("./")
    constant = posixpath.join("", *_constant_parts(rule))
    # A pattern without a slash inside covers that name in any folder.
    return constant if "/" in rule.rstrip("/") else _ANYWHERE


def _constant_parts(rule: str) -> Iterator[str]:
    for part in rule.split("/"):
        if any(character in part for character in "*?[{"):
            yield ""
            return
        yield part


def _works(draft: Draft) -> bool:
    """Whether anything in a step works on files."""
    if draft.body is not None:
        return any(_works(inner) for inner in draft.body.drafts.values())
    return isinstance(draft.step, AgentStep | RunStep | CallStep | ToolStep | WorkflowStep)
