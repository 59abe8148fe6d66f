"""Each row of the table of faults, brought about by a real exchange, comes to what the table says."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agentflow import api
from agentflow.events.codec import Event
from agentflow.events.session_events import ModelCalled, ModelFailed, ModelReplied
from agentflow.models import anthropic as client
from agentflow.models.anthropic import AnthropicModel
from agentflow.models.faults import FAULTS, Fault
from tests.messages_api import Fault as Broken
from tests.messages_api import MessagesAPI, Reply, text, thinking, tool_use, turn_of
from tests.messages_api.errors import ApiError

WORKFLOW = """\
agentflow: 1
name: t
limits: {cost_usd: 2}
agents: {clerk: {tools: [Glob], model: claude-opus-5-5}}
steps: {a: {agent: clerk, prompt: go}}
outputs: {a: steps.a.output}
"""
CALL = (text("Let me look."), tool_use("Glob", {"pattern": "*.yaml"}))


def refused(kind: str, message: str, status: int, code: str | None = None, **headers: str) -> ApiError:
    return ApiError(kind, message, status, code, {name.replace("_", "-"): value for name, value in headers.items()})


def broken(kind: str, **more: Any) -> Reply:
    return Reply(CALL, faults=(Broken(kind, **more),))


BROUGHT_ABOUT: dict[str, Reply | ApiError] = {
    "rate_limited": broken("rate_limit", retry_after=0.01),
    "overloaded": broken("overloaded"),
    "server_error": broken("server_error"),
    "timed_out": broken("timeout"),
    "unreachable": broken("reset"),
    "unanswered": broken("delay", seconds=60),
    "conflict": refused("conflict_error", "Busy with it.", 409),
    "spend_limit": broken("spend_limit"),
    "billing": broken("billing"),
    "key_refused": broken("authentication"),
    "not_permitted": broken("permission"),
    "on_hold": refused("permission_error", "On hold.", 403, "organization_on_hold"),
    "no_retry": refused("rate_limit_error", "Never.", 429, x_should_retry="false"),
    "too_long": refused("invalid_request_error", "prompt is too long: 2000001 tokens > 1000000 maximum", 400),
    "too_large": broken("too_large"),
    "bad_request": broken("bad_request"),
    "not_found": broken("not_found"),
    "redirected": refused("api_error", "Elsewhere.", 307, location="/elsewhere"),
    "error_event": broken("error_event", after=3),
    "cut": broken("cut", at=900, how="close"),
    "silent": broken("hang", at=900),
    "stalled": broken("pings", after=3, seconds=0.02),
    "no_stream": broken("html"),
    "garbage": broken("bad_index"),
    "unusable_call": broken("list_input"),
    "endless": Reply((text("x" * 5000), *CALL[1:])),
    "refusal": Reply((text("No."),), stop_reason="refusal", stop_details={"type": "refusal", "category": "cyber"}),
    "paused": Reply((text("A moment."),), stop_reason="pause_turn"),
    "window_full": Reply((text("So"),), stop_reason="model_context_window_exceeded"),
    "cut_short": Reply(CALL, stop_reason="max_tokens"),
    "unknown_stop": Reply((text("Hm."),), stop_reason="tool_use"),
}
"""What the service answers the first request with; all others are answered well."""

ELSEWHERE = {
    "unwritable": "tests/models/test_anthropic.py: a_request_that_is_no_json_is_refused_before_it_goes_out",
    "lost": "tests/engine/test_recover.py: a_model_call_cut_off_by_a_crash_is_named_in_the_table",
}

Ran = tuple[api.RunResult, list[Event], int]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs the workflow against a service whose first answer is as given."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "made-up-key")
    (tmp_path / "w.yaml").write_text(WORKFLOW)

    async def run(first: Reply | ApiError, impatient: bool = False, resumes: str | None = None) -> Ran:
        events: list[Event] = []
        asked = 0

        def script(request: dict[str, Any]) -> Reply:
            nonlocal asked
            asked += 1
            if asked == 1 and resumes is None:
                if isinstance(first, ApiError):
                    raise first
                return first
            return Reply((text("Done."),)) if turn_of(request) or asked > 2 else Reply(CALL)

        async with MessagesAPI(script) as service:
            timeout = 0.3 if impatient else 20.0
            model = AnthropicModel(base_url=service.base_url, connections=4, read_timeout=timeout)
            options = api.RunOptions(model=model, observe=lambda _, event: events.append(event))
            try:
                if resumes is None:
                    result = await api.run(tmp_path / "w.yaml", {}, options)
                else:
                    result = await api.resume(resumes, options, tmp_path)
            finally:
                await model.close()
        return result, events, asked

    return run


def test_every_row_is_brought_about():
    assert set(BROUGHT_ABOUT) | set(ELSEWHERE) == set(FAULTS)
    assert not set(BROUGHT_ABOUT) & set(ELSEWHERE)


@pytest.mark.parametrize("row", [FAULTS[name] for name in BROUGHT_ABOUT], ids=lambda row: row.name)
async def test_each_fault_comes_to_what_the_table_says(run: Any, monkeypatch: pytest.MonkeyPatch, row: Fault):
    if row.name == "endless":
        monkeypatch.setattr(client, "LONGEST_REPLY_BYTES", 4000)
    impatient = row.name in ("unanswered", "silent", "stalled")
    result, events, asked = await run(BROUGHT_ABOUT[row.name], impatient)
    failed = [event for event in events if isinstance(event, ModelFailed)]
    called = [event for event in events if isinstance(event, ModelCalled)]
    if row.billed != "as counted":
        assert failed[0].fault == row.name, failed[0].failure.message
        assert failed[0].failure.kind == row.kind
        # Whether the first of these had begun is said where it is brought about: by where it breaks.
        assert failed[0].charged_usd == (called[0].reserved_usd if row.billed == "if begun" else 0.0)
    else:
        assert next(event for event in events if isinstance(event, ModelReplied)).cost_usd > 0
    match row.course:
        case "wait" | "again":
            assert result.status == "done", result.failure
            # Where little patience is part of it, a slow machine may need another try.
            assert asked >= 3 if impatient else asked == 3
        case "go_on":
            assert result.status == "done"
        case "park":
            assert (result.status, asked, result.service) == ("waiting", 1, failed[0].failure)
            again, _, _ = await run(BROUGHT_ABOUT[row.name], resumes=result.run)
            assert again.status == "done"
        case "give_up" | "shorten" | "fall_back":
            assert (result.status, asked) == ("failed", 1)
            assert result.failure is not None
            assert result.failure.kind == row.kind


async def test_a_refusal_names_its_category(run: Any):
    result, _, _ = await run(BROUGHT_ABOUT["refusal"])
    assert "(cyber" in result.failure.message


async def test_a_turn_refused_amid_a_conversation_goes_to_the_fallback_as_the_api_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "made-up-key")
    settings = "inference_geo: us, service_tier: standard_only, metadata: {user_id: 4f3c2a}"
    agents = f"defaults: {{fallback_model: claude-sonnet-5-5, {settings}}}\nagents:"
    (tmp_path / "w.yaml").write_text(WORKFLOW.replace("agents:", agents))

    def script(request: dict[str, Any]) -> Reply:
        if turn_of(request) == 0:
            return Reply((thinking("Where?"), *CALL))
        if request["model"] == "claude-opus-5-5":
            return Reply((text("No."),), stop_reason="refusal", stop_details={"type": "refusal", "category": "bio"})
        return Reply((thinking("There."), text("Done.")))

    async with MessagesAPI(script) as service:
        model = AnthropicModel(base_url=service.base_url, connections=4)
        try:
            result = await api.run(tmp_path / "w.yaml", {}, api.RunOptions(model=model))
        finally:
            await model.close()
    assert [request.error for request in service.refused] == []
    assert (result.status, result.outputs) == ("done", {"a": "Done."}), result.failure
    bodies = [request.body for request in service.requests]
    assert [body["model"] for body in bodies] == ["claude-opus-5-5", "claude-opus-5-5", "claude-sonnet-5-5"]
    assert "No." not in str(bodies[2]["messages"])
    assert (bodies[0]["inference_geo"], bodies[0]["service_tier"]) == ("us", "standard_only")
    assert bodies[0]["metadata"] == {"user_id": "4f3c2a"}


def rows_of(course: str) -> Iterator[str]:
    return (name for name, row in FAULTS.items() if row.course == course)


@pytest.mark.parametrize("name", [*rows_of("give_up"), *rows_of("park")])
def test_what_would_only_come_again_is_not_retryable(name: str):
    assert FAULTS[name].kind != "model_unavailable"
