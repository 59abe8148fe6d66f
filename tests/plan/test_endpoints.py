import subprocess
import sys

import pytest

from agentflow.errors import UsageError
from agentflow.plan.declared_models import Catalogue, DeclaredModel, declaring, from_data, to_data
from agentflow.plan.endpoints import REGIONAL, Endpoint, declaring_models, endpoint_of
from agentflow.plan.prices import Price, context_window, max_output_tokens, price_of

FILE = """
endpoint: https://llm.example.org/v1
key_from: LLM_KEY
lacks: [thinking, web_search]
models:
  claude-sonnet-5-5: {id: qwen, price: 0, context_window: 32768, max_output: 4096}
  mistral: {price: {input: 2, output: 6, cache_read: 0.2, web_search: 10}}
  "*": {id: any}
"""


@pytest.fixture
def written(tmp_path):
    def write(text):
        (tmp_path / "e.yaml").write_text(text)
        return {"AGENTFLOW_ENDPOINT": str(tmp_path / "e.yaml")}

    return write


def test_nothing_said_means_the_claude_api_as_it_is():
    assert endpoint_of({}).is_plain
    assert endpoint_of({"AGENTFLOW_ENDPOINT": " "}).is_plain
    assert endpoint_of({"ANTHROPIC_BASE_URL": "https://api.anthropic.com"}).is_plain
    assert endpoint_of({"AGENTFLOW_ENDPOINT": "anthropic"}).is_plain


@pytest.mark.parametrize("kind", ["bedrock", "vertex", "foundry"])
def test_a_word_names_a_cloud(kind):
    assert endpoint_of({"AGENTFLOW_ENDPOINT": kind}).kind == kind


@pytest.mark.parametrize("said", [None, "", "anthropic"])
@pytest.mark.parametrize(
    ("address", "is_anothers"),
    [("https://api.anthropic.com", False), ("http://127.0.0.1:4000", True), ("https://x.anthropic.com.evil.org", True)],
)
def test_an_address_of_the_clients_own_variable_is_anothers_unless_it_is_said_to_be_the_claude_api(
    said, address, is_anothers
):
    variables = {"ANTHROPIC_BASE_URL": address, **({} if said is None else {"AGENTFLOW_ENDPOINT": said})}
    assert endpoint_of(variables).is_lax == (is_anothers and said != "anthropic")


def test_a_url_names_a_server_whose_replies_may_lack_something():
    endpoint = endpoint_of({"AGENTFLOW_ENDPOINT": "http://127.0.0.1:8080"})
    assert (endpoint.kind, endpoint.base_url, endpoint.key_from) == ("compatible", "http://127.0.0.1:8080", None)
    assert endpoint.is_lax
    assert endpoint_of({"ANTHROPIC_BASE_URL": "http://localhost:4000"}).is_lax
    assert not endpoint_of({"AGENTFLOW_ENDPOINT": "bedrock"}).is_lax


def test_a_file_says_all_of_it(written):
    endpoint = endpoint_of(written(FILE))
    assert (endpoint.kind, endpoint.base_url, endpoint.key_from) == (
        "compatible",
        "https://llm.example.org/v1",
        "LLM_KEY",
    )
    assert endpoint.lacks == {"thinking", "web_search"}
    catalogue = endpoint.catalogue
    names = ("claude-sonnet-5-5", "mistral", "claude-opus-5-5")
    assert [catalogue.id_of(name) for name in names] == ["qwen", "mistral", "any"]


@pytest.mark.parametrize(
    "value",
    [
        "no-such-file.yaml",
        "https://",
        "http://[::1",
        "http://host:99999999",
        "https://user:secret@host/",
        "https://host/?key=secret",
        "\0",
        ".",
    ],
)
def test_what_names_no_endpoint_is_refused_with_a_next_move_and_no_secret(value):
    with pytest.raises(UsageError) as caught:
        endpoint_of({"AGENTFLOW_ENDPOINT": value})
    assert caught.value.hint
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("endpoint: ftp://x", "one of anthropic, bedrock"),
        ("endpoint: [", "1:1"),
        ("endpont: bedrock", "endpont"),
        ("lacks: [magic]", "lacks"),
        ("key_from: sk-ant-a-key", "key_from"),
        ("models: {m: {price: -1}}", "price"),
        ("models: {m: {price: {input: 1}}}", "output"),
        ("models: {m: {price: {input: .nan, output: 1}}}", "1:29"),
        ("models: {m: {context_window: 0}}", "context_window"),
        ("models: {m: {context_window: 100, max_output: 200}}", "larger than `context_window`"),
        ("models: {m: {id: 'two words'}}", "id"),
        ("- a", "e.yaml"),
        ("", "e.yaml"),
    ],
)
def test_a_file_that_says_something_else_is_refused_by_the_place(written, text, says):
    with pytest.raises(UsageError, match=r"the endpoint file '.*e\.yaml' cannot be used") as caught:
        endpoint_of(written(text))
    assert says in str(caught.value)


def test_what_is_declared_counts_before_the_table_and_the_table_fills_in(written):
    with declaring(endpoint_of(written(FILE)).catalogue):
        assert price_of("claude-sonnet-5-5") == Price(0.0, 0.0, 0.0, 0.0, 0.0, web_search=0.0)
        assert (context_window("claude-sonnet-5-5"), max_output_tokens("claude-sonnet-5-5")) == (32768, 4096)
        mistral = price_of("mistral")
        assert (mistral.input, mistral.output, mistral.web_search) == (2e-6, 6e-6, 0.01)
        assert (mistral.cache_read, mistral.cache_write_5m) == (pytest.approx(2e-7), 2e-6)
        assert (context_window("mistral"), max_output_tokens("mistral")) == (None, None)
        known = price_of("claude-opus-5-5")
        assert price_of("in-house") is None, "nobody said what it costs"
    assert known == price_of("claude-opus-5-5")
    assert price_of("mistral") is None, "it held in that context only"


@pytest.mark.parametrize(
    ("variables", "factor"),
    [
        ({"AGENTFLOW_ENDPOINT": "bedrock"}, REGIONAL),
        ({"AGENTFLOW_ENDPOINT": "vertex", "CLOUD_ML_REGION": "europe-west1"}, REGIONAL),
        ({"AGENTFLOW_ENDPOINT": "vertex", "CLOUD_ML_REGION": "global"}, 1.0),
        ({"AGENTFLOW_ENDPOINT": "foundry"}, 1.0),
    ],
)
def test_a_cap_holds_at_a_cloud_whose_regions_are_dearer(variables, factor):
    listed = price_of("claude-sonnet-4-5")
    with declaring(endpoint_of(variables).catalogue):
        price = price_of("claude-sonnet-4-5")
    assert listed.tiers
    for told, known in [(price, listed), *((a[1], b[1]) for a, b in zip(price.tiers, listed.tiers, strict=True))]:
        names = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
        assert [getattr(told, name) for name in names] == pytest.approx(
            [factor * getattr(known, name) for name in names]
        )
    assert price.web_search == listed.web_search


def test_what_is_declared_is_kept_with_the_run_and_comes_back(written):
    for catalogue in (endpoint_of(written(FILE)).catalogue, Catalogue({}, REGIONAL), Catalogue()):
        assert from_data(to_data(catalogue)) == catalogue
    assert to_data(Catalogue()) == {}


def test_what_is_declared_now_counts_before_what_was_declared_then():
    then = Catalogue({"a": DeclaredModel("old"), "b": DeclaredModel("kept")}, REGIONAL)
    now = then.under(Catalogue({"a": DeclaredModel("new")}))
    assert (now.id_of("a"), now.id_of("b"), now.dearer) == ("new", "kept", REGIONAL)


def test_an_endpoint_that_cannot_be_used_declares_nothing(monkeypatch):
    monkeypatch.setenv("AGENTFLOW_ENDPOINT", "no-such-file")
    with declaring_models():
        assert price_of("in-house") is None


def test_reading_an_endpoint_imports_no_client():
    code = "import sys, agentflow.plan.endpoints; print({'anthropic', 'httpx2', 'boto3'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_an_endpoint_shows_no_key():
    assert "key_from" in repr(Endpoint())
    assert not hasattr(Endpoint(), "key")
