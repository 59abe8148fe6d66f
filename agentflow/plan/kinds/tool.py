"""`tool`: one tool call without a model."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentflow.plan.agent_plan import ToolSpec
from agentflow.plan.arguments import built, texts_in
from agentflow.plan.arrange import Arranged
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.companions import waiting
from agentflow.plan.draft import Draft
from agentflow.plan.grants import AGENT_TOOL
from agentflow.plan.kinds.kind import Kind, Output, Shapes, Texts
from agentflow.plan.model import RetryPlan, StepPlan, ToolStepPlan
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import TextReader
from agentflow.plan.tool_inputs import check_tool_input, check_untrusted_input
from agentflow.plan.types import STRING, Shape
from agentflow.source.document import Loc
from agentflow.spec.steps import ToolStep

if TYPE_CHECKING:
    from agentflow.plan.analysis import Analysis
    from agentflow.plan.build import Builder

_BUILTIN = {name: waiting(tool.spec) for name, tool in BUILTIN_TOOLS.items() if tool.spec.by == "toolbox"}


def _texts(read: TextReader, loc: Loc, step: ToolStep) -> Texts:
    return texts_in(read, loc, step.with_)


def _output(analysis: "Analysis", draft: Draft, shapes: Shapes, arranged: Arranged, scope: Scope) -> Output:
    """What the tool says: text that is nobody's here, or a value that meets the tool's `output`."""
    step = draft.step
    assert isinstance(step, ToolStep)
    spec = tool_of(step.tool, analysis.tools)
    if spec is None:
        _refuse(analysis, step.tool, (*draft.loc, "tool"))
    else:
        check_tool_input(spec, draft, step, shapes, analysis.findings)
        check_untrusted_input(spec.name, draft, scope, analysis.findings)
    schema = None if spec is None else spec.options.output
    return Output(STRING if schema is None else Shape.of(schema), True)


def tool_of(name: str, own: Mapping[str, ToolSpec]) -> ToolSpec | None:
    """The tool a step calls: one of the file's `own`, or one that is built in."""
    return own.get(name) or _BUILTIN.get(name)


def _refuse(analysis: "Analysis", name: str, loc: Loc) -> None:
    findings = analysis.findings
    if findings.is_broken(("tools", name)):
        return
    known = [*analysis.tools, *_BUILTIN]
    if name == AGENT_TOOL:
        message, hint = "`Agent` is for agents to call one another", "write a step with `agent` and `prompt`"
    elif name in BUILTIN_TOOLS:
        message, hint = f"`{name}` is for agents alone", "give it to an agent, by `tools`"
    elif name.startswith("mcp__"):
        message, hint = f"tool `{name}` is not supported yet", "use a command tool of the file's own"
    else:
        message = f"there is no tool `{name}`"
        hint = findings.similar(name, known) or f"the tools are {', '.join(known)}"
    findings.at("AF309", message, loc, hint)


def _build(builder: "Builder", draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
    """One tool call."""
    step = draft.step
    assert isinstance(step, ToolStep)
    spec = tool_of(step.tool, builder.tools)
    assert spec is not None
    if step.retry is None:
        common = {**common, "retry": _retry_of(spec)}
    return ToolStepPlan(**common, tool=spec, input=built(draft, step.with_), on_unknown=step.on_unknown)


def _retry_of(spec: ToolSpec) -> RetryPlan | None:
    """What the tool says of its retries, for a step that says nothing: a step knows its failures by other names."""
    retry = spec.options.retry
    if retry is None:
        return None
    kinds = tuple(dict.fromkeys("timeout" if kind == "timeout" else "tool_failed" for kind in retry.on))
    return RetryPlan(retry.attempts, retry.backoff, kinds, repeat_effects=spec.effects != "none")


TOOL = Kind(_texts, _output, _build)
