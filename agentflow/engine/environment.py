"""What a workflow needs of the machine it runs on: values of secrets, programs, a key for the model's service."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence

from agentflow.engine.keyring_values import from_keyring
from agentflow.errors import AgentflowError
from agentflow.plan.findings import Findings, TooManyFindings
from agentflow.plan.model import Plan, asks_a_model
from agentflow.plan.secrets import SecretMissingError, secrets_used
from agentflow.plan.texts import SECRETS
from agentflow.source.diagnostics import Diagnostic, Place, Severity
from agentflow.source.document import Loc
from agentflow.spec.agents import Agent
from agentflow.spec.bodies import body_of
from agentflow.spec.own_tools import CommandTool
from agentflow.spec.sources import Source
from agentflow.spec.steps import AgentStep, RunStep, StepBase

CODE = "AF510"


def _claude_refusal() -> AgentflowError | None:
    """What keeps the endpoint from being asked; None where nothing does. Nothing is sent."""
    from agentflow.models.opening import asking
    from agentflow.plan.endpoints import endpoint_of

    try:
        asking(endpoint_of(os.environ), connections=1)
    except AgentflowError as error:
        return error
    return None


def lacking(
    source: Source,
    plan: Plan,
    environ: Mapping[str, str],
    refusal: Callable[[], AgentflowError | None] = _claude_refusal,
) -> list[Diagnostic]:
    """What is missing here, each at the place that needs it; a warning where a `when` may leave it out.

    Parameters:
        source: what the plan was made from.
        environ: the process's environment.
        refusal: what keeps the model from being asked.
    """
    findings = Findings(source)
    try:
        _find(source, plan, environ, refusal, findings)
    except TooManyFindings:
        return findings.cut_short()
    return findings.sorted()


def _find(
    source: Source,
    plan: Plan,
    environ: Mapping[str, str],
    refusal: Callable[[], AgentflowError | None],
    findings: Findings,
) -> None:
    files = _files(source)
    for name in secrets_used(plan):
        if not (environ.get(name) or from_keyring([name])):
            error = SecretMissingError(name)
            findings.add(CODE, error.message, _declared(files, name), error.hint)
    if asks_a_model(plan) and (refused := refusal()) is not None:
        findings.add(CODE, refused.message, _first_agent(files), refused.hint)
    for file in files:
        for program, env, loc, guarded in _programs(file):
            path = _path(file.workflow.env, env, environ)
            if path is not None and "/" not in program and shutil.which(program, path=path) is None:
                place = file.imported.get(loc[:2], file).document.place(loc, key=False)
                severity = Severity.WARNING if guarded else Severity.ERROR
                hint = "install it, or write the path of the program"
                findings.add(CODE, f"there is no program `{program}` on this machine's PATH", place, hint, severity)


def _files(source: Source) -> list[Source]:
    """The file, and those that its steps run, each once."""
    found: dict[str, Source] = {}
    waiting = [source]
    while waiting:
        file = waiting.pop()
        if file.document.path not in found:
            found[file.document.path] = file
            waiting += reversed(tuple(file.children.values()))
    return list(found.values())


def _declared(files: Sequence[Source], secret: str) -> Place:
    return next(
        file.document.place((SECRETS, file.workflow.secrets.index(secret)))
        for file in files
        if secret in file.workflow.secrets
    )


def _path(*environments: Mapping[str, str]) -> str | None:
    """The PATH that a command gets; None where it is known only in a run."""
    whole, own, process = environments
    found = own.get("PATH", whole.get("PATH", process.get("PATH", os.defpath)))
    return None if "{{" in found else found


def _programs(source: Source) -> Iterator[tuple[str, Mapping[str, str], Loc, bool]]:
    """Each program that commands name, with the environment and the place of its command, and whether it may be left
    out. Raises nothing; a name that is not constant is no program here."""
    workflow = source.workflow
    for name, tool in workflow.tools.items():
        if isinstance(tool, CommandTool):
            yield tool.run[0], tool.env, ("tools", name, "run", 0), False
    for step, loc, guarded in _steps(source):
        if isinstance(step, RunStep) and isinstance(step.run, str):
            yield "bash", step.env, (*loc, "run"), guarded
        elif isinstance(step, RunStep):
            yield step.run[0], step.env, (*loc, "run", 0), guarded
        elif isinstance(step, AgentStep) and isinstance(step.agent, Agent):
            yield from _of_agent(step.agent, (*loc, "agent"), guarded)
    for name, agent in workflow.agents.items():
        yield from _of_agent(agent, ("agents", name), False)


def _of_agent(agent: Agent, loc: Loc, guarded: bool) -> Iterator[tuple[str, Mapping[str, str], Loc, bool]]:
    for index, tool in enumerate(agent.tools):
        if tool == "Bash" or tool.startswith("Bash("):
            yield "bash", {}, (*loc, "tools", index), guarded


def _first_agent(files: Sequence[Source]) -> Place:
    return next(
        file.document.place((*loc, "agent"), key=True)
        for file in files
        for step, loc, _ in _steps(file)
        if isinstance(step, AgentStep)
    )


def _steps(source: Source) -> Iterator[tuple[StepBase, Loc, bool]]:
    """Every step with its place, and whether a `when` of it or of a block around it may leave it out."""
    waiting: list[tuple[StepBase, Loc, bool]] = [
        (step, ("steps", name), False) for name, step in reversed(source.workflow.steps.items())
    ]
    while waiting:
        step, loc, guarded = waiting.pop()
        guarded = guarded or step.when is not None
        yield step, loc, guarded
        body = body_of(step)
        inner = () if body is None else reversed(tuple(body.steps.values()))
        waiting += [(each, (*loc, *place), guarded) for place, each in inner]
