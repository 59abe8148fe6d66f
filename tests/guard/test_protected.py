from pathlib import Path

import pytest

from agentflow.guard.protected import PROTECTED, PROTECTED_NAMES, folded, hidden_by, protected_by

TWINS = {
    ".git": ".git",
    ".git/hooks/pre-commit": ".git",
    ".GIT/config": ".git",
    "vendor/lib/.git/config": ".git",
    ".git./config": ".git",
    ".git /config": ".git",
    ".git. . /config": ".git",
    ".git::$INDEX_ALLOCATION/config": ".git",
    ".git:stream": ".git",
    "git~1/config": ".git",
    "GIT~1/config": ".git",
    "GI7D29~1/config": ".git",
    ".g\u200cit/config": ".git",
    "\ufeff.git/config": ".git",
    ".\uff47\uff49\uff54/config": ".git",
    "sub\\.git\\config": ".git",
    "./.git/config": ".git",
    ".agentflow/journal.db": ".agentflow",
    ".AgentFlow/journal.db": ".agentflow",
    "AGENTF~1/journal.db": ".agentflow",
    ".bashrc": ".bashrc",
    "BASHRC~1": ".bashrc",
    "BASHR~12": ".bashrc",
    ".ba\u017fhrc": ".bashrc",
    "home/.Profile": ".profile",
    ".envrc": ".envrc",
    ".vscode/tasks.json": ".vscode",
    "VSCODE~1/tasks.json": ".vscode",
    "packages/a/.idea/workspace.xml": ".idea",
    ".devcontainer/devcontainer.json": ".devcontainer",
    "app.code-workspace": "*.code-workspace",
    "APP.CODE-WORKSPACE": "*.code-workspace",
    ".claude/settings.json": ".claude",
    ".mcp.json": ".mcp.json",
    "MCP~1.JSO": ".mcp.json",
    ".cursor/mcp.json": ".cursor",
    ".codex/config.toml": ".codex",
    ".gemini/settings.json": ".gemini",
    ".pre-commit-config.yaml": ".pre-commit-config.yaml",
    "PRE-CO~1.YAM": ".pre-commit-config.yaml",
    ".husky/pre-commit": ".husky",
    ".npmrc": ".npmrc",
    "lib/site-packages/evil.pth": "*.pth",
    "sitecustomize.py": "sitecustomize.py",
    "bare/HEAD": "HEAD",
    "bare/head": "HEAD",
}

OPEN = (
    "",
    "src/main.py",
    ".github/workflows/ci.yml",
    ".gitignore",
    ".gitattributes",
    ".env",
    "git",
    "git/config",
    "digit~1",
    "x~1",
    "backup~1.txt",
    "src/head/index.js",
    "HEAD.md",
    "Makefile",
    "package.json",
    "CLAUDE.md",
    "AGENTS.md",
    "docs/.gitkeep",
    "profile",
    "a:b",
    ":",
    "...",
)


@pytest.mark.parametrize(("path", "name"), TWINS.items())
def test_what_runs_by_itself_is_closed_to_writing_under_every_name_a_file_system_may_take_for_it(path: str, name: str):
    found = protected_by(path)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("path", OPEN)
def test_what_only_runs_when_somebody_builds_or_tests_is_the_files_to_grant(path: str):
    assert protected_by(path) is None


@pytest.mark.parametrize(
    "path", ["flows/research.yaml", "flows/Research.YAML", "flows/research.yaml ", "./flows//research.yaml"]
)
def test_a_runs_own_files_are_closed_by_their_place(path: str):
    found = protected_by(path, ["flows/research.yaml"])
    assert found is not None
    assert found.why == "is what this run itself is made of"


@pytest.mark.parametrize("path", ["flows/research.yaml.md", "flows", "other/flows/research.yaml", "research.yaml"])
def test_a_runs_own_files_close_nothing_beside_them(path: str):
    assert protected_by(path, ["flows/research.yaml", ""]) is None


def test_a_folder_of_the_runs_own_closes_all_beneath_it():
    assert protected_by("env/bin/python", ["env"]) is not None
    assert protected_by("environment/x", ["env"]) is None


@pytest.mark.parametrize("path", [".agentflow/journal.db", ".AGENTFLOW/x", "home/.ssh/id_ed25519", ".netrc"])
def test_the_journal_and_the_persons_keys_are_closed_to_reading_too(path: str):
    assert hidden_by(path) is not None


@pytest.mark.parametrize("path", [".env", ".git/config", ".vscode/settings.json", "src/ssh/key.py"])
def test_reading_everything_else_is_the_files_to_grant(path: str):
    assert hidden_by(path) is None


def test_each_name_has_a_reason_and_is_named_once():
    names = [folded(entry.name) for entry in PROTECTED]
    assert len(names) == len(set(names))
    assert all(entry.why for entry in PROTECTED)
    assert all("/" not in entry.name for entry in PROTECTED)


def test_a_sandbox_gets_plain_names():
    assert ".git" in PROTECTED_NAMES
    assert not any("*" in name or "/" in name for name in PROTECTED_NAMES)


@pytest.mark.parametrize(("one", "other"), [("caf\u00e9", "cafe\u0301"), ("STRASSE", "stra\u00dfe"), ("a.", "A")])
def test_twins_have_one_form(one: str, other: str):
    assert folded(one) == folded(other)


def test_letters_that_differ_stay_different():
    assert folded("caf\u00e9") != folded("cafe")


@pytest.mark.parametrize("entry", PROTECTED, ids=lambda entry: entry.name)
def test_the_documents_name_what_is_closed_and_why(entry):
    page = (Path(__file__).parents[2] / "docs/files.md").read_text()
    assert any(f"`{entry.name}`" in line and entry.why in line for line in page.splitlines())
