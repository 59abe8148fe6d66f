"""The clients of the clouds, each against a server of ours: where they ask, with which credentials, what they read."""

import json
import sys

import pytest

from agentflow.errors import AgentflowError
from agentflow.models.anthropic import AnthropicModel, preload
from agentflow.models.opening import asking
from agentflow.models.port import ModelError
from agentflow.plan.declared_models import declaring
from agentflow.plan.endpoints import Endpoint, endpoint_of
from tests.compatible_server import CompatibleServer, Said

KEY = "a-made-up-key-of-the-endpoint"
USAGE = {"input_tokens": 7, "output_tokens": 3}


@pytest.fixture(scope="module", autouse=True)
def _imported():
    preload()


@pytest.fixture
def environ(monkeypatch):
    """Sets variables, and gives the endpoint that they name."""

    def set_to(**variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return endpoint_of(variables)

    return set_to


async def answer_of(endpoint: Endpoint, request):
    model = asking(endpoint, connections=1)
    try:
        with declaring(endpoint.catalogue):
            return await model.reply(request)
    finally:
        await model.close()


def says_hello(_asked):
    return Said("hello", usage=USAGE)


async def test_bedrock_is_asked_by_its_own_path_and_answers_in_frames(ask, environ):
    async with CompatibleServer(says_hello, frames=True) as server:
        endpoint = environ(
            AGENTFLOW_ENDPOINT="bedrock",
            AWS_REGION="eu-central-1",
            AWS_BEARER_TOKEN_BEDROCK=KEY,
            ANTHROPIC_BEDROCK_BASE_URL=server.url,
        )
        reply = await answer_of(endpoint, ask(model="eu.anthropic.claude-sonnet-5-5-v1:0"))
    (asked,) = server.asked
    assert reply.content == ({"type": "text", "text": "hello"},)
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.estimated) == (7, 3, False)
    assert asked.path == "/model/eu.anthropic.claude-sonnet-5-5-v1:0/invoke-with-response-stream"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.body["anthropic_version"]
    assert not {"model", "stream"} & asked.body.keys()


async def test_vertex_is_asked_in_its_project_and_region(ask, environ, tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text("endpoint: vertex\nkey_from: TOKEN\nmodels:\n  claude-opus-5-5: {id: claude-opus-5-5@20261001}\n")
    async with CompatibleServer(says_hello) as server:
        endpoint = environ(
            AGENTFLOW_ENDPOINT=str(file),
            TOKEN=KEY,
            CLOUD_ML_REGION="europe-west1",
            ANTHROPIC_VERTEX_PROJECT_ID="a-project",
            ANTHROPIC_VERTEX_BASE_URL=server.url,
        )
        reply = await answer_of(endpoint, ask())
    (asked,) = server.asked
    place = "/projects/a-project/locations/europe-west1/publishers/anthropic/models"
    assert reply.content[0]["text"] == "hello"
    assert asked.path == f"{place}/claude-opus-5-5@20261001:streamRawPredict"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.body["anthropic_version"]


async def test_foundry_gets_its_own_key_and_never_that_of_the_claude_api(ask, environ):
    async with CompatibleServer(says_hello) as server:
        endpoint = environ(
            AGENTFLOW_ENDPOINT="foundry", ANTHROPIC_FOUNDRY_API_KEY=KEY, ANTHROPIC_FOUNDRY_BASE_URL=server.url
        )
        reply = await answer_of(endpoint, ask())
    (asked,) = server.asked
    assert reply.content[0]["text"] == "hello"
    assert (asked.path, asked.headers["x-api-key"]) == ("/v1/messages", KEY)
    assert "made-up-key" not in json.dumps({**asked.headers, "x-api-key": "", "api-key": ""})


@pytest.mark.parametrize("key", [None, KEY])
async def test_a_compatible_server_gets_its_own_key_or_none(ask, environ, monkeypatch, key):
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "another-made-up-key")
    async with CompatibleServer(says_hello) as server:
        given = {"AGENTFLOW_ENDPOINT": server.url} | ({"AGENTFLOW_ENDPOINT_KEY": key} if key else {})
        await answer_of(environ(**given), ask())
    (asked,) = server.asked
    sent = json.dumps(asked.headers)
    assert "made-up-key" not in sent.replace(KEY, "")
    assert (KEY in sent) is (key is not None)


async def test_a_damaged_frame_of_bedrock_is_no_reply(ask, environ):
    async with CompatibleServer(says_hello) as server:
        endpoint = environ(
            AGENTFLOW_ENDPOINT="bedrock",
            AWS_REGION="eu-central-1",
            AWS_BEARER_TOKEN_BEDROCK=KEY,
            ANTHROPIC_BEDROCK_BASE_URL=server.url,
        )
        with pytest.raises(ModelError, match="came in place of a stream") as caught:
            await answer_of(endpoint, ask())
    assert caught.value.failure.kind == "model_unavailable"


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ({"AGENTFLOW_ENDPOINT": "bedrock", "AWS_BEARER_TOKEN_BEDROCK": KEY}, "AWS region"),
        ({"AGENTFLOW_ENDPOINT": "vertex", "AGENTFLOW_ENDPOINT_KEY": KEY}, "ANTHROPIC_VERTEX_PROJECT_ID"),
        ({"AGENTFLOW_ENDPOINT": "foundry"}, "credentials"),
        ({"AGENTFLOW_ENDPOINT": "foundry", "AGENTFLOW_ENDPOINT_KEY": "two words"}, "holds a space"),
    ],
)
def test_what_an_endpoint_lacks_is_told_before_anything_is_sent(environ, variables, says):
    with pytest.raises(AgentflowError, match=says) as caught:
        asking(environ(**{"ANTHROPIC_FOUNDRY_RESOURCE": "x", **variables}), connections=1)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("kind", "module", "variables"),
    [
        ("bedrock", "boto3", {"AWS_REGION": "eu-central-1"}),
        ("vertex", "google.auth", {"CLOUD_ML_REGION": "global", "ANTHROPIC_VERTEX_PROJECT_ID": "p"}),
    ],
)
def test_a_library_that_is_missing_is_named_with_the_extra_that_brings_it(
    environ, monkeypatch, kind, module, variables
):
    monkeypatch.setattr("agentflow.models.clients.find_spec", lambda _name: None)
    with pytest.raises(AgentflowError, match=f"needs {module.partition('.')[0]}, which is not installed") as caught:
        asking(environ(AGENTFLOW_ENDPOINT=kind, **variables), connections=1)
    assert caught.value.hint == f"pip install 'agentflow[{kind}]'"


def test_a_key_that_is_to_come_from_an_empty_variable_is_missed_at_once(environ, tmp_path):
    file = tmp_path / "e.yaml"
    file.write_text("endpoint: http://127.0.0.1:1\nkey_from: NO_SUCH_KEY\n")
    with pytest.raises(AgentflowError, match="NO_SUCH_KEY, which is not set"):
        asking(environ(AGENTFLOW_ENDPOINT=str(file)), connections=1)


def test_no_library_of_a_cloud_is_brought_in_for_another_endpoint(environ):
    AnthropicModel(connections=1)
    assert not {"boto3", "botocore", "google.auth"} & sys.modules.keys()
