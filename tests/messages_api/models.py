"""The models the server knows and what each refuses.

Source: the public model, migration and "what's new" pages of the Claude API (read November 2026) and
`anthropic.types.model_param`. Limits of `*-5-2` are taken to be those of `*-5-1`: no page for them was found.
"""

from dataclasses import dataclass

ALL_EFFORTS = ("low", "medium", "high", "xhigh", "max")
UNTIL_HIGH = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class ModelRules:
    """What one model accepts.

    `max_output` and `context` are tokens; `thinking` the accepted `thinking.type` values; `efforts` the accepted
    `output_config.effort` values (empty: none); `quiet_efforts` those accepted with thinking turned off;
    `min_cache_tokens` the shortest prefix that is cached; `compaction` whether it compacts on request.
    """

    max_output: int = 128_000
    context: int = 1_000_000
    thinking: tuple[str, ...] = ("adaptive",)
    efforts: tuple[str, ...] = ALL_EFFORTS
    quiet_efforts: tuple[str, ...] = ALL_EFFORTS
    forced_tools: bool = True
    prefill: bool = False
    sampling: bool = False
    system_messages: bool = True
    binds_thinking: bool = False
    thinking_shown: bool = False
    min_cache_tokens: int = 1024
    compaction: bool = True


_ALWAYS_ON = ModelRules(forced_tools=False, binds_thinking=True, min_cache_tokens=512)
_FIVE = ModelRules(thinking=("adaptive", "disabled"))
_FOUR_SEVEN = ModelRules(thinking=("adaptive", "disabled"), system_messages=False, compaction=False)
_FOUR_SIX = ModelRules(
    thinking=("adaptive", "enabled", "disabled"),
    efforts=("low", "medium", "high", "max"),
    sampling=True,
    system_messages=False,
    compaction=False,
    thinking_shown=True,
)
_FOUR_FIVE = ModelRules(
    max_output=64_000,
    context=200_000,
    thinking=("enabled", "disabled"),
    efforts=(),
    prefill=True,
    sampling=True,
    system_messages=False,
    compaction=False,
    thinking_shown=True,
)
_OPUS_FOUR_FIVE = ModelRules(
    max_output=64_000,
    context=200_000,
    thinking=("enabled", "disabled"),
    efforts=UNTIL_HIGH,
    prefill=True,
    sampling=True,
    system_messages=False,
    compaction=False,
    thinking_shown=True,
    min_cache_tokens=4096,
)

MODELS: dict[str, ModelRules] = {
    "claude-fable-5-2": _ALWAYS_ON,
    "claude-mythos-5-2": _ALWAYS_ON,
    "claude-fable-5-1": _ALWAYS_ON,
    "claude-mythos-5-1": _ALWAYS_ON,
    "claude-opus-5-5": _ALWAYS_ON,
    "claude-sonnet-5-5": ModelRules(
        thinking=("adaptive", "between_tools"),
        quiet_efforts=UNTIL_HIGH,
        forced_tools=False,
        binds_thinking=True,
        min_cache_tokens=512,
    ),
    "claude-haiku-5-5": ModelRules(thinking=("adaptive", "disabled"), quiet_efforts=UNTIL_HIGH, min_cache_tokens=512),
    "claude-fable-5": ModelRules(),
    "claude-mythos-5": ModelRules(),
    "claude-opus-5": ModelRules(thinking=("adaptive", "disabled"), quiet_efforts=UNTIL_HIGH),
    "claude-sonnet-5": _FIVE,
    "claude-opus-4-8": _FIVE,
    "claude-opus-4-7": _FOUR_SEVEN,
    "claude-opus-4-6": _FOUR_SIX,
    "claude-sonnet-4-6": _FOUR_SIX,
    "claude-haiku-4-5": _FOUR_FIVE,
    "claude-haiku-4-5-20251001": _FOUR_FIVE,
    "claude-sonnet-4-5": _FOUR_FIVE,
    "claude-sonnet-4-5-20250929": _FOUR_FIVE,
    "claude-opus-4-5": _OPUS_FOUR_FIVE,
    "claude-opus-4-5-20251101": _OPUS_FOUR_FIVE,
}
