"""Steps that can never run, as far as that can be told without running them."""

from collections.abc import Iterator

from agentflow.plan.arrange import Arranged
from agentflow.plan.conditions import Demand, contradict, demands_of
from agentflow.plan.draft import Draft, DraftBlock
from agentflow.plan.findings import Findings
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import Use
from agentflow.source.diagnostics import Place
from agentflow.spec.steps import FailStep


def always_fails(arranged: Arranged, scope: Scope) -> bool:
    """Whether one of a block's steps fails whatever happens, and the block with it; its steps were judged already."""
    return any(_halts(draft, scope) for draft in arranged.block.drafts.values())


def _halts(draft: Draft, scope: Scope) -> bool:
    """Whether a step fails whatever happens, so that nothing starts after it."""
    facts = scope.facts.get(draft.id)
    return facts is not None and facts.never_done and not facts.can_skip and draft.step.on_error != "continue"


def check_reach(draft: Draft, arranged: Arranged, scope: Scope, findings: Findings) -> bool:
    """Notes a step that can never run; those it waits for were judged already.

    Returns:
        Whether it never runs, noted or not: what follows only from another such step is not noted again.
    """
    blocking = _blocking(draft, arranged, scope)
    if blocking is not None:
        # Of a chain of steps that never run, the first says it all.
        if not scope.facts[blocking].never_runs:
            message = f"step `{draft.id}` can never run: it waits for `{blocking}`, which is never done"
            guard = isinstance(arranged.block.drafts[blocking].step, FailStep)
            what = f"give `{blocking}` a `when`" if guard else f"let `{blocking}` end without `fail`"
            findings.at("AF405", message, draft.loc, f"{what}, or take `{draft.id}` away", key=True)
        return True
    if isinstance(draft.step, FailStep) or not contradict(_must_hold(draft, arranged)):
        return False
    message = f"step `{draft.id}` can never run: what it waits for excludes one another"
    findings.at(
        "AF405",
        message,
        draft.loc,
        "use `join: any`, give one of them an `if_skipped`, or read the `when`s again",
        key=True,
    )
    return True


def _blocking(draft: Draft, arranged: Arranged, scope: Scope) -> str | None:
    """A step that is never done and without which this one does not run."""
    step, block = draft.step, arranged.block
    never = dict.fromkeys(name for name in arranged.awaited[draft.id] if name in scope.never_done)
    if not never:
        return None
    missing = [name for name in step.needs if name in never]
    if missing and (step.join == "all" or (step.join == "any" and len(missing) == len(step.needs))):
        return missing[0]
    reads = frozenset(arranged.reads[draft.id])
    for name in never:
        read = name in reads and "if_skipped" not in block.drafts[name].step.model_fields_set
        halts = step.join != "done" and _halts(block.drafts[name], scope)
        if read or halts:
            return name
    return None


def _must_hold(draft: Draft, arranged: Arranged) -> Iterator[Demand]:
    """What must be so for a step to run: its own condition, and those of the steps that must be done first."""
    block, step = arranged.block, draft.step
    if not block.cases:
        yield from _demands(draft)
    needs = frozenset(step.needs if step.join == "all" else ())
    reads = frozenset(arranged.reads[draft.id])
    for name in arranged.awaited[draft.id]:
        other = block.drafts[name].step
        must_be_done = name in needs or (name in reads and "if_skipped" not in other.model_fields_set)
        if must_be_done and not isinstance(other, FailStep):
            yield from _demands(block.drafts[name])


def _demands(draft: Draft) -> Iterator[Demand]:
    use = draft.uses.get(("when",))
    # `run.attempt` may have changed between two conditions, all else may not.
    if use is not None and not any(reference.root == "run" for reference in use.code.references):
        yield from demands_of(use.expression.tree)


def check_cases(block: DraftBlock, findings: Findings) -> None:
    """Notes the cases of a choice that an earlier one always comes before."""
    seen: dict[frozenset[Demand], str] = {}
    for name, draft in block.drafts.items():
        use = draft.uses.get(("when",))
        if use is None:
            continue
        own = demands_of(use.expression.tree)
        earlier = seen.get(own) or next((seen[one] for demand in own if (one := frozenset((demand,))) in seen), None)
        if earlier is not None:
            _note_case(earlier, use, findings)
        elif contradict(own):
            findings.add("AF405", "the condition can never hold", _place(use), "read it again")
        seen.setdefault(own, name)


def _note_case(earlier: str, use: Use, findings: Findings) -> None:
    message = f"this case can never be chosen: where its condition holds, case {earlier} is"
    findings.add("AF405", message, _place(use), "take it away, or put it before that case")


def _place(use: Use) -> Place:
    return use.place(0, len(use.code.source))
