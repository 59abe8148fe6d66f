"""Is this a request the API would take? Comes in: headers and body. Goes out: a `Checked`, or the API's refusal."""

import marshal
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import from_json

from . import compaction
from .blocks import check_fields, check_text
from .errors import ApiError, invalid
from .history import History, HistoryState, ThinkingSeen, modified
from .media import media_tokens
from .models import ModelRules
from .prefix import BYTES_PER_TOKEN, Prefix, block_bytes, read_signature
from .resume import TAIL_MESSAGES, Snapshot
from .schema_rules import check_output_schema
from .tools import check_tool_choice, check_tools

VERSION = "2026-10-21"
VERSIONS = ("2023-06-01", VERSION)
MAX_BODY_BYTES = 32 * 1024 * 1024
MAX_BREAKPOINTS = 4
MIN_BUDGET_TOKENS = 1024
SAMPLING = ("temperature", "top_p", "top_k")
FIELDS = frozenset(
    {
        "model",
        "messages",
        "max_tokens",
        "system",
        "stream",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "cache_control",
        "container",
        "diagnostics",
        "inference_geo",
        "metadata",
        "service_tier",
        "speed",
        "stop_sequences",
    }
)
BETA_FIELDS = frozenset(["context_management", "mcp_servers", "fallbacks", "compaction"])
_THINKING_FIELDS = {
    "adaptive": {"type", "display"},
    "enabled": {"type", "display", "budget_tokens"},
    "disabled": {"type"},
    "between_tools": {"type"},
}


@dataclass(frozen=True, slots=True)
class Checked:
    """A request that passed: its parsed body, the model's rules, and what the pass over the history found."""

    body: dict[str, Any]
    rules: ModelRules
    history: History
    prompt_tokens: int
    cache_setting: bytes
    saved: HistoryState | None = None

    @property
    def prefix(self) -> Prefix:
        return self.history.prefix


@dataclass(frozen=True, slots=True)
class Validator:
    """Settings of the checks: the models, whether thinking is bound to the prompt, the key expected (None: any)."""

    models: Mapping[str, ModelRules]
    bind_thinking: bool = True
    api_key: str | None = None

    def check_headers(self, headers: Mapping[str, str]) -> str:
        """Check authentication, version and content type; returns the API version. Keys of `headers` are lower case."""
        bearer = headers.get("authorization", "")
        key = headers.get("x-api-key") or (bearer[7:] if bearer.lower().startswith("bearer ") else "")
        if not key:
            raise ApiError("authentication_error", "x-api-key header is required", 401)
        if self.api_key is not None and key != self.api_key:
            raise ApiError("authentication_error", "invalid x-api-key", 401)
        version = headers.get("anthropic-version")
        if version is None:
            raise invalid("anthropic-version: header is required")
        if version not in VERSIONS:
            raise invalid(f'anthropic-version: "{version}" is not a valid version')
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise invalid("content-type: must be application/json")
        return version

    def check(
        self,
        raw: bytes,
        body: dict[str, Any],
        headers: Mapping[str, str],
        version: str,
        paused: Collection[bytes] = (),
        begins_with: Snapshot | None = None,
    ) -> Checked:
        """Check the whole body; raises the API's refusal at the first thing that is wrong.

        `raw` is the body as sent, `version` what `check_headers` returned, `paused` the keys of paused turns,
        `begins_with` what is known of the body's beginning.
        """
        betas = headers.get("anthropic-beta", "")
        rules = self._check_top_level(body, version, bool(betas))
        compaction.check_parameter(body, betas, rules.compaction)
        compaction.check_betas(body.get("messages"), betas)
        history = History(rules, Prefix(), strict_blocks=version == VERSION, paused=paused)
        names = check_tools(body.get("tools"), history)
        _check_system(body.get("system"), history)
        saved, verified = _read_messages(body, version, history, begins_with)
        _check_thinking(body, rules)
        check_tool_choice(body.get("tool_choice"), names, rules, body.get("thinking"))
        if history.uses_tools and not body.get("tools"):
            raise invalid("tools: Field required: the messages contain `tool_use` blocks")
        _check_output_config(body, rules)
        _check_top_cache_control(body, history)
        if len(history.prefix.breakpoints) > MAX_BREAKPOINTS:
            raise invalid(
                f"A maximum of 4 blocks with cache_control may be provided. Found {len(history.prefix.breakpoints)}."
            )
        self._check_signatures(body, history, verified)
        tokens, size = media_tokens(body["messages"]) if b'"base64"' in raw else (0, 0)
        prompt_tokens = max(1, (len(raw) - size) // BYTES_PER_TOKEN + tokens)
        if prompt_tokens > rules.context:
            raise invalid(f"prompt is too long: {prompt_tokens} tokens > {rules.context} maximum")
        setting = marshal.dumps([body.get(key) for key in ("model", "tool_choice", "thinking", "output_config")], 2)
        return Checked(body, rules, history, prompt_tokens, setting, saved)

    def _check_top_level(self, body: dict[str, Any], version: str, beta: bool) -> ModelRules:
        allowed = FIELDS | (BETA_FIELDS if beta else frozenset())
        sampling = frozenset(SAMPLING) if version != VERSION else frozenset()
        extra = body.keys() - allowed - sampling
        if extra:
            raise invalid(f"{min(extra)}: Extra inputs are not permitted")
        for key in ("model", "messages", "max_tokens"):
            if key not in body:
                raise invalid(f"{key}: Field required")
        if not isinstance(body["model"], str):
            raise invalid("model: Input should be a valid string")
        rules = self.models.get(body["model"])
        if rules is None:
            raise ApiError("not_found_error", f"model: {body['model']}", 404)
        _check_sampling(body, rules)
        _check_simple(body, rules)
        return rules

    def _check_signatures(self, body: dict[str, Any], history: History, verified: int) -> None:
        """Check the thinking blocks but the first `verified`, which were checked with an earlier request."""
        unverified = history.thinking[verified:]
        bound = self.bind_thinking and history.rules.binds_thinking
        digests: dict[int, tuple[bytes, int]] = {}
        if bound and unverified:
            ends = {end for seen in unverified for end in range(seen.turn_start, seen.position + 1)}
            digests = history.prefix.digests(ends)
        for seen in unverified:
            signed = read_signature(seen.text, seen.signature)
            if signed is None:
                if seen.message == history.last_assistant:
                    raise modified(seen)
                raise invalid(f"{seen.place}: Invalid `signature` in `thinking` block")
            # A block of another model is dropped by the API, not refused; a bound one must answer this very prompt.
            if bound and signed.model == body["model"] and not _answers(seen, signed.prefix_digest, digests):
                raise invalid(
                    f"{seen.place}: the content before this `thinking` block (system, tools or an earlier message) "
                    "has changed since the block was produced"
                )


def _read_messages(
    body: dict[str, Any], version: str, history: History, begins_with: Snapshot | None
) -> tuple[HistoryState | None, int]:
    """Read the messages, from a snapshot on if its tools, system, model and version are those of this request.

    Returns the state to remember, and how many thinking blocks need no second check.
    """
    prefix = history.prefix
    prefix.messages_start = len(prefix.chunks)
    history.head_breakpoints = prefix.breakpoints.copy()
    start = verified = 0
    if begins_with is not None and begins_with.setting == (version, body["model"]):
        state = begins_with.state
        if state.head == (prefix.chunks, prefix.breakpoints):
            history.load(state)
            prefix.base, prefix.known = begins_with.hashed, dict(begins_with.known)
            start, verified = len(begins_with.messages), len(history.thinking)
    messages = body["messages"]
    keep = len(messages) - TAIL_MESSAGES if isinstance(messages, list) else -1
    saved = history.read(messages, start, keep if keep >= start else None)
    if saved is not None:
        prefix.keep_at = len(saved.chunks)
    return saved, verified


def _answers(seen: ThinkingSeen, digest: bytes, digests: dict[int, tuple[bytes, int]]) -> bool:
    return any(digests[end][0] == digest for end in range(seen.turn_start, seen.position + 1))


def parse(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`; refuses what is no JSON, NaN, lone surrogates, and bodies that are no object."""
    if len(raw) > MAX_BODY_BYTES:
        raise ApiError("request_too_large", "Request exceeds the maximum size", 413)
    try:
        body = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise invalid(f"The request body is not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise invalid("Input should be a valid dictionary or object to extract fields from")
    return body


def _check_sampling(body: dict[str, Any], rules: ModelRules) -> None:
    for key in SAMPLING:
        if body.get(key) is None:
            continue
        if not rules.sampling:
            raise invalid(f"`{key}` is deprecated for this model.")
        top = 1 if key != "top_k" else 1_000_000
        if isinstance(body[key], bool) or not isinstance(body[key], int | float) or not 0 <= body[key] <= top:
            raise invalid(f"{key}: Input should be a number from 0 to {top}")


def _check_simple(body: dict[str, Any], rules: ModelRules) -> None:
    if not isinstance(body.get("stream", False), bool):
        raise invalid("stream: Input should be a valid boolean")
    limit = body["max_tokens"]
    if isinstance(limit, bool) or not isinstance(limit, int):
        raise invalid("max_tokens: Input should be a valid integer")
    if limit < 0 or (limit == 0 and body.get("stream")):
        raise invalid("max_tokens: Input should be greater than or equal to 1")
    if limit > rules.max_output:
        raise invalid(
            f"max_tokens: {limit} > {rules.max_output}, which is the maximum allowed number of output tokens for "
            f"{body['model']}"
        )
    stops = body.get("stop_sequences") or []
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise invalid("stop_sequences: Input should be a valid list")
    if any(not stop or stop.isspace() for stop in stops):
        raise invalid("stop_sequences: each stop sequence must contain non-whitespace")
    metadata = body.get("metadata") or {}
    if not isinstance(metadata, dict) or metadata.keys() - {"user_id"}:
        raise invalid("metadata: Extra inputs are not permitted")
    if body.get("service_tier", "auto") not in ("auto", "standard_only"):
        raise invalid("service_tier: Input should be 'auto' or 'standard_only'")


def _check_system(system: Any, history: History) -> None:
    if system is None:
        return
    if isinstance(system, str):
        if system:
            history.prefix.chunks.append(block_bytes("system", {"type": "text", "text": system}))
        return
    if not isinstance(system, list):
        raise invalid("system: Input should be a valid list")
    for index, block in enumerate(system):
        place = f"system.{index}"
        if not isinstance(block, dict) or block.get("type") != "text":
            raise invalid(f"{place}: Input should be a valid text block")
        check_fields(place, block, "text")
        text = block.get("text")
        if text == "" and block.get("cache_control") is None:
            raise invalid("system: text content blocks must be non-empty")
        check_text(place, text, cached=block.get("cache_control") is not None)
        history.prefix.chunks.append(block_bytes("system", block))
        if block.get("cache_control") is not None:
            history.mark(place, block["cache_control"])


def _check_thinking(body: dict[str, Any], rules: ModelRules) -> None:
    thinking = body.get("thinking")
    if thinking is None:
        return
    kind = thinking.get("type") if isinstance(thinking, dict) else None
    if kind not in _THINKING_FIELDS:
        raise invalid(
            f"thinking: Input tag '{kind}' found using 'type' does not match any of the expected tags: "
            "'adaptive', 'between_tools', 'disabled', 'enabled'"
        )
    extra = thinking.keys() - _THINKING_FIELDS[kind]
    if extra:
        raise invalid(f"thinking.{kind}.{min(extra)}: Extra inputs are not permitted")
    if kind not in rules.thinking:
        raise invalid(
            f'"thinking.type.{kind}" is not supported for this model. Use "thinking.type.adaptive" and '
            '"output_config.effort" to control thinking behavior.'
        )
    if thinking.get("display") not in (None, "summarized", "omitted"):
        raise invalid(f"thinking.{kind}.display: Input should be 'summarized' or 'omitted'")
    if kind == "enabled":
        _check_budget(body, thinking)
    effort = (body.get("output_config") or {}).get("effort") if isinstance(body.get("output_config"), dict) else None
    if kind in ("disabled", "between_tools") and effort is not None and effort not in rules.quiet_efforts:
        raise invalid(f'"thinking.type.{kind}" is not supported with effort "{effort}" for this model.')


def _check_budget(body: dict[str, Any], thinking: dict[str, Any]) -> None:
    budget = thinking.get("budget_tokens")
    if isinstance(budget, bool) or not isinstance(budget, int):
        raise invalid("thinking.enabled.budget_tokens: Field required")
    if budget < MIN_BUDGET_TOKENS:
        raise invalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    if budget >= body["max_tokens"]:
        raise invalid("`max_tokens` must be greater than `thinking.budget_tokens`.")
    if body.get("temperature") not in (None, 1):
        raise invalid("`temperature` may only be set to 1 when thinking is enabled or in adaptive mode.")


def _check_output_config(body: dict[str, Any], rules: ModelRules) -> None:
    config = body.get("output_config")
    if config is None:
        return
    if not isinstance(config, dict):
        raise invalid("output_config: Input should be a valid dictionary")
    extra = config.keys() - {"effort", "format"}
    if extra:
        raise invalid(f"output_config.{min(extra)}: Extra inputs are not permitted")
    effort = config.get("effort")
    if effort is not None and effort not in rules.efforts:
        if not rules.efforts:
            raise invalid("This model does not support the effort parameter.")
        raise invalid(f"output_config.effort: Input should be {', '.join(map(repr, rules.efforts))}")
    answer = config.get("format")
    if answer is None:
        return
    if not isinstance(answer, dict) or answer.get("type") != "json_schema":
        raise invalid("output_config.format.type: Input should be 'json_schema'")
    if answer.keys() - {"type", "schema"}:
        extra_key = min(answer.keys() - {"type", "schema"})
        raise invalid(f"output_config.format.{extra_key}: Extra inputs are not permitted")
    if "schema" not in answer:
        raise invalid("output_config.format.schema: Field required")
    check_output_schema("output_config.format", answer["schema"])


def _check_top_cache_control(body: dict[str, Any], history: History) -> None:
    """A top-level `cache_control` marks the last block, as if it stood there."""
    control = body.get("cache_control")
    if control is None:
        return
    marks = [mark for mark in history.prefix.breakpoints if mark.end == len(history.prefix.chunks)]
    if not marks:
        history.mark("", control)
    elif not isinstance(control, dict) or marks[0].ttl != control.get("ttl", "5m"):
        raise invalid("Top-level cache_control has another ttl than the target block's own cache_control")
