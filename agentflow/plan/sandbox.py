"""What `run` refuses and `validate` does not: commands where no sandbox is to be had."""

from collections.abc import Iterator, Mapping

from agentflow.plan.findings import Findings, TooManyFindings
from agentflow.source.diagnostics import Diagnostic
from agentflow.source.document import Loc
from agentflow.spec.agents import Agent
from agentflow.spec.bodies import body_of
from agentflow.spec.own_tools import CommandTool
from agentflow.spec.sources import Source
from agentflow.spec.steps import AgentStep, RunStep, StepBase, ToolStep
from agentflow.spec.workflow import Workflow


def run_refusals(source: Source, hint: str) -> list[Diagnostic]:
    """Every command that needs a sandbox, where there is none: of a file and of those that its steps run.

    Parameters:
        source: what the plan was made from. A file that says `sandbox: off` has none of them.
        hint: how to come by a sandbox.
    """
    refused: dict[Diagnostic, None] = {}
    waiting, seen = [source], set[str]()
    while waiting:
        one = waiting.pop(0)
        if one.document.path not in seen:
            seen.add(one.document.path)
            refused.update(dict.fromkeys(_of_one(one, hint)))
            waiting += one.children.values()
    return list(refused)


def _of_one(source: Source, hint: str) -> list[Diagnostic]:
    if source.workflow.sandbox == "off":
        return []
    findings = Findings(source)
    try:
        _check_workflow(source.workflow, findings, hint)
    except TooManyFindings:
        return findings.cut_short()
    return findings.sorted()


def _check_workflow(workflow: Workflow, findings: Findings, hint: str) -> None:
    for name, tool in workflow.tools.items():
        if not isinstance(tool, CommandTool):
            continue  # a function of the author's own is trusted, as one that a step calls
        findings.at("AF504", f"tool `{name}` runs a command, and there is no sandbox", ("tools", name), hint, key=True)
    for name, agent in workflow.agents.items():
        _check_agent(agent, ("agents", name), findings, hint)
    for step, loc in _steps({name: (("steps", name), step) for name, step in workflow.steps.items()}, ()):
        if isinstance(step, RunStep):
            findings.at("AF504", "a command runs, and there is no sandbox", (*loc, "run"), hint, key=True)
        if isinstance(step, ToolStep) and step.tool == "Bash":
            findings.at("AF504", "`Bash` runs a command, and there is no sandbox", (*loc, "tool"), hint, key=True)
        if isinstance(step, AgentStep) and isinstance(step.agent, Agent):
            _check_agent(step.agent, (*loc, "agent"), findings, hint)


def _check_agent(agent: Agent, loc: Loc, findings: Findings, hint: str) -> None:
    for index, tool in enumerate(agent.tools):
        if tool == "Bash" or tool.startswith("Bash("):
            findings.at("AF504", "`Bash` is granted, and there is no sandbox", (*loc, "tools", index), hint)


def _steps(steps: Mapping[str, tuple[Loc, StepBase]], loc: Loc) -> Iterator[tuple[StepBase, Loc]]:
    for place, step in steps.values():
        yield step, (*loc, *place)
        if (body := body_of(step)) is not None:
            yield from _steps(body.steps, (*loc, *place))
