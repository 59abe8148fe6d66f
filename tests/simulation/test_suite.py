import asyncio
from pathlib import Path

import pytest

from agentflow import api
from agentflow.cli.exits import exit_code
from agentflow.simulation.suite import CaseResult, Suite, load_suite, run_case

FLOW = """agentflow: 1
name: demo
sandbox: "off"
inputs: {topic: {type: string}}
agents: {writer: {instructions: Write., tools: [Glob]}}
steps:
  draft: {agent: writer, prompt: "Write about {{ inputs.topic }}."}
  save: {run: [tee, out.md], stdin: "{{ steps.draft.output }}"}
outputs: {draft: steps.draft.output}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "flow.yaml").write_text(FLOW)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loaded(tests: str, name: str = "flow.test.yaml") -> Suite:
    return load_suite(name, tests.encode())


def ran(suite: Suite) -> list[CaseResult]:
    assert suite.ok, suite.diagnostics
    return [run_case(suite, ready, exit_code) for ready in suite.cases]


def problems(tests: str, name: str = "flow.test.yaml") -> list[tuple[str, str, int, str]]:
    suite = loaded(tests, name)
    assert suite.cases == ()
    return [(found.code, found.place.path, found.place.line, found.message) for found in suite.diagnostics]


def test_a_test_passes_where_all_goes_as_expected(project: Path):
    (case,) = ran(
        loaded(
            """
tests:
  - name: what is written is saved
    inputs: {topic: tea}
    stubs: {draft: {output: A poem.}}
    expect: {status: done, outputs: {draft: A poem.}, calls: {commands: {tee: {stdin: A poem.}}}}
"""
        )
    )
    assert case.passed
    assert (case.name, case.place.line) == ("what is written is saved", 3)


def test_what_went_otherwise_has_its_place_in_the_file_of_tests(project: Path):
    (case,) = ran(
        loaded(
            """
tests:
  - name: t
    inputs: {topic: tea}
    expect:
      exit: 1
      steps:
        save: {status: skipped}
"""
        )
    )
    assert not case.passed
    assert [(place.path, place.line, place.column, wrong.what) for place, wrong in case.mismatches] == [
        ("flow.test.yaml", 6, 13, "exit"),
        ("flow.test.yaml", 8, 24, "steps.save.status"),
    ]


def test_tests_do_not_see_each_others_stubs(project: Path):
    stubs = "{draft: [{output: one}, {output: two}]}"
    first, second = ran(
        loaded(
            f"""
tests:
  - {{name: a, inputs: {{topic: x}}, stubs: {stubs}, expect: {{outputs: {{draft: one}}}}}}
  - {{name: b, inputs: {{topic: x}}, stubs: {stubs}, expect: {{outputs: {{draft: one}}}}}}
"""
        )
    )
    assert first.passed
    assert second.passed


def test_stubs_may_stand_in_a_file_of_their_own(project: Path):
    (project / "a.stubs.yaml").write_text("stubs:\n  draft: {output: filed}\n")
    tests = "tests: [{name: t, inputs: {topic: x}, stubs: {file: a.stubs.yaml}, expect: {outputs: {draft: filed}}}]"
    assert ran(loaded(tests))[0].passed
    (project / "a.stubs.yaml").write_text("stubs:\n  daft: {output: filed}\n")
    assert problems(tests) == [("AF301", "a.stubs.yaml", 2, "there is no step `daft`")]


def test_the_workflow_may_be_named(project: Path):
    tests = "workflow: ../flow.yaml\ntests: [{name: t, inputs: {topic: x}, expect: {status: done}}]"
    (project / "tests").mkdir()
    assert ran(loaded(tests, "tests/any.yaml"))[0].passed


def test_a_recording_answers_and_its_money_counts(project: Path):
    script = project / "replies.yaml"
    script.write_text(
        "replies: {writer: [{tools: [{name: Glob, input: {pattern: '*.yaml'}}]}, {text: 'Found {{ results[0] }}'}]}"
    )
    options = api.RunOptions(model=api.scripted(script), record=project / "r.jsonl")
    result = asyncio.run(api.run("flow.yaml", {"topic": "tea"}, options))
    assert result.status == "done", result.failure
    tests = f"""
tests:
  - name: recorded
    inputs: {{topic: tea}}
    recording: r.jsonl
    expect:
      status: done
      outputs_include: {{draft: flow.yaml}}
      calls: {{tools: {{Glob: {{count: 1, input: {{pattern: "*.yaml"}}}}}}}}
      cost_usd: {{min: {result.spent.cost_usd}, max: {result.spent.cost_usd}}}
  - name: it is another topic
    inputs: {{topic: rain}}
    recording: r.jsonl
    expect: {{status: done, cost_usd: {{min: 1}}}}
"""
    good, bad = ran(loaded(tests))
    assert good.passed, good.mismatches
    (_, status), (_, cost) = bad.mismatches
    assert "-messages[0].content[0].text: Write about tea." in str(status.found)
    assert "+messages[0].content[0].text: Write about rain." in str(status.found)
    assert (cost.expected, cost.found) == ("at least 1", 0.0)


def test_a_test_that_cannot_be_run_to_its_end_has_an_error(project: Path):
    (project / "flow.yaml").write_text(
        FLOW.replace("Write., tools: [Glob]", 'Write., output: {type: string, pattern: "^[0-9]+$"}')
    )
    (case,) = ran(loaded("tests: [{name: t, inputs: {topic: x}, expect: {}}]"))
    assert not case.passed
    assert "step `draft`: no value was found" in str(case.error)


@pytest.mark.parametrize(
    ("test", "code", "message"),
    [
        ("name: t", "AF202", "lacks `expect`"),
        ("name: t, expect: {}", "AF203", "input `topic` is missing"),
        ("name: t, inputs: {topic: 3}, expect: {}", "AF203", "input `topic`"),
        ("name: t, inputs: {topic: x, topci: y}, expect: {}", "AF203", "there is no input `topci`"),
        ("name: t, inputs: {topic: x}, stubs: {drft: {}}, expect: {}", "AF301", "there is no step `drft`"),
        ("name: t, inputs: {topic: x}, stubs: {file: none.yaml}, expect: {}", "AF106", "`none.yaml` does not exist"),
        ("name: t, inputs: {topic: x}, stubs: {file: ../../x}, expect: {}", "AF106", "leaves the project"),
        ("name: t, inputs: {topic: x}, recording: none.jsonl, expect: {}", "AF106", "cannot be read"),
        ("name: t, inputs: {topic: x}, recording: /dev/zero, expect: {}", "AF106", "leaves the project"),
        ("name: t, inputs: {topic: x}, recording: flow.yaml, expect: {}", "AF106", "no line of a recording"),
        ("name: t, inputs: {topic: x}, expect: {steps: {sav: {}}}", "AF301", "there is no step `sav`"),
        ("name: t, inputs: {topic: x}, expect: {order: [sav]}", "AF301", "there is no step `sav`"),
        ("name: t, inputs: {topic: x}, expect: {outputs: {drft: 1}}", "AF303", "no output `drft`"),
        ("name: t, inputs: {topic: x}, expect: {outputs_include: {drft: 1}}", "AF303", "no output `drft`"),
        ("name: t, inputs: {topic: x}, expect: {failure: {kind: turn}}", "AF203", "no kind of failure `turn`"),
        ("name: t, inputs: {topic: x}, expect: {steps: {save: {failure: {kind: turn}}}}", "AF203", "`turn`"),
        ("name: t, inputs: {topic: x}, expect: {calls: {agents: {witer: 1}}}", "AF308", "the agent `witer`"),
        ("name: t, inputs: {topic: x}, expect: {calls: {commands: {te: 1}}}", "AF301", "the command `te`"),
        ("name: t, inputs: {topic: x}, expect: {calls: {commands: {tee: {prompt: x}}}}", "AF201", "have no `prompt`"),
        ("name: t, inputs: {topic: x}, expect: {calls: {tools: {Glob: 1}}}", "AF209", "needs a `recording`"),
        ("name: t, inputs: {topic: x}, expect: {cost_usd: {max: 1}}", "AF209", "needs a `recording`"),
        ("name: t, inputs: {topic: x}, expect: {stauts: done}", "AF201", "does not take 'stauts'"),
        ("name: t, inputs: {topic: x}, expect: {status: ok}", "AF203", "`status` must be"),
    ],
)
def test_what_no_run_could_meet_is_an_error_of_the_file(project: Path, test: str, code: str, message: str):
    found = problems(f"tests:\n  - {{{test}}}\n")
    assert [problem[0] for problem in found] == [code], found
    assert message in found[0][3]
    assert found[0][1:3] == ("flow.test.yaml", 2)


def test_two_tests_of_one_name_are_told_apart(project: Path):
    twice = "  - {name: t, inputs: {topic: x}, expect: {}}\n" * 2
    assert problems(f"tests:\n{twice}") == [("AF205", "flow.test.yaml", 3, "another test is called 't' too")]


def test_errors_of_the_workflow_are_those_of_its_tests(project: Path):
    (project / "flow.yaml").write_text(FLOW.replace("steps.draft.output}", "steps.drft.output}"))
    (found,) = problems("tests: [{name: t, expect: {}}]")
    assert found[:2] == ("AF301", "flow.yaml")


@pytest.mark.usefixtures("no_sandbox")
def test_a_workflow_that_run_would_refuse_is_refused(project: Path):
    (project / "flow.yaml").write_text(FLOW.replace('sandbox: "off"\n', ""))
    assert [found[0] for found in problems("tests: [{name: t, expect: {}}]")] == ["AF504"]


@pytest.mark.parametrize(
    ("tests", "name", "code"),
    [
        ("workflow: none.yaml\ntests: [{name: t, expect: {}}]", "flow.test.yaml", "AF106"),
        ("workflow: /etc/passwd\ntests: [{name: t, expect: {}}]", "flow.test.yaml", "AF106"),
        ("workflow: ../../x.yaml\ntests: [{name: t, expect: {}}]", "flow.test.yaml", "AF106"),
        ("tests: [{name: t, expect: {}}]", "none.test.yaml", "AF106"),
        ("tests: [{name: t, expect: {}}]", "tests.yaml", "AF202"),
        ("tests: []", "flow.test.yaml", "AF203"),
        ("tests: 3", "flow.test.yaml", "AF203"),
        ("[]", "flow.test.yaml", "AF203"),
        ("", "flow.test.yaml", "AF102"),
        ("tests: [", "flow.test.yaml", "AF102"),
        ("[" * 5000, "flow.test.yaml", "AF104"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_and_raises_nothing(project: Path, tests: str, name: str, code: str):
    assert [found[0] for found in problems(tests, name)] == [code]


def test_a_file_that_is_not_there_is_told(project: Path):
    assert [found.code for found in load_suite("none.test.yaml").diagnostics] == ["AF106"]
