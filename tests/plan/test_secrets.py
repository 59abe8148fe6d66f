"""Secrets in environments: who needs which, and what stays open until a command starts."""

import pytest

from agentflow.plan.model import RunStepPlan
from agentflow.plan.secrets import (
    NEEDED,
    Secret,
    SecretMissingError,
    environment_text,
    filled,
    secrets_of_step,
    secrets_used,
)
from agentflow.run.starting import START

FILE = """
secrets: [A, B, C, D, E]
env: {WHOLE: "{{ secrets.A }}"}
tools:
  own: {description: Does it., run: [x], env: {T: "{{ secrets.B }}"}, effects: none}
agents:
  below: {description: Works., tools: [own]}
  top: {tools: [Agent(below), Read]}
  plain: {tools: [Read]}
steps:
  command: {run: [x], env: {T: "x {{ secrets.C }} {{ run.id }}"}}
  asks: {agent: top, prompt: Hi}
  reads: {agent: plain, prompt: Hi}
  shell: {agent: {tools: [Bash]}, prompt: Hi}
  group: {steps: {inner: {run: [x], env: {T: "{{ secrets.D }}{{ secrets.C }}"}}}}
"""


def test_a_step_needs_what_its_command_or_the_tools_of_its_agents_read(planned):
    plan = planned(FILE)
    needed = {name: secrets_of_step(plan, step) for name, step in plan.root.steps.items()}
    assert needed == {
        "command": ("A", "C"),
        "asks": ("A", "B"),
        "reads": (),
        "shell": ("A",),
        "group": ("A", "D", "C"),
    }
    assert secrets_used(plan) == ("A", "C", "B", "D")
    assert plan.secrets == ("A", "B", "C", "D", "E")


def test_of_every_kind_of_step_it_is_known_what_it_needs():
    assert set(NEEDED) == set(START)


def test_all_of_a_text_but_its_secrets_is_rendered_at_once(planned):
    step = planned(FILE).root.steps["command"]
    assert isinstance(step, RunStepPlan)
    text = environment_text(step.env["T"], {"run": {"id": "run-7"}})
    assert text == ("x ", Secret("C"), " ", "run-7")
    assert filled({"T": text, "U": "as it is"}, {"C": "value"}) == {"T": "x value run-7", "U": "as it is"}


def test_a_secret_without_a_value_is_named_with_a_way_to_give_it_one():
    with pytest.raises(SecretMissingError, match="`TOKEN` has no value") as refused:
        filled({"T": (Secret("TOKEN"),)}, {"OTHER": "x"})
    assert refused.value.hint == (
        "set the environment variable TOKEN, or pass `--secret TOKEN=@FILE` or `--secrets-file FILE`, or keep it with "
        "`agentflow secrets set TOKEN`"
    )
