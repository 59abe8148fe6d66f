"""Which step waits for which, scope by scope."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain

from msgspec import Struct

from agentflow.plan.draft import Draft, DraftBlock
from agentflow.plan.findings import Findings
from agentflow.plan.graph import Edges, cycles_of, sorted_by
from agentflow.plan.texts import Use


class Arranged(Struct, frozen=True):
    """A block in the order in which its steps can run.

    Attributes:
        followers: of each step, those that read or need it, or hold one that does.
        order: so that each comes after those it waits for; ties, and everything where there is a cycle, in the
            file's order.
        bodies: the blocks that its steps hold.
        reads: of each step, what it and the steps inside it cannot go without: ids of this scope and of enclosing
            ones whose `.output` they read with nothing to fall back on.
        seen: the ids outside of it that its steps read in any way.
        wanted: those of `seen` that its steps cannot go without.
    """

    block: DraftBlock
    followers: Edges
    order: tuple[str, ...]
    bodies: Mapping[str, "Arranged"]
    reads: Mapping[str, tuple[str, ...]]
    seen: tuple[str, ...]
    wanted: tuple[str, ...]


def arrange(block: DraftBlock, findings: Findings) -> Arranged:
    """The graph of a block and of all that it holds; cycles are noted."""
    bodies = {draft.id: arrange(draft.body, findings) for draft in block.drafts.values() if draft.body is not None}
    followers: dict[str, dict[str, None]] = {name: {} for name in block.drafts}
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
        for name in (*every, *draft.step.needs):
            if name in followers:
                followers[name][draft.id] = None
        seen.update(every)
        wanted.update(needed)
    order = _order(block, followers, findings)
    outside, beyond = (tuple(name for name in names if name not in block.drafts) for names in (seen, wanted))
    return Arranged(block, followers, order, bodies, reads, outside, beyond)


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


def _order(block: DraftBlock, followers: Edges, findings: Findings) -> tuple[str, ...]:
    order = sorted_by(followers)
    if len(order) == len(block.drafts):
        return order
    for cycle in cycles_of(followers):
        first = block.drafts[cycle[0]]
        message = f"`{first.id}` waits for itself: {' → '.join(cycle)}"
        findings.at("AF401", message, first.loc, "take one of these reads or `needs` away", key=True)
    return tuple(block.drafts)
