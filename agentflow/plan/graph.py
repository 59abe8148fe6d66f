"""Names that wait for one another: the one door of networkx.

networkx takes longer to import than a small file takes to check, so it comes in when a graph is walked or drawn, or
when there is a cycle to name; that there is none is told by sorting.
"""

from collections.abc import Iterable, Iterator, Mapping
from heapq import heappop, heappush
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import networkx

Edges = Mapping[str, Iterable[str]]
"""Of each name, in the file's order, those that wait for it."""


def digraph(followers: Edges) -> "networkx.DiGraph[str]":
    """The graph in which an edge runs from a name to each that waits for it."""
    import networkx

    graph: networkx.DiGraph[str] = networkx.DiGraph()
    graph.add_nodes_from(followers)
    graph.add_edges_from((name, follower) for name, several in followers.items() for follower in several)
    return graph


def sorted_by(followers: Edges) -> tuple[str, ...]:
    """The names so that each comes after those it waits for, ties as they stand.

    Those of a cycle, and those that wait for them, are missing.
    """
    names = list(followers)
    index = {name: position for position, name in enumerate(names)}
    waits = dict.fromkeys(names, 0)
    for name in chain.from_iterable(followers.values()):
        waits[name] += 1
    ready = [index[name] for name in names if not waits[name]]
    order = []
    while ready:
        name = names[heappop(ready)]
        order.append(name)
        for follower in followers[name]:
            waits[follower] -= 1
            if not waits[follower]:
                heappush(ready, index[follower])
    return tuple(order)


def callers(calls: Mapping[str, Iterable[str]]) -> Edges:
    """Of each name those that call it, from those that each calls; what is called must be a name too."""
    found: dict[str, dict[str, None]] = {name: {} for name in calls}
    for caller, several in calls.items():
        for called in several:
            found[called][caller] = None
    return found


def cycles_of(followers: Edges) -> Iterator[list[str]]:
    """One cycle of each knot of names, from the first one back to it, each waiting for the next."""
    import networkx

    graph = digraph(followers)
    index = {name: position for position, name in enumerate(followers)}
    knots = [knot for knot in networkx.strongly_connected_components(graph) if len(knot) > 1]
    loops = [{name} for name in graph if graph.has_edge(name, name)]
    covered = set(chain.from_iterable(knots))
    for knot in [*knots, *(loop for loop in loops if not loop <= covered)]:
        first = min(knot, key=index.__getitem__)
        if graph.has_edge(first, first):
            yield [first, first]
            continue
        inside = graph.subgraph(knot)
        # Whole paths to every name would take memory that is quadratic in the length of the cycle.
        came_from = dict(networkx.bfs_predecessors(inside, first))
        depth = {first: 0}
        for name, before in came_from.items():
            depth[name] = depth[before] + 1
        name = min(inside.predecessors(first), key=lambda name: (depth[name], index[name]))
        # The path runs along the edges, from what is read to its reader; waiting runs the other way.
        cycle = [first, name]
        while name != first:
            name = came_from[name]
            cycle.append(name)
        yield cycle
