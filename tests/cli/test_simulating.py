"""`agentflow run --dry-run` and `agentflow test`, as they are typed."""

import json
from pathlib import Path

import pytest

from agentflow.cli import exits
from agentflow.cli.main import run_command

FLOW = """agentflow: 1
name: demo
sandbox: "off"
inputs: {topic: {type: string}}
steps:
  draft: {agent: {}, prompt: "Write about {{ inputs.topic }}."}
  agree: {approve: "Publish?", show: "{{ steps.draft.output }}"}
  save: {needs: [agree], run: [touch, made]}
outputs: {draft: steps.draft.output}
"""
TESTS = """tests:
  - {name: goes well, inputs: {topic: tea}, expect: {status: done}}
  - name: a No saves nothing
    inputs: {topic: tea}
    stubs: {agree: {answer: 'no'}}
    expect: {steps: {save: {status: skipped}}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "flow.test.yaml").write_text(TESTS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def dry(*more: str) -> int:
    return run_command(["run", "flow.yaml", "-i", "topic=tea", "--dry-run", *more])


def test_a_dry_run_needs_no_key_and_leaves_nothing_behind(project: Path, capsys):
    assert dry() == exits.DONE
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0] == '✓ draft  agent #1 done  generated: "(draft)"'
    assert shown.out.splitlines()[-1] == "(draft)"
    assert shown.err == "dry run: done\n"
    assert sorted(path.name for path in project.iterdir()) == [".git", "flow.test.yaml", "flow.yaml"]


@pytest.mark.parametrize(
    ("stub", "code"),
    [
        ("draft: {error: {kind: refusal}}", exits.FAILED),
        ("draft: {error: {kind: turns}}", exits.LIMIT),
        ("agree: {answer: wait}", exits.WAITING),
        ("agree: {answer: 'no'}", exits.DONE),
    ],
)
def test_the_exit_code_is_a_real_runs(project: Path, stub: str, code: int, capsys):
    (project / "s.yaml").write_text(f"stubs:\n  {stub}\n")
    assert dry("--stubs", "s.yaml", "--output-format", "json") == code
    assert json.loads(capsys.readouterr().out)["exit_code"] == code


def test_the_stubs_that_were_used_can_be_written_edited_and_used(project: Path, capsys):
    assert dry("--write-stubs", "s.yaml") == exits.DONE
    written = (project / "s.yaml").read_text()
    (project / "s.yaml").write_text(written.replace('"(draft)"', "A poem."))
    capsys.readouterr()
    assert dry("--stubs", "s.yaml", "--quiet") == exits.DONE
    shown = capsys.readouterr()
    assert shown.out.splitlines()[-1] == "A poem."
    assert shown.err == ""
    assert dry("--write-stubs", "s.yaml") == exits.INVALID
    assert "there already" in capsys.readouterr().err


def test_a_stub_that_nobody_takes_is_warned_of(project: Path, capsys):
    (project / "s.yaml").write_text("stubs: {save: {exit_code: 0}, agree: {answer: 'no'}}")
    assert dry("--stubs", "s.yaml") == exits.DONE
    assert "warning: no step took the stub of `save`" in capsys.readouterr().err


def test_wrong_stubs_are_diagnostics_also_for_programs(project: Path, capsys):
    (project / "s.yaml").write_text("stubs:\n  drft: {}\n")
    assert dry("--stubs", "s.yaml") == exits.INVALID
    assert "s.yaml:2:3: error[AF301]: there is no step `drft`" in capsys.readouterr().err
    assert dry("--stubs", "s.yaml", "--output-format", "json") == exits.INVALID
    (found,) = json.loads(capsys.readouterr().out)["diagnostics"]
    assert (found["path"], found["line"], found["hint"]) == ("s.yaml", 2, "did you mean `draft`?")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stubs", "s.yaml"], "only the steps of a dry run have stubs"),
        (["--write-stubs", "s.yaml"], "only the steps of a dry run have stubs"),
        (["--dry-run", "--scripted", "r.yaml"], "a dry run asks no model"),
        (["--dry-run", "--record", "r.jsonl"], "a dry run asks no model"),
        (["--dry-run", "--output-format", "stream-json"], "a dry run asks no model"),
        (["--dry-run", "--stubs", "none.yaml"], "`none.yaml` does not exist"),
        (["--dry-run", "--replay", "none.jsonl"], "cannot be read"),
        (["--dry-run", "--write-stubs", "no/s.yaml"], "cannot be written"),
        (["--scripted", "s", "--replay", "r"], "exclude each other"),
        (["--record", "s", "--replay", "r"], "exclude each other"),
    ],
)
def test_options_that_do_not_go_together_are_refused(project: Path, arguments: list[str], message: str, capsys):
    assert run_command(["run", "flow.yaml", "-i", "topic=tea", *arguments]) == exits.INVALID
    assert message in capsys.readouterr().err
    assert not (project / ".agentflow").exists()


@pytest.mark.usefixtures("no_sandbox")
def test_a_file_that_run_refuses_is_refused(project: Path, capsys):
    (project / "flow.yaml").write_text(FLOW.replace('sandbox: "off"\n', ""))
    assert dry() == exits.INVALID
    assert "AF504" in capsys.readouterr().err


def test_tests_beside_workflows_are_found_and_run(project: Path, capsys):
    (project / "deep").mkdir()
    (project / "deep" / "flow.yaml").write_text(FLOW)
    (project / "deep" / "flow.test.yml").write_text("workflow: flow.yaml\n" + TESTS)
    (project / ".hidden").mkdir()
    (project / ".hidden" / "x.test.yaml").write_text("wrong")
    assert run_command(["test"]) == exits.DONE
    assert capsys.readouterr().out.splitlines() == [
        "flow.test.yaml",
        "  ✓ goes well",
        "  ✓ a No saves nothing",
        "deep/flow.test.yml",
        "  ✓ goes well",
        "  ✓ a No saves nothing",
        "4 tests: 4 passed",
    ]


def test_a_test_that_fails_makes_the_exit_code_1(project: Path, capsys):
    (project / "flow.test.yaml").write_text(TESTS.replace("skipped", "done"))
    assert run_command(["test", "flow.test.yaml"]) == exits.FAILED
    shown = capsys.readouterr().out
    assert "        found:    skipped: it needs `agree`, which was rejected" in shown
    assert shown.splitlines()[-1] == "2 tests: 1 passed, 1 failed"


def test_a_file_with_errors_makes_it_2_and_the_others_are_run_all_the_same(project: Path, capsys):
    (project / "a.test.yaml").write_text("workflow: flow.yaml\n" + TESTS.replace("save:", "sav:"))
    assert run_command(["test", "."]) == exits.INVALID
    shown = capsys.readouterr().out
    assert "a.test.yaml:7:22: error[AF301]: there is no step `sav`" in shown
    assert shown.splitlines()[-1] == "2 tests: 2 passed, 1 file with errors"


def test_tests_are_chosen_by_their_name(project: Path, capsys):
    assert run_command(["test", "-k", "no SAVES"]) == exits.DONE
    assert capsys.readouterr().out.splitlines()[1:] == ["  ✓ a No saves nothing", "1 test: 1 passed"]
    assert run_command(["test", "-k", "nothing of the kind"]) == exits.INVALID
    assert "no test has 'nothing of the kind' in its name" in capsys.readouterr().err


def test_junit_goes_to_a_file_or_to_standard_output(project: Path, capsys):
    assert run_command(["test", "--junit", "j.xml"]) == exits.DONE
    assert capsys.readouterr().out.splitlines()[-1] == "2 tests: 2 passed"
    assert run_command(["test", "--output-format", "junit"]) == exits.DONE
    assert capsys.readouterr().out.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites tests="2"')
    assert (project / "j.xml").read_text().startswith("<?xml")
    assert run_command(["test", "--junit", "no/j.xml"]) == exits.INVALID
    assert "cannot be written" in capsys.readouterr().err


def test_for_programs_the_tests_are_one_object(project: Path, capsys):
    assert run_command(["test", "--output-format", "json"]) == exits.DONE
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert [test["name"] for test in file["tests"]] == ["goes well", "a No saves nothing"]


def test_a_folder_without_tests_says_how_they_are_called(project: Path, capsys):
    (project / "empty").mkdir()
    assert run_command(["test", "empty"]) == exits.INVALID
    shown = capsys.readouterr().err
    assert "there are no tests in the folder 'empty'" in shown
    assert "*.test.yaml" in shown
    assert run_command(["test", "none.test.yaml"]) == exits.INVALID
