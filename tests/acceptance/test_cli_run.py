"""`agentflow run`, `resume`, `approve`, `reject`, `show` and `runs` against a Messages API on this machine."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.cli_process import Cli, environment, run_id
from tests.messages_api.process import MessagesProcess

REPLIES = """
- match: {first_user: "List the questions"}
  text: '{"questions": ["what", "who"]}'
- match: {first_user: "escape"}
  text: "\\e[31mred\\e]0;title\\a \\u202Egnp.exe [bold]plain[/bold]"
- match: {first_user: "loop"}
  tools: [{name: Glob, input: {pattern: "*.nothing"}}]
- match: {first_user: "refuse"}
  text: "I will not."
  stop_reason: refusal
- text: "An answer."
"""

HEAD = """agentflow: 1
name: demo
sandbox: off
defaults: {model: claude-sonnet-5-5}
"""

FAN_OUT = (
    HEAD
    + """inputs:
  topic: {type: string}
  depth: {type: integer, default: 2, minimum: 1, maximum: 4}
agents:
  planner:
    instructions: You plan.
    output:
      type: object
      properties: {questions: {type: array, items: {type: string}}}
      required: [questions]
steps:
  plan: {agent: planner, prompt: "List the questions about {{ inputs.topic }}, {{ inputs.depth }} deep."}
  research:
    for_each: steps.plan.output.questions
    as: question
    step: {agent: {instructions: Answer.}, prompt: "{{ question }}"}
  unwanted: {when: inputs.depth > 3, value: inputs.topic}
outputs: {answers: steps.research.output}
"""
)

GATE = (
    HEAD
    + """steps:
  draft: {agent: {instructions: Write.}, prompt: Write it}
  publish: {approve: "Publish this?", show: "{{ steps.draft.output }}"}
  save:
    needs: [publish]
    run: [tee, out.txt]
    stdin: "{{ steps.draft.output }}"
    if_skipped: nothing was saved
outputs: {saved: steps.save.output}
"""
)


def one_agent(prompt: str, extra: str = "") -> str:
    return (
        HEAD
        + f"""steps:
  ask: {{agent: {{instructions: Be brief., tools: [Glob]{extra}}}, prompt: {prompt}}}
outputs: {{said: steps.ask.output}}
"""
    )


@pytest.fixture
def api(tmp_path: Path) -> Iterator[MessagesProcess]:
    script = tmp_path / "replies.yaml"
    script.write_text(REPLIES)
    with MessagesProcess(script, log=tmp_path / "log.jsonl") as process:
        yield process


@pytest.fixture
def cli(tmp_path: Path, api: MessagesProcess) -> Cli:
    project = tmp_path / "project"
    project.mkdir()
    (project / "fan_out.yaml").write_text(FAN_OUT)
    (project / "gate.yaml").write_text(GATE)
    return Cli(project, environment(tmp_path, api.base_url))


def test_a_run_goes_to_its_end_and_prints_its_only_output(cli: Cli, api: MessagesProcess):
    done = cli("run", "fan_out.yaml", "-i", "topic=tea", "-i", "depth=2")
    assert (done.code, json.loads(done.out)) == (0, ["An answer.", "An answer."]), done.err
    assert "research  started (2 items)" in done.err
    assert "unwanted  skipped: its `when` is false" in done.err
    assert api.stats()["refused"] == 0


def test_quiet_prints_the_result_and_nothing_else(cli: Cli):
    (cli.folder / "one.yaml").write_text(one_agent("Hello"))
    done = cli("run", "one.yaml", "--quiet")
    assert (done.code, done.out, done.err) == (0, "An answer.\n", "")


def test_json_gives_one_object(cli: Cli):
    done = cli("run", "fan_out.yaml", "--inputs", "-", "--output-format", "json", stdin='{"topic": "tea"}')
    result = json.loads(done.out)
    assert (done.code, result["type"], result["status"]) == (0, "result", "done"), done.err
    assert result["outputs"] == {"answers": ["An answer.", "An answer."]}
    assert result["turns"] == 3
    assert result["cost_usd"] > 0
    assert result["usage"]["output_tokens"] > 0
    assert result["waiting"] == []


def test_stream_json_gives_every_event_as_the_journal_has_it_and_the_result_last(cli: Cli):
    done = cli("run", "fan_out.yaml", "-i", "topic=tea", "--output-format", "stream-json")
    events = [json.loads(row) for row in done.out.splitlines()]
    assert events[0]["type"] == "run_started"
    assert events[-1]["type"] == "result"
    assert all({"stream", "type", "at"} <= event.keys() for event in events[:-1])
    shown = cli("show", events[0]["run"], "--events", "--output-format", "json")
    assert [json.loads(row) for row in shown.out.splitlines()] == events[:-1]


def test_an_input_of_the_wrong_type_is_refused_before_anything_runs(cli: Cli, api: MessagesProcess):
    done = cli("run", "fan_out.yaml", "-i", "topic=tea", "-i", "depth=deep")
    assert done.code == 2
    assert "input `depth`: it is not a whole number" in done.err
    assert cli("run", "fan_out.yaml").code == 2
    assert cli("run", "fan_out.yaml", "-i", "topic=tea", "-i", "topik=x").code == 2
    assert api.stats()["requests"] == 0


def test_an_input_can_be_a_files_text(cli: Cli, api: MessagesProcess):
    (cli.folder / "topic.txt").write_text("green tea")
    assert cli("run", "fan_out.yaml", "-i", "topic=@topic.txt").code == 0
    assert any("green tea" in json.dumps(request) for request in api.requests())
    missing = cli("run", "fan_out.yaml", "-i", "topic=@nothing.txt")
    assert (missing.code, "'nothing.txt' cannot be read" in missing.err) == (2, True)


def test_an_invalid_file_is_refused_with_its_places(cli: Cli):
    (cli.folder / "bad.yaml").write_text(HEAD + "steps:\n  one: {value: steps.two.output}\n")
    done = cli("run", "bad.yaml", "--output-format", "json")
    error = json.loads(done.out)
    assert (done.code, error["type"]) == (2, "error")
    assert [found["code"] for found in error["diagnostics"]] == ["AF404", "AF301"]
    assert "bad.yaml:6:" in done.err


def test_a_failed_run_exits_1_and_names_the_step(cli: Cli):
    (cli.folder / "one.yaml").write_text(one_agent("Please refuse"))
    done = cli("run", "one.yaml")
    assert done.code == 1
    assert "error: step ask failed" in done.err
    assert "agentflow show" in done.err


def test_a_run_that_a_limit_stops_exits_3(cli: Cli):
    (cli.folder / "one.yaml").write_text(one_agent("loop", ", stop: {turns: 2, repeated_calls: 10}"))
    done = cli("run", "one.yaml", "--output-format", "json")
    assert (done.code, json.loads(done.out)["failure"]["kind"]) == (3, "turns"), done.err


def test_a_gate_pauses_the_run_and_tells_how_to_answer(cli: Cli):
    paused = cli("run", "gate.yaml")
    run = run_id(paused.err)
    assert (paused.code, paused.out) == (4, "")
    assert "Publish this?" in paused.err
    assert f"agentflow approve {run} publish" in paused.err
    assert f"agentflow reject {run} publish" in paused.err
    approved = cli("approve", run, "publish", "--comment", "good")
    assert (approved.code, approved.out) == (0, "An answer.\n"), approved.err
    assert (cli.folder / "out.txt").read_text() == "An answer."
    again = cli("approve", run, "publish")
    assert (again.code, "asks nothing at 'publish'" in again.err) == (1, True)


def test_json_names_the_gates_that_wait(cli: Cli):
    paused = cli("run", "gate.yaml", "--output-format", "json")
    result = json.loads(paused.out)
    assert (paused.code, result["status"]) == (4, "waiting")
    assert [(gate["step"], gate["message"], gate["show"]) for gate in result["waiting"]] == [
        ("publish", "Publish this?", "An answer.")
    ]


def test_a_rejected_gate_skips_what_needs_it(cli: Cli):
    run = run_id(cli("run", "gate.yaml").err)
    rejected = cli("reject", run[:-2], "publish", "--comment", "not yet")
    assert (rejected.code, rejected.out) == (0, "nothing was saved\n"), rejected.err
    assert not (cli.folder / "out.txt").exists()
    shown = cli("show", run)
    assert "rejected" in shown.out
    assert "save  skipped" in shown.out


def test_yes_answers_every_gate_and_says_so(cli: Cli):
    done = cli("run", "gate.yaml", "--yes")
    assert (done.code, done.out) == (0, "An answer.\n")
    assert "publish  approved by --yes" in done.err


def test_an_interrupted_run_goes_on_where_it_was(cli: Cli, api: MessagesProcess):
    (cli.folder / "two.yaml").write_text(
        HEAD
        + """steps:
  first: {run: [tee, -a, first.txt], stdin: once}
  second: {agent: {instructions: Go on.}, prompt: "After {{ steps.first.output }}"}
outputs: {said: steps.second.output}
"""
    )
    api.hold()
    process = cli.start("run", "two.yaml")
    api.until_in_flight(1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    api.release()  # only now: a reply could overtake the signal
    run = run_id(err)
    assert (process.returncode, out) == (130, ""), err
    assert f"interrupted; resume with: agentflow resume {run}" in err
    assert "interrupted" in cli("runs").out
    resumed = cli("resume", run)
    assert (resumed.code, resumed.out) == (0, "An answer.\n"), resumed.err
    assert (cli.folder / "first.txt").read_text() == "once"
    assert "first  started" not in resumed.err


def test_a_second_signal_ends_the_process_at_once(cli: Cli, api: MessagesProcess):
    api.hold()
    (cli.folder / "slow.yaml").write_text(HEAD + "steps:\n  ask: {agent: {instructions: Wait.}, prompt: Wait}\n")
    process = cli.start("run", "slow.yaml")
    api.until_in_flight(1)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    listed = json.loads(cli("runs", "--output-format", "json").out)
    assert [run["status"] in ("interrupted", "crashed") for run in listed] == [True]


def test_what_a_model_says_is_shown_inert(cli: Cli):
    (cli.folder / "one.yaml").write_text(one_agent("escape"))
    done = cli("run", "one.yaml")
    assert done.code == 0
    assert done.out == "␛[31mred␛]0;title␇ ⟦U+202E⟧gnp.exe [bold]plain[/bold]\n"
    assert "\x1b" not in done.err


def test_what_a_model_says_is_inert_in_a_terminal_too(cli: Cli):
    (cli.folder / "gate.yaml").write_text(GATE.replace("Write it", "escape"))
    done = cli.in_terminal("run", "gate.yaml", answers={"approve? ": "y\n", "comment": "fine\n"})
    assert done.code == 0, done.out
    assert "\x1b]0;" not in done.out
    assert "\x1b[31mred" not in done.out
    assert "\u202e" not in done.out
    assert "␛[31mred␛]0;title␇" in done.out
    assert "publish: approved by" not in done.out


def test_a_person_who_closes_the_input_decides_later(cli: Cli):
    done = cli.in_terminal("run", "gate.yaml", answers={"approve? ": "\x04"})
    assert done.code == 130, done.out
    assert "left open" in done.out
    assert cli("approve", run_id(done.out), "publish").code == 0


def test_a_scripted_run_needs_no_key_and_says_whose_words_they_are(cli: Cli, api: MessagesProcess):
    (cli.folder / "words.yaml").write_text("replies:\n  draft: [{text: Scripted words.}]\n")
    keyless = Cli(cli.folder, {name: value for name, value in cli.env.items() if "ANTHROPIC" not in name})
    refused = keyless("run", "gate.yaml")
    assert (refused.code, "--scripted" in refused.err) == (1, True)
    paused = keyless("run", "gate.yaml", "--scripted", "words.yaml")
    assert "the model's words are scripted, from words.yaml" in paused.err
    assert f"agentflow approve {run_id(paused.err)} publish --scripted words.yaml" in paused.err
    done = keyless("approve", run_id(paused.err), "publish", "--scripted", "words.yaml")
    assert (done.code, done.out) == (0, "Scripted words.\n")
    assert api.stats()["requests"] == 0


def test_show_tells_the_story_of_a_run(cli: Cli):
    run = run_id(cli("run", "fan_out.yaml", "-i", "topic=tea").err)
    shown = cli("show", run[:13])
    assert shown.code == 0
    assert "plan  agent planner  done" in shown.out
    assert "its `when` is false: inputs.depth > 3" in shown.out
    body = json.loads(cli("show", run, "--output-format", "json").out)
    assert [step["path"] for step in body["steps"]] == ["plan", "research", "unwanted"]
    assert body["outputs"] == {"answers": ["An answer.", "An answer."]}
    assert "research[1]" in [item["path"] for item in body["steps"][1]["inside"]]


def test_runs_lists_the_newest_first_and_prune_deletes_those_that_ended(cli: Cli):
    assert (cli("runs").code, cli("show", "2").code) == (1, 1)
    waiting = run_id(cli("run", "gate.yaml").err)
    done = run_id(cli("run", "fan_out.yaml", "-i", "topic=tea").err)
    listed = json.loads(cli("runs", "--output-format", "json").out)
    assert [(run["run"], run["status"]) for run in listed] == [(done, "done"), (waiting, "waiting")]
    assert cli("prune", "--older-than", "1d").out == "0 runs deleted\n"
    assert cli("prune", "--older-than", "0s").out == "1 run deleted\n"
    assert [row.split()[0] for row in cli("runs").out.splitlines()[1:]] == [waiting]


def test_a_run_elsewhere_is_found_by_its_project(cli: Cli):
    outside = Cli(cli.folder.parent, cli.env)
    paused = outside("run", "project/gate.yaml")
    command = f"agentflow approve {run_id(paused.err)} publish --project project"
    assert command in paused.err
    assert outside(*command.split()[1:]).code == 0


def test_an_answer_to_a_run_at_work_is_left_to_its_process(cli: Cli, api: MessagesProcess):
    (cli.folder / "both.yaml").write_text(
        HEAD
        + """steps:
  slow: {agent: {instructions: Wait.}, prompt: Wait}
  gate: {approve: "Go on?"}
outputs: {said: steps.slow.output}
"""
    )
    api.hold()
    process = cli.start("run", "both.yaml")
    api.until_in_flight(1)
    run = json.loads(cli("runs", "--output-format", "json").out)[0]["run"]
    answered = cli("approve", run, "gate")
    api.release()
    out, err = process.communicate(timeout=60)
    assert (answered.code, "another process is at work" in answered.err) == (0, True), answered.err
    assert (process.returncode, out) == (0, "An answer.\n"), err
    assert "gate  approved by" in err


def test_a_run_whose_reader_is_gone_stops_and_can_be_resumed(cli: Cli, api: MessagesProcess):
    api.hold()
    process = cli.start("run", "fan_out.yaml", "-i", "topic=tea", "--output-format", "stream-json")
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["type"] == "run_started"
    api.until_in_flight(1)
    process.stdout.close()
    process.stdout = None
    api.release()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert cli("resume", run_id(err)).code == 0


def test_the_second_of_two_gates_is_asked_after_the_first(cli: Cli):
    (cli.folder / "gates.yaml").write_text(
        HEAD
        + """steps:
  one: {approve: "First?"}
  two: {approve: "Second?", on_reject: continue}
outputs: {answers: "[steps.one.status, steps.two.approved]"}
"""
    )
    both = {
        "First?\r\napprove? ": "y\n",
        "Second?\r\napprove? ": "n\n",
        "n\r\ncomment": "\n",
        "y\r\ncomment": "\n",
    }
    done = cli.in_terminal("run", "gates.yaml", answers=both)
    assert done.code == 0, done.out
    assert done.out.index("First?") < done.out.index("Second?")
    assert '"done",\r\n  false' in done.out


def test_an_answer_from_elsewhere_ends_the_question_in_the_terminal(cli: Cli):
    def elsewhere() -> None:
        run = json.loads(cli("runs", "--output-format", "json").out)[0]["run"]
        assert cli("approve", run, "publish", "--comment", "from afar").code == 0

    done = cli.in_terminal("run", "gate.yaml", answers={"approve? ": elsewhere})
    assert done.code == 0, done.out
    assert "not needed any more" in done.out
    assert "publish: approved by" in done.out
    assert "from afar" in done.out
