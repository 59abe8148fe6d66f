"""One language server for all tests of a process; without it they are skipped, and say what is missing."""

import shutil
from collections.abc import Iterator

import pytest

from agentflow.spec.schema import SCHEMAS
from tests.editors.language_server import SERVER, LanguageServer
from tests.house.checkout import ROOT

SCHEMA = ROOT / "schemas" / "workflow.schema.json"


@pytest.fixture(scope="session")
def node() -> str:
    """The Node.js executable, where there is also a server to run on it."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node.js is not installed, which yaml-language-server runs on")
    if not SERVER.exists():
        pytest.skip("yaml-language-server is not installed; `make language-server` does it where npm is")
    return found


@pytest.fixture(scope="session")
def editor(node: str) -> Iterator[LanguageServer]:
    """yaml-language-server, told of every kind of file: of workflows, that they are called `*.workflow.yaml`."""
    schemas = {(ROOT / "schemas" / f"{kind}.schema.json").as_uri(): f"*.{kind}.yaml" for kind in SCHEMAS}
    server = LanguageServer(node, schemas)
    try:
        yield server
    finally:
        server.close()
