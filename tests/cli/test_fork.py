"""`agentflow fork`, `resume --edited`, `continue`, `sessions` and `session`, as they are typed."""

import json
from pathlib import Path

import pytest

from agentflow.cli import exits
from agentflow.cli.main import run_command

FLOW = """agentflow: 1
name: demo
sandbox: "off"
inputs: {topic: {type: string, default: tea}}
agents: {writer: {instructions: Write., tools: [Glob]}}
steps:
  plan: {agent: writer, prompt: "plan {{ inputs.topic }}"}
  check: {run: [test, -e, ready], effects: none}
  write: {agent: writer, prompt: "write {{ steps.plan.output }}", needs: [check]}
outputs: {write: steps.write.output}
"""
REPLIES = """replies:
  writer:
    - match: plan tea
      turns:
        - tools: [{name: Glob, input: {pattern: "*.yaml"}}]
        - text: "a \\x1b[31mred plan"
    - turns: [{text: "said {{ prompt }}"}]
"""
SCRIPT = ("--scripted", "replies.yaml", "--quiet")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "replies.yaml").write_text(REPLIES)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def typed(project: Path, capsys: pytest.CaptureFixture[str]):
    """Types a command; gives its code, what it said on standard output, and on standard error."""

    def type_it(*words: str) -> tuple[int, str, str]:
        code = run_command(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return type_it


@pytest.fixture
def failed(typed) -> str:
    code, out, _ = typed("run", "flow.yaml", *SCRIPT, "--output-format", "json")
    assert code == exits.FAILED
    return str(json.loads(out)["run"])


@pytest.fixture
def done(project: Path, typed, failed: str) -> str:
    (project / "ready").touch()
    code, out, _ = typed("fork", failed, *SCRIPT, "--output-format", "json")
    assert code == exits.DONE
    return str(json.loads(out)["run"])


def test_a_failed_run_names_the_way_on(typed, failed: str):
    code, _, err = typed("resume", failed)
    assert code == exits.FAILED
    assert err == (
        f"error: run {failed} has ended: failed\n"
        f"hint: `agentflow fork {failed}` begins a new run that keeps what this one has done\n"
    )
    assert f"a new run from there: agentflow fork {failed}" in typed("show", failed)[1]


def test_a_fork_says_what_it_reuses_and_show_and_runs_tell_where_it_came_from(project: Path, typed, failed: str):
    (project / "ready").touch()
    code, out, err = typed("fork", failed, *SCRIPT[:2])
    assert (code, out) == (exits.DONE, "said write a ␛[31mred plan\n")
    assert err.startswith(
        f"goes on from run {failed}, from where it failed\n"
        "  reused  plan\n  runs    check: it failed\n  runs    write: it needs check, which runs again\n"
    )
    assert "plan  done (reused)\n" in err
    runs = json.loads(typed("runs", "--output-format", "json")[1])
    assert [run["goes_on_from"] for run in runs] == [failed, None]
    assert f"  {failed}\n" in typed("runs")[1]
    shown = typed("show", runs[0]["run"])[1]
    assert f"\ngoes on from run {failed}, from where it failed\n" in shown
    assert "✓ plan  done  reused\n" in shown
    body = json.loads(typed("show", runs[0]["run"], "--output-format", "json")[1])
    assert body["lineage"] == {"run": failed, "how": "fork", "steps": [], "session": None, "turn": None}
    assert [step["reused"] for step in body["steps"]] == [True, False, False]
    assert body["turns"] == 1, "what the older run spent is its own"


def test_a_preview_runs_nothing(typed, done: str):
    code, out, err = typed("fork", done, "--from", "write", "--preview", "--quiet")
    assert (code, err) == (exits.DONE, "")
    assert out == (
        f"it would be a run that goes on from run {done}, from write\n"
        "  reused  plan\n  reused  check\n  runs    write: you asked for it\n"
    )
    as_json = json.loads(typed("fork", done, "--from", "write", "--preview", "--output-format", "json")[1])
    assert as_json["goes_on_from"] == done
    assert as_json["steps"][2] == {"step": "write", "reused": False, "why": "you asked for it", "inside": 0}
    assert len(json.loads(typed("runs", "--output-format", "json")[1])) == 2


def test_an_edited_file_tells_step_by_step_and_says_what_it_widens(project: Path, typed, done: str):
    edited = FLOW.replace("write {{ steps", "rewrite {{ steps").replace("tools: [Glob]", "tools: [Glob, Read]")
    (project / "flow.yaml").write_text(edited)
    code, out, _ = typed("resume", done, "--edited", "--preview", "--quiet")
    assert code == exits.DONE
    assert out.splitlines()[1:] == [
        "  runs    plan: agent writer changed: tools",
        "  reused  check",
        "  runs    write: its prompt changed; agent writer changed: tools",
        "  new: agent writer may use Read",
    ]
    body = json.loads(typed("resume", done, "--edited", "flow.yaml", "--preview", "--output-format", "json")[1])
    assert body["widened"] == ["agent writer may use Read"]
    (project / "flow.yaml").write_text(FLOW.replace("write {{ steps", "rewrite {{ steps"))
    code, out, _ = typed("resume", done, "--edited", *SCRIPT)
    assert (code, out) == (exits.DONE, "said rewrite a ␛[31mred plan\n")
    stream = typed("resume", done, "--edited", *SCRIPT, "--output-format", "stream-json")[1]
    types = [json.loads(line)["type"] for line in stream.splitlines()]
    assert types[-1] == "result"


def test_an_edit_with_an_error_runs_nothing_and_names_the_place(project: Path, typed, done: str):
    (project / "flow.yaml").write_text(FLOW.replace("agent: writer", "agent: writr"))
    code, _, err = typed("resume", done, "--edited", "--preview")
    assert code == exits.INVALID
    assert "flow.yaml:7:" in err
    (project / "flow.yaml").unlink()
    code, _, err = typed("resume", done, "--edited", "--preview")
    assert code == exits.INVALID
    assert "AF106" in err


def test_options_of_an_edit_want_an_edit(typed, failed: str):
    for words in (("--preview",), ("flow.yaml",), ("-i", "topic=tea")):
        code, _, err = typed("resume", failed, *words)
        assert code == exits.INVALID
        assert "go with `--edited`" in err
    assert typed("resume", "--edited", failed, "--preview")[0] == exits.DONE


def test_an_input_is_another_only_where_nothing_kept_has_read_it(typed, done: str):
    code, _, err = typed("fork", done, "--from", "write", "-i", "topic=milk", "--preview")
    assert code == exits.INVALID
    assert "step `plan` has read `inputs.topic`" in err
    assert f"agentflow fork {done} --from plan" in err
    assert typed("fork", done, "--from", "plan", "-i", "topic=milk", "--preview")[0] == exits.DONE
    code, _, err = typed("fork", done, "--from", "plan", "-i", "topci=milk", "--preview")
    assert code == exits.INVALID
    assert "did you mean `topic`" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--from", "plam"), "did you mean `plan`"),
        (("--from", "plan[0]"), "has no `plan[0]`"),
        ((), "nothing of it failed"),
    ],
)
def test_a_slip_in_a_step_names_those_that_are(typed, done: str, words: tuple[str, ...], says: str):
    code, _, err = typed("fork", done, *words)
    assert code == exits.INVALID
    assert says in err
    assert "\nhint: " in err


def test_a_run_that_is_not_there_is_said(typed, done: str):
    for words in (("fork", "zz"), ("sessions", "zz"), ("session", "zz", "plan"), ("continue", "zz", "plan", "x")):
        code, _, err = typed(*words)
        assert code == exits.FAILED
        assert "there is no run zz" in err


def test_sessions_are_listed_and_shown(typed, failed: str):
    code, out, _ = typed("sessions", failed)
    assert code == exits.DONE
    assert out.splitlines()[0].split() == ["SESSION", "AGENT", "STATE", "TURNS", "TOOLS", "TOKENS", "COST", "TIME"]
    assert out.splitlines()[1].split()[:5] == ["plan", "writer", "done", "2", "1"]
    (listed,) = json.loads(typed("sessions", failed, "--output-format", "json")[1])
    assert (listed["name"], listed["turns"], listed["state"]) == ("plan", 2, "done")
    code, out, _ = typed("session", failed, "writer")
    assert code == exits.DONE
    assert "\x1b" not in out
    assert "user\n  plan tea\n" in out
    assert 'calls Glob\n  {"pattern": "*.yaml"}\n' in out
    assert "agent\n  a ␛[31mred plan\n" in out
    body = json.loads(typed("session", failed, "plan", "--output-format", "json")[1])
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "user", "assistant"]
    assert body["last_request"]["turn"] == 2
    assert body["last_reply"]["stop_reason"] == "end_turn"
    assert sum(body["time"].values()) == pytest.approx(body["seconds"], abs=0.002)


def test_a_long_session_is_cut_unless_all_of_it_is_wanted(project: Path, typed):
    lines = "\\n".join(f"line {number}" for number in range(40))
    (project / "replies.yaml").write_text(f'replies: {{writer: [{{text: "{lines}"}}]}}')
    (project / "ready").touch()
    run = json.loads(typed("run", "flow.yaml", *SCRIPT, "--output-format", "json")[1])["run"]
    assert "… 28 more lines" in typed("session", run, "plan")[1]
    whole = typed("session", run, "plan", "--full")[1]
    assert "more lines" not in whole
    assert "line 39" in whole


def test_a_session_is_continued_with_a_new_prompt(typed, failed: str):
    code, out, err = typed("continue", failed, "plan", "and shorter", *SCRIPT[:2])
    assert (code, out) == (exits.DONE, "said and shorter\n")
    assert err.startswith(f"carries on session plan of run {failed}\n")
    code, out, _ = typed("continue", failed, "plan", "from there", "--at", "1", *SCRIPT, "--output-format", "json")
    assert code == exits.DONE
    shown = typed("session", json.loads(out)["run"], "plan")[1]
    assert "red plan" not in shown
    assert "user\n  from there\n" in shown


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("plan", " "), "nothing to say"),
        (("wirter", "x"), "say which: plan"),
        (("plan", "x", "--at", "9"), "it has 2 turns"),
        (("plan", "x", "--at", "0"), "--at"),
    ],
)
def test_a_slip_in_a_session_names_those_that_are(typed, failed: str, words: tuple[str, ...], says: str):
    code, _, err = typed("continue", failed, *words, *SCRIPT)
    assert code == exits.INVALID
    assert says in err


def test_a_continued_session_can_read_the_large_results_it_was_told_of(project: Path, typed):
    tool = "tools: {big: {description: Counts., run: [seq, '20000'], effects: none, labels: []}}\n"
    flow = FLOW.replace("steps:", f"{tool}steps:", 1).replace("tools: [Glob]", "tools: [big, Read]")
    (project / "flow.yaml").write_text(flow)
    replies = """replies:
  writer:
    - match: plan tea
      turns: [{tools: [{name: big, input: {}}]}, {text: "{{ results[0] }}"}]
    - match: once more
      turns:
        - tools: [{name: Read, input: {file_path: NAME, offset: 9000, limit: 1}}]
        - text: "{{ results[0] }}"
"""
    (project / "replies.yaml").write_text(replies)
    run = json.loads(typed("run", "flow.yaml", *SCRIPT, "--output-format", "json")[1])["run"]
    name = next((project / ".agentflow" / "results" / run).iterdir()).name
    (project / "replies.yaml").write_text(replies.replace("NAME", f".agentflow/results/{name}"))
    code, out, err = typed("continue", run, "plan", "once more", *SCRIPT)
    assert (code, "9000" in out) == (exits.DONE, True), (out, err)
