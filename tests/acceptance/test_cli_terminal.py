"""What is seen of a run in its terminal and from another one, and how it is cancelled from there.

A step of the run reads a named pipe, so that the run stands still until the test lets it go on.
"""

import errno
import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.acceptance.cli_process import SECONDS, Cli, environment, run_id

FLOW = """agentflow: 1
name: demo
sandbox: "off"
limits: {cost_usd: 2}
inputs:
  wanted: {type: boolean, default: false}
agents:
  reader: {instructions: Read., tools: [Grep], stop: {turns: 7}}
steps:
  talk: {agent: reader, prompt: Look.}
  hold: {needs: [talk], run: [cat, hold], effects: none}
  unwanted: {when: inputs.wanted, value: inputs.wanted}
outputs: {said: steps.talk.output, held: steps.hold.output}
"""
REPLIES = """replies:
  reader:
    - {text: I look for it., tools: [{name: Grep, input: {pattern: agentflow}}]}
    - text: "It is there.\\n\\e[2JNothing else is."
"""
ASK = """agentflow: 1
name: asked
steps:
  ask: {approve: "Go on?"}
"""


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    project = tmp_path / "project"
    project.mkdir()
    (project / "flow.yaml").write_text(FLOW)
    (project / "replies.yaml").write_text(REPLIES)
    (project / "ask.yaml").write_text(ASK)
    os.mkfifo(project / "hold")
    return Cli(project, environment(tmp_path, "http://127.0.0.1:9"))


RUN = ("run", "flow.yaml", "--scripted", "replies.yaml")


def let_go(cli: Cli) -> None:
    with (cli.folder / "hold").open("w") as pipe:
        pipe.write("held")


@pytest.fixture
def held(cli: Cli) -> Iterator["Held"]:
    """A run that stands still."""
    process = cli.start(*RUN)
    assert process.stderr is not None
    seen = ""
    try:
        for line in process.stderr:
            seen += line
            if line.rstrip().endswith("hold  started"):
                break
        yield Held(cli, process, run_id(seen))
    finally:
        process.kill()
        process.communicate()


class Held:
    def __init__(self, cli: Cli, process: "subprocess.Popen[str]", run: str) -> None:
        self.cli = cli
        self.process = process
        self.run = run

    def end(self) -> tuple[int, str]:
        """Waits for its end; the exit code and what else it said."""
        _, err = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, err


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)


# The run's own terminal


def test_a_terminal_shows_a_tree_and_keeps_its_end_and_the_summary(cli: Cli):
    done = cli.in_terminal(*RUN, answers={"cat hold": lambda: let_go(cli)})
    assert done.code == 0, done.out
    shown = plain(done.out)
    assert re.search(r"demo  \d of 3 steps +run \d{8}-\d{6}-[0-9a-f]{4}", shown)
    assert "● hold" in shown
    assert "of $2.00" in shown
    end = shown[shown.rindex("✓ talk reader") :]
    assert "○ unwanted" in end
    assert "its `when` is false" in end
    assert "steps    2 done, 1 skipped" in end
    assert re.search(r"cost     \$0\.\d+ of \$2\.00 \(claude-sonnet-5-5\)", end)
    assert "started" not in shown
    assert done.out.rindex("\x1b[?25h") > done.out.rindex("\x1b[?25l")


def test_no_color_takes_the_colours_and_leaves_the_tree(cli: Cli):
    grey = replace(cli, env={**cli.env, "NO_COLOR": "1"})
    done = grey.in_terminal(*RUN, answers={"cat hold": lambda: let_go(cli)})
    assert done.code == 0, done.out
    assert "● hold" in plain(done.out)
    assert re.findall(r"\x1b\[[0-9;]*3[0-7][0-9;]*m", done.out) == []


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"CI": "true"}])
def test_where_nothing_can_be_drawn_there_are_lines(cli: Cli, variables: dict[str, str]):
    there = replace(cli, env={**cli.env, **variables})
    done = there.in_terminal(*RUN, answers={"hold  started": lambda: let_go(cli)})
    assert done.code == 0, done.out
    assert "hold  done" in done.out
    assert "\x1b[?25l" not in done.out
    assert "\x1b[?2026h" not in done.out


def test_an_interrupted_run_leaves_the_terminal_as_it_was(cli: Cli):
    left = cli.in_terminal(*RUN, answers={"cat hold": "\x03"})
    assert left.code == 130, left.out
    assert left.out.rindex("\x1b[?25h") > left.out.rindex("\x1b[?25l")
    assert left.out.rindex("\x1b[?7h") > left.out.rindex("\x1b[?7l")
    assert "interrupted; resume with: agentflow resume" in left.out


def test_a_resumed_run_shows_what_is_to_come_and_its_cap(cli: Cli):
    left = cli.in_terminal(*RUN, answers={"cat hold": "\x03"})
    again = cli.in_terminal(
        "resume", run_id(left.out), "--scripted", "replies.yaml", answers={"cat hold": lambda: let_go(cli)}
    )
    assert again.code == 0, again.out
    assert re.search(r"\d of 3 steps", plain(again.out))
    assert "of $2.00" in again.out


def test_the_words_of_agents_are_shown_on_request(cli: Cli, held: Held):
    let_go(cli)
    assert held.end()[0] == 0
    watched = cli("watch", held.run, "--stream")
    assert "talk | I look for it." in watched.out
    assert 'talk | → Grep "agentflow"' in watched.out
    assert "talk | It is there." in watched.out
    assert "talk | ␛[2JNothing else is." in watched.out


def test_words_come_above_the_tree_as_they_are_written(cli: Cli):
    done = cli.in_terminal(*RUN, "--stream", answers={"cat hold": lambda: let_go(cli)})
    assert done.code == 0, done.out
    assert "talk | It is there." in plain(done.out)
    assert "\x1b[2JNothing" not in done.out


# From another terminal


def test_who_watches_in_a_pipe_gets_the_lines_from_the_beginning_and_the_end(cli: Cli, held: Held):
    watching = cli.start("watch", held.run[:-1])
    assert watching.stdout is not None
    lines = []
    for line in watching.stdout:
        lines.append(line)
        if line.rstrip().endswith("hold  started"):
            let_go(cli)
    watching.wait(timeout=SECONDS)
    assert watching.returncode == 0
    assert "started: demo (flow.yaml)" in lines[0]
    assert [line.split()[1:3] for line in lines if "hold" in line][:2] == [["hold", "started"], ["hold", "done"]]
    assert lines[-1].startswith("done · ")
    assert any(line.startswith("  cost     ") for line in lines)
    watching.communicate()


def test_who_watches_on_a_terminal_sees_the_same_tree(cli: Cli, held: Held):
    seen = cli.in_terminal("watch", answers={"cat hold": lambda: let_go(cli)})
    assert seen.code == 0, seen.out
    shown = plain(seen.out)
    assert re.search(rf"demo  \d of 3 steps +run {held.run}", shown)
    assert "✓ hold" in shown
    assert f"agentflow show {held.run} has its outputs" in shown


def test_leaving_does_not_end_the_run(cli: Cli, held: Held):
    left = cli.in_terminal("watch", held.run, answers={"cat hold": "\x03"})
    assert left.code == 130, left.out
    assert f"left; run {held.run} goes on" in left.out
    assert held.process.poll() is None
    let_go(cli)
    assert held.end()[0] == 0


def test_who_watches_is_told_that_the_process_died(cli: Cli, held: Held):
    watching = cli.start("watch", held.run)
    assert watching.stdout is not None
    for line in watching.stdout:
        if line.rstrip().endswith("hold  started"):
            held.process.kill()
            held.process.wait()
    assert watching.stderr is not None
    said = watching.stderr.read()
    assert watching.wait(timeout=SECONDS) == 1
    assert f"the process that was at work on run {held.run} is gone" in said
    assert f"agentflow resume {held.run}" in said
    watching.communicate()


def test_programs_can_follow_a_run(cli: Cli, held: Held):
    let_go(cli)
    assert held.end()[0] == 0
    watched = cli("watch", held.run, "--output-format", "stream-json")
    bodies = [json.loads(line) for line in watched.out.splitlines()]
    assert watched.code == 0
    assert bodies[0]["type"] == "run_started"
    assert bodies[-1]["type"] == "result"
    assert bodies[-1]["summary"]["steps"] == {"done": 2, "skipped": 1}


def test_a_run_that_waits_for_a_person_is_told_with_how_to_answer(cli: Cli):
    run = run_id(cli("run", "ask.yaml").err)
    watched = cli("watch", run)
    assert watched.code == 4
    assert "waiting for a person at ask: Go on?" in watched.out
    assert f"agentflow approve {run} ask" in watched.out


@pytest.mark.parametrize("begun", [False, True], ids=["no journal", "a journal that is only just being made"])
def test_the_next_run_is_waited_for_also_where_there_is_no_journal_yet(cli: Cli, begun: bool):
    if begun:
        (cli.folder / ".agentflow").mkdir(mode=0o700)
        (cli.folder / ".agentflow" / "journal.db").touch(mode=0o600)
    watching = cli.start("watch", "--next")
    assert watching.stderr is not None
    assert watching.stderr.readline() == "waiting for a run to begin\n"
    assert cli("run", "ask.yaml").code == 4
    out, _ = watching.communicate(timeout=SECONDS)
    assert watching.returncode == 4
    assert "started: asked (ask.yaml)" in out


def test_where_nothing_is_at_work_there_is_nothing_to_watch(cli: Cli):
    assert cli("run", "ask.yaml").code == 4
    nothing = cli("watch")
    assert (nothing.code, nothing.out) == (1, "")
    assert "no run is at work" in nothing.err
    assert "--next" in nothing.err
    assert "there is no run 1999" in cli("watch", "1999").err


# Cancelling


def test_a_run_at_work_is_cancelled_with_what_it_had_started(cli: Cli, held: Held):
    done = cli("cancel", held.run, "--reason", "it \x1b[2Jcosts")
    assert done.code == 0, done.err
    assert f"cancelled: run {held.run}" in done.err
    code, said = held.end()
    assert code == 1
    assert "cancelled the run: it ␛[2Jcosts (cancelled)" in said
    with pytest.raises(OSError, match="No such device") as nobody_reads:
        os.open(cli.folder / "hold", os.O_WRONLY | os.O_NONBLOCK)
    assert nobody_reads.value.errno == errno.ENXIO
    assert "failed (cancelled)" in cli("runs").out


def test_a_cancelled_run_cannot_go_on_and_says_so(cli: Cli):
    run = run_id(cli("run", "ask.yaml").err)
    assert cli("cancel", run).code == 0
    for refused in (cli("resume", run), cli("approve", run, "ask")):
        assert refused.code == 1
    assert "has ended: cancelled" in cli("resume", run).err
    again = cli("cancel", run)
    assert (again.code, "has ended already: cancelled" in again.err) == (1, True)
    watched = cli("watch", run)
    assert (watched.code, "cancelled by" in watched.out) == (1, True)


def test_a_run_whose_process_died_is_cancelled(cli: Cli, held: Held):
    held.process.kill()
    held.process.wait()
    assert cli("cancel", held.run).code == 0
    assert "failed (cancelled)" in cli("runs").out


def test_a_run_that_ended_by_itself_is_not_cancelled(cli: Cli, held: Held):
    let_go(cli)
    assert held.end()[0] == 0
    late = cli("cancel", held.run)
    assert (late.code, late.err.startswith("error: ")) == (1, True)
    assert "has ended already: done" in late.err
