import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentflow.source.codes import CODES
from agentflow.source.diagnostics import Diagnostic
from agentflow.source.project import Problem, SourceText
from agentflow.spec.base import FileRef
from agentflow.spec.load import load
from agentflow.spec.sources import Source, stored
from agentflow.spec.steps import AgentStep, ForEachStep

HEAD = "agentflow: 1\nname: w\n"
FILES = {
    "prompt.md": "Say {{ inputs.x }}.\nThen stop.\n",
    "schema.json": '{"type": "object"}',
    "bad.json": '{\n  "type": 3}',
    "list.json": "[1]",
    "torn.json": '{"type": ',
}


def read(name: str) -> SourceText | Problem:
    if name in FILES:
        return SourceText(f"folder/{name}", FILES[name])
    return Problem(f"`{name}` does not exist", "create it")


def check(text: str, read: Callable[[str], SourceText | Problem] = read) -> tuple[Source | None, list[Diagnostic]]:
    return load(text, "folder/w.yaml", read)


def loaded(text: str) -> Source:
    source, diagnostics = check(text)
    assert source is not None
    assert diagnostics == []
    return source


# In each text, «…» marks what the one diagnostic must underline; one without steps gets some.
CASES = [
    # Unknown keys.
    ("AF201", "does not take `descripton`", "`description`", "«descripton»: x"),
    ("AF201", "`skills` is not supported yet", "delete it", "«skills»: [A]"),
    ("AF201", "`hooks` is not supported yet", "delete it", "«hooks»: [a.yaml]"),
    ("AF201", "step `a` does not take `tools`", "`tools` belongs to an agent", "steps:\n  a: {value: x, «tools»: []}"),
    ("AF201", "does not take `prompt`", "belongs to a step with `agent`", "steps:\n  a: {value: x, «prompt»: p}"),
    ("AF201", "does not take `inputs`", "top level", "steps:\n  a: {value: x, «inputs»: {}}"),
    ("AF201", "agent `b` does not take `turns`", "`stop`", "agents:\n  b: {«turns»: 3}"),
    ("AF201", "agent `b` does not take `when`", "a step", "agents: {b: {«when»: x}}"),
    ("AF203", "`at` must be a share", "write `80%` for a share", "agents: {b: {context: {at: «80»}}}"),
    ("AF203", "`memory` must be `agent` or `workflow`", "", "agents: {b: {memory: «x»}}"),
    ("AF203", "`retry` must be a mapping, not 3", "", "steps: {a: {value: x, retry: «3»}}"),
    ("AF201", "the file does not take `retry`", "a step", "«retry»: {attempts: 2}"),
    ("AF201", "step `a` does not take `with`", "a step with `call`", "steps: {a: {value: x, «with»: 3}}"),
    ("AF203", "`escalate` must be a mapping, not 3", "", "steps: {a: {approve: x, from: [b], escalate: «3»}}"),
    ("AF203", "`from` must be a list, not 'b'", "", "steps: {a: {approve: x, from: «b»}}"),
    ("AF203", "`from` must not be empty", "", "steps: {a: {approve: x, from: «[]»}}"),
    ("AF201", "does not take `promt`", "did you mean `prompt`?", "steps: {a: {agent: b, «promt»: p}}"),
    ("AF201", "does not take `zzz`", "`value`", "steps: {a: {value: x, «zzz»: p}}"),
    (
        "AF201",
        "`prompt` does not take `path`",
        "takes `file`",
        "steps: {a: {agent: b, prompt: {file: prompt.md, «path»: 1}}}",
    ),
    (
        "AF201",
        "does not take `step`",
        "a step with `for_each`",
        "steps: {a: {steps: {b: {value: x}}, «step»: {value: x}}}",
    ),
    # Missing keys.
    ("AF202", "step `a` lacks `prompt`", "what the agent is asked", "steps:\n  «a»: {agent: b}"),
    ("AF202", "the body of step `a` lacks `prompt`", "add", "steps: {a: {for_each: x, «step»: {agent: b}}}"),
    ("AF202", "tool `t` lacks `description`", "add", "tools:\n  «t»: {run: [ls]}"),
    ("AF202", "`session` lacks `continue`", "add", "steps: {a: {agent: b, prompt: p, «session»: {}}}"),
    ("AF202", "step `a` lacks a body", "add `steps`", "steps:\n  «a»:\n    for_each: x"),
    # Values.
    ("AF203", "`turns` must be a whole number of at least 1, not 'many'", "", "limits: {turns: «many»}"),
    ("AF203", "`depth` must be a whole number of at least 1 and at most 20, not 0", "", "limits: {depth: «0»}"),
    ("AF203", "`cost_usd` must be a number of at least 0, not true", "", "limits: {cost_usd: «true»}"),
    ("AF203", "`parallel` must be a whole number", "", "limits: {parallel: «1.5»}"),
    ("AF203", "`wall_time` must be a number and a unit", "write `30s`", "limits: {wall_time: «30»}"),
    ("AF203", "`timeout` must be a number and a unit", "", "steps: {a: {run: x, timeout: «soon»}}"),
    ("AF203", "`timeout` must be longer than nothing", "", "steps: {a: {run: x, timeout: «0s»}}"),
    (
        "AF203",
        "`effort` must be `low`, `medium`, `high`, `xhigh` or `max`",
        "did you mean `high`?",
        "agents: {b: {effort: «hig»}}",
    ),
    ("AF203", "`on_error` must be `fail` or `continue`", "`for_each`", "steps: {a: {value: x, on_error: «collect»}}"),
    ("AF203", "`sandbox` must be `off`, or a mapping of what commands may reach", "write: [out]", "sandbox: «on»"),
    ("AF203", "`sandbox` must be `off`, or a mapping", "leave it out", "sandbox: «[]»"),
    ("AF203", "`write` must be a list", "write `[out]`", "sandbox: {write: «out»}"),
    ("AF201", "`sandbox` does not take `writes`", "did you mean `write`?", "sandbox: {«writes»: [out]}"),
    ("AF203", "`value` must be text, not 3", 'in quotes: "3"', "steps: {a: {value: «3»}}"),
    ("AF203", "`when` must be text, not true", 'in quotes: "true"', "steps: {a: {value: x, when: «true»}}"),
    ("AF203", "`when` is empty", "delete it", "steps:\n  a:\n    value: x\n    «when»:\n"),
    ("AF203", "`prompt` is empty", "give it a value", "steps:\n  a:\n    agent: b\n    «prompt»:\n"),
    ("AF203", "`prompt` must be text, or `{file: path}`, not a list", "", "steps: {a: {agent: b, prompt: «[x]»}}"),
    (
        "AF203",
        "`prompt` must be text, or `{file: path}`, not a mapping",
        "",
        "steps: {a: {agent: b, prompt: «{x: 1}»}}",
    ),
    ("AF203", "`stdin` must be text, or `{file: path}`, not a list", "", "steps: {a: {run: [cat], stdin: «[x]»}}"),
    ("AF203", "`file` must be text, not 3", "", "steps: {a: {agent: b, prompt: {file: «3»}}}"),
    ("AF203", "`file` must be a path, not 3", "", "steps: {a: {agent: b, prompt: p, output: {file: «3»}}}"),
    (
        "AF203",
        "`output` must be a JSON Schema, or `{file: path}`",
        "",
        "steps: {a: {agent: b, prompt: p, output: «x»}}",
    ),
    ("AF203", "`agent` must be an agent's name, or a mapping", "", "steps: {a: {agent: «3», prompt: p}}"),
    ("AF203", "`run` must be a list of arguments, or a line for bash, not 3", "", "steps: {a: {run: «3»}}"),
    ("AF203", "item 2 of `run` must be text, not 3", 'in quotes: "3"', "steps: {a: {run: [ls, «3»]}}"),
    ("AF203", "`run` must not be empty", "", "steps: {a: {run: «[]»}}"),
    (
        "AF203",
        "item 1 of `exit_codes` must be a whole number of at least 0 and at most 255",
        "",
        "steps: {a: {run: ls, exit_codes: [«256»]}}",
    ),
    ("AF203", "`needs` must be a list, not 'b'", "write `[b]`", "steps: {a: {value: x, needs: «b»}}"),
    (
        "AF203",
        "`max` must be a whole number of at least 1, or an input",
        "",
        "steps: {a: {for_each: x, max: «0», step: {value: x}}}",
    ),
    (
        "AF203",
        "`parallel` must be a whole number of at least 1, or an input",
        "",
        "steps: {a: {for_each: x, parallel: «n», step: {value: x}}}",
    ),
    ("AF203", "step `a` must be a mapping, not 'x'", "a step has one of", "steps: {a: «x»}"),
    ("AF203", "input `x` must be a mapping", "{type: string}", "inputs: {x: «string»}"),
    ("AF203", "`untrusted` must be true or false, not 'yes'", "", "inputs: {x: {untrusted: «yes»}}"),
    ("AF203", "`steps` must be a mapping", "", "steps: «[a]»"),
    ("AF203", "`steps` must not be empty", "", "steps: «{}»"),
    ("AF203", "`LANG` must be text, not 1", "in quotes", "env: {LANG: «1»}"),
    # Kinds.
    (
        "AF204",
        "step `a` is of several kinds: `agent` and `run`",
        "each",
        "steps: {a: {agent: b, prompt: p, «run»: ls}}",
    ),
    ("AF204", "step `a` is of no kind", "did you mean `agent`?", "steps: {a: {«agnt»: b, prompt: p}}"),
    ("AF204", "step `a` is of no kind", "a step has one of `agent`", "steps:\n  «a»: {needs: [b]}"),
    # Loops, choices and their like.
    ("AF202", "`repeat` lacks `until`", "add `until`", "steps: {a: {«repeat»: {max: 3}, steps: {b: {value: x}}}}"),
    ("AF202", "`repeat` lacks `max`", "the most rounds", "steps: {a: {«repeat»: {until: x}, steps: {b: {value: x}}}}"),
    ("AF202", "step `a` lacks a body", "add `steps`", "steps: {«a»: {repeat: {until: x, max: 3}}}"),
    (
        "AF201",
        "`repeat` does not take `at_most`",
        "`at_max`",
        "steps: {a: {repeat: {until: x, max: 3, «at_most»: fail}, step: {value: x}}}",
    ),
    (
        "AF203",
        "`at_max` must be `fail` or `accept`",
        "",
        "steps: {a: {repeat: {until: x, max: 3, at_max: «stop»}, step: {value: x}}}",
    ),
    (
        "AF203",
        "`max` must be a whole number of at least 1",
        "",
        "steps: {a: {repeat: {until: x, max: «0»}, step: {value: x}}}",
    ),
    ("AF203", "`choose` must not be empty", "", "steps: {a: {steps: {b: {choose: «[]»}}}}"),
    ("AF203", "`choose` must be a list", "", "steps: {a: {choose: «{when: x, value: y}»}}"),
    (
        "AF202",
        "case 2 of step `a` lacks `when`",
        "`otherwise`",
        "steps:\n  a:\n    choose:\n    - {when: x, value: x}\n    - «{value: x}»",
    ),
    (
        "AF204",
        "case 1 of step `a` is of no kind",
        "did you mean `value`?",
        "steps: {a: {choose: [{when: x, «valu»: y}]}}",
    ),
    ("AF203", "case 1 of step `a` must be a mapping", "", "steps: {a: {choose: [«x»]}}"),
    (
        "AF202",
        "`otherwise` of step `a` lacks `prompt`",
        "add `prompt`",
        "steps: {a: {choose: [{when: x, value: x}], «otherwise»: {agent: {}}}}",
    ),
    ("AF201", "does not take `otherwise`", "a step with `choose`", "steps: {a: {value: x, «otherwise»: {value: y}}}"),
    ("AF203", "`fail` must be text", "", "steps: {a: {fail: «[x]»}}"),
    # Names.
    ("AF205", "'a-b' cannot be a name here", "starts with a letter", "steps: {«a-b»: {value: x}}"),
    ("AF205", "'b c' cannot be a name here", "also with `-`", "agents: {«b c»: {}}"),
    ("AF205", "`as` cannot be '1st'", "starts with a letter", "steps: {a: {for_each: x, as: «1st», step: {value: x}}}"),
    ("AF205", "item 1 of `needs` cannot be 'a b'", "", "steps: {a: {value: x, needs: [«a b»]}}"),
    ("AF205", "'b c' is not an agent's name", "", "steps: {a: {agent: «b c», prompt: p}}"),
    # Schemas.
    (
        "AF206",
        "input `x` is not a valid schema: `type` must be one of",
        "did you mean `string`?",
        "inputs: {x: {type: «strng»}}",
    ),
    ("AF206", "`required` must be a list", "an input is required unless", "inputs: {x: {required: «true»}}"),
    ("AF206", "`output` is not a valid schema", "", "agents: {b: {output: {properties: {p: {type: «txt»}}}}}"),
    (
        "AF206",
        "only references within the same schema",
        "",
        "steps: {a: {agent: b, prompt: p, output: {$ref: «https://x.org/s»}}}",
    ),
    (
        "AF206",
        "the input of tool `t` must be an object",
        "type: object",
        "tools: {t: {description: d, run: [ls], input: {type: «string»}}}",
    ),
    (
        "AF208",
        "the default of input `x` does not meet its schema: must be at most 3",
        "",
        "inputs: {x: {type: integer, maximum: 3, default: «4»}}",
    ),
    # Keys that exclude each other.
    (
        "AF209",
        "step `a` has both `steps` and `step`",
        "keep one",
        "steps: {a: {for_each: x, steps: {b: {value: x}}, «step»: {value: x}}}",
    ),
    (
        "AF209",
        "step `a` has `output` beside `step`",
        "delete it",
        "steps: {a: {for_each: x, step: {value: x}, «output»: x}}",
    ),
    (
        "AF209",
        "`file` stands alone",
        "move them",
        "steps: {a: {agent: b, prompt: p, output: {«file»: schema.json, type: object}}}",
    ),
    # Files.
    (
        "AF203",
        "`pin` must be `sha256:` and 64 digits",
        "write any digest",
        "steps: {a: {workflow: {path: b, pin: «x»}}}",
    ),
    ("AF202", "`workflow` lacks `pin`", "add `pin`", "steps: {a: {«workflow»: {path: b}}}"),
    ("AF203", "item 1 of `imports` must be a path, or `{path, pin}`, not 3", "", "imports: [«3»]"),
    ("AF203", "`from` must be a path, or `{path, pin}`, not a list", "", "agents: {a: {from: «[x]»}}"),
    ("AF106", "`none.yaml` does not exist", "create it", "steps: {a: {workflow: «none.yaml»}}"),
    ("AF106", "`none.md` does not exist", "create it", "agents: {a: {from: «none.md»}}"),
    ("AF106", "`none.md` does not exist", "create it", "steps: {a: {agent: b, prompt: {file: «none.md»}}}"),
    ("AF106", "`none.json` does not exist", "create it", "agents: {b: {output: {file: «none.json»}}}"),
]


@pytest.mark.parametrize(("code", "message", "hint", "marked"), CASES, ids=range(len(CASES)))
def test_a_wrong_file_is_told_what_where_and_what_next(code: str, message: str, hint: str, marked: str):
    marked = HEAD + marked + ("\n" if "steps:" in marked else "\nsteps: {a: {value: x}}\n")
    start, end = marked.index("«"), marked.index("»") - 1
    text = marked.replace("«", "").replace("»", "")
    _, diagnostics = check(text)
    assert [diagnostic.code for diagnostic in diagnostics] == [code], diagnostics
    (diagnostic,) = diagnostics
    assert message in diagnostic.message
    assert hint in (diagnostic.hint or "")
    line = text.count("\n", 0, start) + 1
    column = start - text.rfind("\n", 0, start)
    assert (diagnostic.place.path, diagnostic.place.line, diagnostic.place.column) == ("folder/w.yaml", line, column)
    assert diagnostic.place.width == end - start


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name: w\nsteps: {a: {value: x}}\n", [("AF202", 1, 1)]),
        ("agentflow: 2\nname: w\nsteps: {a: {value: x}}\n", [("AF207", 1, 12)]),
        ("agentflow: 1\nname: a b\nsteps: {a: {value: x}}\n", [("AF205", 2, 7)]),
        ("agentflow: 1\nname: w\n", [("AF202", 1, 1)]),
        ("- agentflow: 1\n", [("AF203", 1, 1)]),
        ("agentflow: [1\n", [("AF102", 1, 12)]),
        ("", [("AF102", 1, 1)]),
    ],
)
def test_a_file_wrong_at_its_root_is_told_so(text: str, expected: list[tuple[str, int, int]]):
    found = [(d.code, d.place.line, d.place.column) for d in check(text)[1]]
    assert found == expected


def test_all_problems_come_in_one_pass_in_the_order_of_their_places():
    text = HEAD + (
        "limits: {turns: many}\n"
        "agents:\n"
        "  editor: {effort: hig, instructions: {file: none.md}}\n"
        "steps:\n"
        "  a: {agent: editor, promt: x}\n"
        "  b: {valu: x}\n"
        "  c: {for_each: x, steps: {d: {run: 3}}}\n"
    )
    found = [(d.code, d.place.line, d.place.column) for d in check(text)[1]]
    assert found == [
        ("AF203", 3, 17),
        ("AF203", 5, 20),
        ("AF106", 5, 46),
        ("AF201", 7, 22),
        ("AF204", 8, 7),
        ("AF203", 9, 37),
    ]


def test_what_can_be_used_stays_and_what_cannot_is_named():
    text = HEAD + (
        "inputs: {x: {type: integer, default: no}, y: 3}\n"
        "agents: {b: {model: m, effort: hig}}\n"
        "steps:\n"
        "  a: {agent: b, promt: x}\n"
        "  c: {value: x, when: 3}\n"
        "  d: {for_each: x, steps: {e: {run: 3}, f: {value: x}}}\n"
        "  g: {for_each: x, step: {agent: b}}\n"
    )
    source, _ = check(text)
    assert source is not None
    assert set(source.workflow.steps) == {"c", "d"}
    assert source.workflow.steps["c"].when is None
    inner = source.workflow.steps["d"]
    assert isinstance(inner, ForEachStep)
    assert set(inner.steps or ()) == {"f"}
    assert source.workflow.agents["b"].model == "m"
    assert source.workflow.inputs == {"x": {"type": "integer"}}
    assert {
        ("inputs", "x", "default"),
        ("inputs", "y"),
        ("agents", "b", "effort"),
        ("steps", "a"),
        ("steps", "c", "when"),
        ("steps", "d", "steps", "e"),
        ("steps", "g"),
    } <= source.broken
    assert ("steps", "c") not in source.broken


def test_a_file_without_a_name_or_of_another_version_is_still_checked_further():
    source, diagnostics = check("agentflow: 9\nsteps: {a: {value: 3}, b: {value: x}}\n")
    assert [d.code for d in diagnostics] == ["AF202", "AF207", "AF203"]
    assert source is not None
    assert set(source.workflow.steps) == {"b"}


def test_two_places_that_share_an_alias_are_pruned_apart():
    source, diagnostics = check(HEAD + "steps:\n  a: &s {value: x, tools: [], when: y}\n  b: *s\n")
    assert source is not None
    assert [d.code for d in diagnostics] == ["AF201"]
    assert set(source.workflow.steps) == {"a", "b"}
    assert {("steps", "a", "tools"), ("steps", "b", "tools")} <= source.broken


def test_steps_called_like_keys_of_the_language_are_steps():
    text = HEAD + "steps: {steps: {for_each: x, step: {value: x}}, step: {value: x}, agent: {agent: b, prompt: p}}\n"
    assert set(loaded(text).workflow.steps) == {"steps", "step", "agent"}
    found = check(HEAD + "steps: {steps: {for_each: x, step: {valu: x}}, agent: {agent: {efort: low}, prompt: p}}\n")[1]
    assert [(d.code, d.place.column) for d in found] == [("AF204", 37), ("AF201", 64)]


def test_the_texts_behind_file_references_are_read_and_keep_their_places():
    text = HEAD + (
        "agents: {b: {instructions: inline text, output: {file: schema.json}}}\n"
        "steps: {a: {agent: b, prompt: {file: prompt.md}}}\n"
    )
    source = loaded(text)
    step = source.workflow.steps["a"]
    assert isinstance(step, AgentStep)
    assert isinstance(step.prompt, FileRef)
    content, place = source.text(("steps", "a", "prompt"), step.prompt)
    assert content == FILES["prompt.md"]
    assert (place(19, 4).path, place(19, 4).line, place(20, 4).column) == ("folder/prompt.md", 1, 1)
    assert place(20, 4).line == 2
    agent = source.workflow.agents["b"]
    assert agent.instructions == "inline text"
    inline, place = source.text(("agents", "b", "instructions"), agent.instructions)
    assert (inline, place(7, 4).line, place(7, 4).column) == ("inline text", 3, 35)
    assert source.mapping(("agents", "b", "output"), agent.output) == {"type": "object"}
    assert source.mapping(("steps", "a", "output"), step.output) is None


@pytest.mark.parametrize(
    ("name", "code", "line", "column"),
    [("bad.json", "AF206", 2, 11), ("list.json", "AF206", 1, 1), ("torn.json", "AF102", 1, 1)],
)
def test_a_schema_file_with_a_problem_is_told_there_and_once(name: str, code: str, line: int, column: int):
    text = (
        HEAD
        + f"agents: {{b: {{output: {{file: {name}}}}}, c: {{output: {{file: {name}}}}}}}\nsteps: {{a: {{value: x}}}}\n"
    )
    source, diagnostics = check(text)
    assert [(d.code, d.place.path, d.place.line, d.place.column) for d in diagnostics] == [
        (code, f"folder/{name}", line, column)
    ]
    assert source is not None
    assert ("agents", "b", "output") in source.broken


def test_a_file_is_read_once_however_often_it_is_named():
    asked: list[str] = []

    def counting(name: str) -> SourceText | Problem:
        asked.append(name)
        return read(name)

    text = (
        "steps: {a: {agent: b, prompt: {file: prompt.md}}, c: {approve: {file: prompt.md}, show: {file: prompt.md}}}\n"
    )
    assert check(HEAD + text, counting)[1] == []
    assert asked == ["prompt.md"]


def test_a_run_can_be_loaded_again_from_what_was_stored():
    text = HEAD + "agents: {b: {output: {file: schema.json}}}\nsteps: {a: {agent: b, prompt: {file: ./prompt.md}}}\n"
    folder = {f"folder/{name}": content for name, content in FILES.items()}
    first, diagnostics = check(text, stored(folder, "folder/w.yaml"))
    assert first is not None
    assert diagnostics == []
    kept = first.sources()
    assert kept == {
        "folder/w.yaml": text,
        "folder/prompt.md": FILES["prompt.md"],
        "folder/schema.json": FILES["schema.json"],
    }
    second, diagnostics = load(kept["folder/w.yaml"], "folder/w.yaml", stored(kept, "folder/w.yaml"))
    assert second is not None
    assert diagnostics == []
    assert second.sources() == kept
    assert second.workflow == first.workflow
    missing = check(text, stored({}, "folder/w.yaml"))[1]
    assert {d.code for d in missing} == {"AF106"}


def test_a_mapping_that_has_a_key_called_file_is_a_schema_only_where_it_is_not_a_reference():
    text = "tools: {t: {description: d, run: [ls], input: {type: object, properties: {file: {type: string}}}}}\n"
    source = loaded(HEAD + text + "inputs: {file: {type: string}}\nsteps: {a: {value: x}}\n")
    assert source.texts == {}
    assert source.documents == {}


WHOLE = HEAD + (
    "inputs: {x: {type: integer, default: 3}}\n"
    "limits: {turns: 3, wall_time: 2m}\n"
    "tools: {t: {description: d, run: [wc, -w], stdin: '{{ input.text }}'}}\n"
    "agents: {b: {instructions: {file: prompt.md}, stop: {turns: 3}, output: {file: schema.json}}}\n"
    "steps:\n"
    "  a: {agent: b, prompt: p}\n"
    "  c: {for_each: steps.a.output, step: {agent: {effort: low}, prompt: p}}\n"
    "  d: {steps: {e: {run: [ls]}, f: {approve: ok}}, output: x}\n"
)
WORDS = st.sampled_from(
    [
        "agentflow",
        "name",
        "steps",
        "agent",
        "prompt",
        "file",
        "for_each",
        "step",
        "run",
        "output",
        "inputs",
        "agents",
        "a",
        "call",
        "value",
        "tools",
        "stop",
        "limits",
        "FileRef",
        "[key]",
        "str",
        "Agent",
        "default",
        "when",
        "session",
    ]
)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=4), inner, max_size=5),
    max_leaves=30,
)


def sound(source: Source | None, diagnostics: list[Diagnostic]) -> None:
    assert all(diagnostic.code in CODES for diagnostic in diagnostics)
    assert diagnostics == sorted(diagnostics, key=lambda d: d.place)
    assert len(set(diagnostics)) == len(diagnostics)
    assert diagnostics or (source is not None and not source.broken)


@given(JSONS)
@settings(max_examples=300, deadline=None)
def test_any_document_gives_diagnostics_never_an_exception(document: Any):
    sound(*check(json.dumps(document)))


@given(st.dictionaries(st.sampled_from(["a", "b-c", "step"]), JSONS, max_size=3), JSONS, JSONS)
@settings(max_examples=300, deadline=None)
def test_any_steps_agents_and_inputs_give_diagnostics_never_an_exception(steps: Any, agent: Any, schema: Any):
    document = {"agentflow": 1, "name": "w", "steps": steps, "agents": {"a": agent}, "inputs": {"x": schema}}
    sound(*check(json.dumps(document)))


def test_every_prefix_of_a_workflow_gives_diagnostics_never_an_exception():
    assert check(WHOLE)[1] == []
    for end in range(len(WHOLE)):
        sound(*check(WHOLE[:end]))


@given(
    st.integers(0, len(WHOLE)), st.integers(0, 12), st.text("abx:{}[]-,&*#'\"3 \n", max_size=4) | st.text(max_size=3)
)
@settings(max_examples=300, deadline=None)
def test_every_mutation_of_a_workflow_gives_diagnostics_never_an_exception(start: int, cut: int, put: str):
    sound(*check(WHOLE[:start] + put + WHOLE[start + cut :]))


@pytest.mark.parametrize(
    "step", ["5", "null", "{}", "{agnt: x}", "{agent: {}}", "{run: []}", "{value: x, run: [x]}", "{steps: {b: 5}}"]
)
def test_of_an_only_step_that_cannot_be_used_one_thing_is_told(step: str):
    _, diagnostics = check(HEAD + f"steps: {{a: {step}}}\n")
    assert len(diagnostics) == 1, diagnostics


def test_names_are_as_long_as_the_api_takes_them():
    for name, problems in (("n" * 128, 0), ("n" * 129, 1)):
        tool = f"tools: {{{name}: {{description: x, run: [x]}}}}\n"
        agent = f"agents: {{{name}: {{}}}}\n"
        for text in (tool, agent):
            _, diagnostics = check(HEAD + text + "steps: {a: {value: x}}\n")
            assert [found.code for found in diagnostics] == ["AF205"] * problems
            assert all(found.hint == "a name has at most 128 characters" for found in diagnostics)
