"""Secrets from the command line: where values come from, and that nothing which is kept or shown holds one."""

import json
from pathlib import Path

import pytest

from tests.acceptance.cli_process import Cli, environment, run_id

TOKEN = "sesame-opens-the-door"
OTHER = "mellon-mellon"
FLOW = """agentflow: 1
name: secret
sandbox: "off"
secrets: [TOKEN, OTHER]
env: {WHOLE: "Bearer {{ secrets.TOKEN }}"}
tools:
  look: {description: Looks., run: [sh, -c, 'echo "$KEY $WHOLE"'], env: {KEY: "{{ secrets.OTHER }}"}, effects: none}
steps:
  show: {run: 'echo "$WHOLE"; echo "$OWN" >&2', env: {OWN: "{{ secrets.OTHER }}"}, effects: none}
  ask: {agent: {tools: [look]}, prompt: "It said {{ steps.show.output }}"}
  agree: {approve: "Go on with {{ steps.ask.output }}?"}
  fail:
    needs: [agree]
    run: 'echo "$OWN $WHOLE" >&2; exit 3'
    env: {OWN: "{{ secrets.OTHER }}"}
outputs: {show: steps.show.output, ask: steps.ask.output}
"""
REPLIES = """replies:
  ask:
    - tools: [{name: look, input: {}}]
    - text: "{{ prompt }} and {{ results[0] }}"
"""
SCRIPTED = ("--scripted", "replies.yaml")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    project = tmp_path / "project"
    project.mkdir()
    (project / "flow.yaml").write_text(FLOW)
    (project / "replies.yaml").write_text(REPLIES)
    (project / "token.txt").write_text(TOKEN + "\n")
    (project / "secrets.env").write_text(f"# what the demo needs\n\nOTHER={OTHER}\nTOKEN=not this one\n")
    (project / "secrets.env").chmod(0o600)
    return Cli(project, environment(tmp_path, "http://127.0.0.1:9"))


def with_values(cli: Cli, **values: str) -> Cli:
    return Cli(cli.folder, {**cli.env, **values})


def kept(cli: Cli) -> bytes:
    """Every byte that agentflow has written."""
    return b"".join(path.read_bytes() for path in (cli.folder / ".agentflow").rglob("*") if path.is_file())


def test_no_value_is_in_the_journal_on_the_screen_or_in_any_output(cli: Cli):
    known = with_values(cli, TOKEN=TOKEN, OTHER=OTHER)
    paused = known("run", "flow.yaml", *SCRIPTED, "--output-format", "stream-json")
    assert paused.code == 4, paused.err
    run = run_id(paused.out)
    ended = known("approve", run, "agree", *SCRIPTED)
    assert ended.code == 1
    assert "[secret OTHER] Bearer [secret TOKEN]" in ended.err
    said = [paused, ended]
    for options in ([], ["--output-format", "json"], ["--events"], ["--events", "--output-format", "json"]):
        said.append(cli("show", run, *options))
    said += [cli("plan", "flow.yaml"), cli("plan", "flow.yaml", "--output-format", "json"), cli("graph", "flow.yaml")]
    everything = "".join(each.out + each.err for each in said).encode() + kept(cli)
    assert b"[secret OTHER] Bearer [secret TOKEN]" in everything
    assert TOKEN.encode() not in everything
    assert OTHER.encode() not in everything


def test_the_plan_tells_which_secrets_go_where(cli: Cli):
    told = json.loads(cli("plan", "flow.yaml", "--output-format", "json").out)["secrets"]
    assert told == [
        {"name": "TOKEN", "for": ["every command"]},
        {"name": "OTHER", "for": ["step show", "step fail", "tool look"]},
    ]
    assert "TOKEN  for every command" in cli("plan", "flow.yaml").out


def test_a_file_named_for_a_secret_wins_over_the_file_of_all_and_that_over_the_environment(cli: Cli):
    (cli.folder / "flow.yaml").write_text(
        FLOW.split("tools:")[0].replace("TOKEN }}", "TOKEN }}{{ secrets.OTHER }}")
        + 'steps: {a: {run: \'test "$WHOLE" = "Bearer $(cat token.txt)$(cat other.txt)"; echo same\'}}\n'
        "outputs: {a: steps.a.output}\n"
    )
    (cli.folder / "other.txt").write_text(OTHER)
    known = with_values(cli, TOKEN="wrong", OTHER="wrong")
    done = known("run", "flow.yaml", "--secret", "TOKEN=@token.txt", "--secrets-file", "secrets.env", "--quiet")
    assert (done.code, done.out) == (0, "same\n"), done.err


def test_a_run_without_a_value_begins_nothing_and_says_how_to_give_one(cli: Cli):
    refused = with_values(cli, OTHER=OTHER)("run", "flow.yaml", *SCRIPTED)
    assert refused.code == 2
    assert "error: the secret `TOKEN` has no value" in refused.err
    assert "hint: set the environment variable TOKEN, or pass `--secret TOKEN=@FILE`" in refused.err
    assert not (cli.folder / ".agentflow" / "journal.db").exists()


def test_a_resume_wants_what_is_still_needed(cli: Cli):
    paused = with_values(cli, TOKEN=TOKEN, OTHER=OTHER)("run", "flow.yaml", *SCRIPTED)
    run = run_id(paused.err)
    refused = cli("approve", run, "agree", *SCRIPTED)
    assert refused.code == 2
    assert "the secrets `TOKEN`, `OTHER` have no value" in refused.err
    again = cli("resume", run, *SCRIPTED, "--secret", "TOKEN=@token.txt", "--secrets-file", "secrets.env")
    assert again.code == 1
    assert "[secret OTHER]" in again.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--secret", f"TOKEN={TOKEN}"), "`--secret TOKEN` takes its value from a file"),
        (("--secret", "TOKEN"), "`--secret TOKEN` takes its value from a file"),
        (("--secret", "TOKN=@token.txt"), "there is no secret `TOKN`"),
        (("--secret", "TOKEN=@none.txt"), "secret `TOKEN`: the file 'none.txt' cannot be read"),
        (("--secret", "TOKEN=@empty.txt"), "the value of the secret `TOKEN` is empty"),
        (("--secret", "TOKEN=@nul.txt"), "the value of the secret `TOKEN` holds a NUL byte"),
        (("--secret", "TOKEN=@token.txt", "--secret", "TOKEN=@token.txt"), "the secret `TOKEN` is given twice"),
        (("--secrets-file", "token.txt"), "line 1 of 'token.txt' gives no secret"),
        (("--secrets-file", "twice.env"), "'twice.env' gives the secret `TOKEN` twice"),
        (("--secrets-file", "open.env"), "others may read 'open.env', which holds secrets"),
    ],
)
def test_what_cannot_be_a_value_is_refused_without_showing_it(cli: Cli, options: tuple[str, ...], message: str):
    (cli.folder / "empty.txt").write_text("\n")
    (cli.folder / "nul.txt").write_bytes(TOKEN.encode() + b"\0")
    (cli.folder / "twice.env").write_text(f"TOKEN={TOKEN}\nTOKEN={TOKEN}\n")
    (cli.folder / "open.env").write_text(f"TOKEN={TOKEN}\n")
    for name in ("token.txt", "twice.env"):
        (cli.folder / name).chmod(0o600)
    refused = cli("run", "flow.yaml", *SCRIPTED, *options)
    assert refused.code == 2
    assert message in refused.err
    assert TOKEN not in refused.err + refused.out
    assert "hint: " in refused.err


def test_in_a_terminal_a_person_is_asked_and_what_they_type_is_not_shown(cli: Cli):
    answers = {
        "secret \x1b[1mTOKEN": TOKEN + "\n",
        "secret \x1b[1mOTHER": OTHER + "\n",
        "approve? ": "n\n",
        "comment ": "\n",
    }
    done = cli.in_terminal("run", "flow.yaml", *SCRIPTED, answers=answers)
    assert done.code == 0, done.out
    assert "Bearer [secret TOKEN]" in done.out
    for value in (TOKEN, OTHER):
        assert value not in done.out
        assert value.encode() not in kept(cli)


def test_a_person_who_gives_none_fails_the_step_and_the_terminal_shows_again_what_is_typed(cli: Cli):
    (cli.folder / "flow.yaml").write_text(
        FLOW.split("tools:")[0].replace(", OTHER", "")
        + "steps:\n  a: {run: [ls], on_error: continue}\n  b: {needs: [a], join: done, approve: Go?}\n"
    )
    done = cli.in_terminal("run", "flow.yaml", answers={"TOKEN": "\x04", "approve? ": "y\n", "comment": "seen\n"})
    assert done.code == 0, done.out
    assert "secret_missing" in done.out or "has no value" in done.out
    assert "seen\r\n" in done.out


def test_the_machine_is_looked_at_before_a_run_only_when_asked(cli: Cli):
    assert cli("validate", "flow.yaml").code == 0
    looked = cli("validate", "flow.yaml", "--environment")
    assert looked.code == 2
    assert "flow.yaml:4:11: error[AF510]: the secret `TOKEN` has no value" in looked.out
    assert with_values(cli, TOKEN=TOKEN, OTHER=OTHER)("validate", "flow.yaml", "--environment").code == 0
