"""`agentflow permissions test`, the permissions in `plan`, and edits that widen, as they are typed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from agentflow.cli import exits
from agentflow.cli.main import run_command

FLOW = """agentflow: 1
name: demo
sandbox: "off"
inputs: {folder: {type: string, format: path}}
permissions: {deny: ["Bash(git push *)"]}
tools:
  refund:
    description: Pays.
    run: [pay]
    labels: []
    input: {type: object, properties: {amount: {type: number}}, required: [amount]}
agents:
  clerk:
    description: Settles.
    tools: [Bash, refund, "Write({{ inputs.folder }}/**)"]
    permissions: {ask: ["refund(amount:>20)"], deny: ["refund(amount:>100)"]}
  boss: {tools: [Agent(clerk)], permissions: {mode: plan}}
steps:
  a: {agent: boss, prompt: Go}
"""


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    (tmp_path / ".git").mkdir()
    (tmp_path / "flow.yaml").write_text(FLOW)
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        code = run_command(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return run


Typed = Callable[..., tuple[int, str, str]]


def tried(typed: Typed, call: str, *more: str, agent: str = "clerk") -> tuple[int, str, str]:
    return typed("permissions", "test", "flow.yaml", agent, call, "-i", "folder=out", *more)


@pytest.mark.parametrize(
    ("call", "code", "said"),
    [
        ("Bash(git push origin)", exits.FAILED, "denied: `Bash(git push *)` denies it"),
        ("Bash(git status)", exits.DONE, "allowed: `tools` grants it"),
        ('refund({"amount": 7})', exits.DONE, "allowed: `tools` grants it"),
        ('refund({"amount": 70})', exits.WAITING, "asked: `refund(amount:>20)` asks about it"),
        ('refund({"amount": 700})', exits.FAILED, "denied: `refund(amount:>100)` denies it"),
        ("Write(out/a.txt)", exits.DONE, "allowed: `tools` grants it"),
        ("Write(src/a.txt)", exits.FAILED, "denied: `tools` grants `Write(out/**)` only"),
        ("Write(../a.txt)", exits.FAILED, "is outside the project"),
        ("Read(out/a.txt)", exits.FAILED, "denied: `tools` does not grant `Read`"),
    ],
)
def test_it_says_what_would_become_of_a_call_and_why(typed: Typed, call: str, code: int, said: str):
    found, out, _ = tried(typed, call)
    assert (found, said in out) == (code, True), out


def test_programs_get_the_rule_and_its_place(typed: Typed):
    _, out, _ = tried(typed, 'refund({"amount": 70})', "--output-format", "json")
    told = json.loads(out)
    assert told["verdict"] == "ask"
    assert told["rule"] == "refund(amount:>20)"
    assert told["where"] == "flow.yaml:16, agents.clerk.permissions.ask"
    assert told["input"] == {"amount": 70}


def test_a_called_agent_is_judged_under_its_caller(typed: Typed):
    code, out, _ = tried(typed, 'refund({"amount": 7})', "--caller", "boss")
    assert code == exits.FAILED
    assert "in the mode `plan` nothing with effects runs" in out


@pytest.mark.parametrize("path", [".git/config", "./out/../.GIT/hooks/x", "flow.yaml", "policy.yaml", ".agentflow/x"])
def test_what_is_closed_whatever_is_granted_is_denied(typed: Typed, tmp_path: Path, path: str):
    (tmp_path / "flow.yaml").write_text(FLOW.replace('"Write({{ inputs.folder }}/**)"', "Write, Read"))
    code, out, _ = tried(typed, f"Write({path})")
    assert (code, "whatever is granted" in out) == (exits.FAILED, True), out
    code, out, _ = tried(typed, f"Read({path})")
    assert code == (exits.FAILED if path == ".agentflow/x" else exits.DONE), out


def test_the_policy_of_who_would_run_it_counts(typed: Typed, tmp_path: Path):
    policy = "users: {ada: {tools: {ask: ['Bash(git *)'], deny: ['refund(amount:>5)']}}, bob: {tools: {allow: [Bash]}}}"
    (tmp_path / "policy.yaml").write_text(f"agentflow: 1\n{policy}\n")
    code, out, _ = tried(typed, "Bash(git status)", "--user", "ada")
    assert (code, "users.ada of policy.yaml" in out) == (exits.WAITING, True), out
    assert tried(typed, 'refund({"amount": 7})', "--user", "ada")[0] == exits.FAILED
    assert tried(typed, 'refund({"amount": 7})', "--user", "bob")[0] == exits.FAILED
    assert tried(typed, "Bash(git status)", "--user", "bob")[0] == exits.DONE
    code, _, err = tried(typed, "Bash(git status)", "--user", "mel")
    assert (code, "does not know the user 'mel'" in err) == (exits.FAILED, True), err


@pytest.mark.parametrize(
    ("agent", "call", "said"),
    [
        ("clark", "Bash(ls)", "did you mean `clerk`?"),
        ("clerk", "Bsh(ls)", "did you mean `Bash`?"),
        ("clerk", "refund(7)", "takes its arguments as JSON"),
        ("clerk", 'refund({"amount": 7, "amount": 8})', "a key twice"),
        ("clerk", 'refund({"amount": "7"})', "does not take this"),
        ("clerk", "refund({)", "not JSON"),
        ("clerk", "(ls)", "is no call"),
    ],
)
def test_what_cannot_be_judged_is_a_slip_of_who_typed_it(typed: Typed, agent: str, call: str, said: str):
    code, _, err = tried(typed, call, agent=agent)
    assert code == exits.INVALID
    assert said in err


def test_a_rule_without_its_input_asks_for_it(typed: Typed):
    code, _, err = typed("permissions", "test", "flow.yaml", "clerk", "Write(a)")
    assert code == exits.INVALID
    assert "folder" in err


def test_plan_shows_the_permissions_of_each_agent(typed: Typed):
    _, out, _ = typed("plan", "flow.yaml")
    assert "      mode: plan\n" in out
    assert "      ask: refund(amount:>20)\n" in out
    assert "      deny: Bash(git push *), refund(amount:>100)\n" in out
    told = json.loads(typed("plan", "flow.yaml", "--output-format", "json")[1])
    clerk = next(agent for agent in told["agents"] if agent["name"] == "clerk")
    assert clerk["permissions"]["ask"] == [
        {"rule": "refund(amount:>20)", "where": "flow.yaml:16, agents.clerk.permissions.ask"}
    ]


NARROW = """agentflow: 1
name: demo
agents: {writer: {tools: [Glob], permissions: {deny: [Read]}}}
steps: {a: {agent: writer, prompt: go}}
"""


def test_an_edit_that_lets_agents_do_more_runs_only_with_a_person_who_agrees(typed: Typed, tmp_path: Path):
    (tmp_path / "replies.yaml").write_text("replies: {writer: [{text: done}]}\n")
    (tmp_path / "flow.yaml").write_text(NARROW)
    script = ("--scripted", "replies.yaml", "--quiet")
    assert typed("run", "flow.yaml", *script)[0] == exits.DONE
    run = json.loads(typed("runs", "--output-format", "json")[1])[0]["run"]
    (tmp_path / "flow.yaml").write_text(NARROW.replace("[Glob]", "[Glob, Write]").replace("deny: [Read]", ""))
    code, _, err = typed("resume", run, "--edited", *script)
    assert code == exits.INVALID
    assert "agent `writer` may use `Write`; agent `writer` is not denied `Read` any more" in err
    assert "a person must agree" in err
    assert len(json.loads(typed("runs", "--output-format", "json")[1])) == 1
    (tmp_path / "flow.yaml").write_text(NARROW.replace("prompt: go", "prompt: go on"))
    assert typed("resume", run, "--edited", *script)[0] == exits.DONE


def test_nobody_is_asked_about_what_no_answer_would_let_through(tmp_path, monkeypatch, capsys):
    (tmp_path / ".git").mkdir()
    (tmp_path / "w.yaml").write_text(
        "agentflow: 1\nname: w\n"
        "agents: {a: {instructions: Write., tools: [Write], permissions: {allow: ['Write(src/**)']}}}\n"
        "steps: {s: {agent: a, prompt: Go.}}\noutputs: {t: steps.s.output}\n"
    )
    call = "{name: Write, input: {file_path: .git/hooks/pre-commit, content: evil}}"
    (tmp_path / "r.yaml").write_text(f"replies: {{a: [{{tools: [{call}]}}, {{text: done}}]}}\n")
    monkeypatch.chdir(tmp_path)
    assert run_command(["run", "w.yaml", "--scripted", "r.yaml"]) == 0
    assert "whatever is granted, `.git`" in capsys.readouterr().err
    assert not (tmp_path / ".git/hooks").exists()
