"""What makes a step a step of one kind, a loop one of one body, and a case one with a condition."""

from collections.abc import Iterator
from typing import Any

from agentflow.source.document import Document, Loc
from agentflow.source.suggest import did_you_mean
from agentflow.spec.findings import Finding, found, shown
from agentflow.spec.positions import keys_of, name_of, steps_of
from agentflow.spec.steps import KINDS, StepBase, kind_of

_HINT = f"a step has one of {', '.join(f'`{kind}`' for kind in KINDS)}"


def kind_findings(document: Document, data: Any) -> Iterator[Finding]:
    """Yields what keeps the steps of a file from being of one kind each."""
    for loc, step in steps_of(data):
        if not isinstance(step, dict):
            yield found(document, "AF203", f"{name_of(loc)} must be a mapping, not {shown(step)}", loc, _HINT)
            continue
        kinds = [key for key in step if key in KINDS and key != "steps"]
        if len(kinds) > 1:
            yield _several(document, loc, kinds)
        elif kind_of(step) is None:
            yield _none(document, loc, step)
        elif kinds in (["for_each"], ["repeat"]):
            yield from _body_findings(document, loc, step)
        elif kinds == ["choose"] and isinstance(step["choose"], list):
            yield from _case_findings(document, loc, step["choose"])


def tool_findings(document: Document, data: Any) -> Iterator[Finding]:
    """Yields the file's own tools that are both a command and a function."""
    tools = data.get("tools")
    for name, tool in tools.items() if isinstance(tools, dict) else ():
        if isinstance(tool, dict) and "run" in tool and "call" in tool:
            loc = ("tools", name)
            message = f"{name_of(loc)} has both `run` and `call`"
            finding = found(document, "AF209", message, (*loc, "call"), "make a tool of each", key=True)
            yield Finding(finding.diagnostic, loc)


def _several(document: Document, loc: Loc, kinds: list[str]) -> Finding:
    *others, last = [f"`{kind}`" for kind in kinds]
    message = f"{name_of(loc)} is of several kinds: {', '.join(others)} and {last}"
    finding = found(document, "AF204", message, (*loc, kinds[1]), "make a step of each", key=True)
    return Finding(finding.diagnostic, loc)


def _none(document: Document, loc: Loc, step: dict[str, Any]) -> Finding:
    message = f"{name_of(loc)} is of no kind"
    known = keys_of(StepBase)
    for key in step:
        hint = did_you_mean(key, KINDS) if key not in known else None
        if hint is not None:
            return Finding(found(document, "AF204", message, (*loc, key), hint, key=True).diagnostic, loc)
    return found(document, "AF204", message, loc, _HINT, key=True)


def _body_findings(document: Document, loc: Loc, step: dict[str, Any]) -> Iterator[Finding]:
    name = name_of(loc)
    if "steps" in step and "step" in step:
        message = f"{name} has both `steps` and `step`"
        yield found(document, "AF209", message, (*loc, "step"), "keep one of them", key=True)
    elif "steps" not in step and "step" not in step:
        hint = "add `steps`, or `step` for a single one"
        yield found(document, "AF202", f"{name} lacks a body", loc, hint, key=True)
    elif "steps" not in step and "output" in step:
        message = f"{name} has `output` beside `step`, whose own output it gives"
        yield found(document, "AF209", message, (*loc, "output"), "delete it, or write the body as `steps`", key=True)


def _case_findings(document: Document, loc: Loc, cases: list[Any]) -> Iterator[Finding]:
    for index, case in enumerate(cases):
        if isinstance(case, dict) and "when" not in case:
            case_loc = (*loc, "choose", index)
            hint = "add `when`, or make it the `otherwise` of the step"
            message = f"{name_of(case_loc)} lacks `when`"
            yield Finding(found(document, "AF202", message, case_loc, hint, key=True).diagnostic, None)
