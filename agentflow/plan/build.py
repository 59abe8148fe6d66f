"""Checked drafts become the steps of a Plan."""

from collections.abc import Mapping

from msgspec import Struct

from agentflow.plan.arrange import Arranged
from agentflow.plan.draft import Draft
from agentflow.plan.expressions import Expression
from agentflow.plan.kinds.table import KINDS
from agentflow.plan.model import AgentPlan, Block, StepPlan
from agentflow.plan.texts import Use
from agentflow.source.document import Loc


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
        return KINDS[type(step)].build(self, draft, arranged, common)


def _expression(use: Use | None) -> Expression | None:
    return None if use is None else use.expression
