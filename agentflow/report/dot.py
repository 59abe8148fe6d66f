"""A picture of a plan in Graphviz's language."""

from collections.abc import Iterator, Mapping

from agentflow.report.colours import FILLS
from agentflow.report.drawing import Drawn, Picture

_SHAPES: Mapping[str, str] = {
    "agent": "ellipse",
    "run": "component",
    "call": "component",
    "tool": "parallelogram",
    "value": "box",
    "approve": "hexagon",
    "ask": "hexagon",
    "fail": "octagon",
}

_FONTS = tuple(f'  {what} [fontname="sans-serif"];' for what in ("graph", "node", "edge"))


def dot(drawn: Picture, name: str) -> str:
    """The picture as a directed graph: blocks are clusters, and states colour what they are states of.

    Parameters:
        name: of the graph.
    """
    lines = [f"digraph {_quoted(name)} {{", "  compound=true;", *_FONTS]
    return "\n".join([*lines, *_block(drawn, "  "), "}"])


def _block(drawn: Picture, pad: str) -> Iterator[str]:
    steps = {step.id: step for step in drawn.steps}
    for step in drawn.steps:
        if step.inside is None:
            yield f"{pad}{_quoted(step.id)} [{', '.join((f'shape={_SHAPES[step.kind]}', *_look(step)))}];"
        else:
            yield f"{pad}subgraph {_quoted(_cluster(step))} {{"
            yield from (f"{pad}  {attribute};" for attribute in _look(step))
            yield from _block(step.inside, pad + "  ")
            yield f"{pad}}}"
    for edge in drawn.edges:
        source, target = steps[edge.source], steps[edge.target]
        # An edge runs between nodes, and is cut at the border of the cluster that it is meant for.
        ends = [f"label={_quoted(', '.join(edge.why))}"]
        ends += [f"ltail={_quoted(_cluster(source))}"] if source.inside is not None else []
        ends += [f"lhead={_quoted(_cluster(target))}"] if target.inside is not None else []
        yield f"{pad}{_quoted(_leaf(source, -1).id)} -> {_quoted(_leaf(target, 0).id)} [{', '.join(ends)}];"


def _look(step: Drawn) -> tuple[str, ...]:
    label = "label=" + _quoted("\n".join(step.lines))
    if step.state is None:
        return (label,)
    fill, stroke = FILLS[step.state]
    return label, "style=filled", f'fillcolor="{fill}"', f'color="{stroke}"'


def _leaf(step: Drawn, at: int) -> Drawn:
    """The first or last step in a block, and in the blocks in it."""
    while step.inside is not None:
        step = step.inside.steps[at]
    return step


def _cluster(step: Drawn) -> str:
    return f"cluster_{step.id}"


def _quoted(text: str) -> str:
    # In a label a backslash begins an escape, so it is doubled there as it would not be in an id.
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
