import json
import logging
import stat
from pathlib import Path

import pytest

from agentflow.cli import exits, logs, main
from agentflow.errors import UsageError
from tests.cli.runs import GREETING


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "greeting.yaml").write_text(GREETING)
    monkeypatch.chdir(tmp_path)


def entries(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("before", [True, False])
def test_the_options_stand_before_or_after_the_command(before: bool, tmp_path: Path):
    given = ["--log-file", "log.jsonl", "--log-format", "json"]
    command = ["run", "greeting.yaml", "--quiet"]
    assert main.run_command([*given, *command] if before else [*command, *given]) == exits.DONE
    told = [(entry["event"], entry["level"]) for entry in entries(tmp_path / "log.jsonl")]
    assert told == [
        ("run_started", "info"),
        ("step_started", "info"),
        ("step_finished", "info"),
        ("run_finished", "info"),
    ]
    assert stat.S_IMODE((tmp_path / "log.jsonl").stat().st_mode) == 0o600


def test_debug_tells_more_and_a_log_is_added_to(tmp_path: Path):
    command = ["run", "greeting.yaml", "--quiet", "--log-format", "json", "--log-file", "log"]
    main.run_command(command)
    main.run_command([*command, "--debug"])
    levels = [entry["level"] for entry in entries(tmp_path / "log")]
    assert levels.count("info") == 8
    assert "debug" in levels


def test_without_a_file_it_goes_to_standard_error(capsys):
    main.run_command(["run", "greeting.yaml", "--quiet", "--debug"])
    said = capsys.readouterr()
    assert said.out == "Good day, Ada\n"
    assert "info agentflow.run step_finished step=greet status=done exit_code=0" in said.err


def test_at_a_terminal_it_goes_to_a_file_beside_the_journal(tmp_path: Path, monkeypatch, capsys):
    (tmp_path / ".agentflow").mkdir(mode=0o700)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with logs.logging_to(debug=True):
        logging.getLogger("agentflow.x").debug("here")
    (log,) = (tmp_path / ".agentflow").glob("debug-*.log")
    assert "debug agentflow.x here" in log.read_text()
    assert f"logging to {log}" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_named():
    with pytest.raises(UsageError, match=r"'no/such/file' cannot be written"), logs.logging_to(log_file="no/such/file"):
        pass


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_are_not_logged_however_they_come_in(form: str, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(logs, "REDACTION", logs.Redaction({"MY_API_KEY": "key-value-1", "HOME": "/home/ada"}))
    logs.REDACTION.hide({"DEMO": 'a "quoted" value'})
    with logs.logging_to(log_file="log", log_format=form):
        log = logging.getLogger("agentflow.x")
        log.info("with %s and %s at %s", "key-value-1", 'a "quoted" value', "/home/ada")
        try:
            raise ValueError("key-value-1")
        except ValueError:
            log.exception("failed")
    text = (tmp_path / "log").read_text()
    assert "key-value-1" not in text
    assert "quoted" not in text
    assert text.count("[secret MY_API_KEY]") >= 2
    assert "/home/ada" in text


def test_values_of_secrets_that_are_given_are_taken_out_of_logs(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("agentflow.cli.secrets.REDACTION", logs.Redaction({}))
    from agentflow.cli import secrets

    (tmp_path / "token").write_text("correct horse\n")
    secrets.read_secrets(["DEMO=@token"], None)
    assert secrets.REDACTION("a correct horse") == "a [secret DEMO]"


def test_a_text_log_is_inert(tmp_path: Path):
    with logs.logging_to(log_file="log"):
        logging.getLogger("agentflow.x").info("\x1b[2J\u202e")
    assert "␛[2J⟦U+202E⟧" in (tmp_path / "log").read_text()


def test_afterwards_nothing_is_logged_any_more(tmp_path: Path):
    before = list(logging.getLogger().handlers), logging.getLogger("agentflow").level
    main.run_command(["validate", "greeting.yaml", "--log-file", "log", "--debug"])
    assert (list(logging.getLogger().handlers), logging.getLogger("agentflow").level) == before


def test_an_error_under_debug_is_logged_with_where_it_came_from(tmp_path: Path):
    assert main.run_command(["--debug", "--log-file", "log", "show", "x", "--project", "nowhere"]) == exits.INVALID
    text = (tmp_path / "log").read_text()
    assert "Traceback" in text
    assert "UsageError: there is no folder 'nowhere'" in text


def test_a_bug_leaves_no_secret_of_the_environment_in_its_log(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(logs, "REDACTION", logs.Redaction({"SOME_TOKEN": "token-value"}))
    from agentflow.cli.told import tell_bug

    (tmp_path / ".agentflow").mkdir(mode=0o700)
    assert tell_bug(ValueError("token-value"), "run") == exits.BUG
    (log,) = (tmp_path / ".agentflow").glob("bug-*.log")
    assert "token-value" not in log.read_text() + capsys.readouterr().err
