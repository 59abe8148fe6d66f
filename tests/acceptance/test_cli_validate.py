"""`agentflow validate` and what every command shares."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.cli_process import Cli, environment

GOOD = "agentflow: 1\nname: good\nsteps:\n  one: {value: 1 + 1}\noutputs: {two: steps.one.output}\n"
BAD = "agentflow: 1\nname: bad\nsteps:\n  one: {value: steps.two.output}\n  three: {vlaue: '1'}\n"
WARNED = GOOD.replace("steps:", "inputs: {unused: {type: string}}\nsteps:")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path, environment(tmp_path, "http://127.0.0.1:9"))


def test_a_good_file_passes(cli: Cli):
    (cli.folder / "good.yaml").write_text(GOOD)
    done = cli("validate", "good.yaml")
    assert (done.code, done.out, done.err) == (0, "1 file checked, no problems\n", "")


def test_all_problems_of_all_files_are_told(cli: Cli):
    (cli.folder / "bad.yaml").write_text(BAD)
    (cli.folder / "torn.yaml").write_text("agentflow: [1\n")
    done = cli("validate", "bad.yaml", "torn.yaml", "missing.yaml")
    assert done.code == 2
    assert "bad.yaml:4:" in done.out
    assert "error[AF301]" in done.out
    assert "torn.yaml:" in done.out
    assert "missing.yaml:1:1: error[AF106]" in done.out
    assert "3 files checked" in done.out


def test_a_folder_stands_for_its_workflows(cli: Cli):
    (cli.folder / "good.yaml").write_text(GOOD)
    (cli.folder / "other.yaml").write_text("services: {}\n")
    (cli.folder / ".hidden").mkdir()
    (cli.folder / ".hidden" / "bad.yaml").write_text(BAD)
    (cli.folder / "empty").mkdir()
    assert cli("validate", ".").out == "1 file checked, no problems\n"
    refused = cli("validate", "empty")
    assert (refused.code, "there is no workflow in the folder 'empty'" in refused.err) == (2, True)


def test_a_pattern_in_quotes_stands_for_the_workflows_it_matches(cli: Cli):
    (cli.folder / "flows" / "deep").mkdir(parents=True)
    (cli.folder / "flows" / "one.yaml").write_text(GOOD)
    (cli.folder / "flows" / "deep" / "two.yaml").write_text(GOOD)
    (cli.folder / "flows" / "one.replies.yaml").write_text("replies: {}\n")
    (cli.folder / "flows" / "[odd].yaml").write_text(GOOD)
    assert cli("validate", "flows/*.yaml").out == "2 files checked, no problems\n"
    assert cli("validate", "flows/**/*.yaml").out == "3 files checked, no problems\n"
    assert cli("validate", "flows/[odd].yaml").out == "1 file checked, no problems\n"
    refused = cli("validate", "flows/*.yml")
    assert (refused.code, "no workflow matches 'flows/*.yml'" in refused.err) == (2, True)


def test_a_dash_is_standard_input(cli: Cli):
    done = cli("validate", "-", stdin=BAD)
    assert (done.code, "<stdin>:4:" in done.out) == (2, True)


def test_strict_makes_warnings_errors(cli: Cli):
    (cli.folder / "warned.yaml").write_text(WARNED)
    assert cli("validate", "warned.yaml").code == 0
    assert cli("validate", "--strict", "warned.yaml").code == 2


def test_json_has_every_place(cli: Cli):
    (cli.folder / "bad.yaml").write_text(BAD)
    files = json.loads(cli("validate", "bad.yaml", "--output-format", "json").out)["files"]
    first = files[0]["diagnostics"][0]
    assert (files[0]["ok"], first["line"], first["severity"]) == (False, 4, "error")


@pytest.mark.parametrize("output_format", ["text", "json", "sarif", "github"])
def test_every_format_ends_with_the_same_exit_code(cli: Cli, output_format: str):
    (cli.folder / "good.yaml").write_text(GOOD)
    (cli.folder / "warned.yaml").write_text(WARNED)
    for arguments, code in (
        (["good.yaml"], 0),
        (["good.yaml", "--strict"], 0),
        (["warned.yaml"], 0),
        (["good.yaml", "warned.yaml", "--strict"], 2),
        (["good.yaml", "missing.yaml"], 2),
    ):
        done = cli("validate", *arguments, "--output-format", output_format)
        assert (done.code, done.err) == (code, ""), arguments


def test_github_gets_a_command_for_each_problem_and_no_other_line(cli: Cli):
    (cli.folder / "good.yaml").write_text(GOOD)
    (cli.folder / "warned.yaml").write_text(WARNED)
    done = cli("validate", "good.yaml", "warned.yaml", "-", "--output-format", "github", stdin=BAD)
    assert [line.partition(",")[0] for line in done.out.splitlines()] == [
        "::warning file=warned.yaml",
        "::error file=<stdin>",
        "::error file=<stdin>",
    ]
    assert cli("validate", "good.yaml", "--output-format", "github").out == ""


def test_sarif_is_one_run_for_all_files(cli: Cli):
    (cli.folder / "warned.yaml").write_text(WARNED)
    done = cli("validate", "warned.yaml", "-", "--output-format", "sarif", stdin=BAD)
    (run,) = json.loads(done.out)["runs"]
    found = [(result["ruleId"], result["level"]) for result in run["results"]]
    assert found == [("AF404", "warning"), ("AF301", "error"), ("AF204", "error")]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["AF204", "AF301", "AF404"]
    assert cli("--version").out == f"agentflow {run['tool']['driver']['version']}\n"


def test_a_code_is_explained_in_any_case(cli: Cli):
    done = cli("explain", "af301")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("AF301: an unknown step\n")
    assert json.loads(cli("explain", "AF301", "--output-format", "json").out)["code"] == "AF301"


def test_without_a_code_all_are_listed(cli: Cli):
    assert "  AF301  an unknown step\n" in cli("explain").out
    listed = json.loads(cli("explain", "--output-format", "json").out)["codes"]
    assert {"code": "AF301", "summary": "an unknown step"} in listed


def test_an_unknown_code_is_refused_with_the_next_move(cli: Cli):
    near = cli("explain", "AF 301")
    assert (near.code, near.out) == (2, "")
    assert near.err == "error: there is no code `AF 301`\nhint: did you mean `AF301`?\n"
    assert "hint: `agentflow explain` lists all codes" in cli("explain", "../../etc/passwd").err


def test_colour_is_for_terminals_only(cli: Cli):
    (cli.folder / "bad.yaml").write_text(BAD)
    assert "\x1b[" not in cli("validate", "bad.yaml").out
    assert "\x1b[" in cli.in_terminal("validate", "bad.yaml").out
    plain = Cli(cli.folder, {**cli.env, "NO_COLOR": "1"})
    assert "\x1b[" not in plain.in_terminal("validate", "bad.yaml").out


def test_a_wrong_command_line_exits_2(cli: Cli):
    for arguments in (["validate"], ["nonsense"], ["run"], ["runs", "--limit", "none"], ["prune", "--older-than", "x"]):
        assert cli(*arguments).code == 2, arguments


def test_help_and_version_answer(cli: Cli):
    helped = cli("--help")
    assert helped.code == 0
    assert all(name in helped.out for name in ("validate", "run", "resume", "approve", "show", "prune"))
    assert cli("--version").out.startswith("agentflow ")
    assert cli("run", "--help").code == 0


def test_a_reader_that_has_enough_is_no_error(cli: Cli):
    (cli.folder / "bad.yaml").write_text(BAD)
    process = subprocess.Popen(
        cli.command("validate", *["bad.yaml"]),
        cwd=cli.folder,
        env=dict(cli.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait(60)


def test_validate_imports_no_model_client_and_no_database(cli: Cli):
    (cli.folder / "good.yaml").write_text(GOOD)
    code = (
        "import sys; from agentflow.cli.main import run_command; run_command(['validate', 'good.yaml']);"
        "heavy = {'anthropic', 'apsw', 'rich', 'asyncio', 'httpx2', 'rpds'};"
        "others = {f'agentflow.report.{name}' for name in ('diagnostics_json', 'sarif', 'github', 'explain')};"
        "print(sorted((heavy | others) & set(sys.modules)))"
    )
    done = subprocess.run(
        [cli.command()[0], "-c", code], cwd=cli.folder, env=dict(cli.env), capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]", done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_the_caller_closed_is_nobodys(cli: Cli, closed: str):
    (cli.folder / "good.yaml").write_text(GOOD)
    for command in ("validate", "run"):
        done = in_shell(cli, f"{shlex.join(cli.command(command, 'good.yaml'))} {closed}")
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_output_that_finds_no_room_is_told_and_no_bug(cli: Cli):
    (cli.folder / "good.yaml").write_text(GOOD)
    for command in ("validate", "run"):
        done = in_shell(cli, f"{shlex.join(cli.command(command, 'good.yaml'))} > /dev/full")
        assert done.returncode == 1
        assert "error: standard output cannot be written: No space left on device\nhint: make room" in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_run_goes_on_where_its_messages_find_no_room(cli: Cli):
    (cli.folder / "good.yaml").write_text(GOOD)
    done = in_shell(cli, f"{shlex.join(cli.command('run', 'good.yaml'))} 2> /dev/full")
    assert (done.returncode, done.stdout) == (0, "2\n")


def in_shell(cli: Cli, line: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        line, shell=True, cwd=cli.folder, env=dict(cli.env), capture_output=True, text=True, timeout=60, check=False
    )


def test_a_problem_of_a_file_that_others_use_is_told_once_in_a_folder(cli: Cli):
    (cli.folder / "child.yaml").write_text(BAD)
    (cli.folder / "lib.yaml").write_text("agentflow: 1\nagents: {a: {efort: low}}\n")
    for name in ("one", "two"):
        steps = "steps: {a: {agent: a, prompt: x}, c: {workflow: child.yaml}}\n"
        (cli.folder / f"{name}.yaml").write_text(f"agentflow: 1\nname: {name}\nimports: [lib.yaml]\n{steps}")
    done = cli("validate", ".")
    assert done.code == 2
    assert (done.out.count("AF301"), done.out.count("AF201"), done.out.count("AF204")) == (1, 1, 1)
    assert "4 files checked" in done.out


def test_a_file_of_agents_is_checked_as_such_but_cannot_be_run(cli: Cli):
    (cli.folder / "lib.yaml").write_text("agentflow: 1\nagents: {a: {description: Helps.}}\n")
    done = cli("validate", "lib.yaml")
    assert (done.code, done.out) == (0, "1 file checked, no problems\n")
    assert cli("run", "lib.yaml").code == 2
    assert "AF202" in cli("plan", "lib.yaml").err
