"""What a file may do, as JSON data, read off its plan.

One object; keys may be added, and none is taken away or changes its meaning. Money is in US dollars, time in seconds;
`null` stands for what is not bounded or not given. A template or expression is given as it is written.

- `type` (`plan`), `name`, `description`, `path`, `digest`; `sandbox` (what commands may reach:
  `network`, `write`, `read`, each a list; or `off`).
- `inputs`: by name `schema`, `required`, `untrusted`; `value` where it is known before the run.
- `limits`: those of the run.
- `steps`: a list of `id`, `path`, `kind` (`agent`, `run`, `call`, `tool`, `value`, `approve`, `ask`, `workflow`,
  `for_each`, `repeat`, `choose`, `fail`, `group`), `needs`, `reads` (outputs without which the step is skipped),
  `join`, `when`, `on_error`, `if_skipped` (an object with `value`, or null), `retry` (`attempts`, `backoff`, `on`,
  `repeat_effects`, or null), `timeout`, `on_resume`, `workspace` (`shared`, `copy`, `worktree`, or null), what its kind
  adds, and for blocks and files `output` and `steps`: those of `choose` are its cases, whose ids are their positions
  from 1 and `otherwise`, and of which one runs.
- `edges`: a list of `block` (the path of the scope, `""` outermost), `from`, `to` (ids there), `why`: `needs`, `reads`
  and `continues`, those that hold.
- `agents`: a list of `name`, `file` (null for the plan's own, the path for one that a step runs), `steps` (paths that
  start it), `model`, `fallback_model`, `effort`, `thinking`, `max_tokens`, `service`, `stop`, `context` (or null),
  `finish`, `output`, `subagents`, `workspace`, `skills` (`name`, `folder`), `memory` (`agent`, `workflow`, or null),
  and `tools`: `name`, `effects`, `rules`, each with `rule` and `resolved`: with the inputs in their places, or null
  where one is not known.
- `commands`: a list of `step` or `tool` (the other is null), `file` (a tool's, as of agents), `argv`, `script`,
  `stdin`, `env` (names), `cwd`,
  `effects`, `timeout`.
- `functions`: a list of `step` or `tool` (the other is null), `of` (a tool's, as `file` of agents), `file` (seen from
  the workflow's folder), `function`, `arguments` (null for a tool: the model gives them), `effects`, `timeout`.
- `tools`: the file's own, a list of `name`, `file` (as of agents), `by` (`command` or `function`), `effects`,
  `timeout`, `retry` (`attempts`, `backoff`, `on`, or null), `rate_limit` (`calls`, `seconds`, or null), `cache` (true,
  seconds, or null), `input`, `output` (JSON Schemas; null: any text).
- `tool_calls`: those of steps, a list of `step`, `tool`, `input`, `effects`.
- `gates`: a list of `step`, `about` (`approve` or `ask`), `message`, `show`, `timeout`, `on_timeout`, `on_reject`
  (null for `ask`), `form` (JSON Schema of the answers; null for `approve`).
- `files`: `read` and `write`, each a list of `pattern`, `resolved`, `agent`, `tool`, and `step` where a step uses the
  tool without an agent, which then is null; `unbounded`: what no rule holds back, functions, and commands and `Bash`
  under `sandbox: off`, in words.
- `hosts`: `api`: an agent asks the Claude API; `web`, `searched`: as `hosts_json` says; `unbounded`: as of `files`.
- `environment`: the names that the file sets, each with `name` and `for` (`every command`, a step or a tool).
- `secrets`: a list of `name` and `for`, the commands whose environment gets it, in the same words; never a value.
- `outputs`: expressions by name.
- `cost`: see `cost_json`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import structs

from agentflow.plan.agent_plan import CommandToolPlan
from agentflow.plan.arguments import sources
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.cost import run_cost
from agentflow.plan.expressions import Expression, Template
from agentflow.plan.model import (
    AgentStepPlan,
    ApproveStepPlan,
    AskStepPlan,
    Block,
    BlockStepPlan,
    BoundPlan,
    CallStepPlan,
    ChooseStepPlan,
    FailStepPlan,
    ForEachStepPlan,
    GroupStepPlan,
    Plan,
    RepeatStepPlan,
    RetryPlan,
    RunStepPlan,
    StepPlan,
    ToolStepPlan,
    ValueStepPlan,
    WorkflowStepPlan,
)
from agentflow.plan.secrets import secrets_of
from agentflow.report.cost_json import cost_json
from agentflow.report.plan_agents import agents_json
from agentflow.report.plan_calls import (
    files_of_tools,
    function_json,
    functions_json,
    hosts_json,
    own_tools_json,
    sandbox_json,
    tool_call_json,
    tool_calls_json,
    unbounded_of,
)
from agentflow.report.plan_parts import Part, name_of, parts_of, tools_of

JSON = Any

KINDS: Mapping[type[StepPlan], str] = {
    AgentStepPlan: "agent",
    RunStepPlan: "run",
    CallStepPlan: "call",
    ToolStepPlan: "tool",
    ValueStepPlan: "value",
    ApproveStepPlan: "approve",
    AskStepPlan: "ask",
    ForEachStepPlan: "for_each",
    RepeatStepPlan: "repeat",
    ChooseStepPlan: "choose",
    FailStepPlan: "fail",
    GroupStepPlan: "group",
    WorkflowStepPlan: "workflow",
}
"""The name of each kind of step."""


def plan_json(plan: Plan, values: Mapping[str, JSON]) -> dict[str, JSON]:
    """The plan as JSON data.

    Parameters:
        values: of the inputs whose value is known before the run.
    """
    every = list(steps_of(plan.root))
    parts = parts_of(plan, values)
    agents = [agent for part in parts for agent in agents_json(part)]
    return {
        "type": "plan",
        "name": plan.name,
        "description": plan.description,
        "path": plan.path,
        "digest": plan.digest,
        "sandbox": sandbox_json(plan),
        "inputs": _inputs_json(plan, values),
        "limits": structs.asdict(plan.limits),
        "steps": _block_json(plan.root, ""),
        "edges": list(_edges(plan.root, "")),
        "agents": agents,
        "commands": list(_commands(parts, every)),
        "functions": list(functions_json(every, parts)),
        "tool_calls": list(tool_calls_json(every)),
        "tools": list(own_tools_json(parts)),
        "gates": list(_gates(every)),
        "files": (files := _files(parts, every, agents)),
        "hosts": hosts_json(agents, every, files["unbounded"]),
        "environment": list(_environment(parts, every)),
        "secrets": list(_secrets(parts, every)),
        "outputs": {name: expression.source for name, expression in plan.outputs.items()},
        "cost": cost_json(run_cost(plan, values)),
    }


def steps_of(block: Block, prefix: str = "") -> Iterator[tuple[str, StepPlan]]:
    """Every step with its path: the ids of the blocks it stands in and its own, with dots."""
    for name, step in block.steps.items():
        yield f"{prefix}{name}", step
        if isinstance(step, BlockStepPlan | WorkflowStepPlan):
            yield from steps_of(step.body, f"{prefix}{name}.")


def why(source: str, target: StepPlan) -> list[str]:
    """Why a step waits for another of its scope: `needs`, `continues`, `reads`."""
    found = ["needs"] if source in target.needs else []
    if isinstance(target, AgentStepPlan) and target.continues_session == source:
        found.append("continues")
    # Of what is read with something to fall back on, the plan keeps the edge alone.
    if not found or (source in target.reads and "continues" not in found):
        found.append("reads")
    return found


def _inputs_json(plan: Plan, values: Mapping[str, JSON]) -> dict[str, JSON]:
    return {
        name: {
            "schema": dict(declared.schema),
            "required": declared.required,
            "untrusted": declared.untrusted,
            **({"value": values[name]} if name in values else {}),
        }
        for name, declared in plan.inputs.items()
    }


# Steps


def _block_json(block: Block, prefix: str) -> list[JSON]:
    return [_step_json(step, f"{prefix}{name}") for name, step in block.steps.items()]


def _step_json(step: StepPlan, path: str) -> dict[str, JSON]:
    kind = KINDS[type(step)]
    return {
        "id": step.id,
        "path": path,
        "kind": kind,
        "needs": list(step.needs),
        "reads": list(step.reads),
        "join": step.join,
        "when": _source(step.when),
        "on_error": _on_error(step),
        "if_skipped": {"value": step.if_skipped} if step.has_if_skipped else None,
        "retry": None if step.retry is None else _retry_json(step.retry),
        "timeout": step.time_limit,
        "on_resume": "rerun" if step.reruns else "reuse",
        "workspace": step.workspace,
        **_of_its_kind(step, path),
    }


def _retry_json(retry: RetryPlan) -> dict[str, JSON]:
    return {**structs.asdict(retry), "on": list(retry.on)}


def _on_error(step: StepPlan) -> str:
    if isinstance(step, ForEachStepPlan) and step.collects:
        return "collect"
    return "continue" if step.continues else "fail"


def _of_its_kind(step: StepPlan, path: str) -> dict[str, JSON]:
    match step:
        case AgentStepPlan():
            prompt = step.prompt.source
            return {"agent": step.agent.name, "prompt": prompt, "continues_session": step.continues_session}
        case RunStepPlan():
            own = {"parse": step.parse, "exit_codes": list(step.exit_codes), "on_unknown": step.on_unknown}
            return {**_command_json(step), **own}
        case CallStepPlan():
            output = None if step.output is None else dict(step.output)
            return {**function_json(step), "output": output, "on_unknown": step.on_unknown}
        case ToolStepPlan():
            return {**tool_call_json(step), "on_unknown": step.on_unknown}
        case ValueStepPlan():
            return {"value": step.value.source}
        case ApproveStepPlan() | AskStepPlan():
            return _gate_json(step)
        case ForEachStepPlan():
            loop = {"items": step.items.source, "as": step.as_name, "max": _bound(step.max)}
            return {**loop, "parallel": _bound(step.parallel), **_body_json(step.body, path)}
        case RepeatStepPlan():
            rounds = {"until": step.until.source, "max": _bound(step.max)}
            return {**rounds, "at_max": "accept" if step.accepts else "fail", **_body_json(step.body, path)}
        case FailStepPlan():
            return {"message": step.message.source}
        case ChooseStepPlan() | GroupStepPlan():
            return _body_json(step.body, path)
        case WorkflowStepPlan():
            with_ = sources(step.arguments)
            file = {"file": step.plan.path, "name": step.plan.name, "with": with_}
            outputs = {name: expression.source for name, expression in step.plan.outputs.items()}
            limits = structs.asdict(step.limits)
            return {**file, "limits": limits, "outputs": outputs, **_body_json(step.body, path)}
    raise ValueError(f"no words for a step of the kind {type(step).__name__}")


def _body_json(body: Block, path: str) -> dict[str, JSON]:
    return {"output": _source(body.output), "steps": _block_json(body, f"{path}.")}


def _bound(bound: BoundPlan) -> int | str:
    return bound.value if bound.value is not None else f"inputs.{bound.input}"


def _source(text: Expression | Template | None) -> str | None:
    return None if text is None else text.source


def _edges(block: Block, path: str) -> Iterator[JSON]:
    for source, target in block.graph.edges:
        yield {"block": path, "from": source, "to": target, "why": why(source, block.steps[target])}
    for name, step in block.steps.items():
        if isinstance(step, BlockStepPlan | WorkflowStepPlan):
            yield from _edges(step.body, f"{path}.{name}" if path else name)


# Commands, gates


def _command_json(step: RunStepPlan) -> dict[str, JSON]:
    return {
        "argv": None if step.script is not None else [word.source for word in step.argv],
        "script": step.script,
        "stdin": _source(step.stdin),
        "env": list(step.env),
        "cwd": step.cwd,
        "effects": step.effects,
        "timeout": step.timeout,
    }


def _commands(parts: list[Part], every: list[tuple[str, StepPlan]]) -> Iterator[JSON]:
    for path, step in every:
        if isinstance(step, RunStepPlan):
            yield {"step": path, "tool": None, "file": None, **_command_json(step)}
    for part, name, tool in tools_of(parts):
        if not isinstance(tool, CommandToolPlan):
            continue
        yield {
            "step": None,
            "tool": name,
            "file": part.file,
            "argv": [word.source for word in tool.argv],
            "script": None,
            "stdin": _source(tool.stdin),
            "env": list(tool.env),
            "cwd": None,
            "effects": tool.spec.effects,
            "timeout": tool.timeout,
        }


def _gate_json(step: ApproveStepPlan | AskStepPlan) -> dict[str, JSON]:
    asked = {"message": step.message.source, "show": _source(step.show), "timeout": step.timeout}
    if isinstance(step, AskStepPlan):
        return {**asked, "about": "ask", "on_timeout": "fail", "on_reject": None, "form": dict(step.form)}
    return {**asked, "about": "approve", "on_timeout": step.on_timeout, "on_reject": step.on_reject, "form": None}


def _gates(every: list[tuple[str, StepPlan]]) -> Iterator[JSON]:
    for path, step in every:
        if isinstance(step, ApproveStepPlan | AskStepPlan):
            yield {"step": path, **_gate_json(step)}


# What is touched


def _files(parts: list[Part], every: list[tuple[str, StepPlan]], agents: list[JSON]) -> dict[str, JSON]:
    found: dict[str, list[JSON]] = {"read": [], "write": []}
    # A file without `sandbox: off` runs none with it.
    held = not parts[0].plan.sandbox_off
    unbounded = [f"the command of step {path}" for path, step in every if isinstance(step, RunStepPlan) and not held]
    for part, name, tool in tools_of(parts):
        what = "command" if isinstance(tool, CommandToolPlan) else "function"
        if what == "function" or not held:
            unbounded.append(f"the {what} of tool {name_of(name, part)}")
    unbounded += unbounded_of(every, held=held)
    for agent in agents:
        for tool in agent["tools"]:
            if tool["name"] == "Bash" and not held:
                unbounded.append(f"Bash of agent {agent['name']}")
            builtin = BUILTIN_TOOLS.get(tool["name"])
            if builtin is None or builtin.rule != "path":
                continue
            way = "read" if tool["effects"] == "none" else "write"
            for rule in tool["rules"] or [{"rule": "**", "resolved": "**"}]:
                named = {"agent": agent["name"], "tool": tool["name"]}
                found[way].append({"pattern": rule["rule"], "resolved": rule["resolved"], **named})
    for way, file in files_of_tools(every):
        found[way].append(file)
    return {**found, "unbounded": unbounded}


def _environment(parts: list[Part], every: list[tuple[str, StepPlan]]) -> Iterator[JSON]:
    for part in parts:
        whose = "every command" if part.file is None else f"every command of {part.file}"
        yield from ({"name": name, "for": whose} for name in part.plan.env)
    for path, step in every:
        if isinstance(step, RunStepPlan):
            yield from ({"name": name, "for": f"step {path}"} for name in step.env)
    for part, tool, command in tools_of(parts):
        yield from ({"name": name, "for": f"tool {name_of(tool, part)}"} for name in command.env)


def _secrets(parts: list[Part], every: list[tuple[str, StepPlan]]) -> Iterator[JSON]:
    holders = [(name_of("every command", part), part.plan.env) for part in parts]
    holders += [(f"step {path}", step.env) for path, step in every if isinstance(step, RunStepPlan)]
    holders += [(f"tool {name_of(name, part)}", tool.env) for part, name, tool in tools_of(parts)]
    for name in dict.fromkeys(name for part in parts for name in part.plan.secrets):
        yield {"name": name, "for": [whose for whose, env in holders if name in secrets_of(env.values())]}
