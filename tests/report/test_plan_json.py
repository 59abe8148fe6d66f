"""A plan as data, and the page made from it."""

import json

import pytest

from agentflow.plan.model import Plan, StepPlan
from agentflow.report.drawing import picture
from agentflow.report.mermaid import mermaid
from agentflow.report.plan_json import KINDS, plan_json
from agentflow.report.plan_text import plan_text, usd
from agentflow.report.style import Paint
from tests.builders import plan_of

EVERYTHING = """
inputs:
  folder: {type: string, format: path}
  names: {type: array, items: {type: string}, default: [a, b]}
limits: {cost_usd: 2.00, agents: 4, depth: 2}
env: {LANG: C.UTF-8}
tools:
  count:
    description: Counts.
    input: {type: object, properties: {text: {type: string}}, required: [text]}
    run: [wc, -w]
    stdin: "{{ input.text }}"
    env: {MODE: words}
    effects: none
agents:
  lead:
    instructions: Go.
    tools: ["Agent(scout)", "Read({{ inputs.folder }}/**)", Glob, "Write(out/**)", count]
    stop: {turns: 2}
  scout: {description: Scouts., instructions: Go., tools: [Bash], stop: {turns: 3, cost_usd: 0.10}}
steps:
  first: {agent: lead, prompt: Hello}
  each:
    for_each: inputs.names
    as: name
    parallel: 2
    on_error: collect
    steps:
      ask: {agent: {instructions: Go., stop: {turns: 1}}, prompt: "{{ name }} {{ steps.first.output }}"}
    output: steps.ask.output
  agree: {needs: [each], approve: Go on?, show: "{{ steps.first.output }}", timeout: 24h}
  save: {needs: [agree], run: [tee, "a file"], stdin: "{{ steps.first.output }}", env: {SAVE: "1"}, cwd: out}
  again: {agent: lead, prompt: More, session: {continue: first}, when: "steps.save.exit_code == 0"}
  said: {value: "steps.each.status", if_skipped: null}
outputs: {answer: steps.first.output}
"""


BLOCKS = """
inputs: {rounds: {type: integer, maximum: 4}, go: {type: boolean}}
steps:
  box: {steps: {one: {value: 1 + 1}}}
  who: {ask: Who?}
  f: {call: 'm:f'}
  t: {tool: Glob, with: {pattern: x}}
  guard: {when: inputs.go, fail: "Not {{ inputs.go }}."}
  report:
    repeat: {until: steps.draft.output == 'ok', max: inputs.rounds, at_max: accept}
    steps: {draft: {agent: {stop: {turns: 1}}, prompt: Go}}
    output: steps.draft.output
  route:
    choose: [{when: inputs.go, value: steps.report.output}]
    otherwise: {steps: {deep: {value: "1"}}}
"""


MODULE = {"m.py": "def f(**given): return given"}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of(EVERYTHING)


def test_rounds_cases_and_guards_are_told_of():
    data = plan_json(plan_of(BLOCKS, MODULE), {})
    report, route = data["steps"][5:]
    assert (report["until"], report["max"], report["at_max"]) == (
        "steps.draft.output == 'ok'",
        "inputs.rounds",
        "accept",
    )
    assert [(case["id"], case["path"], case["when"]) for case in route["steps"]] == [
        ("1", "route.1", "inputs.go"),
        ("otherwise", "route.otherwise", None),
    ]
    assert data["edges"] == [{"block": "", "from": "report", "to": "route", "why": ["reads"]}]
    shown = plan_text(data, Paint(on=False))
    assert (
        "repeat until steps.draft.output == 'ok'  at most 4 rounds (max: inputs.rounds), then accept  in all $10.64"
        in shown
    )
    assert (
        "  route  choose one of 2\n      after report (reads)\n    1  value steps.report.output\n        when inputs.go"
        in shown
    )
    assert "  guard  fail Not {{ inputs.go }}.\n      when inputs.go" in shown


def test_every_kind_of_step_has_its_words(plan: Plan):
    kinds = {kind for kind in StepPlan.__subclasses__() if kind.__module__ == StepPlan.__module__}
    assert set(KINDS) == kinds
    found = plan_json(plan_of(BLOCKS, MODULE), {})["steps"]
    shown = plan_json(plan, {})["steps"]
    beside = {"c.yaml": "agentflow: 1\nname: c\nsteps: {a: {value: 1 + 1}}"}
    shown += plan_json(plan_of("steps: {file: {workflow: c.yaml}}", beside), {})["steps"]
    assert {step["kind"] for step in (*found, *shown)} == set(KINDS.values())
    assert mermaid(picture(plan))


def test_the_tree_of_steps_tells_what_bounds_each(plan: Plan):
    each = plan_json(plan, {})["steps"][1]
    assert (each["kind"], each["items"], each["as"], each["max"], each["parallel"], each["on_error"]) == (
        "for_each",
        "inputs.names",
        "name",
        100,
        2,
        "collect",
    )
    assert each["output"] == "steps.ask.output"
    assert [(inner["path"], inner["agent"]) for inner in each["steps"]] == [("each.ask", "each.ask")]
    assert plan_json(plan, {})["steps"][5]["if_skipped"] == {"value": None}


def test_repeats_timeouts_and_forms_are_told():
    plan = plan_of("""
        steps:
          look: {run: [date], effects: none, retry: {attempts: 3, on: [timeout]}, on_resume: rerun}
          box: {timeout: 90s, needs: [look], steps: {one: {value: 1 + 1}}}
          who: {ask: Who?, timeout: 1h, output: {type: object, properties: {name: {type: string}}}}
          ok: {approve: Go on?}
    """)
    data = plan_json(plan, {})
    look, box, who, ok = data["steps"]
    assert look["retry"] == {"attempts": 3, "backoff": 1.0, "on": ["timeout"], "repeat_effects": False}
    assert (look["on_resume"], look["timeout"], box["on_resume"]) == ("rerun", 600.0, "reuse")
    assert (box["timeout"], box["retry"]) == (90.0, None)
    assert [gate["about"] for gate in data["gates"]] == ["ask", "approve"]
    assert (who["timeout"], who["form"]["properties"], ok["form"]) == (3600.0, {"name": {"type": "string"}}, None)
    text = plan_text(data, Paint(False))
    assert "retry up to 3 attempts from 1.0s apart; after timeout; on_resume rerun" in text
    assert "after look (needs); timeout 1m30s" in text
    assert "who  Who?  (1h00m, then fail; asks for name)" in text


def test_edges_tell_why_one_waits_for_another(plan: Plan):
    edges = {(edge["from"], edge["to"]): edge["why"] for edge in plan_json(plan, {})["edges"]}
    assert edges == {
        ("first", "each"): ["reads"],
        ("first", "agree"): ["reads"],
        ("first", "save"): ["reads"],
        ("first", "again"): ["continues"],
        ("each", "agree"): ["needs"],
        ("each", "said"): ["reads"],
        ("agree", "save"): ["needs"],
        ("save", "again"): ["reads"],
    }


def test_rules_stand_resolved_where_their_inputs_are_known(plan: Plan):
    def rules(**values: object) -> dict[str, list[dict[str, str | None]]]:
        agent = plan_json(plan, values)["agents"][0]
        return {tool["name"]: tool["rules"] for tool in agent["tools"]}

    written = "{{ inputs.folder }}/**"
    assert rules()["Read"] == [{"rule": written, "resolved": None}]
    assert rules(folder="do cs/./x")["Read"] == [{"rule": written, "resolved": "do\\ cs/x/**"}]
    assert rules()["Glob"] == []


def test_agents_inline_ones_too_tell_who_starts_them_and_what_ends_them(plan: Plan):
    agents = {agent["name"]: agent for agent in plan_json(plan, {})["agents"]}
    assert {name: agent["steps"] for name, agent in agents.items()} == {
        "lead": ["first", "again"],
        "scout": [],
        "each.ask": ["each.ask"],
    }
    assert agents["lead"]["subagents"] == ["scout"]
    assert agents["scout"]["stop"]["cost_usd"] == 0.10
    assert agents["scout"]["model"] == "claude-sonnet-5-5"


def test_commands_gates_files_and_environment(plan: Plan):
    data = plan_json(plan, {"folder": "docs"})
    assert [(c["step"], c["tool"], c["argv"], c["effects"], c["cwd"], c["env"]) for c in data["commands"]] == [
        ("save", None, ["tee", "a file"], "sends", "out", ["SAVE"]),
        (None, "count", ["wc", "-w"], "none", None, ["MODE"]),
    ]
    (gate,) = data["gates"]
    assert (gate["step"], gate["message"], gate["timeout"], gate["on_timeout"]) == ("agree", "Go on?", 86400, "reject")
    assert [(file["resolved"], file["tool"]) for file in data["files"]["read"]] == [("docs/**", "Read"), ("**", "Glob")]
    assert [(file["resolved"], file["tool"]) for file in data["files"]["write"]] == [("out/**", "Write")]
    assert data["hosts"] == {"api": True, "web": [], "searched": [], "unbounded": data["files"]["unbounded"]}
    assert "any that you can reach: " in plan_text(data, Paint(on=False))
    assert data["files"]["unbounded"] == [
        "the command of step save",
        "the command of tool count",
        "Bash of agent scout",
    ]
    assert data["environment"] == [
        {"name": "LANG", "for": "every command"},
        {"name": "SAVE", "for": "step save"},
        {"name": "MODE", "for": "tool count"},
    ]


def test_the_cost_is_told_by_hand_reckoned_figures(plan: Plan):
    cost = plan_json(plan, {"names": ["a", "b"]})["cost"]
    assert (cost["most_usd"], cost["decided_by"]) == (2.0, "limits.cost_usd")
    steps = {step["path"]: step for step in cost["steps"]}
    assert steps["first"]["usd"] == 5.62  # 2 × 2.66, and three scouts of 0.10
    assert steps["first"]["session"]["subagents"] == 3
    assert steps["each"]["items"] == {"most": 2, "decided_by": "the list itself"}
    assert (steps["each.ask"]["times"], steps["each.ask"]["usd"]) == (2, 5.32)
    assert cost["without_the_cap"]["usd"] == 16.56  # 5.62 + 5.32 + 5.62
    assert cost["without_the_cap"]["decided_by"] == "the steps"


def test_what_has_no_bound_is_null():
    data = plan_json(plan_of("steps: {ask: {agent: {instructions: Go., model: claude-v1}, prompt: Hello}}"), {})
    assert data["cost"]["without_the_cap"]["usd"] is None
    json.dumps(data, allow_nan=False)
    assert "no bound" in plan_text(data, Paint(False))


def test_the_page_says_what_decides_first(plan: Plan):
    page = plan_text(plan_json(plan, {"folder": "docs", "names": ["a", "b"]}), Paint(False))
    assert "at most $2.00: limits.cost_usd\nwithout limits.cost_usd $16.56 (the steps)" in page
    assert "only limits.agents (4) bounds how many agents `lead`" in page
    assert "at most 2 × $2.66: stop.turns (1 turn of $2.66)" in page
    assert "first  agent lead  at most $5.62: limits.agents (2 turns of $2.66, 3 subagents)" in page
    assert "after each (needs), first (reads)" in page or "after first (reads), each (needs)" in page
    assert "tools: Agent(scout), Read(docs/**), Glob, Write(out/**), count" in page
    assert 'save  tee "a file"  (effects sends, ' in page
    assert "whatever you can: the command of step save" in page


def test_the_page_of_a_file_without_agents_says_that_it_costs_nothing():
    assert "costs nothing" in plan_text(plan_json(plan_of("steps: {say: {value: 1 + 1}}"), {}), Paint(False))


def test_nothing_of_a_file_acts_on_the_terminal():
    plan = plan_of('steps: {say: {run: ["printf", "\\e[31mred\\u202e"]}}')
    assert not set("\x1b\u202e") & set(plan_text(plan_json(plan, {}), Paint(False)))


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0, "$0.00"), (0.00301, "$0.0031"), (0.3, "$0.30"), (37.101, "$37.11"), (2128, "$2,128.00"), (None, "no bound")],
)
def test_a_bound_is_never_rounded_down(amount: float | None, shown: str):
    assert usd(amount) == shown


def test_functions_and_tool_steps_show_what_they_are_handed_and_what_they_touch():
    text = """
    steps:
      said: {value: "'x'"}
      count:
        call: m:f
        with: {text: "{{ steps.said.output }}", many: [1, "a"]}
        effects: none
        timeout: 5s
        workspace: copy
      save: {tool: Write, with: {file_path: out/a.md, content: "{{ steps.said.output }}"}}
      find: {tool: Glob, with: {pattern: "*.md"}}
      bash: {tool: Bash, with: {command: make}}
    """
    shown = plan_json(plan_of(text, MODULE), {})
    arguments = {"text": "{{ steps.said.output }}", "many": [1, "a"]}
    function = {"file": "m.py", "function": "f", "arguments": arguments, "effects": "none", "timeout": 5.0}
    assert shown["functions"] == [{"step": "count", "tool": None, "of": None, **function}]
    assert [(call["step"], call["tool"], call["effects"]) for call in shown["tool_calls"]] == [
        ("save", "Write", "writes"),
        ("find", "Glob", "none"),
        ("bash", "Bash", "sends"),
    ]
    assert [(file["pattern"], file["step"]) for file in shown["files"]["write"]] == [("out/a.md", "save")]
    assert [(file["pattern"], file["step"]) for file in shown["files"]["read"]] == [("**", "find")]
    assert shown["files"]["unbounded"] == ["the function of step count", "Bash of step bash"]
    page = plan_text(shown, Paint(False))
    assert "call m.py:f" in page
    assert "workspace copy" in page
    assert "write  out/a.md  by step save" in page
    assert 'tool Bash {"command": "make"}' in page


def test_agents_inside_rounds_and_cases_are_told_of_with_what_they_may_reach():
    data = plan_json(
        plan_of("""
steps:
  r:
    repeat: {until: "loop.index > 1", max: 2}
    steps: {a: {agent: {tools: [Bash]}, prompt: go}}
  c:
    choose: [{when: steps.v.output, agent: {tools: [Read]}, prompt: go}]
  v: {value: "true"}
"""),
        {},
    )
    assert {agent["name"]: agent["steps"] for agent in data["agents"]} == {"r.a": ["r.a"], "c.1": ["c.1"]}
    assert data["hosts"]["unbounded"] == ["Bash of agent r.a"]
