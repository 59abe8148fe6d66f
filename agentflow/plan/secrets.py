"""Secrets in environments: who uses which, and texts in which their values are still to be filled in.

A value is never part of a plan, a state or an event; it comes in where a command starts.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from agentflow.errors import AgentflowError
from agentflow.plan import syntax
from agentflow.plan.agent_plan import AgentPlan
from agentflow.plan.expressions import Expression, Template, references
from agentflow.plan.findings import Findings
from agentflow.plan.model import (
    AgentStepPlan,
    ApproveStepPlan,
    AskStepPlan,
    Block,
    CallStepPlan,
    ChooseStepPlan,
    FailStepPlan,
    ForEachStepPlan,
    GroupStepPlan,
    Plan,
    RepeatStepPlan,
    RunStepPlan,
    StepPlan,
    ToolStepPlan,
    ValueStepPlan,
    WorkflowStepPlan,
    every_step,
)
from agentflow.plan.scopes import Variable
from agentflow.plan.texts import SECRETS, Use
from agentflow.plan.types import STRING, record

JSON = Any


class Secret(Struct, frozen=True):
    """Where a secret's value goes."""

    name: str


class SecretMissingError(AgentflowError):
    """A secret has no value here."""

    def __init__(self, name: str) -> None:
        hint = (
            f"set the environment variable {name}, or pass `--secret {name}=@FILE` or `--secrets-file FILE`, or keep "
            f"it with `agentflow secrets set {name}`"
        )
        super().__init__(f"the secret `{name}` has no value", hint)


EnvText = str | tuple[str | Secret, ...]
"""The text of an environment variable: whole, or in pieces with secrets between them."""


def secrets_variable(names: Iterable[str]) -> Variable:
    """What `secrets` stands for in environments."""
    return Variable(record(dict.fromkeys(names, STRING)))


def check_alone(use: Use, findings: Findings) -> None:
    """A secret stands alone between its braces: what is computed from one could not be told from other text, and
    would not be kept out of the journal."""
    for part in use.trees:
        if _secret(part) is not None:
            continue
        for reference in references((part,)):
            if reference.root == SECRETS and reference.path:
                hint = f"write `{{{{ secrets.{reference.path[0]} }}}}` alone, with text around it as needed"
                message = "a secret is filled in as it is, and nothing is computed from it"
                findings.add("AF505", message, use.place(reference.offset, len(SECRETS)), hint)


def environment_text(template: Template, names: Mapping[str, JSON]) -> EnvText:
    """A variable's text over the names, its secrets left open. Raises ExpressionError where it cannot be rendered."""
    if not any(reference.root == SECRETS for reference in template.references):
        return template.render(names)
    return tuple(_piece(template, part, names) for part in template.parts)


def filled(env: Mapping[str, EnvText], values: Mapping[str, str]) -> dict[str, str]:
    """Variables with the values of the secrets in their places. Raises SecretMissingError."""
    return {
        name: text if isinstance(text, str) else "".join(_value(piece, values) for piece in text)
        for name, text in env.items()
    }


def secrets_of_step(plan: Plan, step: StepPlan) -> tuple[str, ...]:
    """The secrets that must be there when a step starts: those of its command, or of what its agent and the agents
    that this one may call can run; of a block, those of the steps in it."""
    found: dict[str, None] = {}
    for inner in every_step(Block({step.id: step}, {}, None, ()), into_files=False):
        found.update(dict.fromkeys(NEEDED[type(inner)](plan, inner)))
    return tuple(found)


def secrets_used(plan: Plan) -> tuple[str, ...]:
    """The secrets that some step needs, of the files that steps run too, in the order of the steps."""
    found: dict[str, None] = {}
    for step in plan.root.steps.values():
        found.update(dict.fromkeys(secrets_of_step(plan, step)))
    for step in every_step(plan.root, into_files=False):
        if isinstance(step, WorkflowStepPlan):
            found.update(dict.fromkeys(secrets_used(step.plan)))
    return tuple(found)


def secrets_declared(plan: Plan) -> tuple[str, ...]:
    """The secrets that a file names, and those that the files which its steps run name."""
    found = dict.fromkeys(plan.secrets)
    for step in every_step(plan.root, into_files=False):
        if isinstance(step, WorkflowStepPlan):
            found.update(dict.fromkeys(secrets_declared(step.plan)))
    return tuple(found)


def secrets_of(texts: Iterable[Expression | Template]) -> Iterator[str]:
    """The names of the secrets that texts read."""
    for text in texts:
        for reference in text.references:
            if reference.root == SECRETS and reference.path:
                yield str(reference.path[0])


def _of_command(plan: Plan, step: RunStepPlan) -> Iterator[str]:
    yield from secrets_of(plan.env.values())
    yield from secrets_of(step.env.values())


def _of_function(plan: Plan, _step: CallStepPlan) -> Iterator[str]:
    return secrets_of(plan.env.values())


def _of_tool(plan: Plan, step: ToolStepPlan) -> Iterator[str]:
    return _of_tool_named(plan, step.tool.name)


def _of_agent_step(plan: Plan, step: AgentStepPlan) -> Iterator[str]:
    """What the agent can run, and those that it may call."""
    waiting, seen = [step.agent], set[str]()
    while waiting:
        agent = waiting.pop(0)
        yield from _of_grants(plan, agent)
        called = [name for name in agent.subagents if name not in seen]
        seen.update(called)
        waiting += [plan.agents[name] for name in called]


def _of_nothing(_plan: Plan, _step: StepPlan) -> Iterator[str]:
    return iter(())


NEEDED: Mapping[type[StepPlan], Callable[[Plan, Any], Iterator[str]]] = {
    AgentStepPlan: _of_agent_step,
    RunStepPlan: _of_command,
    ValueStepPlan: _of_nothing,
    ApproveStepPlan: _of_nothing,
    AskStepPlan: _of_nothing,
    CallStepPlan: _of_function,
    ToolStepPlan: _of_tool,
    FailStepPlan: _of_nothing,
    # What they hold starts by itself.
    ForEachStepPlan: _of_nothing,
    RepeatStepPlan: _of_nothing,
    ChooseStepPlan: _of_nothing,
    GroupStepPlan: _of_nothing,
    WorkflowStepPlan: _of_nothing,
}
"""The secrets that a step of each kind needs to start."""


def _of_grants(plan: Plan, agent: AgentPlan) -> Iterator[str]:
    for grant in agent.grants:
        yield from _of_tool_named(plan, grant.tool.name)


def _of_tool_named(plan: Plan, name: str) -> Iterator[str]:
    own = plan.tools.get(name)
    if own is not None or name == "Bash":
        yield from secrets_of(plan.env.values())
    if own is not None:
        yield from secrets_of(own.env.values())


def _secret(part: syntax.Node) -> str | None:
    """The name of the secret that a part of a text is, and nothing else."""
    found = syntax.chain(part)
    if found is None or found[0].name != SECRETS:
        return None
    path = syntax.constant_path(found[1])
    return str(path[0]) if len(path) == len(found[1]) == 1 else None


def _piece(template: Template, part: syntax.Node, names: Mapping[str, JSON]) -> str | Secret:
    name = _secret(part)
    return Secret(name) if name is not None else Template(template.source, (), False, (part,)).render(names)


def _value(piece: str | Secret, values: Mapping[str, str]) -> str:
    if isinstance(piece, str):
        return piece
    if piece.name not in values:
        raise SecretMissingError(piece.name)
    return values[piece.name]
