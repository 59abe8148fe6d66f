"""From a file to its plan."""

from pathlib import PurePosixPath

import pytest

from agentflow.errors import UsageError
from agentflow.plan.inputs import resolve_inputs
from agentflow.plan.kinds import table
from agentflow.plan.model import AgentStepPlan, BoundPlan, ForEachStepPlan, GroupStepPlan, RunStepPlan
from agentflow.plan.sandbox import run_refusals
from agentflow.spec.steps import KINDS

ROOT = PurePosixPath("/project")


def codes(diagnostics) -> list[str]:
    return [found.code for found in diagnostics]


def test_every_kind_of_step_has_a_row_in_every_table():
    kinds = set(KINDS.values())
    assert set(table.KINDS) == kinds


def test_edges_come_from_reads_and_needs_and_from_what_blocks_hold(planned):
    plan = planned("""
        steps:
          d: {steps: {x: {value: steps.c.output}}, output: steps.x.output}
          c: {value: steps.a.output}
          b: {needs: [a], value: "1"}
          a: {value: "1"}
    """)
    assert set(plan.root.graph.edges) == {("a", "b"), ("a", "c"), ("c", "d")}
    assert plan.root.order == ("a", "c", "d", "b")
    group = plan.root.steps["d"]
    assert isinstance(group, GroupStepPlan)
    assert group.reads == ("c",)
    assert group.body.steps["x"].reads == ("c",)


def test_order_keeps_the_order_of_the_file_where_nothing_else_decides(planned):
    plan = planned("steps:\n" + "".join(f"  s{index}: {{value: '1'}}\n" for index in (3, 1, 2)))
    assert plan.root.order == ("s3", "s1", "s2")


def test_reads_are_only_those_with_nothing_to_fall_back_on(planned):
    plan = planned("""
        steps:
          a: {value: "1"}
          b: {value: "2"}
          c: {value: "steps.a.output | default(steps.b.output)", when: steps.a.status == 'done'}
    """)
    assert plan.root.steps["c"].reads == ("b",)
    assert set(plan.root.graph.predecessors("c")) == {"a", "b"}


def test_a_body_given_as_one_step_has_its_output(planned):
    plan = planned("""
        inputs: {n: {type: integer, maximum: 9, default: 2}}
        steps:
          all: {for_each: "[1, 2]", as: x, max: inputs.n, step: {value: x + 1}}
    """)
    each = plan.root.steps["all"]
    assert isinstance(each, ForEachStepPlan)
    assert each.max == BoundPlan(None, "n")
    assert each.parallel == BoundPlan(8)
    assert each.as_name == "x"
    assert each.body.output is not None
    assert each.body.output.evaluate({"steps": {"step": {"output": 5}}}) == 5


def test_defaults_fill_in_what_an_agent_does_not_say(planned):
    plan = planned("""
        defaults: {model: claude-haiku-5-5, effort: low, max_tokens: 2048}
        agents:
          plain: {instructions: Be brief.}
          own: {model: claude-sonnet-5-5, max_tokens: 4096}
        steps:
          a: {agent: plain, prompt: Hi}
          b: {agent: own, prompt: Hi}
          g: {steps: {c: {agent: {}, prompt: Hi, output: {type: object}}}}
    """)
    plain, own = plan.agents["plain"], plan.agents["own"]
    assert (plain.model, plain.effort, plain.max_tokens) == ("claude-haiku-5-5", "low", 2048)
    assert (own.model, own.effort, own.max_tokens) == ("claude-sonnet-5-5", "low", 4096)
    group = plan.root.steps["g"]
    assert isinstance(group, GroupStepPlan)
    inner = group.body.steps["c"]
    assert isinstance(inner, AgentStepPlan)
    assert inner.agent.name == "g.c"
    assert inner.agent.output == {"type": "object"}


def test_an_agent_without_any_model_gets_the_default_one(planned):
    plan = planned("steps: {a: {agent: {}, prompt: Hi}}")
    step = plan.root.steps["a"]
    assert isinstance(step, AgentStepPlan)
    assert (step.agent.model, step.agent.max_tokens) == ("claude-sonnet-5-5", 16_000)


def test_rules_of_one_tool_come_together_and_a_bare_one_wins(planned):
    plan = planned("""
        agents:
          a: {tools: ["Read(b/**)", "Read(a/**)", "Write(x)", Write, "Agent(b)"]}
          b: {description: Helps.}
        steps: {s: {agent: a, prompt: Hi}}
    """)
    grants = {grant.tool.name: grant.rules for grant in plan.agents["a"].grants}
    assert grants == {"Read": ("a/**", "b/**"), "Write": (), "Agent": ("b",)}
    assert plan.agents["a"].subagents == ("b",)


def test_a_bare_agent_grants_every_other_agent_that_says_what_it_is_for(planned):
    plan = planned("""
        agents:
          lead: {description: Leads., tools: [Agent]}
          one: {description: Helps.}
          two: {description: Helps too.}
          silent: {instructions: Quiet.}
        steps: {s: {agent: lead, prompt: Hi}, t: {agent: silent, prompt: Hi}}
    """)
    assert plan.agents["lead"].subagents == ("one", "two")


def test_a_command_is_argv_or_a_constant_script(planned):
    plan = planned("""
        steps:
          a: {run: [echo, "n={{ run.attempt }}"], env: {A: x}, parse: lines, exit_codes: [0, 1]}
          b: {run: "echo hi | wc -c"}
    """)
    first, second = plan.root.steps["a"], plan.root.steps["b"]
    assert isinstance(first, RunStepPlan)
    assert isinstance(second, RunStepPlan)
    assert [word.render({"run": {"attempt": 2}}) for word in first.argv] == ["echo", "n=2"]
    assert (first.script, second.script, second.argv) == (None, "echo hi | wc -c", ())


def test_if_skipped_null_is_not_the_same_as_none_given(planned):
    plan = planned("""
        inputs: {go: {type: boolean}}
        steps:
          a: {when: inputs.go, value: "1", if_skipped: null}
          b: {when: inputs.go, value: "1"}
    """)
    assert plan.root.steps["a"].has_if_skipped
    assert not plan.root.steps["b"].has_if_skipped


def test_what_stands_in_for_a_skip_joins_the_type(compiled):
    _, diagnostics = compiled("""
        inputs: {go: {type: boolean}}
        steps:
          a: {when: inputs.go, value: "{'x': 1}", if_skipped: null}
          b: {value: steps.a.output.x}
          c: {value: steps.a.output.x | default(0)}
    """)
    assert codes(diagnostics) == ["AF313"]


def test_types_follow_through_blocks_values_and_filters(compiled):
    _, diagnostics = compiled("""
        inputs:
          people: {type: array, items: {type: object, properties: {age: {type: integer}}, required: [age]}}
        steps:
          each: {for_each: inputs.people, as: p, step: {value: "{'old': p.age > 60, 'age': p.age}"}}
          old: {value: "steps.each.output | selectattr('old') | list"}
          any: {when: "(steps.old.output | first).old", value: "steps.old.output | map(attribute='aeg')"}
          text: {when: "steps.old.output | map(attribute='age') | join", value: "1"}
    """)
    assert [(found.code, found.place.line) for found in diagnostics] == [("AF303", 9), ("AF305", 10)]


def test_approved_of_a_gate_that_always_runs_is_boolean_and_else_may_be_null(compiled):
    _, diagnostics = compiled("""
        inputs: {go: {type: boolean}}
        steps:
          a: {approve: Go?, on_reject: continue}
          b: {when: steps.a.approved, value: "1"}
          c: {when: inputs.go, approve: Go?, on_reject: continue}
          d: {when: steps.c.approved, value: "1"}
    """)
    assert [(found.code, found.place.line) for found in diagnostics] == [("AF305", 9)]


def test_join_done_stops_a_skip_and_join_any_wants_one_that_cannot_be_skipped(compiled):
    body = """
        inputs: {{go: {{type: boolean}}}}
        steps:
          maybe: {{when: inputs.go, value: "1"}}
          sure: {{value: "1"}}
          it: {{needs: [{needs}], join: {join}, value: "1"}}
        outputs: {{it: steps.it.output}}
    """
    assert codes(compiled(body.format(needs="maybe", join="all"))[1]) == ["AF304"]
    assert codes(compiled(body.format(needs="maybe", join="any"))[1]) == ["AF304"]
    assert codes(compiled(body.format(needs="maybe, sure", join="any"))[1]) == []
    assert codes(compiled(body.format(needs="maybe", join="done"))[1]) == []


def test_needs_on_a_step_with_if_skipped_still_skips(compiled):
    _, diagnostics = compiled("""
        inputs: {go: {type: boolean}}
        steps:
          a: {when: inputs.go, value: "1", if_skipped: 2}
          reads: {value: steps.a.output}
          needs: {needs: [a], value: "1"}
        outputs: {reads: steps.reads.output, needs: steps.needs.output}
    """)
    assert [(found.code, found.place.column) for found in diagnostics] == [("AF304", 45)]


def test_what_a_failed_text_reads_is_not_called_unused(compiled):
    _, diagnostics = compiled('inputs: {t: {type: string}}\nsteps: {a: {value: "inputs.t.upper()"}}')
    assert codes(diagnostics) == ["AF307"]


def test_every_problem_is_told_once_in_the_order_of_the_text(compiled):
    plan, diagnostics = compiled("""
        steps:
          a: {value: steps.x.output + steps.x.output}
          b: {value: "inputs.y"}
    """)
    assert plan is None
    assert codes(diagnostics) == ["AF301", "AF301", "AF302"]
    assert diagnostics == sorted(set(diagnostics), key=lambda found: found.place)


def test_the_digest_is_of_the_sources_and_of_nothing_else(planned, compiled):
    body = "steps: {a: {value: '1'}}"
    assert planned(body).digest == planned(body).digest
    assert planned(body).digest != planned(body + "\n").digest
    assert len(planned(body).digest) == 64


def test_a_file_that_is_named_is_part_of_the_digest(planned, tmp_path):
    (tmp_path / "p.md").write_text("Hello {{ inputs.x }}")
    body = "inputs: {x: {type: string}}\nsteps: {a: {agent: {}, prompt: {file: p.md}}}"
    before = planned(body).digest
    (tmp_path / "p.md").write_text("Bye {{ inputs.x }}")
    assert planned(body).digest != before


def test_a_problem_in_a_named_text_stands_in_that_file(compiled, tmp_path):
    (tmp_path / "p.md").write_text("Hello\nyou {{ inputs.y }}")
    _, diagnostics = compiled("steps: {a: {agent: {}, prompt: {file: p.md}}}")
    (found,) = diagnostics
    assert (found.code, found.place.line, found.place.column) == ("AF302", 2, 15)
    assert found.place.path.endswith("p.md")


def test_what_run_refuses_without_a_sandbox_validate_does_not(loaded):
    body = """
        {sandbox}
        tools: {{t: {{description: Does it., run: [ls]}}}}
        agents: {{x: {{tools: [Bash, t]}}}}
        steps:
          a: {{agent: x, prompt: Hi}}
          b: {{for_each: "[1]", step: {{run: [ls]}}}}
          c: {{steps: {{d: {{agent: {{tools: [Bash]}}, prompt: Hi}}}}}}
    """
    on, off = body.format(sandbox=""), body.format(sandbox='sandbox: "off"')
    refusals = run_refusals(loaded(on), "install one")
    assert {found.hint for found in refusals} == {"install one"}
    assert [(found.code, found.place.line) for found in refusals] == [("AF504", line) for line in (5, 6, 9, 10)]
    assert run_refusals(loaded(off), "") == []


INPUTS = """
    inputs:
      topic: {type: string}
      depth: {type: integer, default: 3, maximum: 8}
      folder: {type: string, format: path, default: notes}
    steps: {a: {value: "[inputs.topic, inputs.depth, inputs.folder]"}}
"""


def test_inputs_get_their_defaults(planned):
    assert resolve_inputs(planned(INPUTS), {"topic": "x"}, ROOT) == {"topic": "x", "depth": 3, "folder": "notes"}


def test_every_problem_of_the_inputs_is_told_at_once(planned):
    with pytest.raises(UsageError) as caught:
        resolve_inputs(planned(INPUTS), {"topik": "x", "depth": 9}, ROOT)
    for words in ("no input `topik`", "did you mean `topic`?", "`topic` is missing", "input `depth`"):
        assert words in caught.value.message


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../b", "a\0b"])
def test_a_path_stays_inside_the_project(planned, path):
    with pytest.raises(UsageError, match="leaves the project"):
        resolve_inputs(planned(INPUTS), {"topic": "x", "folder": path}, ROOT)


@pytest.mark.parametrize(
    ("given", "hint"), [({"topic": "x", "depth": 9}, "correct the value"), ({"topik": "x"}, "the inputs are topic")]
)
def test_the_next_move_fits_what_is_wrong_with_the_inputs(planned, given, hint):
    with pytest.raises(UsageError) as caught:
        resolve_inputs(planned(INPUTS), given, ROOT)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize("path", ["a/b", ".", "a/../b", "/project/x"])
def test_a_path_inside_the_project_is_taken(planned, path):
    assert resolve_inputs(planned(INPUTS), {"topic": "x", "folder": path}, ROOT)["folder"] == path


def test_a_long_chain_of_steps_compiles(planned):
    count = 3000
    body = "steps:\n  s0: {value: '1'}\n"
    body += "".join(f"  s{index}: {{value: 'steps.s{index - 1}.output'}}\n" for index in range(1, count))
    assert len(planned(body).root.order) == count
