"""The base of every model of the language, and the scalar types its keys share."""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

ID_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
# The API takes names of tools up to 128 characters; an editor knows no other bound on keys than a pattern.
AGENT_NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_-]{0,127}$"
TOOL_NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,127}$"
FUNCTION_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*:[A-Za-z_][A-Za-z0-9_]*$"
LONGEST_NAME = 128
"""Characters: what the Messages API takes as the name of a tool."""

AUTHORED = "x-authored"
"""Marks, in pydantic's schema, a schema that the author writes, with the definition that describes it for editors."""

DURATION_PATTERN = r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)$"
INPUT_PATTERN = r"^inputs\.[A-Za-z_][A-Za-z0-9_]*$"

_DURATION = re.compile(DURATION_PATTERN)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Spec(BaseModel):
    """A mapping of the language: its keys are closed, its values are of exactly the types written here."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True, populate_by_name=False)


class FileRef(Spec):
    """`{file: path}`: stands for a file's text, or for the mapping the file holds."""

    file: str = Field(
        min_length=1, description="A path relative to this file, inside the project, as `prompts/plan.md`."
    )


def _seconds(value: Any) -> Any:
    """`20m` and its like in seconds; a number without a unit is refused, since nobody could tell which was meant."""
    if isinstance(value, str) and (match := _DURATION.fullmatch(value)):
        return float(match[1]) * _SECONDS[match[2]]
    raise ValueError("a number and a unit, as 500ms, 30s, 20m, 24h or 7d")


class PinnedFile(Spec):
    """A workflow, import or agent file, held to what it was when its digest was written down."""

    path: str = Field(min_length=1, description="A path relative to this file, inside the project.")
    pin: str = Field(
        pattern=r"^sha256:[0-9a-f]{64}$", description="`sha256:` and the digest of the file with all that it names."
    )


NamedFile = Annotated[str, Field(min_length=1, description="A path relative to this file.")] | PinnedFile
Id = Annotated[str, StringConstraints(pattern=ID_PATTERN)]
AgentName = Annotated[str, StringConstraints(pattern=AGENT_NAME_PATTERN)]
ToolName = Annotated[str, StringConstraints(pattern=TOOL_NAME_PATTERN)]
Duration = Annotated[
    float,
    BeforeValidator(_seconds, json_schema_input_type=Annotated[str, StringConstraints(pattern=DURATION_PATTERN)]),
    Field(gt=0, allow_inf_nan=False, description="A number and a unit: 500ms, 30s, 20m, 24h or 7d."),
]
Money = Annotated[float, Field(ge=0, allow_inf_nan=False, description="US dollars.")]
Expression = Annotated[str, StringConstraints(min_length=1), Field(description="An expression, without braces.")]
Template = Annotated[str, Field(description="Text in which `{{ }}` holds expressions.")]
Text = Template | FileRef
# The file first: `{file: path}` would do as a schema too, one that accepts everything.
JsonSchema = Annotated[
    FileRef | dict[str, Any], Field(union_mode="left_to_right", json_schema_extra={AUTHORED: "JsonSchemaOrFile"})
]
InputSchema = Annotated[dict[str, Any], Field(json_schema_extra={AUTHORED: "InputSchema"})]
ToolSchema = Annotated[dict[str, Any], Field(json_schema_extra={AUTHORED: "JsonSchema"})]
ToolRule = Annotated[
    str,
    Field(
        description="A tool's name, or a rule that narrows it.",
        examples=[
            "Read",
            "Write",
            "Edit",
            "Glob",
            "Grep",
            "Bash",
            "WebSearch",
            "WebFetch",
            "WebFetch(domain:x.org)",
            "Read(docs/**)",
            "Agent(researcher)",
            "AskUserQuestion",
            "Skill",
            "TodoWrite",
            "ToolSearch",
            "Recall",
            "Compact",
        ],
    ),
]
InputBound = Annotated[str, StringConstraints(pattern=INPUT_PATTERN)]
Bound = Annotated[int, Field(ge=1)] | InputBound
Effects = Literal["none", "writes", "sends"]
Workspace = Literal["shared", "copy", "worktree"]
