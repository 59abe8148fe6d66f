"""Where the boxes and lines of a graph stand: layers from the top down, in each scope apart.

After Sugiyama, Tagawa and Toda (1981): a step stands below all that it waits for, a line that passes a layer has a
place of its own there, and the places of a layer are put in the order of what they hang on.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agentflow.report.style import cell_width

JSON = Any

CHARACTER = 7.3
"""The width of a character, in pixels: of a monospaced font of 12 pixels."""
LINE = 17.0
LONGEST_LINE = 38
_PAD, _GAP_X, _GAP_Y, _PASSING = 12.0, 26.0, 38.0, 14.0
_SWEEPS = 4


@dataclass(slots=True, eq=False)
class _Place:
    """A box, or a point that a line passes through, in its layer."""

    width: float
    height: float
    step: Mapping[str, JSON] | None = None
    inside: dict[str, JSON] | None = None
    above: list["_Place"] = field(default_factory=list)
    below: list["_Place"] = field(default_factory=list)
    x: float = 0.0
    y: float = 0.0

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


def laid_out(graph: Mapping[str, JSON]) -> dict[str, JSON]:
    """The graph with places, in pixels.

    Parameters:
        graph: `steps` and `edges` as of `report_json`.

    Returns:
        `width`, `height`; `boxes`: each `id`, `kind`, `state`, `lines`, `full` (its lines uncut), `x`, `y`, `width`,
        `height`, `inside` (the same for what it holds, seen from its own corner, or null); `lines`: each `points`
        ([x, y] from the top down), `source`, `target`, `why`.
    """
    places = {step["id"]: _box(step) for step in graph["steps"]}
    edges = [edge for edge in graph["edges"] if edge["source"] in places and edge["target"] in places]
    layers, paths = _layers(places, edges)
    _order(layers)
    width, height = _stand(layers)
    return {
        "width": width,
        "height": height,
        "boxes": [_drawn_box(place) for place in places.values()],
        "lines": [
            {"points": _points(path), "source": edge["source"], "target": edge["target"], "why": edge["why"]}
            for edge, path in zip(edges, paths, strict=True)
        ],
    }


def _box(step: Mapping[str, JSON]) -> _Place:
    lines = [_cut(line) for line in step["lines"]]
    width = max((cell_width(line) for line in lines), default=0) * CHARACTER + 2 * _PAD
    height = len(lines) * LINE + 2 * _PAD - 6
    inside = None if step["inside"] is None else laid_out(step["inside"])
    if inside is not None:
        width = max(width, inside["width"] + 2 * _PAD)
        height += inside["height"] + _PAD
    return _Place(max(width, 90.0), height, step, inside)


def _cut(line: str) -> str:
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"


def _layers(
    places: Mapping[str, _Place], edges: Sequence[Mapping[str, JSON]]
) -> tuple[list[list[_Place]], list[list[_Place]]]:
    """The layers, and for each edge the places that its line passes through, both ends included."""
    depth = _depths(places, edges)
    layers: list[list[_Place]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name, place in places.items():
        layers[depth[name]].append(place)
    paths = []
    for edge in edges:
        path = [places[edge["source"]]]
        for level in range(depth[edge["source"]] + 1, depth[edge["target"]]):
            passing = _Place(_PASSING, 0.0)
            layers[level].append(passing)
            path.append(passing)
        path.append(places[edge["target"]])
        for upper, lower in itertools.pairwise(path):
            upper.below.append(lower)
            lower.above.append(upper)
        paths.append(path)
    return layers, paths


def _depths(places: Mapping[str, _Place], edges: Sequence[Mapping[str, JSON]]) -> dict[str, int]:
    """Of each step the length of the longest way to it. A plan has no cycles, so this ends."""
    waits: dict[str, int] = dict.fromkeys(places, 0)
    then: dict[str, list[str]] = {name: [] for name in places}
    for edge in edges:
        waits[edge["target"]] += 1
        then[edge["source"]].append(edge["target"])
    depth = dict.fromkeys(places, 0)
    ready = [name for name, count in waits.items() if not count]
    for name in ready:
        for later in then[name]:
            depth[later] = max(depth[later], depth[name] + 1)
            waits[later] -= 1
            if not waits[later]:
                ready.append(later)
    return depth


def _order(layers: list[list[_Place]]) -> None:
    """Puts each layer in the order of the middles of its neighbours, down and up again."""
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        at = {id(place): float(index) for layer in layers for index, place in enumerate(layer)}
        for layer in layers if down else reversed(layers):
            weight = {id(place): _mean(place.above if down else place.below, at, at[id(place)]) for place in layer}
            layer.sort(key=lambda place, weight=weight: weight[id(place)])  # type: ignore[misc]
            at.update((id(place), float(index)) for index, place in enumerate(layer))


def _mean(neighbours: Sequence[_Place], at: Mapping[int, float], otherwise: float) -> float:
    return sum(at[id(place)] for place in neighbours) / len(neighbours) if neighbours else otherwise


def _stand(layers: list[list[_Place]]) -> tuple[float, float]:
    """Gives every place its corner; each layer stands in the middle. Returns the width and height of all."""
    widths = [sum(place.width for place in layer) + _GAP_X * (len(layer) - 1) for layer in layers]
    whole, y = max(widths, default=0.0), 0.0
    for layer, width in zip(layers, widths, strict=True):
        tallest, x = max(place.height for place in layer), (whole - width) / 2
        for place in layer:
            if place.step is None:
                # A line passes straight through its layer, so that it does not cross the boxes beside it.
                place.height = tallest
            place.x, place.y = x, y + (tallest - place.height) / 2
            x += place.width + _GAP_X
        y += tallest + _GAP_Y
    return round(whole, 1), round(max(y - _GAP_Y, 0.0), 1)


def _points(path: Sequence[_Place]) -> list[list[float]]:
    first, last = path[0], path[-1]
    points = [[first.middle, first.y + first.height]]
    points += [[place.middle, y] for place in path[1:-1] for y in (place.y, place.y + place.height)]
    points.append([last.middle, last.y])
    return [[round(x, 1), round(y, 1)] for x, y in points]


def _drawn_box(place: _Place) -> dict[str, JSON]:
    step = place.step or {}
    return {
        "id": step["id"],
        "kind": step["kind"],
        "state": step["state"],
        "lines": [_cut(line) for line in step["lines"]],
        "full": list(step["lines"]),
        "x": round(place.x, 1),
        "y": round(place.y, 1),
        "width": round(place.width, 1),
        "height": round(place.height, 1),
        "inside": place.inside,
    }
