"""Checked drafts become the steps of a Plan."""

from collections.abc import Mapping

from msgspec import Struct

from agentflow.plan.agent_plan import AgentPlan, ToolSpec
from agentflow.plan.arrange import Arranged
from agentflow.plan.draft import Draft
from agentflow.plan.expressions import Expression
from agentflow.plan.files import Compiled
from agentflow.plan.kinds.table import KINDS
from agentflow.plan.model import Block, StepPlan
from agentflow.plan.retries import repeats
from agentflow.plan.texts import Use
from agentflow.source.document import Loc
from agentflow.spec.sources import Source


class Builder(Struct, frozen=True):
    """Builds the blocks of a file without errors.

    Attributes:
        source: the file.
        agents: the agent of each agent step, by where the step stands.
        tools: what each of the file's own tools is.
        parallel: how many items of a `for_each` are at work at once unless it says.
        source: the file.
        parts: the files that its steps run, by where the steps stand.
    """

    source: Source
    agents: Mapping[Loc, AgentPlan]
    tools: Mapping[str, ToolSpec]
    parallel: int
    parts: Mapping[Loc, Compiled]

    def block(self, arranged: Arranged) -> Block:
        """A block with all that it holds."""
        steps = {name: self._step(draft, arranged) for name, draft in arranged.block.drafts.items()}
        output = arranged.block.output
        return Block(
            steps,
            arranged.followers,
            None if output is None else output.expression,
            arranged.order,
            arranged.block.cases,
        )

    def _step(self, draft: Draft, arranged: Arranged) -> StepPlan:
        step = draft.step
        kind = KINDS[type(step)]
        common = {
            "id": draft.id,
            "needs": tuple(dict.fromkeys(step.needs)),
            "reads": arranged.reads[draft.id],
            "join": step.join,
            "when": _expression(draft.uses.get(("when",))),
            "has_if_skipped": "if_skipped" in step.model_fields_set,
            "if_skipped": step.if_skipped,
            "continues": step.on_error == "continue",
            **repeats(step, times_itself=kind.times_itself),
            "workspace": step.workspace,
        }
        return kind.build(self, draft, arranged, common)


def _expression(use: Use | None) -> Expression | None:
    return None if use is None else use.expression
