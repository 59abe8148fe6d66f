"""Where private data, untrusted text and a way to send meet: the table of decision 12."""

import pytest

TOOLS = """
sandbox: off
inputs:
  issue: {type: string, untrusted: true}
  topic: {type: string}
tools:
  unlabelled: {description: Does it., run: [x]}
  harmless: {description: Does it., run: [x], effects: none}
  sends: {description: Does it., run: [x], labels: [sends]}
  fetches: {description: Does it., run: [x], effects: none, labels: [untrusted]}
  nothing: {description: Does it., run: [x], labels: []}
"""


def warned(compiled, tools: str, prompt: str = "{{ inputs.topic }}", more: str = "") -> bool:
    text = f"{TOOLS}{more}\nsteps:\n  a: {{agent: {{tools: [{tools}]}}, prompt: '{prompt}'}}\n  f: {{run: [x]}}\n"
    _, diagnostics = compiled(f"{text}  g: {{run: [x], effects: none}}\n  h: {{approve: Go?}}\n")
    assert {found.code for found in diagnostics if found.severity == "error"} == set()
    return any(found.code == "AF509" for found in diagnostics)


@pytest.mark.parametrize(
    ("tools", "prompt"),
    [
        ("Bash", "Hi"),
        ("unlabelled", "Hi"),
        ("Read, sends, fetches", "Hi"),
        ("Grep, sends", "{{ inputs.issue }}"),
        ("Glob, sends", "{{ inputs.issue }}"),
        ("harmless, sends", "Hi"),
        ("sends", "{{ steps.f.output }}"),
    ],
)
def test_all_three_in_one_context_are_told(compiled, tools: str, prompt: str):
    assert warned(compiled, tools, prompt)


@pytest.mark.parametrize(
    ("tools", "prompt"),
    [
        ("Read, Grep, Glob, Write, Edit", "{{ inputs.issue }}"),
        ("Read, sends", "{{ inputs.topic }}"),
        ("sends, fetches", "{{ inputs.issue }}"),
        ("Read, fetches, harmless", "{{ inputs.issue }}"),
        ("sends, nothing", "{{ steps.g.output }}"),
        ("Read, sends", "{{ steps.h.output.comment }}"),
        ("sends, Write", "{{ steps.f.status }}{{ inputs.issue }}"),
    ],
)
def test_any_two_of_them_are_not(compiled, tools: str, prompt: str):
    assert not warned(compiled, tools, prompt)


@pytest.mark.parametrize(
    "steps",
    [
        # through a value, a group, a loop's variable, a continued session
        "b: {value: 'steps.r.output'}\n  a: {agent: {tools: [sends]}, prompt: '{{ steps.b.output }}'}",
        "b: {steps: {i: {value: steps.r.output}}, output: steps.i.output}\n"
        "  a: {agent: {tools: [sends]}, prompt: '{{ steps.b.output }}'}",
        "b: {for_each: '[steps.r.output]', step: {agent: {tools: [sends]}, prompt: '{{ item }}'}}",
        "b: {for_each: '[1]', step: {value: steps.r.output}}\n"
        "  a: {agent: {tools: [sends]}, prompt: '{{ steps.b.output }}'}",
        "a: {agent: {tools: [sends]}, prompt: Hi, session: {continue: r}}",
        "a: {agent: {tools: [Agent(poster)]}, prompt: '{{ steps.r.output }}'}",
    ],
)
def test_what_an_agent_saw_goes_with_its_words(compiled, steps: str):
    text = (
        "agents:\n  poster: {description: Posts., tools: [sends]}\n"
        "  other: {tools: [Agent(poster)]}\nsteps:\n"
        "  o: {agent: other, prompt: Hi}\n"
        "  t: {value: inputs.topic}\n"
        "  x: {agent: {tools: [harmless, fetches, nothing, unlabelled]}, prompt: Hi}\n"
        "  r: {agent: {tools: [Read]}, prompt: '{{ inputs.issue }}'}\n  "
    )
    _, diagnostics = compiled(TOOLS + text + steps)
    found = [found.place.line for found in diagnostics if found.code == "AF509"]
    lines = (TOOLS + text + steps).splitlines()
    assert {lines[line - 3].strip()[0] for line in found} - {"x"} != set(), diagnostics
    assert len(found) == 2


def test_a_subagent_that_has_all_three_is_the_one_that_is_told(compiled):
    _, diagnostics = compiled(
        """
        sandbox: off
        agents:
          shell: {description: Works., tools: [Bash]}
          boss: {tools: [Agent(shell), Read]}
        steps:
          a: {agent: boss, prompt: Hi}
          b: {agent: shell, prompt: Hi}
        """
    )
    (found,) = (diagnostic for diagnostic in diagnostics if diagnostic.code != "AF512")
    assert (found.code, found.severity, found.place.line) == ("AF509", "warning", 6)
    assert "agent `shell`" in found.message
    assert found.hint is not None


def test_the_warning_says_what_brings_what(compiled):
    _, diagnostics = compiled(
        """
        inputs: {issue: {type: string, untrusted: true}}
        tools: {post: {description: Posts., run: [x], labels: [sends]}}
        agents:
          reader: {description: Reads., tools: [Read, Grep]}
        steps:
          a: {agent: {instructions: "Do.", tools: [Agent(reader), post]}, prompt: "{{ inputs.issue }}"}
        """
    )
    (found,) = diagnostics
    assert found.message == (
        "in the agent of step `a` private data (`Agent(reader)`), untrusted text (what its prompt reads) and a way to "
        "send (`post`) meet: whoever wrote the text could have the data sent"
    )


def test_an_agent_in_a_step_is_no_agent_of_that_steps_name(compiled):
    _, diagnostics = compiled(
        """
        inputs: {issue: {type: string, untrusted: true}}
        sandbox: off
        tools: {post: {description: Posts., run: [x], labels: [sends]}}
        agents:
          a: {description: Works., tools: [post]}
          b: {description: Runs., tools: [Bash]}
        steps:
          a: {agent: {tools: [Agent(a), Read]}, prompt: "{{ inputs.issue }}"}
          b: {agent: {tools: [post, Read]}, prompt: "{{ inputs.issue }}"}
          c: {agent: b, prompt: Hi}
        """
    )
    assert [(found.code, found.place.line) for found in diagnostics] == [("AF509", 9), ("AF509", 11), ("AF509", 12)]
