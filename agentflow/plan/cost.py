"""The most that a file can cost, read off its plan. Pure.

One call costs at most what its model's context window costs to write to the cache, and the longest reply that
`max_tokens` allows: the price that the ledger reserves by, at the largest input that the API takes. A session makes at
most `stop.turns` calls, and one more to correct an output that misses its schema; a loop repeats its body; subagents
multiply. All of that is loose, and most files are held by a cap long before; `RunCost` says by which.

Each figure comes twice. `once`: every reply comes whole. `retried`: every call breaks off after it was billed and is
made again, as often as that is done. Calls that a crash of the process cut off stay charged, are made again, and are
in neither; the caps on money and on the run's turns hold for them too.
"""

from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

from msgspec import Struct

from agentflow.plan.agent_plan import AgentPlan, ServiceSettings
from agentflow.plan.inputs import known_inputs_of
from agentflow.plan.iterations import Iterations, Known, most_items, most_rounds
from agentflow.plan.model import (
    AgentStepPlan,
    Block,
    BlockStepPlan,
    ForEachStepPlan,
    Plan,
    RepeatStepPlan,
    RunLimits,
    WorkflowStepPlan,
    every_step,
    limits_within,
)
from agentflow.plan.prices import context_window, price_for
from agentflow.plan.service_tools import most_uses, with_options

JSON = Any

ATTEMPTS = 8
"""How often one turn's call is made at most, the first included."""


class Dollars(Struct, frozen=True):
    """US dollars at most, `inf` for no bound: where every reply comes whole, and with all retries."""

    once: float
    retried: float

    def times(self, number: int) -> "Dollars":
        """So many times as much; nothing of what has no bound is nothing."""
        return Dollars(self.once * number, self.retried * number) if number else NOTHING

    def plus(self, other: "Dollars") -> "Dollars":
        """Both."""
        return Dollars(self.once + other.once, self.retried + other.retried)

    def or_more(self, other: "Dollars") -> "Dollars":
        """The dearer of two of which one comes about."""
        return Dollars(max(self.once, other.once), max(self.retried, other.retried))

    def at_most(self, usd: float) -> "Dollars":
        """No more than a cap."""
        return Dollars(min(self.once, usd), min(self.retried, usd))


NOTHING = Dollars(0.0, 0.0)


class SessionCost(Struct, frozen=True):
    """One session of an agent.

    Attributes:
        call_usd: the dearest call that it or its fallback model can make.
        turns: its calls at most, each counted once; the one that corrects its output included.
        subagents: the sessions that it and those below it may start, at most.
        usd: its own calls and those of all its subagents.
        by: what decides `usd.once`: `stop.turns`, `stop.tokens`, `stop.cost_usd`; with subagents also `limits.agents`
            or `stop.tool_calls`.
    """

    agent: str
    call_usd: float
    turns: int
    subagents: int
    usd: Dollars
    by: str


class StepCost(Struct, frozen=True):
    """A step that costs money, in all its iterations.

    Attributes:
        path: the ids of the blocks it stands in and its own, with dots.
        times: how often it runs at most, every attempt of its own and of the blocks around it counted.
        session: one session of it, for an agent step.
        items: how many items it takes at most, for a `for_each`.
        rounds: how many rounds it takes at most, for a `repeat`.
    """

    path: str
    times: int
    usd: Dollars
    session: SessionCost | None = None
    items: Iterations | None = None
    rounds: Iterations | None = None


class RunBound(Struct, frozen=True):
    """One thing that bounds the whole run: `limits.cost_usd`, `limits.turns`, `limits.agents` or `the steps`.

    Attributes:
        reckoning: how it comes about, in words.
    """

    by: str
    usd: Dollars
    reckoning: str


class RunCost(Struct, frozen=True):
    """The whole run.

    Attributes:
        steps: every agent step, and every block (of a choice the dearest case) and file, in the file's order, blocks
            before what is in them.
        cap: the file's cap on money, which holds whatever happens.
        others: what else bounds it.
        beyond: what nothing but a cap of the run bounds, in words.
    """

    steps: tuple[StepCost, ...]
    cap: RunBound
    others: tuple[RunBound, ...]
    beyond: tuple[str, ...]

    @property
    def most(self) -> RunBound:
        """What holds whatever replies break off: the least of all bounds, retries counted."""
        return min((self.cap, *self.others), key=lambda bound: bound.usd.retried)

    @property
    def without_cap(self) -> tuple[RunBound, RunBound]:
        """The least of the bounds other than the cap on money: each reply asked for once, and with retries."""
        once = min(self.others, key=lambda bound: bound.usd.once)
        return once, min(self.others, key=lambda bound: bound.usd.retried)


def run_cost(plan: Plan, values: Mapping[str, JSON]) -> RunCost:
    """The most that a run of `plan` can cost.

    Parameters:
        values: of the inputs whose value is known before the run; bounds by other inputs count at their maximum.
    """
    known = Known(plan.inputs, values)
    reckoner = _Reckoner(plan, plan.limits, {})
    steps = tuple(_block(plan.root, "", 1, (), known, reckoner))
    every = [agent for one in reckoner.with_files() for agent in one.agents()]
    limits = plan.limits
    dearest_call = max((call_usd(agent) for agent in every), default=0.0)
    dearest_session = max((_own(agent).usd for agent in every), key=lambda usd: usd.once, default=NOTHING)
    retried_session = max((_own(agent).usd.retried for agent in every), default=0.0)
    in_all = NOTHING
    for step in steps:
        if "." not in step.path:
            in_all = in_all.plus(step.usd)
    others = (
        RunBound("the steps", in_all, "the steps below, added up"),
        RunBound(
            "limits.turns",
            Dollars(dearest_call, dearest_call).times(limits.turns),
            f"{limits.turns} calls, each as dear as the dearest",
        ),
        RunBound(
            "limits.agents",
            Dollars(dearest_session.once, retried_session).times(limits.agents),
            f"{limits.agents} sessions, each as dear as the dearest",
        ),
    )
    cap = RunBound("limits.cost_usd", Dollars(limits.cost_usd, limits.cost_usd), "the cap on money")
    return RunCost(steps, cap, others, tuple(dict.fromkeys(_beyond(every, plan))))


def call_usd(agent: AgentPlan) -> float:
    """What one call of an agent costs at most, in US dollars; `inf` where its model has no known window or price.

    A call that compacts its conversation counts as one of its turns, and may be the dearest.
    """
    own = dict.fromkeys((agent.model, agent.fallback_model or agent.model), agent.service)
    return max(_call_of(model, agent, service) for model, service in (*own.items(), *_writer(agent)))


def _writer(agent: AgentPlan) -> list[tuple[str, ServiceSettings]]:
    """The model that sums up the agent's conversation, and how it is asked."""
    return [] if agent.context is None else [(agent.context.model, agent.service.of_another())]


def _call_of(model: str, agent: AgentPlan, service: ServiceSettings) -> float:
    price, window = price_for(model, service), context_window(model)
    if price is None or window is None:
        return inf
    price = price.at(window)
    searches = most_uses(with_options(grant, agent.stop) for grant in agent.grants if grant.tool.by == "service")
    # After each search the service has the model read all of it again.
    read = (searches + 1) * window * max(price.input, price.cache_write_5m)
    return read + agent.max_tokens * price.output + searches * (price.web_search or 0.0)


def _token_of(model: str, service: ServiceSettings) -> float:
    """The dearest token, in or out."""
    price, window = price_for(model, service), context_window(model)
    if price is None or window is None:
        return inf
    price = price.at(window)
    return max(price.input, price.cache_write_5m, price.output)


class _Bounded(Struct, frozen=True):
    usd: Dollars
    by: str


def _turns(agent: AgentPlan) -> int:
    return agent.stop.turns + _corrections(agent)


def _calls_of_a_turn(agent: AgentPlan) -> int:
    """A turn that the model refuses goes to its fallback, once."""
    return 1 if agent.fallback_model in (None, agent.model) else 2


def _corrections(agent: AgentPlan) -> int:
    """An agent whose output misses its schema, or that `stop.when` ends without one, gets one turn more."""
    return 0 if agent.output is None else 1


def _own(agent: AgentPlan) -> _Bounded:
    """What the calls of one session cost, its subagents' left out."""
    call, turns = call_usd(agent), _turns(agent)
    calls = _calls_of_a_turn(agent)
    usd, by = Dollars(turns * call * calls, turns * call * (ATTEMPTS + calls - 1)), "stop.turns"
    if agent.stop.tokens is not None:
        # The bound is looked at before a call: the one that passes it is made. What broke off is not in the count.
        own = [(model, agent.service) for model in (agent.model, agent.fallback_model or agent.model)]
        token = max(_token_of(model, service) for model, service in (*own, *_writer(agent)))
        counted = agent.stop.tokens * token + (1 + _corrections(agent)) * call
        if counted < usd.once:
            usd, by = Dollars(counted, usd.retried), "stop.tokens"
    return _capped(agent, _Bounded(usd, by))


def _capped(agent: AgentPlan, found: _Bounded) -> _Bounded:
    cap = agent.stop.cost_usd
    if cap is None:
        return found
    return _Bounded(found.usd.at_most(cap), "stop.cost_usd" if cap < found.usd.once else found.by)


class _Reckoner(Struct, frozen=True):
    """Reckons the sessions of one file.

    Attributes:
        limits: what bounds it, inside those around it.
        found: what was reckoned, by agent and how deep others may be below.
    """

    plan: Plan
    limits: RunLimits
    found: dict[tuple[str, int], tuple[_Bounded, int]]

    def agents(self) -> list[AgentPlan]:
        """Every agent that a run can come to."""
        levels = self.limits.depth - 1
        every: dict[tuple[str, bool], AgentPlan] = {}
        for step in every_step(self.plan.root, into_files=False):
            if isinstance(step, AgentStepPlan):
                for agent in (step.agent, *self._below(step.agent, levels)):
                    # A step may give its agent another output, and so another turn to correct it.
                    every[agent.name, agent.output is None] = agent
        return list(every.values())

    def within(self, step: WorkflowStepPlan) -> "_Reckoner":
        """That of a file that a step runs."""
        return _Reckoner(step.plan, limits_within(self.limits, step.limits), {})

    def with_files(self) -> "list[_Reckoner]":
        """This and those of the files that its steps run, each file once for each set of limits."""
        waiting, every = [self], dict[tuple[int, RunLimits], _Reckoner]()
        while waiting:
            one = waiting.pop()
            if (id(one.plan), one.limits) not in every:
                every[id(one.plan), one.limits] = one
                steps = every_step(one.plan.root, into_files=False)
                waiting += [one.within(step) for step in steps if isinstance(step, WorkflowStepPlan)]
        return list(every.values())

    def session(self, agent: AgentPlan) -> SessionCost:
        """One session that a step starts."""
        bounded, subagents = self._tree(agent, self.limits.depth - 1)
        return SessionCost(agent.name, call_usd(agent), _turns(agent), subagents, bounded.usd, bounded.by)

    def _below(self, agent: AgentPlan, levels: int) -> list[AgentPlan]:
        found: dict[str, None] = {}
        reached = [agent.name]
        callers = {agent.name: agent}
        for _ in range(levels):
            called = {name for caller in reached for name in self._agent(caller, callers).subagents}
            reached = sorted(called - set(found))
            found.update(dict.fromkeys(reached))
        return [self.plan.agents[name] for name in found]

    def _agent(self, name: str, first: Mapping[str, AgentPlan]) -> AgentPlan:
        return first[name] if name in first else self.plan.agents[name]

    def _tree(self, agent: AgentPlan, levels: int) -> tuple[_Bounded, int]:
        """A session and all below it: what it costs, and how many subagents it comes to."""
        own = _own(agent)
        below = self._below(agent, levels)
        others = self.limits.agents - 1
        if not below or others == 0:
            return own, 0
        each = [_own(called).usd for called in below]
        usd = Dollars(max(usd.once for usd in each), max(usd.retried for usd in each)).times(others)
        by, sessions = "limits.agents", others
        calls = agent.stop.tool_calls
        if calls is not None:
            inner = [self._called(name, levels - 1) for name in agent.subagents]
            counted = Dollars(
                max(bounded.usd.once for bounded, _ in inner), max(bounded.usd.retried for bounded, _ in inner)
            ).times(calls)
            sessions = min(sessions, calls * (1 + max(several for _, several in inner)))
            if counted.once < usd.once:
                by = "stop.tool_calls"
            usd = Dollars(min(usd.once, counted.once), min(usd.retried, counted.retried))
        return _capped(agent, _Bounded(own.usd.plus(usd), by)), sessions

    def _called(self, name: str, levels: int) -> tuple[_Bounded, int]:
        key = (name, levels)
        if key not in self.found:
            self.found[key] = self._tree(self.plan.agents[name], levels)
        return self.found[key]


def _block(
    block: Block, prefix: str, times: int, blocks: tuple[Block, ...], known: Known, reckoner: _Reckoner
) -> Iterator[StepCost]:
    around = (*blocks, block)
    for name, step in block.steps.items():
        path = f"{prefix}{name}"
        tried = times if step.retry is None else times * step.retry.attempts
        if isinstance(step, AgentStepPlan):
            session = reckoner.session(step.agent)
            yield StepCost(path, tried, session.usd.times(tried), session)
        elif isinstance(step, BlockStepPlan):
            items = most_items(step, around, known) if isinstance(step, ForEachStepPlan) else None
            rounds = most_rounds(step, known) if isinstance(step, RepeatStepPlan) else None
            often = tried * (items or rounds or Iterations(1, "")).most
            inside = list(_block(step.body, f"{path}.", often, around, known, reckoner))
            usd = NOTHING
            for inner in inside:
                if "." not in inner.path.removeprefix(f"{path}."):
                    # Of the cases of a choice one runs.
                    usd = usd.or_more(inner.usd) if step.body.cases else usd.plus(inner.usd)
            yield StepCost(path, tried, usd, items=items, rounds=rounds)
            yield from inside
        elif isinstance(step, WorkflowStepPlan):
            yield from _file(step, path, tried, reckoner.within(step))


def _file(step: WorkflowStepPlan, path: str, times: int, reckoner: _Reckoner) -> Iterator[StepCost]:
    """A file that a step runs: what its steps come to, and no more than its own cap on money."""
    inside = list(_block(step.body, f"{path}.", times, (), Known(step.plan.inputs, known_inputs_of(step)), reckoner))
    usd = NOTHING
    for inner in inside:
        if "." not in inner.path.removeprefix(f"{path}."):
            usd = usd.plus(inner.usd)
    cap = step.limits.cost_usd
    yield StepCost(path, times, usd if cap is None else usd.at_most(cap * times))
    yield from inside


def _beyond(every: list[AgentPlan], plan: Plan) -> Iterator[str]:
    for agent in every:
        if call_usd(agent) == inf:
            yield (
                f"only limits.cost_usd bounds a call of agent `{agent.name}`: how much the context window of its model "
                "holds is not known"
            )
        if agent.subagents and plan.limits.depth > 1 and agent.stop.tool_calls is None:
            sent = f"only limits.agents ({plan.limits.agents}) bounds how many agents `{agent.name}` and those below"
            yield f"{sent} send out; its `stop.tool_calls` would, too"
    if any(step.reruns for step in every_step(plan.root)):
        yield "each resume may run the steps with `on_resume: rerun` once more: only the run's limits count it"
    if every:
        yield "what a crash cuts off stays charged and is made again: only stop.cost_usd and the run's limits count it"
