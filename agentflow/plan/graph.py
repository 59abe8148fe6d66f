"""Which step waits for which, scope by scope: the one door of networkx."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import networkx

from agentflow.plan.drafts import Draft, DraftBlock
from agentflow.plan.findings import Findings
from agentflow.plan.texts import Use


@dataclass(frozen=True, slots=True)
class Arranged:
    """A block in the order in which its steps can run.

    Attributes:
        graph: an edge runs from a step to one that reads or needs it, or holds one that does.
        order: so that each comes after those it waits for; ties, and everything where there is a cycle, in the
            file's order.
        bodies: the blocks that its steps hold.
        reads: of each step, what it and the steps inside it cannot go without: ids of this scope and of enclosing
            ones whose `.output` they read with nothing to fall back on.
        seen: the ids outside of it that its steps read in any way.
        wanted: those of `seen` that its steps cannot go without.
    """

    block: DraftBlock
    graph: "networkx.DiGraph[str]"
    order: tuple[str, ...]
    bodies: Mapping[str, "Arranged"]
    reads: Mapping[str, tuple[str, ...]]
    seen: tuple[str, ...]
    wanted: tuple[str, ...]


def arrange(block: DraftBlock, findings: Findings) -> Arranged:
    """The graph of a block and of all that it holds; cycles are noted."""
    bodies = {draft.id: arrange(draft.body, findings) for draft in block.drafts.values() if draft.body is not None}
    graph: networkx.DiGraph[str] = networkx.DiGraph()
    graph.add_nodes_from(block.drafts)
    reads: dict[str, tuple[str, ...]] = {}
    seen: dict[str, None] = {}
    wanted: dict[str, None] = {}
    if block.output is not None:
        seen.update(_ordered(name for name, _ in steps_read((block.output,))))
        wanted.update(_ordered(outputs_read((block.output,))))
    for draft in block.drafts.values():
        body = bodies.get(draft.id)
        own = tuple(draft.uses.values())
        every = _ordered(chain((name for name, _ in steps_read(own)), continued(draft), body.seen if body else ()))
        needed = _ordered(chain(outputs_read(own), continued(draft), body.wanted if body else ()))
        reads[draft.id] = tuple(needed)
        graph.add_edges_from((name, draft.id) for name in (*every, *draft.step.needs) if name in block.drafts)
        seen.update(every)
        wanted.update(needed)
    order = _order(block, graph, findings)
    outside, beyond = (tuple(name for name in names if name not in block.drafts) for names in (seen, wanted))
    return Arranged(block, graph, order, bodies, reads, outside, beyond)


def _ordered(names: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(names)


def continued(draft: Draft) -> tuple[str, ...]:
    """The step whose session this one carries on."""
    session = getattr(draft.step, "session", None)
    return () if session is None else (session.continue_,)


def steps_read(uses: Iterable[Use]) -> Iterator[tuple[str, str | int | None]]:
    """The id and the field of each reference to a step."""
    for use in uses:
        for reference in use.code.references:
            if reference.root == "steps" and reference.path and isinstance(reference.path[0], str):
                yield reference.path[0], reference.path[1] if len(reference.path) > 1 else None


def outputs_read(uses: Iterable[Use]) -> Iterator[str]:
    """The ids of steps whose output is read with nothing to fall back on."""
    for use in uses:
        for reference in use.code.references:
            path = reference.path
            if reference.root == "steps" and path[1:2] == ("output",) and not reference.defaulted:
                yield str(path[0])


def _order(block: DraftBlock, graph: "networkx.DiGraph[str]", findings: Findings) -> tuple[str, ...]:
    index = {name: position for position, name in enumerate(block.drafts)}
    cycles = list(cycles_of(graph, index))
    for cycle in cycles:
        first = block.drafts[cycle[0]]
        message = f"`{first.id}` waits for itself: {' → '.join(cycle)}"
        findings.at("AF401", message, first.loc, "take one of these reads or `needs` away", key=True)
    if cycles:
        return tuple(block.drafts)
    return tuple(networkx.lexicographical_topological_sort(graph, key=index.__getitem__))


def cycles_of(graph: "networkx.DiGraph[str]", index: Mapping[str, int]) -> Iterator[list[str]]:
    """One cycle of each knot of the graph, from the first name in the file back to it, each waiting for the next.

    Parameters:
        index: the position of each name in the file.
    """
    knots = [knot for knot in networkx.strongly_connected_components(graph) if len(knot) > 1]
    loops = [{name} for name in graph if graph.has_edge(name, name)]
    covered = set(chain.from_iterable(knots))
    for knot in [*knots, *(loop for loop in loops if not loop <= covered)]:
        first = min(knot, key=index.__getitem__)
        if graph.has_edge(first, first):
            yield [first, first]
            continue
        inside = graph.subgraph(knot)
        backwards = networkx.single_source_shortest_path(inside, first)
        closing = min(
            (name for name in inside.predecessors(first)), key=lambda name: (len(backwards[name]), index[name])
        )
        # The path runs along the edges, from what is read to its reader; waiting runs the other way.
        yield [first, *reversed(backwards[closing])]


def edges(names: Iterable[str], calls: Mapping[str, Iterable[str]]) -> "networkx.DiGraph[str]":
    """A graph of names in which an edge runs from what is called to its caller."""
    graph: networkx.DiGraph[str] = networkx.DiGraph()
    graph.add_nodes_from(names)
    graph.add_edges_from((called, caller) for caller, several in calls.items() for called in several)
    return graph
