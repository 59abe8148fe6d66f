"""The file's own tools: commands and functions over the input that a model gives, and what stands around a call."""

from collections.abc import Mapping

from agentflow.plan.agent_plan import (
    CommandToolPlan,
    FunctionToolPlan,
    OwnToolPlan,
    Rate,
    ToolOptions,
    ToolRetryPlan,
    ToolSpec,
)
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.companions import COMES_WITH
from agentflow.plan.expressions import Template
from agentflow.plan.findings import Findings
from agentflow.plan.flow import check_argv, check_env
from agentflow.plan.function_tools import Function, FunctionReader
from agentflow.plan.grants import FINISH_TOOL
from agentflow.plan.memory_tool import MEMORY
from agentflow.plan.scopes import Scope, Variable, check
from agentflow.plan.texts import SECRETS, TextReader, Use
from agentflow.plan.types import Shape, always
from agentflow.source.document import Loc
from agentflow.spec.own_tools import CommandTool, FunctionTool, OwnTool


def own_tools(
    tools: Mapping[str, OwnTool], secrets: Variable, read: TextReader
) -> tuple[Mapping[str, ToolSpec], Mapping[str, OwnToolPlan]]:
    """The file's tools: what models see of them, and what a call does, their texts checked over what a model wrote."""
    findings = read.findings
    functions = FunctionReader(findings, {}, {})
    specs: dict[str, ToolSpec] = {}
    plans: dict[str, OwnToolPlan] = {}
    for name, tool in tools.items():
        loc = ("tools", name)
        if name in BUILTIN_TOOLS or name in COMES_WITH or name in (FINISH_TOOL, MEMORY):
            message = f"`{name}` is the name of a built-in tool"
            findings.at("AF205", message, loc, "give this one another name", key=True)
        options = _options(name, tool, loc, findings)
        if isinstance(tool, FunctionTool):
            function = functions.read(name, tool)
            spec = ToolSpec(name, function.description, function.input, tool.effects, options=options)
            plans[name] = _function_tool(tool, function, spec, _Texts(spec, secrets, read))
        elif isinstance(tool, CommandTool):
            spec = ToolSpec(name, tool.description, tool.input, tool.effects, options=options)
            plans[name] = _command_tool(tool, spec, _Texts(spec, secrets, read))
        specs[name] = spec
        if not always(Shape.of(spec.input_schema), "object"):
            message = f"the input of a tool is an object, and that of `{name}` is not"
            findings.at("AF203", message, (*loc, "input"), "give it `type: object`")
    return specs, plans


class _Texts:
    """Checks the texts of one tool: `input` is what a model wrote."""

    def __init__(self, spec: ToolSpec, secrets: Variable, read: TextReader) -> None:
        self.loc: Loc = ("tools", spec.name)
        self.read = read
        self.scope = Scope({"input": Variable(Shape.of(spec.input_schema), tainted=True), SECRETS: secrets})

    def checked(self, use: Use | None) -> Use | None:
        if use is not None:
            check(use, self.scope, self.read.findings)
        return use

    def env(self, tool: OwnTool) -> Mapping[str, Template]:
        env: dict[str, Template] = {}
        for name, value in tool.env.items():
            use = self.checked(self.read.environment((*self.loc, "env", name), value))
            if use is not None:
                check_env(name, use, self.scope, self.read.findings)
                env[name] = use.template
        return env


def _command_tool(tool: CommandTool, spec: ToolSpec, texts: _Texts) -> CommandToolPlan:
    loc, read = texts.loc, texts.read
    words = {
        index: use
        for index, word in enumerate(tool.run)
        if (use := texts.checked(read.template((*loc, "run", index), word))) is not None
    }
    check_argv(tool.run, words, (*loc, "run"), texts.scope, read.findings)
    env = texts.env(tool)
    stdin = None if tool.stdin is None else texts.checked(read.template((*loc, "stdin"), tool.stdin))
    return CommandToolPlan(
        spec=spec,
        argv=tuple(use.template for use in words.values()),
        stdin=None if stdin is None else stdin.template,
        env=env,
        timeout=tool.timeout,
    )


def _function_tool(tool: FunctionTool, function: Function, spec: ToolSpec, texts: _Texts) -> FunctionToolPlan:
    return FunctionToolPlan(
        spec=spec,
        file=function.file,
        module=function.module,
        function=function.function,
        text=function.text,
        env=texts.env(tool),
        timeout=tool.timeout,
        makes=function.makes,
    )


def _options(name: str, tool: OwnTool, loc: Loc, findings: Findings) -> ToolOptions:
    """What stands around a tool's calls; what would repeat or leave out an effect is noted."""
    retry = tool.retry
    if retry is not None and tool.effects != "none" and not retry.repeat_effects:
        message = f"`retry` would repeat what tool `{name}` {tool.effects}"
        hint = "write `effects: none`, if it has none; else write `repeat_effects: true` in `retry`"
        findings.at("AF515", message, (*loc, "retry"), hint, key=True)
    if tool.cache is not False and tool.effects != "none":
        message = f"`cache` would leave out what tool `{name}` {tool.effects}"
        hint = "write `effects: none`, if it has none; else take `cache` away"
        findings.at("AF209", message, (*loc, "cache"), hint, key=True)
    return ToolOptions(
        retry=None if retry is None else ToolRetryPlan(retry.attempts, retry.backoff, tuple(dict.fromkeys(retry.on))),
        rate=None if tool.rate_limit is None else Rate(*tool.rate_limit),
        cache=tool.cache is not False,
        cache_for=tool.cache if isinstance(tool.cache, float) else None,
        output=findings.source.mapping((*loc, "output"), tool.output),
    )
