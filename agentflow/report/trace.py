"""A simulated run for people and for programs."""

import json
import shlex
from collections.abc import Iterator
from typing import Any

from agentflow.events.values import Failure
from agentflow.report.inert import inert_line
from agentflow.report.style import Paint
from agentflow.report.text import COLOURS, SYMBOLS
from agentflow.simulation.trace import Trace, TracedStep

JSON = Any

_OUTPUT_COLUMNS = 80
_ASKED_COLUMNS = 100


def trace_json(trace: Trace, workflow: str, exit_code: int) -> dict[str, JSON]:
    """A simulated run as JSON data. Fields may be added, and none is taken away or changes its meaning."""
    result = trace.result
    return {
        "type": "trace",
        "workflow": workflow,
        "status": result.status,
        "exit_code": exit_code,
        "outputs": result.outputs,
        "failure": _failure_json(result.failure),
        "cost_usd": round(result.spent.cost_usd, 9),
        "turns": result.spent.turns,
        "waiting": list(result.waiting),
        "steps": [_step_json(step) for step in trace.steps],
        "calls": [
            {"kind": call.kind, "name": call.name, "step": call.where, **dict(call.given)} for call in trace.calls
        ],
        "unused_stubs": list(trace.unused),
    }


def trace_text(trace: Trace, paint: Paint) -> str:
    """A simulated run, a line or more for each step, what is inside another below it."""
    return "\n".join(row for step in trace.steps for row in _rows(step, paint))


def _step_json(step: TracedStep) -> dict[str, JSON]:
    body = {name: getattr(step, name) for name in step.__struct_fields__}
    return {**body, "failure": _failure_json(step.failure)}


def _failure_json(failure: Failure | None) -> JSON:
    return None if failure is None else {name: getattr(failure, name) for name in failure.__struct_fields__}


def _rows(step: TracedStep, paint: Paint) -> Iterator[str]:
    depth = step.path.count(".") + step.path.count("[")
    indent = "  " * depth
    name = step.path.rpartition(".")[2]
    if step.kind == "item":
        name = name[name.rindex("[") :]
    shown = "waiting" if step.status == "unreached" else step.status
    start = f"{indent}{paint(SYMBOLS[shown], *COLOURS[shown])} {inert_line(name)}"
    number = "" if step.order is None else f"#{step.order}"
    attempt = "" if step.attempt in (None, 1) else f"attempt {step.attempt}"
    words = [word for word in ("" if step.kind == "item" else step.kind, number, step.status, attempt) if word]
    yield "  ".join([start, " ".join(words), *_detail(step)])
    for line in _asked(step):
        yield paint(f"{indent}    {inert_line(line, _ASKED_COLUMNS)}", "dim")


def _detail(step: TracedStep) -> Iterator[str]:
    if step.failure is not None:
        yield f"({step.failure.kind}) {inert_line(step.failure.message)}"
    elif step.reason is not None:
        yield f"{inert_line(step.reason)}"
    elif step.status == "done" and step.kind != "item" and step.output is not None and step.approved is None:
        shown = json.dumps(step.output, ensure_ascii=False)
        yield f"{step.stubbed or 'computed'}: {inert_line(shown, _OUTPUT_COLUMNS)}"
    elif step.stubbed is not None:
        yield step.stubbed


def _asked(step: TracedStep) -> Iterator[str]:
    asked = step.asked or {}
    if "prompt" in asked:
        yield f"{asked['agent']} is asked: {asked['prompt']}"
    if "argv" in asked:
        yield f"$ {shlex.join(asked['argv'])}"
    if "function" in asked:
        yield f"{asked['function']} is called with {json.dumps(asked['arguments'], ensure_ascii=False)}"
    if "tool" in asked:
        yield f"{asked['tool']} is given {json.dumps(asked['input'], ensure_ascii=False)}"
    if "message" in asked:
        yield f"somebody is asked: {asked['message']}"
