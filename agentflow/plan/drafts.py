"""Reads the texts of steps, and checks the names that they give."""

from collections.abc import Iterator, Mapping

from agentflow.plan.draft import RESERVED_NAMES, Draft, DraftBlock, Key
from agentflow.plan.findings import Findings
from agentflow.plan.kinds.table import KINDS
from agentflow.plan.texts import TextReader, Use
from agentflow.source.document import Loc
from agentflow.spec.bodies import body_of
from agentflow.spec.steps import ForEachStep, StepBase


def draft_steps(steps: Mapping[str, StepBase], read: TextReader) -> DraftBlock:
    """The steps of a file, with all that they hold."""
    return DraftBlock((), {name: _draft(name, step, ("steps", name), read) for name, step in steps.items()}, None)


def _draft(name: str, step: StepBase, loc: Loc, read: TextReader) -> Draft:
    found: dict[Key, Use] = {}
    for key, use in _texts(step, loc, read):
        if use is not None:
            found[key] = use
    return Draft(name, loc, step, found, _body(step, loc, read))


def _texts(step: StepBase, loc: Loc, read: TextReader) -> Iterator[tuple[Key, Use | None]]:
    if step.when is not None:
        yield ("when",), read.expression((*loc, "when"), step.when)
    yield from KINDS[type(step)].texts(read, loc, step)


def _body(step: StepBase, loc: Loc, read: TextReader) -> DraftBlock | None:
    body = body_of(step)
    if body is None:
        return None
    drafts = {name: _draft(name, inner, (*loc, *place), read) for name, (place, inner) in body.steps.items()}
    output = None if body.output is None else read.expression((*loc, *body.output_place), body.output)
    return DraftBlock(loc, drafts, output, body.named)


def check_names(block: DraftBlock, findings: Findings) -> None:
    """Ids and `as` names that stand for something else already."""
    _check_names(block, frozenset(), frozenset(), findings)


def _check_names(block: DraftBlock, ids: frozenset[str], names: frozenset[str], findings: Findings) -> None:
    for draft in block.drafts.values():
        if draft.id in ids and block.named:
            message = f"the id `{draft.id}` shadows a step of an enclosing scope"
            findings.at("AF402", message, draft.loc, "give one of the two another id", key=True)
        if draft.body is None:
            continue
        inner = names
        if isinstance(draft.step, ForEachStep):
            _check_as(draft, names, findings)
            inner = names | {draft.step.as_}
        seen = ids | (frozenset(block.drafts) if block.named else frozenset())
        _check_names(draft.body, seen, inner, findings)


def _check_as(draft: Draft, names: frozenset[str], findings: Findings) -> None:
    assert isinstance(draft.step, ForEachStep)
    name, loc = draft.step.as_, (*draft.loc, "as")
    written = findings.source.document.has(loc)
    if name in RESERVED_NAMES:
        findings.at("AF205", f"`{name}` already means something in expressions", loc, "choose another name")
    elif name in names:
        message = f"`{name}` shadows the variable of an enclosing `for_each`"
        where = loc if written else (*draft.loc, "for_each")
        findings.at("AF402", message, where, "name one of the two by `as`", key=not written)
