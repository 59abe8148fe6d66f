"""`agentflow test` over a workflow that has each kind of step."""

from pathlib import Path

import pytest

from agentflow.cli.exits import exit_code
from agentflow.simulation.suite import load_suite, run_case

FLOW = """agentflow: 1
name: kinds
sandbox: "off"
inputs: {urgent: {type: boolean, default: false}}
agents:
  critic: {output: {type: object, properties: {good: {type: boolean}}, required: [good]}, tools: [Glob]}
steps:
  form:
    ask: Which files?
    timeout: 1d
    output: {type: object, properties: {pattern: {type: string}}, required: [pattern]}
  found: {tool: Glob, with: {pattern: "{{ steps.form.output.pattern }}"}}
  count: {call: "stats:lines", with: {text: "{{ steps.found.output }}"}, output: {type: integer}, effects: none}
  guard: {fail: "There are {{ steps.count.output }} files.", when: steps.count.output > 9}
  polish:
    needs: [guard]
    workspace: copy
    timeout: 1h
    repeat: {until: steps.review.output.good, max: 3}
    steps:
      write: {run: [tee, out], stdin: "{{ loop.index }}", effects: writes, retry: {attempts: 2, backoff: 10m}}
      review: {needs: [write], agent: critic, prompt: "Judge round {{ loop.index }}."}
    output: loop.index
  send:
    choose:
      - {when: inputs.urgent, run: [post, "--rounds={{ steps.polish.output }}"]}
    otherwise: {value: "'later'"}
outputs: {rounds: steps.polish.output, sent: steps.send.output}
"""

TESTS = """
tests:
  - name: without stubs everything goes through
    expect:
      exit: 0
      outputs: {rounds: 2, sent: later}
      steps:
        form: {status: done, output: {pattern: pattern}}
        guard: {status: done}
        polish[1].review: {output: {good: true}}
        polish[2].review: {status: unreached}
        send.otherwise: {status: done}
        send.1: {status: unreached}
      order: [form, found, count, polish]
      calls: {commands: {tee: 2, post: 0}, tools: {Glob: 1}, functions: {"stats:lines": 1}, agents: {critic: 2}}

  - name: the answers of a person go to the tool and its text to the function
    inputs: {urgent: true}
    stubs:
      form: {output: {pattern: "*.md"}, by: ada}
      found: {output: "a.md\\nb.md"}
      count: {output: 2}
      polish[0].review: {output: {good: true}}
    expect:
      outputs_include: {rounds: 1}
      calls:
        tools: {Glob: {count: 1, input: {pattern: "*.md"}}}
        functions: {"stats:lines": {input: {text: "a.md\\nb.md"}}}
        commands: {post: {args: ["--rounds=1"]}}

  - name: too many files end the run
    stubs: {count: {output: 12}}
    expect:
      status: failed
      failure: {kind: failed, step: guard, message: There are 12 files.}
      steps: {polish: {status: skipped}}

  - name: a round is tried again after a rest that takes no time
    stubs:
      polish.write: [{exit_code: 1}, {output: x}]
    expect:
      status: done
      steps: {"polish[0].write": {status: done, output: x}}
      calls: {commands: {tee: 3}}

  - name: nobody says which files
    stubs: {form: {answer: timeout}}
    expect: {status: failed, failure: {kind: timeout, step: form}, steps: {found: {status: skipped}}}

  - name: the run waits for the form
    stubs: {form: {answer: wait}}
    expect: {status: waiting, steps: {form: {status: waiting}, found: {status: unreached}}}

  - name: it is never good
    stubs: {polish.review: [{output: {good: false}}]}
    expect: {failure: {kind: max_rounds, step: polish}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "stats.py").write_text("def lines(text):\n    return len(text.splitlines())\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_each_kind_is_tested_by_its_stubs(project: Path):
    suite = load_suite("flow.test.yaml", TESTS.encode())
    assert suite.ok, suite.diagnostics
    results = [run_case(suite, ready, exit_code) for ready in suite.cases]
    assert {result.name: (result.error, result.mismatches) for result in results if not result.passed} == {}
    assert len(results) == 7
    assert sorted(path.name for path in project.iterdir()) == [".git", "flow.yaml", "stats.py"]


def test_what_goes_otherwise_is_told(project: Path):
    tests = """
tests:
  - name: t
    expect: {calls: {functions: {"stats:lines": {count: 2, input: {text: none of this}}}, tools: {Glob: 0}}}
"""
    suite = load_suite("flow.test.yaml", tests.encode())
    assert suite.ok, suite.diagnostics
    result = run_case(suite, suite.cases[0], exit_code)
    assert [wrong.what for _, wrong in result.mismatches] == [
        "calls.functions.stats:lines.count",
        "calls.functions.stats:lines.input",
        "calls.tools.Glob",
    ]


@pytest.mark.parametrize(
    ("test", "code", "message"),
    [
        ("{calls: {functions: {'stats:line': 1}}}", "AF301", "no step of the workflow uses the function `stats:line`"),
        ("{calls: {functions: {'stats:lines': {args: [x]}}}}", "AF201", "calls of the function have no `args`"),
        ("{calls: {tools: {Glob: 1, finish: 1}}}", "AF209", "only agents use `finish`"),
        ("{steps: {'send[0].1': {}}}", "AF301", "`send[0].1` has an index where nothing is repeated"),
        ("{steps: {send.2: {}}}", "AF301", "there is no step `send.2`"),
    ],
)
def test_what_no_run_could_meet_is_an_error_of_the_file(project: Path, test: str, code: str, message: str):
    suite = load_suite("flow.test.yaml", f"tests: [{{name: t, expect: {test}}}]".encode())
    (found,) = suite.diagnostics
    assert found.code == code
    assert message in found.message
