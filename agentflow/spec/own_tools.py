"""The file's own tools: commands and Python functions, and what bounds their calls."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag

from agentflow.spec.agents import Label
from agentflow.spec.base import (
    FUNCTION_PATTERN,
    Duration,
    Effects,
    JsonSchema,
    Spec,
    Template,
    Text,
    ToolSchema,
)
from agentflow.spec.retry import MOST_ATTEMPTS

RATE_PATTERN = r"^([1-9]\d{0,3}|10000)/(s|min|h|d)$"

_RATE = re.compile(RATE_PATTERN)
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}

ToolFailure = Literal["command_failed", "call_failed", "timeout", "output_invalid"]
"""The failures that a tool can be tried again after. Others, as an input that does not do, would be the same again."""

TOOL_FAILURES: tuple[ToolFailure, ...] = ("command_failed", "call_failed", "timeout", "output_invalid")


def _rate(value: Any) -> Any:
    """`30/min` as a number of calls and of seconds."""
    if isinstance(value, str) and (match := _RATE.fullmatch(value)):
        return int(match[1]), _SECONDS[match[2]]
    raise ValueError("at most 10000 calls and a time, as 30/min, 2/s, 500/h or 1000/d")


Rate = Annotated[
    tuple[int, float],
    BeforeValidator(_rate, json_schema_input_type=Annotated[str, StringConstraints(pattern=RATE_PATTERN)]),
]


class ToolRetry(Spec):
    """Runs a tool again after a failure, before its agent hears of it."""

    attempts: Annotated[int, Field(ge=2, le=MOST_ATTEMPTS)] = Field(
        description="How often it is tried in all, the first time included."
    )
    backoff: Duration = Field(
        default=1.0, description="The rest before the second attempt, as `30s`; doubled each time, with jitter."
    )
    on: list[ToolFailure] = Field(
        default_factory=lambda: list(TOOL_FAILURES),
        min_length=1,
        description="The kinds of failure after which it is tried again.",
    )
    repeat_effects: bool = Field(
        default=False, description="Must be true where the tool has effects: it may have them again."
    )


class OwnTool(Spec):
    """What every tool of the file's own takes."""

    description: str | None = Field(
        default=None, min_length=1, description="What the tool does and when to use it; the model reads this."
    )
    input: ToolSchema | None = Field(
        default=None, description="A JSON Schema of type `object`: what the model gives it."
    )
    output: JsonSchema | None = Field(
        default=None,
        description="A JSON Schema that its result, read as JSON, must meet; one that does not is a failure.",
    )
    env: dict[str, Template] = Field(
        default_factory=dict, description="Environment variables of its process, beside those of the file."
    )
    timeout: Duration = Field(
        default=120.0, description="How long a call may take, as `30s`; a longer one is killed and fails."
    )
    retry: ToolRetry | None = Field(default=None, description="Runs it again after a failure.")
    rate_limit: Rate | None = Field(
        default=None, description="How many of its calls may begin in a time, as `30/min`, in a run; others wait."
    )
    cache: bool | Duration = Field(
        default=False,
        description="Gives a result again for the same input, in the whole run (`true`) or for a time, as `1h`.",
    )
    effects: Effects = Field(default="sends", description="What a call does beyond giving its result.")
    labels: list[Label] | None = Field(
        default=None,
        description="What the analysis of data may assume: it gives private data, or text of others, or sends; "
        "unlabelled means private and untrusted, and sends by its `effects`.",
    )


class CommandTool(OwnTool):
    """A tool of the file's own: one command."""

    description: str = Field(min_length=1, description="What the tool does and when to use it; the model reads this.")
    input: ToolSchema = Field(
        default_factory=lambda: {"type": "object", "properties": {}},
        description="A JSON Schema of type `object`: what the model gives it.",
    )
    run: list[Template] = Field(
        min_length=1,
        description="The command and its arguments, as `[wc, -w]`, no shell; after the first, templates over `input`.",
    )
    stdin: Text | None = Field(default=None, description="What the command reads; a template over `input`.")


class FunctionTool(OwnTool):
    """A tool of the file's own: a Python function beside the file."""

    description: str | None = Field(
        default=None,
        min_length=1,
        description="What the tool does and when to use it; where absent, the first paragraph of the docstring.",
    )
    input: ToolSchema | None = Field(
        default=None,
        description="A JSON Schema of type `object`: what the model gives it; where absent, it is made of type hints.",
    )
    call: Annotated[str, StringConstraints(pattern=FUNCTION_PATTERN)] = Field(
        description="The function and its module beside this file, as `lib.stats:mean` for `mean` in `lib/stats.py`."
    )


def tool_kind(tool: Any) -> str:
    """The key that makes a tool's mapping or model what it is: `call`, or else `run`."""
    if isinstance(tool, OwnTool):
        return "call" if isinstance(tool, FunctionTool) else "run"
    return "call" if isinstance(tool, dict) and "call" in tool and "run" not in tool else "run"


AnyTool = Annotated[
    Annotated[CommandTool, Tag("run")] | Annotated[FunctionTool, Tag("call")],
    Discriminator(tool_kind),
]
TOOL_KINDS: dict[str, type[OwnTool]] = {"run": CommandTool, "call": FunctionTool}
