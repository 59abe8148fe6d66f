"""Every kind of step."""

from collections.abc import Mapping

from agentflow.plan.kinds.agent import AGENT
from agentflow.plan.kinds.approve import APPROVE
from agentflow.plan.kinds.for_each import FOR_EACH
from agentflow.plan.kinds.group import GROUP
from agentflow.plan.kinds.kind import Kind
from agentflow.plan.kinds.run import RUN
from agentflow.plan.kinds.value import VALUE
from agentflow.spec.steps import (
    AgentStep,
    ApproveStep,
    ForEachStep,
    GroupStep,
    RunStep,
    StepBase,
    ValueStep,
)

KINDS: Mapping[type[StepBase], Kind] = {
    AgentStep: AGENT,
    RunStep: RUN,
    ValueStep: VALUE,
    ApproveStep: APPROVE,
    ForEachStep: FOR_EACH,
    GroupStep: GROUP,
}
