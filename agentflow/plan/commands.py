"""The file's own tools: commands over the input that a model gives."""

from collections.abc import Mapping

from agentflow.plan.agent_plan import CommandToolPlan, ToolSpec
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.companions import COMES_WITH
from agentflow.plan.findings import Findings
from agentflow.plan.flow import check_argv, check_env
from agentflow.plan.grants import FINISH_TOOL
from agentflow.plan.memory_tool import MEMORY
from agentflow.plan.scopes import Scope, Variable, check
from agentflow.plan.texts import SECRETS, TextReader, Use
from agentflow.plan.types import Shape, always
from agentflow.source.document import Loc
from agentflow.spec.agents import CommandTool


def tool_specs(tools: Mapping[str, CommandTool], findings: Findings) -> Mapping[str, ToolSpec]:
    """What models see of the file's tools; names that are taken and inputs that are no objects are noted."""
    for name, tool in tools.items():
        loc = ("tools", name)
        if name in BUILTIN_TOOLS or name in COMES_WITH or name in (FINISH_TOOL, MEMORY):
            message = f"`{name}` is the name of a built-in tool"
            findings.at("AF205", message, loc, "give this one another name", key=True)
        if not always(Shape.of(tool.input), "object"):
            message = f"the input of a tool is an object, and that of `{name}` is not"
            findings.at("AF203", message, (*loc, "input"), "give it `type: object`")
    return {name: ToolSpec(name, tool.description, tool.input, tool.effects) for name, tool in tools.items()}


def command_tools(
    tools: Mapping[str, CommandTool], specs: Mapping[str, ToolSpec], secrets: Variable, read: TextReader
) -> Mapping[str, CommandToolPlan]:
    """The file's tools, their texts checked: `input` is what a model wrote."""
    return {name: _command_tool(tool, specs[name], ("tools", name), secrets, read) for name, tool in tools.items()}


def _command_tool(tool: CommandTool, spec: ToolSpec, loc: Loc, secrets: Variable, read: TextReader) -> CommandToolPlan:
    findings = read.findings
    scope = Scope({"input": Variable(Shape.of(tool.input), tainted=True), SECRETS: secrets})
    words = {
        index: use
        for index, word in enumerate(tool.run)
        if (use := _checked(read.template((*loc, "run", index), word), scope, findings)) is not None
    }
    check_argv(tool.run, words, (*loc, "run"), scope, findings)
    env = {
        name: use
        for name, value in tool.env.items()
        if (use := _checked(read.environment((*loc, "env", name), value), scope, findings)) is not None
    }
    for name, use in env.items():
        check_env(name, use, scope, findings)
    stdin = None if tool.stdin is None else _checked(read.template((*loc, "stdin"), tool.stdin), scope, findings)
    return CommandToolPlan(
        spec=spec,
        argv=tuple(use.template for use in words.values()),
        stdin=None if stdin is None else stdin.template,
        env={name: use.template for name, use in env.items()},
        timeout=tool.timeout,
    )


def _checked(use: Use | None, scope: Scope, findings: Findings) -> Use | None:
    if use is not None:
        check(use, scope, findings)
    return use
