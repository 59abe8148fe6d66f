"""Checked drafts become the steps of a Plan."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from agentflow.plan.arrange import Arranged, continued
from agentflow.plan.drafts import Draft
from agentflow.plan.expressions import Expression
from agentflow.plan.model import (
    AgentPlan,
    AgentStepPlan,
    ApproveStepPlan,
    Block,
    BoundPlan,
    ForEachStepPlan,
    GroupStepPlan,
    RunStepPlan,
    StepPlan,
    ValueStepPlan,
)
from agentflow.plan.texts import Use
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


class Builder(Struct, frozen=True):
    """Builds the blocks of a file without errors.

    Attributes:
        agents: the agent of each agent step, by where the step stands.
        parallel: how many items of a `for_each` are at work at once unless it says.
    """

    agents: Mapping[Loc, AgentPlan]
    parallel: int

    def block(self, arranged: Arranged) -> Block:
        """A block with all that it holds."""
        steps = {name: self._step(draft, arranged) for name, draft in arranged.block.drafts.items()}
        output = arranged.block.output
        return Block(steps, arranged.followers, None if output is None else output.expression, arranged.order)

    def _step(self, draft: Draft, arranged: Arranged) -> StepPlan:
        step = draft.step
        common = {
            "id": draft.id,
            "needs": tuple(dict.fromkeys(step.needs)),
            "reads": arranged.reads[draft.id],
            "join": step.join,
            "when": _expression(draft.uses.get(("when",))),
            "has_if_skipped": "if_skipped" in step.model_fields_set,
            "if_skipped": step.if_skipped,
            "continues": step.on_error == "continue",
        }
        return _BUILDERS[type(step)](self, draft, arranged, common)

    def agent(self, draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
        """One agent session."""
        return AgentStepPlan(
            **common,
            agent=self.agents[draft.loc],
            prompt=draft.uses["prompt",].template,
            continues_session=next(iter(continued(draft)), None),
        )

    def run(self, draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
        """A command."""
        step = draft.step
        assert isinstance(step, RunStep)
        stdin = draft.uses.get(("stdin",))
        return RunStepPlan(
            **common,
            argv=tuple(use.template for use in draft.list_of("run")),
            script=step.run if isinstance(step.run, str) else None,
            stdin=None if stdin is None else stdin.template,
            env={str(key[1]): use.template for key, use in draft.uses.items() if key[0] == "env"},
            cwd=step.cwd,
            parse=step.parse,
            exit_codes=tuple(step.exit_codes),
            effects=step.effects,
            timeout=step.timeout,
            on_unknown=step.on_unknown,
        )

    def value(self, draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
        """The value of an expression."""
        return ValueStepPlan(**common, value=draft.uses["value",].expression)

    def approve(self, draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
        """A person says yes or no."""
        step = draft.step
        assert isinstance(step, ApproveStep)
        show = draft.uses.get(("show",))
        return ApproveStepPlan(
            **common,
            message=draft.uses["approve",].template,
            show=None if show is None else show.template,
            timeout=step.timeout,
            on_timeout=step.on_timeout,
            on_reject=step.on_reject,
        )

    def for_each(self, draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
        """The body once per item."""
        step = draft.step
        assert isinstance(step, ForEachStep)
        return ForEachStepPlan(
            **common,
            items=draft.uses["for_each",].expression,
            as_name=step.as_,
            max=_bound(step.max),
            parallel=_bound(self.parallel if step.parallel is None else step.parallel),
            collects=step.on_error == "collect",
            body=self.block(arranged.bodies[draft.id]),
        )

    def group(self, draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
        """A scope of steps."""
        return GroupStepPlan(**common, body=self.block(arranged.bodies[draft.id]))


def _expression(use: Use | None) -> Expression | None:
    return None if use is None else use.expression


def _bound(value: int | str) -> BoundPlan:
    return BoundPlan(value) if isinstance(value, int) else BoundPlan(None, value.removeprefix("inputs."))


_BUILDERS: Mapping[type[StepBase], Callable[[Builder, Draft, Arranged, Mapping[str, Any]], StepPlan]] = {
    AgentStep: Builder.agent,
    RunStep: Builder.run,
    ValueStep: Builder.value,
    ApproveStep: Builder.approve,
    ForEachStep: Builder.for_each,
    GroupStep: Builder.group,
}
