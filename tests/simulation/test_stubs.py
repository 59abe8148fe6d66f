from pathlib import Path

import pytest

from agentflow.simulation.stubs import StubBook, read_stubs
from agentflow.spec.stubs import Stub
from tests.simulation.flows import checked, stubs_of

FLOW = """
inputs: {items: {type: array, items: {type: string}}}
steps:
  plan:
    agent: {output: {type: object, properties: {n: {type: integer}}, required: [n], additionalProperties: false}}
    prompt: Plan.
  each: {for_each: inputs.items, steps: {find: {agent: {}, prompt: "{{ item }}"}}, output: steps.find.output}
  lines: {run: [ls], parse: lines, exit_codes: [0, 3]}
  agree: {approve: "Go on?"}
  later: {approve: "And now?", timeout: 1h}
  sum: {value: steps.plan.output.n + 1}
"""


def problems(stubs: str) -> list[tuple[str, int, int, str, str | None]]:
    found = stubs_of(FLOW, stubs)
    assert (found.stubs is None) == bool(found.diagnostics)
    return [
        (problem.code, problem.place.line, problem.place.column, problem.message, problem.hint)
        for problem in found.diagnostics
    ]


@pytest.mark.parametrize(
    "stubs",
    [
        "  plan: {output: {n: 1}}",
        "  each[0].find: {output: x}\n  each.find: {error: {kind: turns}}",
        "  each: {output: [1]}",
        "  lines: {output: [a, b], exit_code: 3}",
        "  lines: {exit_code: 4}",
        "  lines: {exit_code: 4, error: {message: it broke}}",
        "  plan: {status: skipped, reason: not today}",
        "  plan: {status: failed, error: {kind: refusal, message: no}}",
        "  agree: {answer: 'no', by: ada, comment: why}",
        "  later: {answer: timeout}",
        "  plan: [{error: {kind: refusal}}, {output: {n: 2}}]",
        "  {}",
    ],
)
def test_stubs_that_fit_are_taken(stubs: str):
    assert problems(stubs) == []


@pytest.mark.parametrize(
    ("stubs", "code", "place", "message", "hint"),
    [
        ("  plam: {output: 1}", "AF301", (2, 3), "there is no step `plam`", "did you mean `plan`?"),
        ("  find: {output: 1}", "AF301", (2, 3), "there is no step `find`", "did you mean `each.find`?"),
        ("  plan[0]: {}", "AF301", (2, 3), "`plan[0]` is no step", "name the whole, `plan`, or a step in it"),
        ("  each[0]: {}", "AF301", (2, 3), "`each[0]` is no step", "name the whole, `each`, or a step in it"),
        ("  sum: {output: 1}", "AF312", (2, 3), "step `sum` is computed", "give stubs for what it reads"),
        ("  plan: {exit_code: 1}", "AF312", (2, 10), "a step with `agent`, does not take `exit_code`", "it takes"),
        ("  agree: {output: 1}", "AF312", (2, 11), "a step with `approve`, does not take `output`", "`answer`"),
        ("  plan: {output: {n: x}}", "AF203", (2, 18), "$.n must be a whole number, not text", "correct it"),
        ("  plan: {output: {m: 1, n: 1}}", "AF203", (2, 18), 'keys that are not allowed: "m"', "correct it"),
        ("  each.find: {output: 3}", "AF203", (2, 23), "$ must be text, not a number", "correct it"),
        ("  lines: {output: a}", "AF203", (2, 19), "$ must be a list, not text", "correct it"),
        ("  each: {output: {}}", "AF203", (2, 18), "$ must be a list", "correct it"),
        ("  plan: {output: {n: 1}, error: {}}", "AF209", (2, 18), "`output` and `error`", None),
        ("  plan: {status: done, error: {}}", "AF209", (2, 31), "`error` and `status`", None),
        ("  plan: {reason: x}", "AF209", (2, 18), "`reason` and `status`", None),
        ("  lines: {exit_code: 4, output: []}", "AF209", (2, 33), "`output` and `exit_code`", None),
        ("  lines: {exit_code: 4, status: done}", "AF209", (2, 33), "`status` and `exit_code`", None),
        ("  agree: {answer: 'no', status: skipped}", "AF209", (2, 19), "`answer` and `status`", None),
        ("  plan: {error: {kind: turn}}", "AF203", (2, 24), "no kind of failure 'turn'", "did you mean `turns`?"),
        ("  agree: {answer: timeout}", "AF203", (2, 19), "step `agree` waits for ever", "give the step a `timeout`"),
        ("  plan: {outputs: 1}", "AF201", (2, 10), "`plan` does not take 'outputs'", "did you mean `output`?"),
        ("  agree: {answer: maybe}", "AF203", (2, 19), "`answer` must be `yes` or `no`", None),
        ("  agree: {answer: true}", "AF203", (2, 19), "`answer` must be `yes` or `no`", None),
        ("  plan: {}\n  plan: {}", "AF103", (3, 3), "plan", None),
        ("  plan: []", "AF203", (2, 9), "`plan` must not be empty", None),
        ("  plan:", "AF203", (2, 3), "`plan` is empty", None),
        ("  plan: 3", "AF203", (2, 9), "`plan` must be a mapping, not 3", None),
    ],
)
def test_stubs_that_do_not_fit_are_told_with_their_place(
    stubs: str, code: str, place: tuple[int, int], message: str, hint: str | None
):
    found = problems(stubs)
    assert len(found) == 1
    assert (found[0][0], found[0][1:3]) == (code, place)
    assert message in found[0][3]
    if hint is not None:
        assert hint in str(found[0][4])


def test_every_problem_is_told_at_once():
    assert [problem[0] for problem in problems("  plam: {}\n  agree: {output: 1}\n  plan: {output: 3}")] == [
        "AF301",
        "AF312",
        "AF203",
    ]


@pytest.mark.parametrize("text", ["", "[]", "stubs: 3", "stubs: {a: {output: 1}", "steps: {}", "\0", "stubs: &a [*a]"])
def test_a_file_that_is_none_is_refused_with_a_diagnostic(text: str):
    plan = checked(FLOW).plan
    assert plan is not None
    assert read_stubs(plan, "flow.stubs.yaml", text).diagnostics


def test_a_file_that_cannot_be_read_is_a_diagnostic(tmp_path: Path):
    plan = checked(FLOW).plan
    assert plan is not None
    (found,) = read_stubs(plan, str(tmp_path / "none.yaml")).diagnostics
    assert (found.code, found.place.line) == ("AF106", 1)
    assert read_stubs(plan, str(tmp_path)).diagnostics[0].code == "AF106"


def test_the_path_that_says_most_gives_the_stub():
    book = StubBook({"a.b": Stub(by="all"), "a[1].b": Stub(by="one"), "c": [Stub(by="first"), Stub(by="then")]})
    assert [getattr(book.take(path), "by", None) for path in ("a[0].b", "a[1].b", "a[2].b", "d")] == [
        "all",
        "one",
        "all",
        None,
    ]
    assert book.unused == ("c",)
    assert [getattr(book.take("c"), "by", None) for _ in range(3)] == ["first", "then", "then"]
    assert book.unused == ()
