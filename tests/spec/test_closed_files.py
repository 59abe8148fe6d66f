import pytest

from agentflow.spec.closed_files import read_closed
from agentflow.spec.stubs import StubsFile
from agentflow.spec.suite import SuiteFile


def test_a_file_of_the_right_shape_is_read():
    closed, problems = read_closed(SuiteFile, b"tests: [{name: t, expect: {exit: 0}}]", "a.test.yaml")
    assert problems == []
    assert closed is not None
    assert closed.value.tests[0].expect.exit == 0
    assert closed.document.path == "a.test.yaml"


def test_every_problem_is_told_at_its_place_with_a_next_move():
    source = b"""
tests:
  - name: a
    inptus: {}
    stubs: {x: {output: 1, answr: yes}, y: [{status: dnoe}], z: 3}
    expect: {exit: 300, calls: {agents: {a: -1, b: {cuont: 1}, c: x}}}
  - 3
  - name: ""
    recording:
    stubs: {file: 3}
"""
    closed, problems = read_closed(SuiteFile, source, "a.test.yaml")
    assert closed is None
    assert [(p.place.line, p.place.column, p.code, p.message, p.hint) for p in problems] == [
        (4, 5, "AF201", "item 1 of `tests` does not take 'inptus'", "did you mean `inputs`?"),
        (5, 28, "AF201", "`x` does not take 'answr'", "did you mean `answer`?"),
        (5, 54, "AF203", "`status` must be `done` or `failed` or `skipped`, not 'dnoe'", "did you mean `done`?"),
        (5, 65, "AF203", "`z` must be a mapping, not 3", None),
        (6, 20, "AF203", "`exit` must be at most 255, not 300", None),
        (6, 45, "AF203", "`a` must be at least 0, not -1", None),
        (6, 53, "AF201", "`b` does not take 'cuont'", "did you mean `count`?"),
        (6, 67, "AF203", "`c` must be a whole number, not 'x'", None),
        (7, 5, "AF203", "item 2 of `tests` must be a mapping, not 3", None),
        (8, 5, "AF202", "item 3 of `tests` lacks `expect`", "add `expect`: What is expected of the run."),
        (8, 11, "AF203", "`name` must not be empty", None),
        (9, 5, "AF203", "`recording` is empty", "give it a value, or delete it"),
        (10, 19, "AF203", "`file` must be a mapping, not 3", None),
    ]


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (b"\xff\xfe", "AF101"),
        (b"tests: [", "AF102"),
        (b"tests: 1\ntests: 2", "AF103"),
        (b"[" * 1000, "AF104"),
        (b"tests: !!python/object:os.system 3", "AF105"),
        (b"3", "AF203"),
        (b"{}", "AF202"),
        (b'stubs: {"": {}}', "AF205"),
        (b"stubs: {? [a] : {}}", "AF105"),
    ],
)
def test_what_is_no_such_file_is_a_diagnostic(source: bytes, code: str):
    model = StubsFile if source.startswith(b"stubs") else SuiteFile
    closed, problems = read_closed(model, source, "a.yaml")
    assert closed is None
    assert [problem.code for problem in problems] == [code]


def test_a_step_called_file_is_no_file_of_stubs():
    closed, problems = read_closed(SuiteFile, "tests: [{name: t, stubs: {file: {output: 1}}, expect: {}}]", "a.yaml")
    assert problems == []
    assert closed is not None
    assert closed.value.tests[0].stubs["file"].output == 1
