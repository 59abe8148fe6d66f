"""Any block holds any block: each kind in each block, written, checked and run, its gates answered where they stand.

A kind of step is one row of `KINDS`: a step of it, and what that gives. A kind that holds steps is one row of `BLOCKS`
for each of the places where it can hold one.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentflow import api
from agentflow.spec.steps import KINDS as LANGUAGE
from tests.engine.doubles import ModelDouble

JSON = Any
NOTHING = object()
"""What a step without an output gives."""


OTHER = """
agentflow: 1
name: other
inputs: {n: {type: integer}}
steps: {thrice: {value: inputs.n * 3}}
outputs: {tripled: steps.thrice.output}
"""


@dataclass(frozen=True)
class Kind:
    """A kind of step: one of it, and what that gives. `fails`: with which message it ends its run."""

    step: Mapping[str, JSON]
    gives: JSON = NOTHING
    fails: str | None = None


@dataclass(frozen=True)
class Block:
    """A place for a step in a kind that holds steps.

    Attributes:
        of: the kind.
        around: from the step that it holds, and whether that has an output, to itself.
        inside: the paths of what it holds, by its own.
        gives: from what it holds gives to what it gives.
    """

    of: str
    around: Callable[[Mapping[str, JSON], bool], dict[str, JSON]]
    inside: tuple[str, ...]
    gives: Callable[[JSON], JSON] = lambda value: value


KINDS: dict[str, Kind] = {
    "agent": Kind({"agent": {"instructions": "Answer."}, "prompt": "Go."}, "done"),
    "run": Kind({"run": ["printf", "ran"], "effects": "none"}, "ran"),
    "call": Kind({"call": "work:twice", "with": {"n": 21}, "effects": "none"}, 42),
    "tool": Kind({"tool": "Glob", "with": {"pattern": "*.txt"}}, "note.txt"),
    "workflow": Kind({"workflow": "other.yaml", "with": {"n": 3}}, {"tripled": 9}),
    "value": Kind({"value": "1 + 1"}, 2),
    "approve": Kind({"approve": "Go on?", "on_reject": "continue"}, "approved"),
    "ask": Kind(
        {"ask": "Who?", "output": {"type": "object", "properties": {"name": {"type": "string"}}}}, {"name": "ada"}
    ),
    "a guard": Kind({"fail": "Never.", "when": "inputs.no"}),
    "fail": Kind({"fail": "Not {{ inputs.yes }}."}, fails="Not true."),
}


def blocks(name: str) -> dict[str, Block]:
    """Every place for a step; where what holds it gives it an id, that is `name`, which nothing around may have."""
    held = f"steps.{name}.output"

    def body(step: Mapping[str, JSON], readable: bool, output: str = held) -> dict[str, JSON]:
        return {"steps": {name: step}, **({"output": output} if readable else {})}

    done = f"previous.{name}.status | default('none') == 'done'"
    wrong = {"when": "inputs.no", "value": "'wrong'"}
    return {
        "group": Block("steps", body, (f"%s.{name}",)),
        "for_each": Block(
            "for_each",
            lambda step, readable: {"for_each": "['a', 'b']", "as": f"{name}_item", **body(step, readable)},
            (f"%s[0].{name}", f"%s[1].{name}"),
            lambda value: [value, value],
        ),
        "for_each of one": Block(
            "for_each",
            lambda step, readable: {"for_each": "['a']", "as": f"{name}_item", "step": step},
            ("%s[0].step",),
            lambda value: [value],
        ),
        "repeat": Block(
            "repeat",
            lambda step, readable: {
                "repeat": {"until": done, "max": 3},
                **body(step, readable, f"[loop.index, {held}]"),
            },
            (f"%s[0].{name}", f"%s[1].{name}"),
            lambda value: [2, value],
        ),
        "repeat of one": Block(
            "repeat",
            lambda step, readable: {"repeat": {"until": "steps.step.status == 'done'", "max": 3}, "step": step},
            ("%s[0].step",),
        ),
        "a case": Block(
            "choose",
            lambda step, readable: {
                "choose": [wrong, {**step, "when": "inputs.yes"}],
                **({"otherwise": {"value": "'wrong'"}} if readable else {}),
            },
            ("%s.2",),
        ),
        "otherwise": Block("choose", lambda step, readable: {"choose": [wrong], "otherwise": step}, ("%s.otherwise",)),
    }


BLOCKS = blocks("held")
INSIDE = blocks("inner")


def holding(block: Block, held: Kind) -> Kind:
    """A block with a step of some kind in it, as a kind of its own."""
    readable = held.gives is not NOTHING
    step = block.around(held.step, readable)
    return Kind(step, block.gives(held.gives) if readable else NOTHING, held.fails)


def is_guard_in_a_choice(block: Block, held: Kind) -> bool:
    """A case is chosen by its `when`: a guard there is no guard."""
    return block.of == "choose" and "fail" in held.step and "when" in held.step


INNER = {**KINDS, **{f"{name} of a value": holding(block, KINDS["value"]) for name, block in INSIDE.items()}}
PAIRS = [
    pytest.param(block, held, id=f"{inner} in {outer}")
    for outer, block in BLOCKS.items()
    for inner, held in INNER.items()
    if not is_guard_in_a_choice(block, held)
]
THREE_DEEP = [
    pytest.param(BLOCKS[outer], holding(INSIDE[middle], KINDS["approve"]), id=f"a gate in {middle} in {outer}")
    for outer in BLOCKS
    for middle in INSIDE
]


@pytest.fixture
def run(tmp_path: Path):
    """Writes a workflow of one step, checks it, and runs it to its end; every gate gets its yes by its path."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "note.txt").write_text("note")
    (tmp_path / "other.yaml").write_text(OTHER)
    (tmp_path / "work.py").write_text("def twice(n: int) -> int:\n    return 2 * n\n")

    async def run(kind: Kind) -> tuple[api.RunResult, list[str]]:
        file = tmp_path / "w.yaml"
        document = {
            "agentflow": 1,
            "name": "w",
            "sandbox": "off",
            "inputs": {"yes": {"type": "boolean"}, "no": {"type": "boolean"}},
            "steps": {"box": kind.step},
            "outputs": {
                "box": "steps.box.output" if kind.gives is not NOTHING else "steps.box.status",
                "inputs": "[inputs.yes, inputs.no]",
            },
        }
        file.write_text(json.dumps(document))
        checked = api.check(file)
        assert checked.diagnostics == ()
        options = api.RunOptions(model=ModelDouble())
        result = await api.run(file, {"yes": True, "no": False}, options)
        asked: list[str] = []
        while result.status == "waiting":
            asked += result.waiting
            journal = api.open_journal(tmp_path, "write")
            for path in result.waiting:
                answers = {"name": "ada"} if asks(kind) else None
                journal.answer(result.run, path, approved=True, by="ada", comment=None, at=2_000.0, answers=answers)
            journal.close()
            result = await api.resume(result.run, options, tmp_path)
        return result, asked

    return run


def asks(kind: Kind) -> bool:
    """Whether a form is to be filled in, rather than a gate opened."""
    return '"ask":' in json.dumps(kind.step)


def plain(value: JSON) -> JSON:
    """An answer of a person without its time."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    return "approved" if isinstance(value, dict) and value.get("by") == "ada" else value


def test_every_kind_of_the_language_has_a_row():
    rows = {key for kind in KINDS.values() for key in kind.step} | {block.of for block in BLOCKS.values()}
    assert set(LANGUAGE) <= rows


@pytest.mark.parametrize(("block", "held"), PAIRS)
async def test_any_step_runs_in_any_block(run, block: Block, held: Kind):
    kind = holding(block, held)
    result, asked = await run(kind)
    if held.fails is not None:
        assert result.failure is not None
        assert (result.failure.kind, result.failure.message) == ("failed", held.fails)
        assert result.failure.step in {path % "box" for path in block.inside}
        return
    assert result.status == "done", result.failure
    assert result.outputs is not None
    assert plain(result.outputs["box"]) == ("done" if kind.gives is NOTHING else kind.gives)
    assert asked == ([path % "box" for path in block.inside] if {"approve", "ask"} & held.step.keys() else [])


@pytest.mark.parametrize(("block", "held"), THREE_DEEP)
async def test_a_gate_in_any_block_in_any_block_is_answered_by_its_path(run, block: Block, held: Kind):
    result, asked = await run(holding(block, held))
    assert result.status == "done", result.failure
    assert result.outputs is not None
    assert plain(result.outputs["box"]) == block.gives(held.gives)
    assert len(asked) == len(set(asked)) > 0
