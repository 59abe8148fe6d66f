"""What a file may do, as text for people, from the data of `plan_json.py`."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import ceil
from typing import Any

from agentflow.report.inert import inert_line
from agentflow.report.style import Paint, count, duration
from agentflow.spec.forms import fields_of

JSON = Any

_LONGEST = 100
_GRANTS = (
    ("network", "reaches", "no host"),
    ("write", "writes", "nothing but a /tmp of its own"),
    ("read", "reads beside the project", "nothing"),
)
"""Of the sandbox: the key, what it lets commands do, and what they may without it."""


def plan_text(data: Mapping[str, JSON], paint: Paint) -> str:
    """The plan on a page: what it can cost, its steps, and everything that they may touch.

    Parameters:
        data: as `plan_json` makes it.
    """
    head = paint(inert_line(data["name"]), "bold")
    if data["description"]:
        head += f"  {inert_line(data['description'])}"
    rows = [head, f"{inert_line(data['path'])}, digest {data['digest'][:12]}", "", *_cost(data["cost"], paint)]
    for title, lines in _SECTIONS.items():
        found = list(lines(data))
        if found:
            rows += ["", paint(title, "bold"), *(f"  {row}" for row in found)]
    return "\n".join(rows)


# What it can cost


def _cost(cost: Mapping[str, JSON], paint: Paint) -> Iterator[str]:
    if not cost["steps"] or cost["bounds"][1]["usd"] == 0:
        yield f"{paint('costs nothing', 'bold')}: no step asks a model"
        return
    most = paint(f"at most {usd(cost['most_usd'])}", "bold")
    yield f"{most}: {cost['decided_by']}"
    free = cost["without_the_cap"]
    without = f"{usd(free['usd'])} ({free['decided_by']}) where every reply comes whole"
    if free["retried_usd"] != free["usd"]:
        retried = f"{usd(free['retried_usd'])} ({free['retried_decided_by']})"
        without += f", {retried} where calls break off and are made again"
    yield f"without limits.cost_usd {without}"
    for bound in cost["bounds"]:
        retried = "" if bound["retried_usd"] == bound["usd"] else f", with retries {usd(bound['retried_usd'])}"
        yield f"  {bound['by']}: {usd(bound['usd'])}{retried} – {bound['reckoning']}"
    yield from (f"  {inert_line(text)}" for text in cost["beyond"])


def usd(amount: float | None) -> str:
    """US dollars, rounded up, since it is a bound: to the cent, below ten cents to a hundredth of one."""
    if amount is None:
        return "no bound"
    steps, places = (10_000, 4) if 0 < amount < 0.1 else (100, 2)
    # What a binary fraction is off by is no reason to round up.
    return f"${ceil(round(amount * steps, 6)) / steps:,.{places}f}"


def _session(cost: Mapping[str, JSON] | None) -> str:
    """What an agent step can cost, all its iterations together."""
    if cost is None or cost["session"] is None:
        return ""
    session = cost["session"]
    times = f"{cost['times']:,} × " if cost["times"] > 1 else ""
    subagents = f", {count(session['subagents'], 'subagent')}" if session["subagents"] else ""
    calls = f"{count(session['turns'], 'turn')} of {usd(session['call_usd'])}"
    return f"at most {times}{usd(session['usd'])}: {session['decided_by']} ({calls}{subagents})"


# Steps


def _steps(data: Mapping[str, JSON]) -> Iterator[str]:
    costs = {cost["path"]: cost for cost in data["cost"]["steps"]}
    whys: dict[str, list[str]] = {}
    for edge in data["edges"]:
        path = f"{edge['block']}.{edge['to']}" if edge["block"] else edge["to"]
        whys.setdefault(path, []).append(f"{edge['from']} ({', '.join(edge['why'])})")
    yield from _block(data["steps"], 0, costs, whys)


def _block(
    steps: Iterable[Mapping[str, JSON]], depth: int, costs: Mapping[str, JSON], whys: Mapping[str, list[str]]
) -> Iterator[str]:
    pad = "  " * depth
    for step in steps:
        yield f"{pad}{step['id']}  {_headline(step, costs.get(step['path']))}"
        after = whys.get(step["path"], [])
        facts = [
            f"after {', '.join(after)}" if after else "",
            f"when {inert_line(step['when'], _LONGEST)}" if step["when"] is not None else "",
            f"join {step['join']}" if step["join"] != "all" else "",
            f"on_error {step['on_error']}" if step["on_error"] != "fail" else "",
            f"workspace {step['workspace']}" if step["workspace"] else "",
            f"if_skipped {inert_line(json.dumps(step['if_skipped']['value']), 60)}" if step["if_skipped"] else "",
        ]
        facts += repeats_text(step)
        if any(facts):
            yield f"{pad}    {'; '.join(fact for fact in facts if fact)}"
        yield from _block(step.get("steps", ()), depth + 1, costs, whys)


def repeats_text(step: Mapping[str, JSON]) -> list[str]:
    """What a step says of its time and of being repeated."""
    # The `timeout` of a command or gate stands with it, below.
    timed = step["timeout"] is not None and step["kind"] not in ("run", "approve", "ask")
    facts = [f"timeout {duration(step['timeout'])}"] if timed else []
    if (retry := step["retry"]) is not None:
        effects = ", its effects repeated" if retry["repeat_effects"] else ""
        facts.append(f"retry up to {retry['attempts']} attempts from {duration(retry['backoff'])} apart{effects}")
        facts.append(f"after {', '.join(retry['on'])}")
    return [*facts, *(["on_resume rerun"] if step["on_resume"] == "rerun" else [])]


def _headline(step: Mapping[str, JSON], cost: Mapping[str, JSON] | None) -> str:
    return "  ".join(part for part in _HEADLINES[step["kind"]](step, cost) if part)


def _loop(step: Mapping[str, JSON], cost: Mapping[str, JSON] | None) -> list[str]:
    most = "" if cost is None else f"at most {count(cost['items']['most'], 'item')} ({cost['items']['decided_by']})"
    at_once = f"{step['parallel']} at once"
    return [f"for_each {inert_line(step['items'], _LONGEST)}", f"{most}, {at_once}", _in_all(cost)]


def _rounds(step: Mapping[str, JSON], cost: Mapping[str, JSON] | None) -> list[str]:
    most = "" if cost is None else f"at most {count(cost['rounds']['most'], 'round')} ({cost['rounds']['decided_by']})"
    return [f"repeat until {inert_line(step['until'], _LONGEST)}", f"{most}, then {step['at_max']}", _in_all(cost)]


def _in_all(cost: Mapping[str, JSON] | None) -> str:
    return f"in all {usd(cost['usd'])}" if cost is not None and cost["usd"] != 0 else ""


def _command(command: Mapping[str, JSON]) -> str:
    """A command on one line: arguments as JSON where they would not be plain to tell apart."""
    if command["script"] is not None:
        return f"bash: {inert_line(command['script'], _LONGEST)}"
    words = [word if word and not set(word) & set(" \n\t\"'") else json.dumps(word) for word in command["argv"]]
    return inert_line(" ".join(words), _LONGEST)


def _function(call: Mapping[str, JSON]) -> str:
    return inert_line(f"{call['file']}:{call['function']}{_given(call['arguments'] or {})}", _LONGEST)


def _tool_call(call: Mapping[str, JSON]) -> str:
    return inert_line(f"{call['tool']}{_given(call['input'])}", _LONGEST)


def _given(values: Mapping[str, JSON]) -> str:
    return f" {json.dumps(values, ensure_ascii=False)}" if values else ""


_HEADLINES: Mapping[str, Callable[[Mapping[str, JSON], Mapping[str, JSON] | None], list[str]]] = {
    "agent": lambda step, cost: [f"agent {inert_line(step['agent'])}", _session(cost)],
    "run": lambda step, _: [f"run {_command(step)}"],
    "call": lambda step, _: [f"call {_function(step)}"],
    "tool": lambda step, _: [f"tool {_tool_call(step)}"],
    "value": lambda step, _: [f"value {inert_line(step['value'], _LONGEST)}"],
    "approve": lambda step, _: [f"approve {inert_line(step['message'], _LONGEST)}"],
    "ask": lambda step, _: [f"ask {inert_line(step['message'], _LONGEST)}"],
    "for_each": _loop,
    "repeat": _rounds,
    "choose": lambda step, cost: [f"choose one of {len(step['steps'])}", _in_all(cost)],
    "fail": lambda step, _: [f"fail {inert_line(step['message'], _LONGEST)}"],
    "workflow": lambda step, cost: [f"workflow {inert_line(step['file'])}", _in_all(cost)],
    "group": lambda _, cost: ["group", _in_all(cost)],
}


# Everything else


def _inputs(data: Mapping[str, JSON]) -> Iterator[str]:
    for name, declared in data["inputs"].items():
        schema = declared["schema"]
        kind = schema.get("format") or schema.get("type") or "any"
        value = f" = {inert_line(json.dumps(declared['value'], ensure_ascii=False))}" if "value" in declared else ""
        marks = [mark for mark in ("untrusted", "required") if declared[mark]]
        yield f"{name}: {inert_line(str(kind))}{value}{' (' + ', '.join(marks) + ')' if marks else ''}"


def _limits(data: Mapping[str, JSON]) -> Iterator[str]:
    limits = data["limits"]
    yield (
        f"{usd(limits['cost_usd'])}, {duration(limits['wall_time'])}, {count(limits['turns'], 'turn')}, "
        f"{limits['parallel']} in flight, {count(limits['agents'], 'agent')}, nested {limits['depth']} deep"
    )


def _agents(data: Mapping[str, JSON]) -> Iterator[str]:
    for agent in data["agents"]:
        model = agent["model"] + (f", else {agent['fallback_model']}" if agent["fallback_model"] else "")
        effort = f", effort {agent['effort']}" if agent["effort"] else ""
        replies = f"replies of at most {agent['max_tokens']:,} tokens"
        asked = "".join(f", {key} {inert_line(value)}" for key, value in agent["service"].items() if value is not None)
        yield f"{_of_file(agent['name'], agent)}  {inert_line(model)}{effort}, {replies}{asked}"
        yield f"    tools: {', '.join(_tools(agent)) or 'none'}"
        yield f"    stop: {', '.join(_stop(agent['stop']))}"
        if agent["skills"]:
            yield f"    skills: {', '.join(inert_line(skill['name']) for skill in agent['skills'])}"
        if agent["memory"]:
            whose = "its own" if agent["memory"] == "agent" else "shared by the workflow's agents"
            yield f"    memory: files that outlive the run, {whose}"
        if (context := agent["context"]) is None or context["strategy"] != "compact":
            yield f"    context: {_context(context)}"
        if agent["workspace"]:
            yield f"    workspace: {agent['workspace']}"


def _of_file(name: str, holder: Mapping[str, JSON]) -> str:
    """What to call an agent or a tool: another file's with that file."""
    return name if holder["file"] is None else f"{name} of {inert_line(holder['file'])}"


def _tools(agent: Mapping[str, JSON]) -> Iterator[str]:
    for tool in agent["tools"]:
        if tool["name"] == "Agent":
            yield from (f"Agent({name})" for name in agent["subagents"])
        elif not tool["rules"]:
            yield tool["name"]
        for rule in tool["rules"] if tool["name"] != "Agent" else ():
            yield f"{tool['name']}({_rule(rule['rule'], rule['resolved'])})"


def _rule(written: str, found: str | None) -> str:
    return inert_line(written if found is None else found, _LONGEST)


def _context(context: Mapping[str, JSON] | None) -> str:
    """What is done when the window fills; of the usual way nothing is said."""
    if context is None:
        return "none: a conversation that fills the window fails"
    writer = f", summaries by {inert_line(context['model'])}" if context["strategy"] == "summarize" else ""
    return f"{context['strategy']} from {context['at']:,} tokens on{writer}"


def _stop(stop: Mapping[str, JSON]) -> Iterator[str]:
    yield count(stop["turns"], "turn")
    if stop["cost_usd"] is not None:
        yield usd(stop["cost_usd"])
    if stop["tokens"] is not None:
        yield count(stop["tokens"], "token")
    if stop["wall_time"] is not None:
        yield duration(stop["wall_time"])
    if stop["tool_calls"] is not None:
        yield count(stop["tool_calls"], "tool call")
    yield f"{stop['repeated_calls']} times the same call"
    yield f"{stop['failed_calls']} failed calls in a row"
    if stop["when"] is not None:
        yield f"when {inert_line(stop['when'], _LONGEST)}"


def _commands(data: Mapping[str, JSON]) -> Iterator[str]:
    for command in data["commands"]:
        whose = f"tool {_of_file(command['tool'], command)}" if command["step"] is None else command["step"]
        folder = f", in {inert_line(command['cwd'])}" if command["cwd"] else ""
        yield f"{whose}  {_command(command)}  (effects {command['effects']}, {duration(command['timeout'])}{folder})"


def _sandbox(data: Mapping[str, JSON]) -> Iterator[str]:
    """What commands may reach, where there are any."""
    bash = any(tool["name"] == "Bash" for agent in data["agents"] for tool in agent["tools"])
    bash = bash or any(call["tool"] == "Bash" for call in data["tool_calls"])
    if not bash and not data["commands"]:
        return
    if data["sandbox"] == "off":
        yield "off: commands run as you would run them"
        return
    for key, words, nothing in _GRANTS:
        granted = ", ".join(inert_line(grant) for grant in data["sandbox"][key])
        yield f"{words}: {granted or nothing}"


def _functions(data: Mapping[str, JSON]) -> Iterator[str]:
    for call in data["functions"]:
        whose = call["step"] or f"tool {call['tool']}" + (f" of {inert_line(call['of'])}" if call["of"] else "")
        yield f"{whose}  {_function(call)}  (effects {call['effects']}, {duration(call['timeout'])})"


def _own_tools(data: Mapping[str, JSON]) -> Iterator[str]:
    """What stands around the calls of the file's own tools, where something does."""
    for tool in data["tools"]:
        facts = []
        if (rate := tool["rate_limit"]) is not None:
            facts.append(f"at most {count(rate['calls'], 'call')} in {duration(rate['seconds'])}")
        if (retry := tool["retry"]) is not None:
            facts.append(f"up to {retry['attempts']} attempts after {', '.join(retry['on'])}")
        if tool["cache"] is not None:
            lasts = "the whole run" if tool["cache"] is True else duration(tool["cache"])
            facts.append(f"the same input gives the same result for {lasts}")
        if tool["output"] is not None:
            facts.append("its result is checked")
        if facts:
            yield f"{_of_file(tool['name'], tool)}  {'; '.join(facts)}"


def _tool_calls(data: Mapping[str, JSON]) -> Iterator[str]:
    for call in data["tool_calls"]:
        yield f"{call['step']}  {_tool_call(call)}  (effects {call['effects']})"


def _gates(data: Mapping[str, JSON]) -> Iterator[str]:
    for gate in data["gates"]:
        wait = (
            "waits for ever" if gate["timeout"] is None else f"{duration(gate['timeout'])}, then {gate['on_timeout']}"
        )
        then = f"a no: {gate['on_reject']}" if gate["form"] is None else f"asks for {_asked(gate['form'])}"
        yield f"{gate['step']}  {inert_line(gate['message'], _LONGEST)}  ({wait}; {then})"


def _asked(form: Mapping[str, JSON]) -> str:
    return inert_line(", ".join(field.name for field in fields_of(form) if field.name) or "one answer", _LONGEST)


def _files(data: Mapping[str, JSON]) -> Iterator[str]:
    for way in ("read", "write"):
        patterns: dict[str, dict[str, None]] = {}
        for file in data["files"][way]:
            by = file["agent"] or f"step {file['step']}"
            patterns.setdefault(_rule(file["pattern"], file["resolved"]), {})[by] = None
        for pattern, agents in patterns.items():
            yield f"{way}  {pattern}  by {', '.join(agents)}"
    unbounded = data["files"]["unbounded"]
    if unbounded:
        yield f"whatever you can: {inert_line(', '.join(unbounded), 300)}"


def _hosts(data: Mapping[str, JSON]) -> Iterator[str]:
    if data["hosts"]["api"]:
        yield "the Claude API"
    for key, any_host, how in (("web", "any public one", "WebFetch"), ("searched", "the whole web", "WebSearch")):
        hosts: dict[str, dict[str, None]] = {}
        for row in data["hosts"][key]:
            hosts.setdefault(any_host if row["host"] == "*" else row["host"], {})[
                row["agent"] or f"step {row['step']}"
            ] = None
        yield from (f"{inert_line(host)}  {how} of {', '.join(who)}" for host, who in hosts.items())
    if unbounded := data["hosts"]["unbounded"]:
        yield f"any that you can reach: {inert_line(', '.join(unbounded), 300)}"


def _environment(data: Mapping[str, JSON]) -> Iterator[str]:
    yield from (f"{variable['name']}  for {variable['for']}" for variable in data["environment"])


def _secrets(data: Mapping[str, JSON]) -> Iterator[str]:
    yield from (f"{secret['name']}  for {', '.join(secret['for']) or 'nothing'}" for secret in data["secrets"])


def _outputs(data: Mapping[str, JSON]) -> Iterator[str]:
    yield from (f"{name}  {inert_line(source, _LONGEST)}" for name, source in data["outputs"].items())


_SECTIONS: Mapping[str, Callable[[Mapping[str, JSON]], Iterator[str]]] = {
    "inputs": _inputs,
    "limits": _limits,
    "steps": _steps,
    "agents": _agents,
    "commands": _commands,
    "sandbox": _sandbox,
    "functions": _functions,
    "tools": _own_tools,
    "tool calls": _tool_calls,
    "files": _files,
    "hosts": _hosts,
    "gates": _gates,
    "environment": _environment,
    "secrets": _secrets,
    "outputs": _outputs,
}
