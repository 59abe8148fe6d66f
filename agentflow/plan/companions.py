"""Tools that come with a grant of another: whoever may start something can follow and stop it."""

from collections.abc import Mapping
from types import MappingProxyType

from msgspec.structs import replace

from agentflow.plan.agent_plan import ToolSpec

_TASK_ID = {"type": "string", "minLength": 1, "description": "The name that Bash gave when it started the task."}

_TASK_OUTPUT = ToolSpec(
    "TaskOutput",
    "Tells what a task that Bash started with `run_in_background` has printed since you last asked, and whether it "
    "still runs or how it ended. It waits for the task's end first, `timeout` at most; with `block` false it returns "
    "at once. An unknown `task_id` gets the list of your tasks.",
    {
        "type": "object",
        "properties": {
            "task_id": _TASK_ID,
            "block": {"type": "boolean", "description": "Wait for the task's end. Default true."},
            "timeout": {
                "type": "integer",
                "minimum": 1,
                "maximum": 600_000,
                "description": "Milliseconds to wait at most; the task goes on. Default 30000.",
            },
        },
        "required": ["task_id"],
        "additionalProperties": False,
    },
    "none",
)

_TASK_STOP = ToolSpec(
    "TaskStop",
    "Stops a task that Bash started with `run_in_background`, and all that it started. What it printed can still be "
    "read with TaskOutput.",
    {"type": "object", "properties": {"task_id": _TASK_ID}, "required": ["task_id"], "additionalProperties": False},
    # In its place among the calls of a reply; all that it ends is the session's own.
    "writes",
)

COMPANIONS: Mapping[str, tuple[ToolSpec, ...]] = MappingProxyType({"Bash": (_TASK_OUTPUT, _TASK_STOP)})
"""By the tool they come with."""

COMES_WITH: Mapping[str, str] = {spec.name: tool for tool, specs in COMPANIONS.items() for spec in specs}
"""The tool that a companion comes with, by the companion's name."""

_MOST_WAITED_FOR = 600_000
"""Milliseconds that Bash waits for a script."""


def waiting(spec: ToolSpec) -> ToolSpec:
    """A tool as a step calls it, which has no session that could leave something running: `run_in_background` and the
    longer times that come with it are not there."""
    properties = dict(spec.input_schema["properties"])
    if properties.pop("run_in_background", None) is None:
        return spec
    properties["timeout"] = {**properties["timeout"], "maximum": _MOST_WAITED_FOR}
    return replace(spec, input_schema={**spec.input_schema, "properties": properties})


POLLED = frozenset({"TaskOutput"})
"""Calls that may be made again and again with the same input, for what they answer changes."""
