"""Scopes and loops, opened as they are wanted."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace
from rpds import HashTrieMap

from agentflow.plan.model import Block
from agentflow.run.halts import halted
from agentflow.run.moves import due
from agentflow.run.state import LoopState, RunState, ScopeState, StepState, step_path

JSON = Any

_WAITING = StepState()


def open_scope(
    state: RunState, path: str, above: str | None, holder: str, block: Block, names: Mapping[str, JSON]
) -> RunState:
    """Opens a scope, and puts the steps in line that wait for nothing.

    Parameters:
        above: the path of the enclosing scope.
        holder: the id of the step there that holds the block.
        names: what its expressions see beside what those of the enclosing scope see.
    """
    outer = state.scopes[above].names if above is not None else {}
    scope = ScopeState(
        path=path,
        above=above,
        holder=holder,
        block=block,
        names={**outer, **names},
        steps=HashTrieMap(dict.fromkeys(block.order, _WAITING)),
        waits=HashTrieMap({name: block.graph.in_degree(name) for name in block.order}),
        open=len(block.order),
    )
    state = replace(state, scopes=state.scopes.insert(path, scope))
    for name in block.order:
        if scope.waits[name] == 0:
            state = due(state, step_path(path, name))
    return state


def may_open(state: RunState, loop: LoopState) -> bool:
    """Whether another item of a loop may begin."""
    if loop.begun == len(loop.items) or loop.failing is not None:
        return False
    scope = state.scopes[loop.scope]
    return halted(state, scope, loop.step) is None


def fill(state: RunState, path: str) -> RunState:
    """Opens items while fewer than `parallel` are at work; those that only wait for people do not count."""
    loop = state.loops.get(path)
    if loop is None:
        return state
    while loop.open - loop.parked < loop.parallel and may_open(state, loop):
        index = loop.begun
        state = replace(state, loops=state.loops.insert(path, replace(loop, begun=index + 1)))
        item = {loop.step.as_name: loop.items[index], "loop": {"index": index + 1}}
        state = open_scope(state, f"{path}[{index}]", loop.scope, loop.step.id, loop.step.body, item)
        loop = state.loops[path]
    return state


def loops_around(path: str) -> Iterator[str]:
    """The loops whose items a path is in, innermost first, and the path itself, which may be one."""
    yield path
    end = len(path)
    while (end := path.rfind("[", 0, end)) != -1:
        yield path[:end]
