"""`agentflow rewind`, as it is typed."""

import json
from pathlib import Path

import pytest

from agentflow.cli import exits
from agentflow.cli.main import run_command

FLOW = """agentflow: 1
name: demo
sandbox: "off"
agents: {writer: {instructions: Write., tools: [Write, Bash]}}
steps:
  draft: {agent: writer, prompt: draft}
  review: {agent: writer, prompt: review, needs: [draft]}
"""
REPLIES = """replies:
  writer:
    - match: draft
      turns:
        - tools: [{name: Write, input: {file_path: a.txt, content: drafted}}]
        - text: done
    - match: review
      turns:
        - tools: [{name: Write, input: {file_path: a.txt, content: reviewed}}]
        - tools: [{name: Bash, input: {command: "echo \\x1b[31mx > b.txt"}}]
        - text: done
"""


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Types a command; gives its code, what it said on standard output, and on standard error."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "replies.yaml").write_text(REPLIES)
    monkeypatch.chdir(tmp_path)

    def type_it(*words: str) -> tuple[int, str, str]:
        code = run_command(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return type_it


@pytest.fixture
def run(typed) -> str:
    code, out, err = typed("run", "flow.yaml", "--scripted", "replies.yaml", "--quiet", "--output-format", "json")
    assert code == exits.DONE, err
    found: str = json.loads(out)["run"]
    return found


def test_what_would_be_done_is_shown_with_what_is_not_covered(typed, run):
    code, out, _ = typed("rewind", run, "--to", "draft", "--dry-run")
    assert code == exits.DONE
    assert out.splitlines() == [
        "would put files back as they were before draft began",
        "  remove    a.txt  (Write by draft, Write by review)",
        "not covered: what 1 other call may have changed since",
        "  review  Bash: echo \N{SYMBOL FOR ESCAPE}[31mx > b.txt",
    ]
    assert Path("a.txt").read_text() == "reviewed"


def test_files_are_put_back_and_forth(typed, run):
    code, out, _ = typed("rewind", run, "--to", "review")
    assert code == exits.DONE
    assert "  restore   a.txt  (Write by review)" in out
    assert Path("a.txt").read_text() == "drafted"
    assert typed("rewind", run, "--undo")[0] == exits.DONE
    assert Path("a.txt").read_text() == "reviewed"


def test_a_conflict_is_told_and_nothing_is_done(typed, run):
    Path("a.txt").write_text("mine")
    code, out, err = typed("rewind", run, "--to", "draft")
    assert code == exits.FAILED
    assert out.startswith("nothing was done: 1 conflict\n")
    assert "conflict  a.txt  (Write by draft, Write by review; somebody else changed it since)" in out
    assert "--force" in err
    assert Path("a.txt").read_text() == "mine"
    assert typed("rewind", run, "--to", "draft", "--force")[0] == exits.DONE
    assert not Path("a.txt").exists()


def test_programs_read_it_as_json(typed, run):
    code, out, _ = typed("rewind", run, "--to", "review", "--output-format", "json")
    told = json.loads(out)
    assert code == exits.DONE
    assert (told["done"], told["number"], told["to"]) == (True, 1, "review")
    assert told["files"] == [
        {"path": "a.txt", "workspace": None, "fate": "restore", "why": None, "by": ["Write by review"]}
    ]
    assert told["not_covered"][0]["tool"] == "Bash"


def test_without_a_step_those_that_changed_files_are_named(typed, run):
    code, _, err = typed("rewind", run)
    assert code == exits.INVALID
    assert "draft, review" in err


def test_to_and_undo_exclude_each_other(typed, run):
    assert typed("rewind", run, "--to", "draft", "--undo")[0] == exits.INVALID


def test_a_run_that_was_rewound_is_shown_reported_and_forked_as_before(typed, run):
    before = typed("show", run)[1]
    typed("rewind", run, "--to", "draft")
    after = typed("show", run)[1]
    assert before.splitlines()[0] == after.splitlines()[0]
    assert typed("report", run, "-o", "page.html")[0] == exits.DONE
    assert typed("fork", run, "--from", "review", "--preview")[0] == exits.DONE


def test_events_for_programs_say_what_changed_and_not_what_it_held(typed):
    Path("a.txt").write_text("before")
    words = ("run", "flow.yaml", "--scripted", "replies.yaml", "--output-format", "stream-json")
    lines = [json.loads(line) for line in typed(*words)[1].splitlines()]
    changing = [line for line in lines if line["type"] == "file_changing"]
    assert [(line["step"], line["path"], line["size"], line["content"]) for line in changing] == [
        ("draft", "a.txt", 6, None),
        ("review", "a.txt", 7, None),
    ]
