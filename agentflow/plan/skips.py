"""Which steps may end without being done, and where that leaves a reader with nothing."""

from collections.abc import Iterable

from agentflow.plan.arrange import Arranged
from agentflow.plan.draft import Draft
from agentflow.plan.findings import Findings
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import Use
from agentflow.spec.steps import ApproveStep


def can_skip(draft: Draft, arranged: Arranged, scope: Scope) -> bool:
    """Whether a step may be skipped or rejected; those it waits for were judged already.

    Parameters:
        arranged: the block it stands in.
        scope: of that block.
    """
    step = draft.step
    if step.when is not None or step.on_error == "continue":
        return True
    if isinstance(step, ApproveStep) and step.on_reject == "skip":
        return True
    facts = scope.facts
    if any(name in facts and facts[name].can_be_missing for name in arranged.reads[draft.id]):
        return True
    if step.join == "done" or not step.needs:
        return False
    of_needs = [name in facts and facts[name].can_skip for name in step.needs]
    return all(of_needs) if step.join == "any" else any(of_needs)


def check_output(use: Use, names: Iterable[str], scope: Scope, findings: Findings) -> None:
    """Where nothing can be skipped, nothing is read that may be missing.

    Parameters:
        use: the `output` of a block, or one of the file's `outputs`.
        names: the ids of the scope it belongs to; a block that reads a skipped step further out is skipped itself.
    """
    own = frozenset(names)
    for reference in use.code.references:
        path = reference.path
        if reference.root != "steps" or path[1:2] != ("output",) or reference.defaulted or path[0] not in own:
            continue
        facts = scope.facts.get(str(path[0]))
        if facts is not None and facts.can_be_missing:
            message = f"step `{path[0]}` may be skipped, and nothing stands in for it here"
            hint = f"give `{path[0]}` an `if_skipped`, or read it with `| default(…)`"
            width = len("steps.") + len(str(path[0]))
            findings.add("AF304", message, use.place(reference.offset, width), hint)
