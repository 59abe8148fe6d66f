"""A picture of a plan in Mermaid's flowchart language."""

import re
from collections.abc import Iterator, Mapping

from agentflow.report.colours import FILLS
from agentflow.report.drawing import Drawn, Picture

_SHAPES: Mapping[str, tuple[str, str]] = {
    "agent": ("([", "])"),
    "run": ("[[", "]]"),
    "call": ("[[", "]]"),
    "tool": ("[/", "/]"),
    "value": ("[", "]"),
    "approve": ("{{", "}}"),
    "fail": (">", "]"),
    "ask": ("{{", "}}"),
}
# In a label Mermaid reads `#nn;` as the character of that number; all that could mean something else is written so.
_PLAIN = re.compile(r"[^A-Za-z0-9 _,:.()\-\u00a1-\U0010ffff]")


def mermaid(drawn: Picture) -> str:
    """The picture as a flowchart: blocks are subgraphs, and states colour classes."""
    lines = ["flowchart TD", *_block(drawn, "  ")]
    states: dict[str, list[str]] = {}
    for step in _every(drawn):
        if step.state is not None:
            states.setdefault(step.state, []).append(step.id)
    for state, ids in states.items():
        fill, stroke = FILLS[state]
        lines.append(f"  classDef state_{state} fill:{fill},stroke:{stroke},color:#111111")
        lines.append(f"  class {','.join(ids)} state_{state}")
    return "\n".join(lines)


def _block(drawn: Picture, pad: str) -> Iterator[str]:
    for step in drawn.steps:
        label = '"' + "<br/>".join(map(_escaped, step.lines)) + '"'
        if step.inside is None:
            opening, closing = _SHAPES[step.kind]
            yield f"{pad}{step.id}{opening}{label}{closing}"
        else:
            yield f"{pad}subgraph {step.id}[{label}]"
            yield from _block(step.inside, pad + "  ")
            yield f"{pad}end"
    for edge in drawn.edges:
        yield f"{pad}{edge.source} -->|{', '.join(edge.why)}| {edge.target}"


def _every(drawn: Picture) -> Iterator[Drawn]:
    for step in drawn.steps:
        yield step
        if step.inside is not None:
            yield from _every(step.inside)


def _escaped(text: str) -> str:
    return _PLAIN.sub(lambda found: f"#{ord(found[0])};", text)
