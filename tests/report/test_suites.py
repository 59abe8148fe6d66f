from xml.etree import ElementTree

import pytest

from agentflow.cli.exits import exit_code
from agentflow.report.junit import junit_xml
from agentflow.report.style import Paint
from agentflow.report.suites import SuiteResult, suite_text, suites_json, totals_text
from agentflow.simulation.suite import load_suite, run_case

FLOW = """agentflow: 1
name: demo
steps:
  a: {agent: {}, prompt: Say it.}
outputs: {a: steps.a.output}
"""
TESTS = """
tests:
  - {name: goes well, expect: {status: done}}
  - name: "<goes> & \\"badly\\""
    stubs: {a: {output: "\\e[31m<b>\\0x\\uFFFE"}}
    expect: {exit: 1, outputs: {a: "]]>"}}
"""


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    (tmp_path / "flow.yaml").write_text(FLOW)

    def run(tests: str) -> SuiteResult:
        suite = load_suite("flow.test.yaml", tests.encode())
        return SuiteResult(suite, tuple(run_case(suite, ready, exit_code) for ready in suite.cases))

    return run


def test_what_was_expected_and_what_was_found_stand_under_the_test(results):
    result = results(TESTS.replace("\\0", ""))
    assert suite_text(result, Paint(False)).splitlines() == [
        "flow.test.yaml",
        "  ✓ goes well",
        '  ✗ <goes> & "badly"',
        "      flow.test.yaml:6:20: exit",
        "        expected: 1",
        "        found:    0",
        "      flow.test.yaml:6:36: outputs.a",
        "        expected: ]]>",
        "        found:    ␛[31m<b>x\ufffe",
    ]
    assert totals_text([result]) == "2 tests: 1 passed, 1 failed"


def test_long_values_are_told_by_their_difference(results):
    long = "\\n".join(f"line {n}" for n in range(100))
    result = results(
        f'tests: [{{name: t, stubs: {{a: {{output: "{long}"}}}}, expect: {{outputs: {{a: "{long} too"}}}}}}]'
    )
    assert suite_text(result, Paint(False)).splitlines()[-5:] == [
        "        @@ -1,3 +1,3 @@",
        "         line 97",
        "         line 98",
        "        -line 99 too",
        "        +line 99",
    ]


def test_junit_has_a_case_for_each_test_and_is_xml_whatever_a_stub_says(results):
    root = ElementTree.fromstring(junit_xml([results(TESTS.replace("\\0", ""))]))
    assert root.attrib == {"tests": "2", "failures": "1", "errors": "0"}
    (suite,) = root
    assert suite.attrib["name"] == "flow.test.yaml"
    good, bad = suite
    assert (good.attrib["name"], good.attrib["classname"], good.attrib["line"]) == ("goes well", "flow.test.yaml", "3")
    assert len(good) == 0
    (failure,) = bad
    assert (bad.attrib["name"], failure.tag, failure.attrib["message"]) == ('<goes> & "badly"', "failure", "exit")
    assert "expected: ]]>" in str(failure.text)


def test_junit_tells_of_a_file_with_errors(results):
    result = results("tests: [{name: t, expect: {steps: {b: {}}}}]")
    root = ElementTree.fromstring(junit_xml([result]))
    assert root.attrib == {"tests": "1", "failures": "0", "errors": "1"}
    assert "AF301: there is no step `b`" in str(root[0][0][0].text)
    assert totals_text([result]) == "0 tests: 0 passed, 1 file with errors"


def test_a_test_that_cannot_be_run_is_an_error(results, tmp_path):
    (tmp_path / "flow.yaml").write_text(FLOW.replace("agent: {}", 'agent: {output: {type: string, pattern: "^x{3}$"}}'))
    result = results("tests: [{name: t, expect: {}}]")
    root = ElementTree.fromstring(junit_xml([result]))
    assert root.attrib == {"tests": "1", "failures": "0", "errors": "1"}
    assert "  flow.test.yaml:1:16: it cannot be run:" in "\n".join(suite_text(result, Paint(False)).splitlines())


def test_for_programs_each_mismatch_has_its_place(results):
    data = suites_json([results(TESTS.replace("\\0", ""))])
    (file,) = data["files"]
    assert [test["passed"] for test in file["tests"]] == [True, False]
    assert file["tests"][1]["mismatches"][0] == {
        "line": 6,
        "column": 20,
        "what": "exit",
        "expected": 1,
        "found": 0,
    }
