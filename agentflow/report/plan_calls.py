"""What functions and tool steps of a plan do, and which hosts are reached, as JSON data; a part of `plan_json.py`."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from msgspec.structs import asdict

from agentflow.plan.agent_plan import FunctionToolPlan
from agentflow.plan.arguments import sources
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.expressions import Template
from agentflow.plan.hosts import HostError, canonical_host, host_of_rule
from agentflow.plan.model import CallStepPlan, Plan, StepPlan, ToolStepPlan
from agentflow.report.plan_parts import Part, tools_of

JSON = Any
_PATHS = ("file_path", "path")
_AUTHORITY_ENDS = re.compile(r"[/?#\\\s]")
ANY_PUBLIC = "*"
"""Stands for every public host."""


def function_json(step: CallStepPlan) -> dict[str, JSON]:
    """What a step calls."""
    return {
        "file": step.file,
        "function": step.function,
        "arguments": sources(step.arguments),
        "effects": step.effects,
        "timeout": step.timeout,
    }


def functions_json(every: Iterable[tuple[str, StepPlan]], parts: Iterable[Part]) -> Iterator[JSON]:
    """The functions of all steps, and of the files' own tools."""
    for path, step in every:
        if isinstance(step, CallStepPlan):
            yield {"step": path, "tool": None, "of": None, **function_json(step)}
    for part, name, tool in tools_of(parts):
        if isinstance(tool, FunctionToolPlan):
            yield {
                "step": None,
                "tool": name,
                "of": part.file,
                "file": tool.file,
                "function": tool.function,
                "arguments": None,
                "effects": tool.spec.effects,
                "timeout": tool.timeout,
            }


def own_tools_json(parts: Iterable[Part]) -> Iterator[JSON]:
    """The files' own tools, and what stands around their calls."""
    for part, name, tool in tools_of(parts):
        options = tool.spec.options
        retry = None if options.retry is None else {**asdict(options.retry), "on": list(options.retry.on)}
        yield {
            "name": name,
            "file": part.file,
            "by": "function" if isinstance(tool, FunctionToolPlan) else "command",
            "effects": tool.spec.effects,
            "timeout": tool.timeout,
            "retry": retry,
            "rate_limit": None if options.rate is None else asdict(options.rate),
            "cache": (options.cache_for or True) if options.cache else None,
            "input": dict(tool.spec.input_schema),
            "output": None if options.output is None else dict(options.output),
        }


def tool_call_json(step: ToolStepPlan) -> dict[str, JSON]:
    """What a step has a tool do."""
    return {"tool": step.tool.name, "input": sources(step.input), "effects": step.effects}


def tool_calls_json(every: Iterable[tuple[str, StepPlan]]) -> Iterator[JSON]:
    """The tool calls of all steps."""
    for path, step in every:
        if isinstance(step, ToolStepPlan):
            yield {"step": path, **tool_call_json(step)}


def sandbox_json(plan: Plan) -> JSON:
    """What the commands of a file may reach beside the project and a `/tmp` of their own, or `off`."""
    if plan.sandbox.is_off:
        return "off"
    return {key: list(getattr(plan.sandbox, key)) for key in ("network", "write", "read")}


def unbounded_of(every: Iterable[tuple[str, StepPlan]], *, held: bool) -> Iterator[str]:
    """What nothing holds back, in words; commands where no sandbox does."""
    for path, step in every:
        if isinstance(step, CallStepPlan):
            yield f"the function of step {path}"
        elif isinstance(step, ToolStepPlan) and step.tool.name == "Bash" and not held:
            yield f"Bash of step {path}"


def files_of_tools(every: Iterable[tuple[str, StepPlan]]) -> Iterator[tuple[Literal["read", "write"], JSON]]:
    """The files that tool steps touch: a path, or `**` where it is not constant."""
    for path, step in every:
        if not isinstance(step, ToolStepPlan):
            continue
        builtin = BUILTIN_TOOLS.get(step.tool.name)
        if builtin is None or builtin.rule != "path":
            continue
        named = next((step.input[key] for key in _PATHS if key in step.input), None)
        constant = named.render({}) if isinstance(named, Template) and named.constant else None
        way: Literal["read", "write"] = "read" if step.effects == "none" else "write"
        pattern = constant if constant is not None else "**"
        yield way, {"pattern": pattern, "resolved": pattern, "agent": None, "tool": step.tool.name, "step": path}


def hosts_json(agents: list[JSON], every: Iterable[tuple[str, StepPlan]], unbounded: list[str]) -> dict[str, JSON]:
    """The hosts that a file reaches: `web` those of WebFetch, `searched` the sites that WebSearch finds.

    Each is `{host, agent, step}`; `host` is `*` where it may be any public one.

    Parameters:
        agents: as they are told in the plan.
        unbounded: what may reach any other host, in words.
    """
    found: dict[str, list[JSON]] = {"host": [], "site": []}
    for agent in agents:
        for tool in agent["tools"]:
            builtin = BUILTIN_TOOLS.get(tool["name"])
            if builtin is not None and builtin.rule in found:
                for host in [host_of_rule(rule["rule"]) for rule in tool["rules"]] or [ANY_PUBLIC]:
                    found[builtin.rule].append({"host": host, "agent": agent["name"], "step": None})
    for path, step in every:
        builtin = BUILTIN_TOOLS.get(step.tool.name) if isinstance(step, ToolStepPlan) else None
        if builtin is not None and builtin.rule == "host" and isinstance(step, ToolStepPlan):
            host = _host_of(sources({key: step.input[key] for key in builtin.urls if key in step.input}))
            found["host"].append({"host": host, "agent": None, "step": path})
    return {"api": bool(agents), "web": found["host"], "searched": found["site"], "unbounded": unbounded}


def _host_of(urls: JSON) -> str:
    """The host of a step's URL, as far as it is written out."""
    for url in urls.values():
        authority = str(url).partition("://")[2]
        name = _AUTHORITY_ENDS.split(authority, maxsplit=1)[0].partition(":")[0]
        if "{{" not in name:
            try:
                return canonical_host(name)
            except HostError:
                continue  # it is refused when the step runs, whatever host it is
    return ANY_PUBLIC
