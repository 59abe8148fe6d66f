"""Where one is in a workflow file: which model a mapping is read as, and what to call it."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from agentflow.source.document import Loc
from agentflow.spec.agents import Agent, AgentDefaults, Stop
from agentflow.spec.base import FileRef, PinnedFile, Spec
from agentflow.spec.describe import bounds_words
from agentflow.spec.own_tools import TOOL_KINDS, CommandTool, FunctionTool, ToolRetry, tool_kind
from agentflow.spec.retry import Retry
from agentflow.spec.sandbox import SandboxGrants
from agentflow.spec.steps import KINDS, Rounds, SessionOf, StepBase, kind_of
from agentflow.spec.workflow import Library, Limits, Workflow

# Words of the language that this version does not know yet.
_LATER_OF_AGENTS = frozenset({"context", "hooks", "permissions"})
_LATER_OF_STEPS = frozenset({"escalate", "from"})
_LATER_OF_FILES = frozenset({"hooks", "mcp_servers", "permissions", "skills"})

_OF_FILES: dict[str, type[Spec]] = {"defaults": AgentDefaults, "limits": Limits, "sandbox": SandboxGrants}
_OWNERS: tuple[tuple[type[Spec], str], ...] = (
    (Agent, "an agent"),
    (Stop, "an agent's `stop`"),
    (Limits, "`limits`"),
    (Retry, "`retry`"),
    (CommandTool, "a tool"),
    (FunctionTool, "a tool"),
    (Rounds, "the `repeat` of a step"),
)
_OF_STEPS: dict[str, type[Spec]] = {"agent": Agent, "session": SessionOf, "repeat": Rounds, "retry": Retry}
_HOLDERS = ("for_each", "repeat", "choose", "steps")


def value_at(data: Any, loc: Loc) -> Any:
    """Returns the value at `loc`, or None where there is none."""
    for segment in loc:
        if not _holds(data, segment):
            return None
        data = data[segment]
    return data


def has(data: Any, loc: Loc) -> bool:
    """Returns whether there is a value at `loc`."""
    return not loc or _holds(value_at(data, loc[:-1]), loc[-1])


def _holds(data: Any, segment: str | int) -> bool:
    if isinstance(data, list):
        return isinstance(segment, int) and 0 <= segment < len(data)
    return isinstance(data, dict) and segment in data


def is_step(loc: Loc) -> bool:
    """Returns whether a step stands at `loc`: under a `steps` or `choose`, or as a `step` or `otherwise`."""
    index = 0
    while index < len(loc):
        more = index + 1 < len(loc)
        if more and (loc[index] == "steps" or (loc[index] == "choose" and isinstance(loc[index + 1], int))):
            index += 2
        elif loc[index] in {"step", "otherwise"} and index > 0:
            index += 1
        else:
            return False
    return index > 0


def is_tool(loc: Loc) -> bool:
    """Returns whether one of the file's own tools stands at `loc`."""
    return len(loc) == 2 and loc[0] == "tools"


def steps_of(data: Any) -> Iterator[tuple[Loc, Any]]:
    """Yields every step of a file's data, outer ones first, with its loc."""
    waiting: deque[tuple[Loc, Any]] = deque([((), data)])
    while waiting:
        loc, holder = waiting.popleft()
        found: list[tuple[Loc, Any]] = []
        if isinstance(holder, dict) and (not loc or kind_of(holder) in {None, *_HOLDERS}):
            steps = holder.get("steps")
            if isinstance(steps, dict):
                found += [((*loc, "steps", name), step) for name, step in steps.items()]
            if loc and "step" in holder and ("for_each" in holder or "repeat" in holder):
                found.append(((*loc, "step"), holder["step"]))
            if loc and isinstance(holder.get("choose"), list):
                found += [((*loc, "choose", index), step) for index, step in enumerate(holder["choose"])]
            if loc and "otherwise" in holder and "choose" in holder:
                found.append(((*loc, "otherwise"), holder["otherwise"]))
        yield from found
        waiting += found


def model_at(loc: Loc, data: Any) -> type[Spec] | None:
    """Returns the model that the mapping at `loc` is read as; None for mappings with names or free keys."""
    if not loc:
        return Workflow
    if is_step(loc):
        kind = kind_of(value_at(data, loc))
        return None if kind is None else KINDS[kind]
    last, parent = loc[-1], loc[:-1]
    if (len(loc) == 2 and loc[0] == "imports") or (parent and last in {"from", "workflow"}):
        return PinnedFile
    if not parent and last in _OF_FILES:
        return _OF_FILES[str(last)]
    if len(loc) == 2 and loc[0] in {"agents", "tools"}:
        return Agent if loc[0] == "agents" else TOOL_KINDS[tool_kind(value_at(data, loc))]
    if is_tool(parent) and last == "retry":
        return ToolRetry
    if is_step(parent) and last in _OF_STEPS:
        return _OF_STEPS[str(last)]
    if last == "stop" and parent and model_at(parent, data) is Agent:
        return Stop
    texts = {"approve", "ask", "fail", "instructions", "output", "prompt", "show", "stdin"}
    return FileRef if last in texts and parent and model_at(parent, data) is not None else None


def keys_of(model: type[Spec]) -> tuple[str, ...]:
    """Returns the keys that a mapping of `model` may have, as a file writes them."""
    return tuple(field.alias or name for name, field in model.model_fields.items())


def later_keys(model: type[Spec]) -> frozenset[str]:
    """Returns the keys of the language that a mapping of `model` does not take yet."""
    if model is Library:
        return frozenset({"mcp_servers"})
    if model is Workflow:
        return _LATER_OF_FILES
    if issubclass(model, AgentDefaults):
        return _LATER_OF_AGENTS
    return _LATER_OF_STEPS if issubclass(model, StepBase) else frozenset()


def owners_of(key: str) -> tuple[str, ...]:
    """Returns what a key belongs to, in words, at most three of them."""
    if key in keys_of(StepBase):
        return ("a step",)
    found = list(dict.fromkeys(words for model, words in _OWNERS if key in keys_of(model)))
    found += [f"a step with `{kind}`" for kind, model in KINDS.items() if key in keys_of(model) and kind != "steps"]
    if not found and key in keys_of(Workflow):
        return ("the top level of the file",)
    return tuple(found[:3])


def name_of(loc: Loc) -> str:
    """Returns what to call the thing at `loc`: step `plan`, agent `editor`, `limits`, item 2 of `needs`."""
    if not loc:
        return "the file"
    last = loc[-1]
    if isinstance(last, int) and is_step(loc):
        return f"case {last + 1} of {name_of(loc[:-2])}"
    if last == "otherwise" and is_step(loc) and is_step(loc[:-1]):
        return f"`otherwise` of {name_of(loc[:-1])}"
    if isinstance(last, int):
        return f"item {last + 1} of {name_of(loc[:-1])}"
    if is_step(loc):
        holder = loc
        while holder[-1] == "step" and is_step(holder[:-1]):
            holder = holder[:-1]
        return f"the body of step `{holder[-1]}`" if holder != loc else f"step `{last}`"
    if len(loc) == 2 and loc[0] in {"agents", "tools", "inputs"}:
        return f"{str(loc[0])[:-1]} `{last}`"
    return f"`{last}`"


def bounds_of(loc: Loc, data: Any) -> str:
    """Returns the bounds of the number at `loc` in words, as ` of at least 1 and at most 20`; '' where none are."""
    while loc and isinstance(loc[-1], int):
        loc = loc[:-1]
    model = model_at(loc[:-1], data) if loc else None
    fields = model.model_fields.items() if model is not None else ()
    field = next((field for name, field in fields if (field.alias or name) == loc[-1]), None)
    if field is None:
        return ""
    words = bounds_words(field)
    return f" of {words}" if words else ""
