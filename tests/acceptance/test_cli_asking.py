"""Questions at a terminal, field by field."""

from pathlib import Path

import pytest

from tests.acceptance.cli_process import Cli, environment, run_id

FLOW = """agentflow: 1
name: demo
steps:
  who:
    ask: Who is it?
    output:
      type: object
      properties:
        name: {type: string}
        age: {type: integer, minimum: 18}
        tone: {enum: [calm, loud], default: calm}
        note: {type: string}
      required: [name, age]
  last: {value: steps.who.output}
outputs: {last: steps.last.output}
"""


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    project = tmp_path / "project"
    project.mkdir()
    (project / "ask.yaml").write_text(FLOW)
    return Cli(project, environment(tmp_path, "http://127.0.0.1:9"))


def test_a_person_fills_the_form_and_is_asked_again_with_the_reason(cli: Cli):
    typed = "\nAda\nold\n7\n36\nlout\n\n\n"
    done = cli.in_terminal("run", "ask.yaml", answers={"name (text):": typed})
    assert done.code == 0, done.out
    assert "an answer is needed" in done.out
    assert "it is not a whole number" in done.out
    assert "must be at least 18" in done.out
    assert "it is one of calm, loud" in done.out
    assert '"name": "Ada"' in done.out
    assert '"tone": "calm"' in done.out
    assert '"note"' not in done.out


def test_who_closes_the_input_leaves_the_question_open(cli: Cli):
    left = cli.in_terminal("run", "ask.yaml", answers={"name (text):": "Ada\n", "age (a whole number": "\x04"})
    assert left.code == 130, left.out
    assert "left open" in left.out
    run = run_id(left.out)
    done = cli("answer", run, "who", "name=Ada", "age=36")
    assert done.code == 0, done.err


def test_an_answer_from_elsewhere_ends_the_asking(cli: Cli):
    def elsewhere() -> None:
        run = run_id(cli("runs").out)
        answered = cli("answer", run, "who", "name=Grace", "age=40")
        assert answered.code == 0, answered.err

    done = cli.in_terminal("run", "ask.yaml", answers={"name (text):": elsewhere})
    assert done.code == 0, done.out
    assert "not needed any more" in done.out
    assert '"name": "Grace"' in done.out
