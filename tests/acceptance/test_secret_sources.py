"""Where values of secrets come from: options, a file, the environment, the keyring, in this order."""

import subprocess
from pathlib import Path

import pytest

from tests.acceptance.cli_process import Cli, environment

VALUE = "kept-in-the-keyring-1"
FLOW = """agentflow: 1
name: sources
sandbox: "off"
secrets: [TOKEN, SPARE]
inputs: {note: {type: string, default: none}}
steps:
  size: {run: 'printf "%s" "$T" | sha256sum | cut -c1-12', env: {T: "{{ secrets.TOKEN }}"}, effects: none}
  show: {run: 'echo "$T {{ 1 }}"', env: {T: "{{ secrets.TOKEN }}"}, effects: none}
outputs: {size: steps.size.output}
""".replace(" {{ 1 }}", "")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    project = tmp_path / "project"
    project.mkdir()
    (project / "flow.yaml").write_text(FLOW)
    keyring = {
        "PYTHON_KEYRING_BACKEND": "tests.acceptance.keyring_double.FileKeyring",
        "KEYRING_FILE": str(tmp_path / "ring"),
    }
    return Cli(project, {**environment(tmp_path, "http://127.0.0.1:9"), **keyring})


def digest(value: str) -> str:
    done = subprocess.run(["sha256sum"], input=value.encode(), capture_output=True, check=True)
    return done.stdout.decode()[:12] + "\n"


def test_a_value_is_put_into_the_keyring_used_from_there_and_taken_out_again(cli: Cli):
    assert cli("run", "flow.yaml", "-q").code == 2
    kept = cli("secrets", "set", "TOKEN", stdin=VALUE + "\n")
    assert (kept.code, kept.out) == (0, "")
    assert "the keyring holds the secret TOKEN" in kept.err
    listed = cli("secrets", "list", "flow.yaml")
    assert (listed.code, listed.out) == (0, "TOKEN  the keyring\nSPARE  no value, and no step uses it\n")
    done = cli("run", "flow.yaml", "-q")
    assert (done.code, done.out) == (0, digest(VALUE)), done.err
    assert cli("validate", "flow.yaml", "--environment").code == 0
    assert cli("secrets", "remove", "TOKEN").code == 0
    assert cli("secrets", "list", "flow.yaml").code == 1
    gone = cli("secrets", "remove", "TOKEN")
    assert gone.code == 2
    assert "the keyring holds no value of the secret `TOKEN`" in gone.err
    for said in (kept, listed, done, gone):
        assert VALUE not in said.out + said.err


def test_what_comes_first_wins(cli: Cli):
    (cli.folder / "t.txt").write_text("from-the-option\n")
    (cli.folder / "s.env").write_text('# dotenv\nexport TOKEN="from the file \\"x\\""\nSPARE=\'a b\'\n')
    (cli.folder / "s.env").chmod(0o600)
    cli("secrets", "set", "TOKEN", stdin="from-the-keyring")
    both = Cli(cli.folder, {**cli.env, "TOKEN": "from-the-environment"})
    assert cli("run", "flow.yaml", "-q").out == digest("from-the-keyring")
    assert both("run", "flow.yaml", "-q").out == digest("from-the-environment")
    assert both("run", "flow.yaml", "-q", "--secrets-file", "s.env").out == digest('from the file "x"')
    given = both("run", "flow.yaml", "-q", "--secrets-file", "s.env", "--secret", "TOKEN=@t.txt")
    assert given.out == digest("from-the-option")


def test_at_a_terminal_the_value_is_typed_and_not_shown(cli: Cli):
    done = cli.in_terminal("secrets", "set", "TOKEN", answers={"value of the secret": VALUE + "\n"})
    assert done.code == 0, done.out
    assert VALUE not in done.out
    assert cli("run", "flow.yaml", "-q").out == digest(VALUE)


@pytest.mark.parametrize(
    ("arguments", "given", "message"),
    [
        (("set", "TOKEN"), "", "the value of the secret `TOKEN` is empty"),
        (("set", "TOKEN"), "a\0b", "is empty, or no text"),
        (("set", "sk-not-a-name"), "x", "this is no name of a secret"),
        (("remove", "sk-not-a-name"), "", "this is no name of a secret"),
    ],
)
def test_what_cannot_be_kept_is_refused_without_being_repeated(cli: Cli, arguments, given: str, message: str):
    refused = cli("secrets", *arguments, stdin=given)
    assert refused.code == 2
    assert message in refused.err
    assert "sk-not" not in refused.err


def test_a_keyring_that_does_not_open_is_told_and_one_that_is_not_there_is_none(cli: Cli):
    Path(cli.env["KEYRING_FILE"]).write_text("locked")
    refused = cli("run", "flow.yaml", "-q")
    assert refused.code == 1
    assert "the keyring does not open for the secret `TOKEN`" in refused.err
    without = Cli(cli.folder, {**cli.env, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"})
    assert "the secret `TOKEN` has no value" in without("run", "flow.yaml", "-q").err
    refused = without("secrets", "set", "TOKEN", stdin="value-of-it")
    assert refused.code == 2
    assert "this machine has no keyring that could be used" in refused.err


def test_a_secrets_file_that_a_commit_would_take_along_is_warned_of(cli: Cli):
    (cli.folder / "s.env").write_text("TOKEN=in-the-file\n")
    (cli.folder / "s.env").chmod(0o600)
    assert "warning" not in cli("run", "flow.yaml", "-q", "--secrets-file", "s.env").err
    subprocess.run(["git", "init", "--quiet"], cwd=cli.folder, check=True, env=dict(cli.env))
    warned = cli("run", "flow.yaml", "-q", "--secrets-file", "s.env")
    assert warned.code == 0
    assert "warning: git does not ignore 's.env', which holds secrets" in warned.err
    (cli.folder / ".gitignore").write_text("*.env\n")
    assert "warning" not in cli("run", "flow.yaml", "-q", "--secrets-file", "s.env").err


def test_values_too_short_to_be_found_are_told_at_the_start(cli: Cli):
    done = Cli(cli.folder, {**cli.env, "TOKEN": "abc"})("run", "flow.yaml", "-q")
    assert done.code == 0
    assert "warning: the values of `TOKEN` are shorter than 6 characters and cannot be kept out of texts" in done.err


def test_a_secret_that_stands_in_an_input_or_in_the_file_begins_no_run(cli: Cli):
    known = Cli(cli.folder, {**cli.env, "TOKEN": VALUE})
    refused = known("run", "flow.yaml", "-i", f"note=see https://u:{VALUE}@x.org")
    assert refused.code == 2
    assert "the input `note` holds the value of the secret `TOKEN`, and inputs are on record" in refused.err
    (cli.folder / "flow.yaml").write_text(FLOW + f"# {VALUE}\n")
    refused_file = known("run", "flow.yaml")
    assert refused_file.code == 2
    assert "'flow.yaml' holds the value of the secret `TOKEN`" in refused_file.err
    assert VALUE not in refused.err + refused_file.err
    assert not (cli.folder / ".agentflow" / "journal.db").exists()


def test_redact_exact_leaves_what_only_looks_like_a_secret(cli: Cli):
    key = "AKIA" + "IOSFODNN7QWERTYU"
    flow = f"""agentflow: 1
name: r
sandbox: "off"
secrets: [TOKEN]
steps: {{a: {{run: 'echo "{key[:4]}""{key[4:]} $T"', env: {{T: "{{{{ secrets.TOKEN }}}}"}}, effects: none}}}}
outputs: {{a: steps.a.output}}
"""
    known = Cli(cli.folder, {**cli.env, "TOKEN": VALUE})
    (cli.folder / "flow.yaml").write_text(flow)
    assert known("run", "flow.yaml", "-q").out == "[likely secret: AWS access key] [secret TOKEN]\n"
    (cli.folder / "flow.yaml").write_text(flow + "redact: exact\n")
    assert known("run", "flow.yaml", "-q").out == f"{key} [secret TOKEN]\n"
