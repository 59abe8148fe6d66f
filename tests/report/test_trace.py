import json

from agentflow.report.style import Paint
from agentflow.report.trace import trace_json, trace_text
from tests.simulation.flows import simulated
from tests.simulation.test_dry import CHAIN, FAN, GATED


def text(run) -> list[str]:
    return trace_text(run.trace, Paint(False)).splitlines()


def test_each_step_has_its_line_and_what_it_would_ask():
    assert text(simulated(CHAIN, "  draft: {output: A poem.}")) == [
        '✓ draft  agent #1 done  given: "A poem."',
        "    writer is asked: Write about tea.",
        '✓ save  run #2 done  generated: "(save)"',
        "    $ tee out.md",
    ]


def test_what_is_inside_a_loop_stands_below_it():
    rows = text(simulated(FAN, "  each[0].find: {error: {kind: turns, message: too many}}", items=["a", "b"]))
    assert [row for row in rows if "asked" not in row] == [
        '✓ each  for_each #1 done  computed: ["(each[1].find)"]',
        "  ✗ [0]  failed  (turns) too many",
        "    ✗ find  agent #2 failed  (turns) too many",
        "    ○ kept  value skipped  not started: step `each[0].find` failed",
        "  ✓ [1]  done",
        '    ✓ find  agent #3 done  generated: "(each[1].find)"',
        '    ✓ kept  value #4 done  computed: "(each[1].find)"',
    ]


def test_a_gate_that_waits_and_what_was_not_come_to_are_told():
    assert text(simulated(GATED, "  agree: {answer: wait}")) == [
        "· agree  approve #1 waiting",
        "    somebody is asked: Go on?",
        "· go  run unreached",
        "· told  value unreached",
    ]


def test_what_a_stub_says_does_nothing_to_a_terminal():
    rows = text(simulated(CHAIN, '  draft: {output: "\\e[31mred\\n\\u202Eetirw"}'))
    assert not any(character in "\x1b\u202e" for row in rows for character in row)
    failed = text(simulated(CHAIN, '  draft: {error: {message: "\\e[31mred"}}'))
    assert not any("\x1b" in row for row in failed)


def test_for_programs_everything_is_there():
    run = simulated(FAN, "  each[7].find: {output: x}", items=["a"])
    data = json.loads(json.dumps(trace_json(run.trace, "flow.yaml", 0)))
    assert {key: data[key] for key in ("type", "workflow", "status", "exit_code", "outputs", "unused_stubs")} == {
        "type": "trace",
        "workflow": "flow.yaml",
        "status": "done",
        "exit_code": 0,
        "outputs": {"found": ["(each[0].find)"], "errors": []},
        "unused_stubs": ["each[7].find"],
    }
    assert [(step["path"], step["status"], step["order"]) for step in data["steps"]] == [
        ("each", "done", 1),
        ("each[0]", "done", None),
        ("each[0].find", "done", 2),
        ("each[0].kept", "done", 3),
    ]
    assert data["steps"][2]["asked"]["prompt"] == "a"
    assert data["calls"] == [{"kind": "agents", "name": "each.find", "step": "each[0].find", "prompt": "a"}]


def test_functions_tools_and_rounds_have_their_lines():
    text_of = """
tools:
  look: {description: Looks., input: {properties: {at: {type: integer}}, type: object}, run: [look], effects: none}
steps:
  loop:
    repeat: {until: loop.index == 2, max: 2}
    step: {tool: look, with: {at: "{{ loop.index }}"}, retry: {attempts: 2}}
"""
    assert text(simulated(text_of, "  loop[0].step: [{error: {}}, {output: a shelf}]")) == [
        '✓ loop  repeat #1 done  computed: "(loop[1].step)"',
        "  ✓ [0]  done",
        "    ✗ step  tool #2 failed  (failed) its stub says that it fails",
        '        look is given {"at": 1}',
        '    ✓ step  tool #3 done attempt 2  given: "a shelf"',
        '        look is given {"at": 1}',
        "  ✓ [1]  done",
        '    ✓ step  tool #4 done  generated: "(loop[1].step)"',
        '        look is given {"at": 2}',
    ]
