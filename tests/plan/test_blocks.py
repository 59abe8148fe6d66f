"""What is known of rounds, cases and guards before anything runs: types, taint, edges, names."""

import pytest

from agentflow.plan.model import AgentStepPlan, BoundPlan, ChooseStepPlan, RepeatStepPlan

AGENT = (
    "{instructions: Go., output: {type: object, required: [ok], properties: {ok: {type: boolean}, no: {type: string}}}}"
)


def messages(compiled, body: str) -> list[tuple[str, str]]:
    _, diagnostics = compiled(body)
    return [(found.code, found.message) for found in diagnostics]


def repeated(steps: str, until: str = "loop.index > 2", head: str = "") -> str:
    return f"{head}\nsteps:\n  r:\n    repeat: {{until: {until}, max: 3}}\n    steps: {steps}\n    output: loop.index\n"


def test_the_rounds_of_a_repeat_and_what_ends_them(planned):
    plan = planned(
        """
        inputs: {most: {type: integer, maximum: 9}}
        steps:
          limit: {value: "3"}
          r:
            repeat: {until: steps.x.output > steps.limit.output, max: inputs.most, at_max: accept}
            step: {value: loop.index}
    """.replace("steps.x", "steps.step")
    )
    step = plan.root.steps["r"]
    assert isinstance(step, RepeatStepPlan)
    assert (step.max, step.accepts) == (BoundPlan(None, "most"), True)
    assert step.reads == ("limit",)
    assert set(plan.root.graph.edges) == {("limit", "r")}


def test_what_only_a_case_reads_makes_an_edge_and_does_not_skip_the_choice(planned):
    plan = planned("""
        inputs: {go: {type: boolean}}
        steps:
          a: {value: "1"}
          b: {value: "true"}
          c: {choose: [{when: steps.b.output, value: steps.a.output}]}
    """)
    choice = plan.root.steps["c"]
    assert isinstance(choice, ChooseStepPlan)
    assert choice.reads == ("b",)
    assert set(plan.root.graph.edges) == {("a", "c"), ("b", "c")}
    assert choice.body.steps["1"].reads == ("b", "a")


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        ("previous.a.output.ok | default(false)", []),
        ("previous.a.output.no | default('')", []),
        ("previous.a.output.nay | default('')", [("AF303", "the object has no field `nay`")]),
        ("previous.a.exit_code | default(0)", [("AF303", "the object has no field `exit_code`")]),
        ("previous.b.exit_code | default(0)", []),
        ("previous.b.output.x | default(0)", [("AF303", "the string has no field `x`")]),
        ("previous.g.approved | default(false)", []),
        ("previous.v.output.anything | default(0)", []),
        ("previous.a.output.ok", [("AF313", "`previous` is not there in the first round")]),
        ("previous is defined", []),
        ("previous.a.status is undefined", []),
        ("previous | string", [("AF313", "`previous` is not there in the first round")]),
    ],
)
def test_what_is_read_of_the_last_round_is_typed_by_what_its_steps_declare(compiled, read: str, expected: list):
    steps = f"""
      a: {{agent: {AGENT}, prompt: Go.}}
      b: {{run: [date]}}
      g: {{approve: Go on?, on_reject: continue}}
      v: {{value: "{read}"}}
    """
    assert messages(compiled, repeated(steps)) == expected


def test_previous_is_of_the_nearest_repeat_and_of_nothing_outside(compiled):
    read = "y: {value: \"previous.x.status | default('')\"}"
    inner = f"{{r2: {{repeat: {{until: loop.index > 1, max: 2}}, steps: {{{read}}}}}, x: {{value: '1'}}}}"
    assert messages(compiled, repeated(inner)) == [("AF303", "the object has no field `x`")]
    deeper = "{g: {steps: {y: {value: \"previous.x.status | default('')\"}}}, x: {value: '1'}}"
    assert messages(compiled, repeated(deeper)) == []


def test_text_of_the_last_round_is_a_models_and_reaches_no_shell(compiled):
    steps = "{a: {agent: {}, prompt: Go.}, b: {run: [grep, \"{{ previous.a.output | default('x') }}\"]}}"
    assert [code for code, _ in messages(compiled, repeated(steps))] == ["AF502"]


def test_text_of_one_case_makes_the_choices_output_foreign(compiled):
    found = messages(
        compiled,
        """
        inputs: {go: {type: boolean}}
        steps:
          c: {choose: [{when: inputs.go, value: "'a'"}], otherwise: {agent: {}, prompt: Go.}}
          d: {run: [grep, "{{ steps.c.output }}"]}
        """,
    )
    assert [code for code, _ in found] == ["AF502"]


def test_a_choice_gives_what_one_of_its_cases_gives(compiled):
    body = f"""
        inputs: {{go: {{type: boolean}}}}
        steps:
          c: {{choose: [{{when: inputs.go, agent: {AGENT}, prompt: Go.}}, {{when: not inputs.go, fail: No.}}]%s}}
          d: {{value: "steps.c.output.%s", if_skipped: null}}
    """
    assert messages(compiled, body % ("", "ok")) == []
    assert messages(compiled, body % ("", "yes")) == [("AF303", "the object has no field `yes`")]
    other = ", otherwise: {value: \"{'ok': true}\"}"
    assert messages(compiled, body % (other, "ok")) == []


def test_what_until_and_the_cases_read_counts_as_used(compiled):
    head = "inputs: {a: {type: integer}, b: {type: integer, maximum: 4}, c: {type: boolean}}"
    body = f"""
        {head}
        steps:
          r: {{repeat: {{until: loop.index > inputs.a, max: inputs.b}}, step: {{value: loop.index}}}}
          s: {{choose: [{{when: inputs.c, value: steps.r.output}}]}}
    """
    assert messages(compiled, body) == []


def test_a_bound_of_rounds_is_an_integer_with_a_maximum(compiled):
    body = (
        "inputs: {n: {type: integer}}\nsteps: {r: {repeat: {until: loop.index > 1, max: inputs.n}, step: {value: '1'}}}"
    )
    assert messages(compiled, body) == [("AF203", "input `n` has no `maximum`, so that it bounds nothing")]


def test_agents_in_cases_and_rounds_are_named_by_their_path(planned):
    plan = planned("""
        inputs: {go: {type: boolean}}
        steps:
          r:
            repeat: {until: loop.index > 1, max: 2}
            steps: {c: {choose: [{when: inputs.go, agent: {}, prompt: Go.}], otherwise: {agent: {}, prompt: Stop.}}}
    """)
    choice = plan.root.steps["r"].body.steps["c"]
    names = [case.agent.name for case in choice.body.steps.values() if isinstance(case, AgentStepPlan)]
    assert names == ["r.c.1", "r.c.otherwise"]


def test_a_case_that_cannot_be_used_is_told_once_and_what_reads_the_choice_is_no_problem(tmp_path):
    from agentflow.plan.compile import to_plan
    from agentflow.spec.load import load

    cases = "[{when: 1 < 2, agent: {}}], otherwise: {value: '1'}"
    text = f"agentflow: 1\nname: w\nsteps:\n  c: {{choose: {cases}}}\n  d: {{value: steps.c.output}}\n"
    source, problems = load(text, "w.yaml", lambda name: None)
    assert [found.code for found in problems] == ["AF202"]
    assert to_plan(source)[1] == []


@pytest.mark.parametrize("loop", ["for_each: '[1]'", "repeat: {until: loop.index > 0, max: 1}"])
def test_a_loop_over_a_guard_gives_nothing_and_may_be_waited_for(compiled, loop: str):
    body = "inputs: {go: {type: boolean}}\nsteps:\n  l: {%s, step: {when: inputs.go, fail: No.}}\n  d: {%s}\n"
    assert messages(compiled, body % (loop, "needs: [l], value: '1'")) == []
    assert messages(compiled, body % (loop, "value: steps.l.output")) == [
        ("AF311", "the body of `l` gives nothing, so that nothing of it can be read")
    ]
