"""The file by which an operator describes an endpoint: where requests go, and what its models cost and can.

```yaml
endpoint: http://127.0.0.1:8080           # or anthropic, bedrock, vertex, foundry
key_from: LITELLM_KEY                     # the variable of the environment that holds the key
lacks: [thinking, effort]                 # what need not be tried
models:
  claude-sonnet-5-5: {id: qwen3-8b, price: 0, context_window: 32768, max_output: 4096}
  "*": {price: {input: 3, output: 15}}    # every other model; US dollars per million tokens
```
"""

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, ValidationError, model_validator

from agentflow.errors import UsageError
from agentflow.source.yaml_reader import read
from agentflow.spec.base import Spec

Kind = Literal["anthropic", "bedrock", "vertex", "foundry"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FeatureName = Literal[
    "caching", "thinking", "effort", "output_format", "tool_choice", "deferred_tools", "web_search", "models"
]

MAX_BYTES = 1 << 20
_HINT = "docs/endpoints.md has the keys of such a file"
_MOST_USD = 1_000_000.0
_MOST_TOKENS = 1_000_000_000
_SHOWN = 10

_Usd = Annotated[float, Field(ge=0, le=_MOST_USD, allow_inf_nan=False)]
_Tokens = Annotated[int, Field(ge=1, le=_MOST_TOKENS)]
_Id = Annotated[str, Field(min_length=1, max_length=2048, pattern=r"^\S+$")]
_Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


def is_url(text: str) -> bool:
    """Whether `text` is an address that a client can be given."""
    return text.startswith(("http://", "https://"))


def _target(text: str) -> str:
    if text in KINDS or is_url(text):
        return text
    raise ValueError(f"one of {', '.join(KINDS)}, or a URL that begins with https:// or http://")


class PriceLine(Spec):
    """US dollars per million tokens; `web_search` per thousand searches. What is left out costs what input costs."""

    input: _Usd
    output: _Usd
    cache_read: _Usd | None = None
    cache_write_5m: _Usd | None = None
    cache_write_1h: _Usd | None = None
    web_search: _Usd | None = None


class ModelLine(Spec):
    """One model of the endpoint."""

    id: _Id | None = None
    price: PriceLine | Literal[0] | None = None
    context_window: _Tokens | None = None
    max_output: _Tokens | None = None

    @model_validator(mode="after")
    def _fits(self) -> "ModelLine":
        if self.max_output is not None and self.context_window is not None and self.max_output > self.context_window:
            raise ValueError("`max_output` is larger than `context_window`")
        return self


class EndpointFile(Spec):
    """The whole file."""

    endpoint: Annotated[str, AfterValidator(_target)] = "anthropic"
    key_from: _Variable | None = None
    lacks: list[FeatureName] = Field(default_factory=list)
    models: dict[_Id, ModelLine] = Field(default_factory=dict)


def read_endpoint_file(content: bytes, path: str) -> EndpointFile:
    """The file. Raises UsageError, which names every place that is wrong."""
    document, diagnostics = read(content, path)
    if document is None or diagnostics:
        raise _unusable(path, [f"{item.place.line}:{item.place.column}: {item.message}" for item in diagnostics])
    try:
        return EndpointFile.model_validate(document.data)
    except ValidationError as error:
        problems = [f"`{'.'.join(map(str, item['loc'])) or path}`: {item['msg']}" for item in error.errors()]
        raise _unusable(path, problems) from None


def _unusable(path: str, problems: list[str]) -> UsageError:
    listed = "".join(f"\n  {problem}" for problem in problems[:_SHOWN])
    return UsageError(f"the endpoint file '{path}' cannot be used:{listed}", _HINT)
