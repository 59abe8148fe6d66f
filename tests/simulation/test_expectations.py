import pytest

from agentflow.cli.exits import exit_code
from agentflow.simulation.expectations import CHECKS, Ran, includes, mismatches, same
from agentflow.spec.closed_files import read_closed
from agentflow.spec.suite import Expect, SuiteFile
from tests.simulation.flows import simulated

FLOW = """
inputs: {items: {type: array, items: {type: string}, default: [a, b]}}
agents: {finder: {instructions: Find.}}
steps:
  each:
    for_each: inputs.items
    on_error: collect
    steps: {find: {agent: finder, prompt: "Find {{ item }}."}}
    output: steps.find.output
  save: {run: [tee, out, -a], stdin: "{{ steps.each.output | length }}"}
  agree: {approve: "Publish?"}
  publish: {needs: [agree], run: [cp, a, b]}
outputs: {found: steps.each.output, n: steps.each.output | length, all: "steps.each.errors == []"}
"""
STUBS = """
  each[0].find: {output: gold}
  each[1].find: {error: {kind: turns, message: too many turns}}
  agree: {answer: 'no', by: ada}
"""


def wrong(expect: str, stubs: str = STUBS) -> list[tuple[str, object, object]]:
    read, problems = read_closed(SuiteFile, f"tests: [{{name: t, expect: {expect}}}]", "t.test.yaml")
    assert read is not None, problems
    trace = simulated(FLOW, stubs).trace
    found = mismatches(read.value.tests[0].expect, Ran(trace, exit_code(trace.result)))
    return [(mismatch.what, mismatch.expected, mismatch.found) for mismatch in found]


def test_every_key_of_expect_is_checked():
    assert set(CHECKS) == set(Expect.model_fields)


@pytest.mark.parametrize(
    "expect",
    [
        "{}",
        "{status: done, exit: 0}",
        "{outputs: {found: [gold], n: 1, all: false}}",
        "{outputs_include: {found: [ol]}}",
        "{steps: {each: {status: done, output: [gold]}, publish: {status: skipped, reason: was rejected}}}",
        "{steps: {'each[1].find': {status: failed, failure: {kind: turns, message: many}}}}",
        "{steps: {each.find: {}}}",
        "{order: [each, 'each[0].find', 'each[1].find', save]}",
        "{order: [each.find, save]}",
        "{calls: {agents: {finder: 2}, commands: {tee: 1, cp: 0}}}",
        "{calls: {agents: {finder: {count: 2, prompt: Find b}}, commands: {tee: {args: [out, -a], stdin: '1'}}}}",
        "{calls: {commands: {cp: {count: 0}}}}",
    ],
)
def test_what_went_as_expected_is_no_mismatch(expect: str):
    assert wrong(expect) == []


@pytest.mark.parametrize(
    ("expect", "what", "expected", "found"),
    [
        ("{status: failed}", "status", "failed", "done"),
        ("{exit: 1}", "exit", 1, 0),
        ("{failure: {kind: turns}}", "failure", {"kind": "turns"}, "no failure"),
        ("{outputs: {found: [gold], n: 1}}", "outputs.all", "nothing of that name", False),
        ("{outputs: {found: [gold], n: true, all: false}}", "outputs.n", True, 1),
        ("{outputs: {found: [gold], n: 1, all: 0}}", "outputs.all", 0, False),
        ("{outputs_include: {found: [go, ld]}}", "outputs_include.found", ["go", "ld"], ["gold"]),
        ("{steps: {publish: {status: done}}}", "steps.publish.status", "done", None),
        ("{steps: {publish: {reason: by hand}}}", "steps.publish.reason", "a text with 'by hand'", None),
        ("{steps: {each: {output: []}}}", "steps.each.output", [], ["gold"]),
        ("{steps: {each: {output_includes: [silver]}}}", "steps.each.output_includes", ["silver"], ["gold"]),
        ("{steps: {each.find: {status: done}}}", "steps.each[1].find.status", "done", "failed: too many turns (turns)"),
        ("{steps: {'each[2].find': {status: done}}}", "steps.each[2].find", {"status": "done"}, "unreached"),
        ("{steps: {'each[0].find': {failure: {kind: x}}}}", "steps.each[0].find.failure", {"kind": "x"}, "no failure"),
        ("{steps: {'each[1].find': {failure: {kind: x}}}}", "steps.each[1].find.failure.kind", "x", "turns"),
        ("{order: [save, each]}", "order", ["save", "each"], ["each", "save"]),
        ("{order: [each, publish]}", "order", "`publish` starts", "it does not"),
        ("{calls: {agents: {finder: 3}}}", "calls.agents.finder", 3, 2),
        ("{calls: {commands: {tee: {args: [out]}}}}", "calls.commands.tee.args", ["out"], [["out", "-a"]]),
        ("{calls: {commands: {cp: {stdin: x}}}}", "calls.commands.cp.stdin", "x", "no such call"),
    ],
)
def test_what_went_otherwise_is_told_with_what_was_found(expect: str, what: str, expected: object, found: object):
    ((told, wanted, got),) = wrong(expect)
    assert (told, wanted) == (what, expected)
    if found is not None:
        assert got == found


def test_a_step_that_was_skipped_tells_why():
    ((_, _, found),) = wrong("{steps: {publish: {status: done}}}")
    assert found == "skipped: it needs `agree`, which was rejected"


def test_the_outputs_of_a_run_that_failed_are_none():
    stubs = "  save: {exit_code: 1}"
    assert [what for what, _, _ in wrong("{outputs: {n: 1}, outputs_include: {n: 1}, status: done}", stubs)] == [
        "status",
        "outputs",
        "outputs_include",
    ]
    assert wrong("{failure: {kind: command_failed, step: save, message: exited with 1}, exit: 1}", stubs) == []
    assert [what for what, _, _ in wrong("{failure: {kind: turns, step: each, message: by hand}}", stubs)] == [
        "failure.kind",
        "failure.step",
        "failure.message",
    ]


def test_a_step_that_the_run_never_came_to_is_unreached():
    stubs = "  agree: {answer: wait}"
    assert (
        wrong("{status: waiting, exit: 4, steps: {agree: {status: waiting}, publish: {status: unreached}}}", stubs)
        == []
    )
    assert wrong("{steps: {publish: {status: skipped}}}", stubs) == [("steps.publish.status", "skipped", "unreached")]
    assert wrong("{steps: {'each[9].find': {status: unreached}}}") == []


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ("part", "a part of it"),
        ([{"a": "x"}], [{"a": "xy", "b": 1}]),
        (1, 1.0),
        (None, None),
        ([1], (1,)),
    ],
)
def test_a_value_includes_what_is_expected_of_it(expected: object, found: object):
    assert includes(expected, found)


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({"a": None}, {}),
        ([1], [1, 2]),
        (True, 1),
        (0, False),
        ("a", ["a"]),
        ({"a": 1}, [1]),
        ([1], {"0": 1}),
        (None, False),
    ],
)
def test_a_value_that_lacks_something_does_not(expected: object, found: object):
    assert not includes(expected, found)


def test_equal_means_all_of_it():
    assert same({"a": [1, {"b": None}]}, {"a": (1, {"b": None})})
    assert not same({"a": 1}, {"a": 1, "b": 2})
    assert not same("part", "a part")
    assert not same([True], [1])


def test_a_session_that_no_recording_has_fails_its_step(tmp_path):
    (tmp_path / "r.jsonl").write_text('{"agentflow_recording": 1}\n')
    failure = simulated(FLOW, recording=tmp_path / "r.jsonl").trace.steps
    (found,) = [step for step in failure if step.path == "each[0].find"]
    assert found.failure is not None
    assert "it has no such session" in found.failure.message
