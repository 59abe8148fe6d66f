"""Checks steps in the order in which they run: what they read, of which type, and whether it may be missing."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

from agentflow.plan.agent_plan import AgentPlan, ToolSpec
from agentflow.plan.arrange import Arranged
from agentflow.plan.draft import Draft, Key
from agentflow.plan.files import Compiled, Files
from agentflow.plan.findings import Findings
from agentflow.plan.flow import use_is_tainted
from agentflow.plan.kinds.kind import Output
from agentflow.plan.kinds.table import KINDS
from agentflow.plan.reach import always_fails, check_reach
from agentflow.plan.scopes import Scope, StepFacts, Variable, check
from agentflow.plan.skips import can_skip, check_output
from agentflow.plan.texts import Use
from agentflow.plan.types import (
    Shape,
    kinds,
    shape_of_value,
    union,
)
from agentflow.source.document import Loc

if TYPE_CHECKING:
    from agentflow.plan.functions import Known


class Analysis(Struct, frozen=True):
    """Checks the steps of one file.

    Attributes:
        agents: the agent of each agent step, by where the step stands; missing where it could not be made.
        tools: what each of the file's own tools is.
        files: compiles the files that steps run.
        parts: those files, by where the steps stand.
        modules: those of functions that are called, each parsed once.
    """

    findings: Findings
    agents: Mapping[Loc, AgentPlan]
    tools: Mapping[str, ToolSpec]
    files: Files
    parts: dict[Loc, Compiled] = field(default_factory=dict)
    modules: "Known" = {}

    def block(self, arranged: Arranged, scope: Scope) -> Output:
        """Checks a block's steps and then its output; fills in the scope's facts."""
        for name in arranged.order:
            scope.facts[name] = facts = self._step(arranged.block.drafts[name], arranged, scope)
            if facts.never_done:
                scope.never_done[name] = None
        fails = always_fails(arranged, scope)
        if arranged.block.until is not None:
            self._check_until(arranged.block.until, arranged, scope)
        use = arranged.block.output
        if use is None or _is_silent(arranged, scope):
            return Output(None, False, never_done=fails)
        shape = check(use, scope, self.findings)
        check_output(use, arranged.block.drafts, scope, self.findings)
        return Output(shape, use_is_tainted(use, scope), never_done=fails)

    def _step(self, draft: Draft, arranged: Arranged, scope: Scope) -> StepFacts:
        shapes = {key: check(use, scope, self.findings) for key, use in draft.uses.items()}
        self._check_when(draft, shapes)
        self._check_needs(draft, scope)
        output = KINDS[type(draft.step)].output(self, draft, shapes, arranged, scope)
        skips = output.can_skip or can_skip(draft, arranged, scope)
        stands_in = "if_skipped" in draft.step.model_fields_set
        shape = output.shape
        if stands_in and shape is not None:
            shape = union((shape, shape_of_value(draft.step.if_skipped)))
        never = check_reach(draft, arranged, scope, self.findings)
        return StepFacts(shape, output.tainted, skips, skips and not stands_in, output.never_done or never, never)

    def declared(self, draft: Draft) -> Shape:
        """The shape of a step's output as far as the step itself says it."""
        return KINDS[type(draft.step)].declared(self, draft)

    def _check_until(self, use: Use, arranged: Arranged, scope: Scope) -> None:
        shape = check(use, scope, self.findings)
        check_output(use, arranged.block.drafts, scope, self.findings)
        self.check_kind(use, shape, "boolean", "until", "compare it, as `… == 'yes'` or `… > 0`")
        changes = any(
            reference.root in ("previous", "loop")
            or (reference.root == "steps" and reference.path[:1] and reference.path[0] in arranged.block.drafts)
            for reference in use.code.references
        )
        if not changes:
            message = "no round changes what the condition reads"
            hint = "read a step of the body, `previous` or `loop.index`"
            self.findings.add("AF403", message, use.place(0, len(use.code.source)), hint)

    def _check_when(self, draft: Draft, shapes: Mapping[Key, Shape]) -> None:
        use = draft.uses.get(("when",))
        if use is None:
            return
        if not use.code.references:
            hint = "read something that changes, or take the `when` away"
            self.findings.add("AF403", "the condition is always the same", use.place(0, len(use.code.source)), hint)
            return
        self.check_kind(use, shapes["when",], "boolean", "when", "compare it, as `… != ''`, `… > 0` or `… is not none`")

    def check_kind(self, use: Use, shape: Shape, wanted: str, key: str, hint: str) -> None:
        """Notes an expression that cannot give what its key wants."""
        found = kinds(shape)
        if found is not None and found != {wanted}:
            what = "true or false" if wanted == "boolean" else "a list"
            message = f"`{key}` wants {what}, not {' or '.join(sorted(found))}"
            self.findings.add("AF305", message, use.place(0, len(use.code.source)), hint)

    def _check_needs(self, draft: Draft, scope: Scope) -> None:
        assert scope.block is not None
        for index, name in enumerate(draft.step.needs):
            if name in scope.block.readable or self.is_broken_step(name, scope):
                continue
            if scope.find(name) is not None:
                hint: str | None = "put this `needs` on the step that holds this one"
            else:
                hint = self.findings.similar(name, scope.block.readable)
            self.findings.at("AF301", f"there is no step `{name}` in this scope", (*draft.loc, "needs", index), hint)

    def is_broken_step(self, name: str, scope: Scope) -> bool:
        """Whether loading left such a step out."""
        return any(self.findings.is_broken(loc) for loc in scope.locs(name))

    def body(self, draft: Draft, arranged: Arranged, scope: Scope, names: Mapping[str, Variable]) -> Output:
        """Checks the block that a step holds, with the names that it adds there."""
        body = arranged.bodies[draft.id]
        return self.block(body, scope.inner(body.block, names))


def _is_silent(arranged: Arranged, scope: Scope) -> bool:
    """Whether a body of a single step gives nothing because its step does not."""
    block = arranged.block
    return not block.named and all(scope.facts[name].output is None for name in block.drafts)
