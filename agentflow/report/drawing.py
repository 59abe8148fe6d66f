"""The steps of a plan as something to draw: boxes in boxes, with edges, and what became of each in a run.

`mermaid.py` and `dot.py` write it out.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec import Struct

from agentflow.plan.model import (
    AgentStepPlan,
    ApproveStepPlan,
    AskStepPlan,
    Block,
    BlockStepPlan,
    CallStepPlan,
    ChooseStepPlan,
    FailStepPlan,
    ForEachStepPlan,
    Plan,
    RepeatStepPlan,
    RunStepPlan,
    StepPlan,
    ToolStepPlan,
    WorkflowStepPlan,
)
from agentflow.report.inert import inert_line
from agentflow.report.node import Node
from agentflow.report.plan_json import KINDS, why
from agentflow.report.style import case_name, duration
from agentflow.report.view import RunView

_INDEX = re.compile(r"\[[0-9]+\]")
_LONGEST = 60

MOST_TELLING = ("failed", "asking", "running", "rejected", "stopped", "waiting", "done", "skipped")
"""Of several states of one thing the first that occurs colours it."""
_NOT_OVER = ("asking", "running", "stopped", "waiting")


class Drawn(Struct, frozen=True):
    """A step.

    Attributes:
        id: made of its path, unique, of letters, digits and `_`.
        lines: its label, inert, one text a line.
        state: what colours it; None where no run is drawn.
        inside: what it holds, for a block; None for every other step.
    """

    id: str
    kind: str
    lines: tuple[str, ...]
    state: str | None
    inside: "Picture | None" = None


class Edge(Struct, frozen=True):
    """From a step to one of the same scope that waits for it; `why` as in `plan_json.why`."""

    source: str
    target: str
    why: tuple[str, ...]


class Picture(Struct, frozen=True):
    """One scope: its steps in the file's order, and its edges."""

    steps: tuple[Drawn, ...]
    edges: tuple[Edge, ...]


def picture(plan: Plan, states: Mapping[str, Counter[str]] | None = None) -> Picture:
    """The steps of a plan.

    Parameters:
        states: how often each step, by its path, is in which state; None: no run is drawn.
    """
    return _block(plan.root, "", states)


def states_of(view: RunView, *, at_work: bool) -> dict[str, Counter[str]]:
    """Of each step how often it is in which state; the items of loops are counted together.

    Parameters:
        at_work: a process is at work on the run; else what had begun and not ended counts as stopped, or as asking
            where a person is asked inside.
    """
    found: dict[str, Counter[str]] = {}
    asking = {around.path for gate in view.gates.values() for around in gate.around()}
    for node in _steps(view.root):
        state: str = node.state
        if state == "running" and not at_work:
            state = "asking" if node.path in asking else "stopped"
        path = without_indexes(node.path)
        # An item goes by the loop's own path: told apart, since a loop says how its items fared.
        found.setdefault(path if node.kind == "step" else f"{path}[]", Counter())[state] += 1
        if node.items is not None and node.items > len(node.inner):
            found.setdefault(f"{path}[]", Counter())["waiting"] += node.items - len(node.inner)
    return found


def _steps(node: Node) -> Iterator[Node]:
    for inner in node.inner.values():
        if inner.kind != "agent":
            yield inner
            yield from _steps(inner)


def _block(block: Block, prefix: str, states: Mapping[str, Counter[str]] | None, *, over: bool = False) -> Picture:
    """A scope; `over`: what holds it has ended, as often as it began."""
    left = block.cases and over
    drawn = tuple(_drawn(step, f"{prefix}{name}", states, not_chosen=left) for name, step in block.steps.items())
    edges = tuple(
        Edge(id_of(f"{prefix}{source}"), id_of(f"{prefix}{target}"), tuple(why(source, block.steps[target])))
        for source, target in block.graph.edges
    )
    return Picture(drawn, edges)


def _drawn(step: StepPlan, path: str, states: Mapping[str, Counter[str]] | None, *, not_chosen: bool = False) -> Drawn:
    own, items = (Counter[str](), None) if states is None else (states.get(path, Counter()), states.get(f"{path}[]"))
    inside = None
    if isinstance(step, BlockStepPlan | WorkflowStepPlan):
        over = own.total() > 0 and not any(own[state] for state in _NOT_OVER)
        inside = _block(step.body, f"{path}.", states, over=over)
    kind = KINDS[type(step)]
    # The cases of a choice have numbers for ids.
    lines = [case_name(step.id), *_detail(step)]
    if states is None:
        return Drawn(id_of(path), kind, tuple(lines), None, inside)
    lines += [_counted(own)] if own else ["not chosen" if not_chosen else "not begun"]
    if items:
        what = "rounds" if isinstance(step, RepeatStepPlan) else "items"
        lines.append(f"{what}: {_counted(items, always=True)}")
    otherwise = "skipped" if not_chosen else "waiting"
    state = next((state for state in MOST_TELLING if own[state]), otherwise)
    return Drawn(id_of(path), kind, tuple(lines), state, inside)


def _counted(states: Counter[str], *, always: bool = False) -> str:
    """The states: one alone by its name, several each with how often."""
    if states.total() == 1 and not always:
        return next(iter(states))
    return ", ".join(f"{states[state]} {state}" for state in sorted(states, key=MOST_TELLING.index))


def _detail(step: StepPlan) -> Iterator[str]:
    match step:
        case AgentStepPlan():
            yield f"agent {inert_line(step.agent.name, _LONGEST)}"
        case RunStepPlan():
            text = step.script if step.script is not None else " ".join(word.source for word in step.argv)
            yield f"run {inert_line(text, _LONGEST)}"
        case CallStepPlan():
            yield f"call {inert_line(f'{step.file}:{step.function}', _LONGEST)}"
        case ToolStepPlan():
            yield f"tool {inert_line(step.tool.name, _LONGEST)}"
        case ApproveStepPlan():
            yield f"approve {inert_line(step.message.source, _LONGEST)}"
        case AskStepPlan():
            yield f"ask {inert_line(step.message.source, _LONGEST)}"
        case WorkflowStepPlan():
            yield f"workflow {inert_line(step.plan.path, _LONGEST)}"
        case ForEachStepPlan():
            yield f"for each {inert_line(step.as_name)} of {inert_line(step.items.source, _LONGEST)}"
        case RepeatStepPlan():
            yield f"repeat until {inert_line(step.until.source, _LONGEST)}"
        case ChooseStepPlan():
            yield "choose"
        case FailStepPlan():
            yield f"fail {inert_line(step.message.source, _LONGEST)}"
    if step.when is not None:
        yield f"when {inert_line(step.when.source, _LONGEST)}"
    if step.retry is not None:
        yield f"up to {step.retry.attempts} attempts"
    if step.time_limit is not None:
        yield f"timeout {duration(step.time_limit)}"


def without_indexes(path: str) -> str:
    """The path of a step as it stands in the plan: `research[3].find` is `research.find`."""
    return _INDEX.sub("", path)


def id_of(path: str) -> str:
    """A name that a drawing language takes for a path; no two paths give the same."""
    # `_` is doubled, so that `_0_` can only stand for a dot.
    return "step_" + path.replace("_", "__").replace(".", "_0_")
