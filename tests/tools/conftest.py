from collections.abc import Callable
from pathlib import Path

import pytest

from agentflow.tools.port import ToolContext


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def context_of(project: Path) -> Callable[..., ToolContext]:
    def make(*rules: str, sandbox_off: bool = True, env: dict[str, str] | None = None, **more: str) -> ToolContext:
        given = {"key": "key-1", **more}
        return ToolContext(project=project, rules=rules, env=env or {}, sandbox_off=sandbox_off, **given)

    return make
