"""Every kind of step."""

from collections.abc import Mapping

from agentflow.plan.kinds.agent import AGENT
from agentflow.plan.kinds.approve import APPROVE
from agentflow.plan.kinds.ask import ASK
from agentflow.plan.kinds.call import CALL
from agentflow.plan.kinds.choose import CHOOSE
from agentflow.plan.kinds.fail import FAIL
from agentflow.plan.kinds.for_each import FOR_EACH
from agentflow.plan.kinds.group import GROUP
from agentflow.plan.kinds.kind import Kind
from agentflow.plan.kinds.repeat import REPEAT
from agentflow.plan.kinds.run import RUN
from agentflow.plan.kinds.tool import TOOL
from agentflow.plan.kinds.value import VALUE
from agentflow.plan.kinds.workflow import WORKFLOW
from agentflow.spec.steps import (
    AgentStep,
    ApproveStep,
    AskStep,
    CallStep,
    ChooseStep,
    FailStep,
    ForEachStep,
    GroupStep,
    RepeatStep,
    RunStep,
    StepBase,
    ToolStep,
    ValueStep,
    WorkflowStep,
)

KINDS: Mapping[type[StepBase], Kind] = {
    AgentStep: AGENT,
    RunStep: RUN,
    CallStep: CALL,
    ToolStep: TOOL,
    ValueStep: VALUE,
    ApproveStep: APPROVE,
    AskStep: ASK,
    WorkflowStep: WORKFLOW,
    ForEachStep: FOR_EACH,
    RepeatStep: REPEAT,
    ChooseStep: CHOOSE,
    FailStep: FAIL,
    GroupStep: GROUP,
}
