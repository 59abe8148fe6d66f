"""Steps with their texts parsed, before anything in them is resolved."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from agentflow.plan.findings import Findings
from agentflow.plan.texts import TextReader, Use
from agentflow.source.document import Loc
from agentflow.spec.steps import (
    AgentStep,
    ApproveStep,
    ForEachStep,
    GroupStep,
    RunStep,
    StepBase,
    ValueStep,
)

# The id of a body given as `step:`; it never shadows another such body's.
SINGLE = "step"
RESERVED_NAMES = ("inputs", "steps", "loop", "run", "previous", "secrets", "input")

Key = tuple[str | int, ...]


class Draft(Struct, frozen=True):
    """One step.

    Attributes:
        loc: where it stands in the document.
        uses: its expressions and templates, by where they stand in the step; what could not be parsed is missing.
        body: the steps it holds.
    """

    id: str
    loc: Loc
    step: StepBase
    uses: Mapping[Key, Use]
    body: "DraftBlock | None"

    def list_of(self, key: str) -> tuple[Use, ...]:
        """The uses of a list's items, in order."""
        return tuple(use for name, use in self.uses.items() if name[0] == key)


class DraftBlock(Struct, frozen=True):
    """The steps of one scope.

    Attributes:
        loc: of the step that holds it; empty for the file's own.
        single: it was given as `step:`.
    """

    loc: Loc
    drafts: Mapping[str, Draft]
    output: Use | None
    single: bool = False


def draft_block(steps: Mapping[str, StepBase], loc: Loc, output: str | None, read: TextReader) -> DraftBlock:
    """A block's steps, with all that they hold.

    Parameters:
        loc: of the step that holds the block.
        output: the block's `output`, an expression.
    """
    drafts = {name: _draft(name, step, (*loc, "steps", name), read) for name, step in steps.items()}
    return DraftBlock(loc, drafts, None if output is None else read.expression((*loc, "output"), output))


def _draft(name: str, step: StepBase, loc: Loc, read: TextReader) -> Draft:
    found: dict[Key, Use] = {}
    if step.when is not None:
        _keep(found, ("when",), read.expression((*loc, "when"), step.when))
    for key, use in _TEXTS[type(step)](read, loc, step):
        _keep(found, key, use)
    return Draft(name, loc, step, found, _body(step, loc, read))


def _keep(found: dict[Key, Use], key: Key, use: Use | None) -> None:
    if use is not None:
        found[key] = use


def _body(step: StepBase, loc: Loc, read: TextReader) -> DraftBlock | None:
    if isinstance(step, ForEachStep) and step.step is not None:
        single = _draft(SINGLE, step.step, (*loc, "step"), read)
        output = read.expression((*loc, "step"), f"steps.{SINGLE}.output")
        return DraftBlock(loc, {SINGLE: single}, output, single=True)
    if isinstance(step, ForEachStep | GroupStep):
        return draft_block(step.steps or {}, loc, step.output, read)
    return None


Texts = Iterator[tuple[Key, Use | None]]


def _agent(read: TextReader, loc: Loc, step: AgentStep) -> Texts:
    yield ("prompt",), read.prose((*loc, "prompt"), step.prompt)


def _run(read: TextReader, loc: Loc, step: RunStep) -> Texts:
    if isinstance(step.run, list):
        for index, word in enumerate(step.run):
            yield ("run", index), read.template((*loc, "run", index), word)
    yield from _stdin_and_env(read, loc, step)


def _stdin_and_env(read: TextReader, loc: Loc, step: RunStep) -> Texts:
    if step.stdin is not None:
        yield ("stdin",), read.template((*loc, "stdin"), step.stdin)
    for name, value in step.env.items():
        yield ("env", name), read.template((*loc, "env", name), value)


def _value(read: TextReader, loc: Loc, step: ValueStep) -> Texts:
    yield ("value",), read.expression((*loc, "value"), step.value)


def _approve(read: TextReader, loc: Loc, step: ApproveStep) -> Texts:
    yield ("approve",), read.prose((*loc, "approve"), step.approve)
    if step.show is not None:
        yield ("show",), read.prose((*loc, "show"), step.show)


def _for_each(read: TextReader, loc: Loc, step: ForEachStep) -> Texts:
    yield ("for_each",), read.expression((*loc, "for_each"), step.for_each)


def _group(read: TextReader, loc: Loc, step: GroupStep) -> Texts:
    return iter(())


_TEXTS: Mapping[type[StepBase], Callable[[TextReader, Loc, Any], Texts]] = {
    AgentStep: _agent,
    RunStep: _run,
    ValueStep: _value,
    ApproveStep: _approve,
    ForEachStep: _for_each,
    GroupStep: _group,
}


def check_names(block: DraftBlock, findings: Findings) -> None:
    """Ids and `as` names that stand for something else already."""
    _check_names(block, frozenset(), frozenset(), findings)


def _check_names(block: DraftBlock, ids: frozenset[str], names: frozenset[str], findings: Findings) -> None:
    for draft in block.drafts.values():
        if draft.id in ids and not block.single:
            message = f"the id `{draft.id}` shadows a step of an enclosing scope"
            findings.at("AF402", message, draft.loc, "give one of the two another id", key=True)
        if draft.body is None:
            continue
        inner = names
        if isinstance(draft.step, ForEachStep):
            _check_as(draft, names, findings)
            inner = names | {draft.step.as_}
        seen = ids | (frozenset() if block.single else frozenset(block.drafts))
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
