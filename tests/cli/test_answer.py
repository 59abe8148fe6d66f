"""`agentflow answer`, and what the other commands say of questions."""

import io
import json
from pathlib import Path

import pytest

from agentflow.cli import exits
from agentflow.cli.main import run_command

FLOW = """agentflow: 1
name: demo
steps:
  who:
    ask: Who is it?
    show: The guest.
    output:
      type: object
      properties:
        name: {type: string, description: As on the card, minLength: 2}
        age: {type: integer, minimum: 0}
        tone: {enum: [calm, loud], default: calm}
        tags: {type: array, items: {type: string}}
      required: [name, age]
  title: {needs: [who], ask: What is it called?}
  last: {value: "[steps.who.output, steps.title.output]"}
outputs: {last: steps.last.output}
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    (tmp_path / ".git").mkdir()
    (tmp_path / "flow.yaml").write_text(FLOW)
    monkeypatch.chdir(tmp_path)
    assert run_command(["run", "flow.yaml", "--output-format", "json", "--quiet"]) == exits.WAITING
    found: str = json.loads(capsys.readouterr().out)["run"]
    return found


def test_a_run_without_a_terminal_pauses_and_says_how_to_answer(run: str, capsys: pytest.CaptureFixture[str]):
    for command in (["resume", run, "--quiet"], ["show", run], ["runs"]):
        run_command(command)
        out, err = capsys.readouterr()
        assert f"  agentflow answer {run} who name=… age=…" in out + err, command
    run_command(["show", run])
    shown = capsys.readouterr().out
    assert "name: text, in length at least 2 – As on the card" in shown
    assert "age: a whole number, at least 0" in shown
    assert "tone: one of calm, loud (default calm)" in shown
    assert "tags: a list as JSON (optional)" in shown


def test_answers_go_on_with_the_run_field_by_field_and_as_a_whole(run: str, capsys: pytest.CaptureFixture[str]):
    given = ["name=Ada = Lovelace", "age=36", 'tags=["a", "b"]']
    assert run_command(["answer", run, "who", *given, "--quiet"]) == exits.WAITING
    assert f"answered: who of run {run}" in capsys.readouterr().err
    assert run_command(["answer", run, "title", "a=b", "--quiet"]) == exits.DONE
    person = {"tone": "calm", "name": "Ada = Lovelace", "age": 36, "tags": ["a", "b"]}
    assert json.loads(capsys.readouterr().out) == [person, "a=b"]
    assert run_command(["show", run, "--events"]) == exits.DONE
    assert "who  answered by " in capsys.readouterr().out


@pytest.mark.parametrize("way", ["--json", "--json-file", "-"])
def test_answers_may_be_json(run: str, way: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    text = '{"name": "Ada", "age": 36, "tone": "loud"}'
    given = ["--json", text]
    if way == "--json-file":
        Path("answers.json").write_text(text)
        given = [way, "answers.json"]
    elif way == "-":
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        given = ["--json-file", "-"]
    assert run_command(["answer", run, "who", *given, "--quiet", "--output-format", "json"]) == exits.WAITING
    waiting = json.loads(capsys.readouterr().out)["waiting"]
    assert [(gate["step"], gate["about"], gate["form"]) for gate in waiting] == [("title", "ask", {"type": "string"})]


@pytest.mark.parametrize(
    ("given", "says", "hint"),
    [
        (["age=36"], "lacks", "name, age, tone, tags"),
        (["name=A", "age=3"], "field `name`: must have at least 2 characters", ""),
        (["name=Ada", "age=old"], "field `age`: it is not a whole number", "as `3`"),
        (["name=Ada", "age=-1"], "field `age`: must be at least 0", ""),
        (["name=Ada", "age=1", "tone=lout"], "field `tone`", "it is one of calm, loud"),
        (["nam=Ada", "age=1"], "the form has no field `nam`", "did you mean `name`?"),
        (["name=Ada", "age=1", "age=2"], "field `age` is answered twice", "once"),
        (["Ada"], "`Ada` names no field", "its fields are"),
        (["--json", "{"], "the answer is not JSON", "write it as"),
        (["--json", "[1]"], "the answer does not fit", "its fields"),
        (["--json", "null"], "no answer yet", "its fields"),
        (["--json", '{"name": NaN}'], "it holds NaN, which is not JSON", ""),
        (["--json-file", "missing.json"], "the file 'missing.json' cannot be read", "check the path"),
        (["name=Ada", "--json", "{}"], "given twice", "fields, or"),
        ([], "lacks", ""),
    ],
)
def test_a_wrong_answer_is_told_and_the_question_stays_open(
    run: str, given: list[str], says: str, hint: str, capsys: pytest.CaptureFixture[str]
):
    assert run_command(["answer", run, "who", *given]) == exits.INVALID
    err = capsys.readouterr().err
    assert says in err
    assert hint in err
    run_command(["show", run])
    assert "waiting for a person at who" in capsys.readouterr().out


@pytest.mark.parametrize(
    "slip",
    [["--replay", "none"], ["--scripted", "none"], ["--secrets-file", "none"], ["--replay", "x", "--scripted", "y"]],
)
def test_a_slip_in_the_options_is_told_while_the_question_is_still_open(
    run: str, slip: list[str], capsys: pytest.CaptureFixture[str]
):
    assert run_command(["answer", run, "who", "name=Ada", "age=36", *slip]) == exits.INVALID
    assert "answered" not in capsys.readouterr().err
    run_command(["show", run])
    assert "waiting for a person at who" in capsys.readouterr().out


def test_a_yes_does_not_answer_a_question_nor_an_answer_a_gate(run: str, capsys: pytest.CaptureFixture[str]):
    for verb in ("approve", "reject"):
        assert run_command([verb, run, "who"]) == exits.FAILED
        assert f"agentflow answer {run} who name=… age=…" in capsys.readouterr().err
    Path("gate.yaml").write_text("agentflow: 1\nname: g\nsteps: {ok: {approve: Go on?}}\n")
    run_command(["run", "gate.yaml", "--quiet", "--output-format", "json"])
    gated = json.loads(capsys.readouterr().out)["run"]
    assert run_command(["answer", gated, "ok", "yes"]) == exits.FAILED
    err = capsys.readouterr().err
    assert "asks for a yes or no" in err
    assert f"agentflow approve {gated} ok" in err


def test_a_step_that_asks_nothing_is_told_with_those_that_do(run: str, capsys: pytest.CaptureFixture[str]):
    assert run_command(["answer", run, "whom", "name=x"]) == exits.FAILED
    assert "it asks at: who" in capsys.readouterr().err


def test_yes_takes_the_defaults_where_they_answer_all_and_else_pauses(run: str, capsys: pytest.CaptureFixture[str]):
    assert run_command(["resume", run, "--yes", "--quiet"]) == exits.WAITING
    assert "--yes cannot answer it" in capsys.readouterr().err
    flow = "agentflow: 1\nname: d\nsteps: {q: {ask: How loud?, output: {type: integer, default: 3}}}\n"
    Path("defaults.yaml").write_text(flow + "outputs: {q: steps.q.output}\n")
    assert run_command(["run", "defaults.yaml", "--yes"]) == exits.DONE
    out, err = capsys.readouterr()
    assert out.strip() == "3"
    assert "q  answered by --yes: the form's defaults" in err
