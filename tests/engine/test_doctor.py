import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from agentflow.engine import doctor
from agentflow.engine.doctor import Finding, findings, online
from tests.messages_api import MessagesAPI, Reply, text

KEY = "sk-ant-a-made-up-key"


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)

    def found(**environ: str) -> dict[str, Finding]:
        return {one.name: one for one in findings(tmp_path, tmp_path / ".agentflow" / "journal.db", environ)}

    return found


def test_everything_is_looked_at_and_nothing_secret_told(look):
    every = look(ANTHROPIC_API_KEY=KEY)
    assert list(every) == [
        "python",
        "versions",
        "sqlite",
        "journal",
        "disk",
        "endpoint",
        "key",
        "address",
        "bash",
        "git",
        "rg",
        "sandbox",
        "bubblewrap",
        "namespaces",
        "landlock",
        "terminal",
    ]
    assert KEY not in str(every)


def test_a_warning_or_failure_has_a_next_move(look, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    every = look(ANTHROPIC_BASE_URL="ftp://x")
    assert all(one.hint for one in every.values() if one.status != "ok")
    assert [name for name, one in every.items() if one.status == "fail"] == ["address", "bash"]
    assert {"key", "git", "rg"} <= {name for name, one in every.items() if one.status == "warn"}


def test_no_journal_is_no_trouble_and_one_that_others_can_read_is(look, tmp_path: Path):
    assert look()["journal"].status == "ok"
    (tmp_path / ".agentflow").mkdir(mode=0o700)
    (tmp_path / ".agentflow" / "journal.db").write_text("")
    (tmp_path / ".agentflow" / "journal.db").chmod(0o644)
    found = look()["journal"]
    assert (found.status, found.hint) == ("fail", f"chmod 600 {tmp_path}/.agentflow/journal.db")


def test_another_programs_file_in_the_place_of_the_journal_fails(look, tmp_path: Path):
    (tmp_path / ".agentflow").mkdir(mode=0o700)
    file = tmp_path / ".agentflow" / "journal.db"
    file.write_text("not a database, but long enough to be taken for one" * 100)
    file.chmod(0o600)
    assert look()["journal"].status == "fail"


@pytest.mark.parametrize(("free", "status"), [(1 << 20, "fail"), (1 << 29, "warn"), (1 << 40, "ok")])
def test_room_on_the_disk_is_judged(look, monkeypatch, free: int, status: str):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(0, 0, free))
    assert look()["disk"].status == status


@pytest.mark.parametrize(
    ("address", "status", "shown"),
    [
        ("https://user:secret@example.com/v1", "ok", "https://example.com/v1"),
        ("http://example.com", "warn", "http://example.com: the key goes there unencrypted"),
        ("http://127.0.0.1:8000", "ok", "http://127.0.0.1:8000"),
        ("example.com", "fail", None),
        ("http://[", "fail", None),
        ("https://example.com:port", "fail", None),
    ],
)
def test_the_address_is_judged_and_shown_without_a_password(look, address: str, status: str, shown: str | None):
    found = look(ANTHROPIC_BASE_URL=address)["address"]
    assert found.status == status
    assert "secret" not in found.found
    assert shown is None or found.found == shown


def test_an_old_sqlite_is_told():
    from agentflow.journal.condition import is_sound

    assert [is_sound(version) for version in ("3.40.1", "3.51.2", "3.51.3", "3.54.0")] == [False, False, True, True]


async def test_online_asks_the_service_and_tells_what_it_says(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    async with MessagesAPI(lambda _body: Reply((text("x"),))) as api:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", api.base_url)
        assert (await online()).status == "ok"
        found = await online("claude-nothing-1")
    assert found.status == "fail"
    assert "404" in found.found
    assert KEY not in found.found


async def test_online_tells_a_dead_service_and_a_missing_key(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    assert (await online()).found == "there is no key for the Claude API"
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    found = await online()
    assert (found.status, "no connection" in found.found) == ("fail", True)
    assert doctor._SECONDS < 60
