"""Which models take which `effort` and `thinking`.

Source: the public model, migration and "what's new" pages of the Claude API, read in November 2026. A model that is not
in the table is not judged: the service says what it refuses.
"""

from collections.abc import Iterator

from msgspec import Struct

_ALL = ("low", "medium", "high", "xhigh", "max")
_UNTIL_HIGH = ("low", "medium", "high")


class ModelSettings(Struct, frozen=True):
    """What a model takes.

    Attributes:
        thinking: the values of `thinking`.
        efforts: the values of `effort`; none: it has no such setting.
        quiet_efforts: those that it takes where `thinking` is not `adaptive`.
    """

    thinking: tuple[str, ...] = ("adaptive",)
    efforts: tuple[str, ...] = _ALL
    quiet_efforts: tuple[str, ...] = _ALL


_ADAPTIVE = ModelSettings()
_FIVE = ModelSettings(("adaptive", "disabled"))
_QUIET = ModelSettings(("adaptive", "disabled"), quiet_efforts=_UNTIL_HIGH)
_FOUR_SIX = ModelSettings(("adaptive", "disabled"), ("low", "medium", "high", "max"))
_FOUR_FIVE = ModelSettings(("disabled",), ())

# The first beginning that a model's id has; longer ones stand before their own beginnings.
_MODELS: tuple[tuple[str, ModelSettings], ...] = (
    ("claude-opus-5-5", _ADAPTIVE),
    ("claude-sonnet-5-5", ModelSettings(("adaptive", "between_tools"), quiet_efforts=_UNTIL_HIGH)),
    ("claude-haiku-5-5", _QUIET),
    ("claude-fable-5", _ADAPTIVE),
    ("claude-mythos-5", _ADAPTIVE),
    ("claude-opus-5", _QUIET),
    ("claude-sonnet-5", _FIVE),
    ("claude-opus-4-8", _FIVE),
    ("claude-opus-4-7", _FIVE),
    ("claude-opus-4-6", _FOUR_SIX),
    ("claude-sonnet-4-6", _FOUR_SIX),
    ("claude-haiku-4-5", _FOUR_FIVE),
    ("claude-sonnet-4-5", _FOUR_FIVE),
    ("claude-opus-4-5", ModelSettings(("disabled",), _UNTIL_HIGH)),
)


def refused_settings(model: str, effort: str | None, thinking: str | None) -> Iterator[tuple[str, str, str]]:
    """The settings that a model does not take: the key, what is wrong, and the next move."""
    settings = next((known for begin, known in _MODELS if model == begin or model.startswith(f"{begin}-")), None)
    if settings is None:
        return
    if thinking is not None and thinking not in settings.thinking:
        yield "thinking", f"`{model}` does not take `thinking: {thinking}`", _choice("thinking", settings.thinking)
        return
    quiet = thinking is not None and thinking != "adaptive"
    efforts = tuple(each for each in settings.efforts if not quiet or each in settings.quiet_efforts)
    if effort is not None and effort not in efforts:
        where = f" with `thinking: {thinking}`" if effort in settings.efforts else ""
        yield "effort", f"`{model}` does not take `effort: {effort}`{where}", _choice("effort", efforts)


def _choice(key: str, values: tuple[str, ...]) -> str:
    if not values:
        return f"take `{key}` away, or choose another model"
    return f"it takes {', '.join(f'`{value}`' for value in values)}"
