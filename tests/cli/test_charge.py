"""Who runs something, under which policy: what the command line says and does."""

import json
from pathlib import Path

import pytest

from agentflow.cli import exits
from agentflow.cli.main import run_command

FLOW = """agentflow: 1
name: demo
limits: {cost_usd: 0.02}
agents: {writer: {instructions: Write., max_tokens: 1024}}
steps:
  one: {agent: writer, prompt: one}
  two: {agent: writer, prompt: "two {{ steps.one.output }}"}
outputs: {said: steps.two.output}
"""
SCRIPT = """replies:
  writer:
    - turns:
        - text: "{{ prompt }}!"
          usage: {input_tokens: 1000, output_tokens: 900}
"""
GATE = """agentflow: 1
name: gate
steps: {g: {approve: Go on?, from: [editor]}}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    for name, text in (("flow.yaml", FLOW), ("script.yaml", SCRIPT), ("gate.yaml", GATE)):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def policy(folder: Path, text: str, name: str = "policy.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"agentflow: 1\n{text}\n")
    return path


def run(*more: str) -> int:
    return run_command(["run", "flow.yaml", "--scripted", "script.yaml", "--quiet", *more])


def last_run(capsys: pytest.CaptureFixture[str]) -> dict:
    capsys.readouterr()
    run_command(["runs", "--output-format", "json"])
    found: dict = json.loads(capsys.readouterr().out)[0]
    return found


def test_a_used_up_budget_ends_with_3_and_resume_with_more_of_it_goes_on(project, capsys):
    assert run() == exits.LIMIT
    _out, err = capsys.readouterr()
    assert "raise `limits.cost_usd`" in err
    assert "to go on with more of it: agentflow resume" in err
    assert "--limit cost_usd=…" in err
    name = last_run(capsys)["run"]
    again = ["resume", name, "--scripted", "script.yaml", "--quiet"]
    assert run_command(again) == exits.LIMIT
    assert run_command([*again, "--limit", "cost_usd=0.01"]) == exits.INVALID
    assert "is no more" in capsys.readouterr().err
    assert run_command([*again, "--limit", "cost=5"]) == exits.INVALID
    assert run_command([*again, "--limit", "cost_usd=5"]) == exits.DONE
    assert capsys.readouterr().out.strip() == "two one!!"
    assert run_command(again) != exits.DONE
    assert "has ended: done" in capsys.readouterr().err


def test_the_cap_of_a_user_is_named_with_the_time_it_is_whole_again(project, capsys):
    (project / "flow.yaml").write_text(FLOW.replace("cost_usd: 0.02", "cost_usd: 0.03"))
    policy(project, "users: {ada: {cost_usd: {per_day: 0.015}}}")
    assert run("--user", "ada") == exits.LIMIT
    err = capsys.readouterr().err
    assert "the user 'ada' has $0.0040 left of $0.0150 for today" in err
    assert "it is whole again on " in err
    assert "agentflow resume" in err
    assert "--user ada" in err
    name = last_run(capsys)["run"]
    again = ["resume", name, "--scripted", "script.yaml", "--quiet", "--output-format", "json"]
    assert run_command(again) == exits.LIMIT
    until = json.loads(capsys.readouterr().out)["until"]
    assert until % 86_400 == 0  # midnight in UTC
    policy(project, "users: {ada: {cost_usd: {per_day: 5}}}")
    more = ["resume", name, "--scripted", "script.yaml", "--quiet", "--user", "bob"]
    # It stays the run of who began it, whoever takes it up.
    assert run_command(more) == exits.DONE


@pytest.mark.parametrize(
    ("text", "user", "message"),
    [
        ("users: {ada: {}}", "bob", "the policy does not know the user 'bob'"),
        ("users: {ada: {models: {deny: ['claude-*']}}}", "ada", "is denied to 'ada': `claude-*` in models.deny"),
        ("users: {ada: {models: {allow: [claude-haiku-4-5]}}}", "ada", "is not allowed to 'ada'"),
        ("tenants: {x: {}}\nusers: {ada: {}}", "ada --tenant x", "belongs to no tenant, not to 'x'"),
        ("users: {ada: {tenant: x}}", "ada", "the policy has no tenant `x`"),
        ("users: {ada: {}}", "a\x1b[2Jb", "is no name of a user"),
        ("users: {ada: {}}", "ada --tenant \x07", "is no name of a tenant"),
    ],
)
def test_what_the_policy_does_not_let_begin_is_refused_before_anything_is_asked(project, capsys, text, user, message):
    policy(project, text)
    assert run("--user", *user.split()) in (exits.FAILED, exits.INVALID)
    assert message in capsys.readouterr().err
    assert not (project / ".agentflow" / "journal.db").exists()


def test_where_the_environment_names_the_policy_no_other_counts(project, capsys, monkeypatch, tmp_path_factory):
    mine = policy(tmp_path_factory.mktemp("etc"), "users: {ada: {cost_usd: {per_day: 0}}}")
    policy(project, "unknown_users: {}")
    other = policy(project, "unknown_users: {}", "other.yaml")
    assert run("--user", "ada", "--limit") == exits.INVALID  # `run` takes no --limit
    assert run("--user", "bob") == exits.LIMIT  # its own cap of 2 cents
    monkeypatch.setenv("AGENTFLOW_POLICY", str(mine))
    assert run("--user", "bob") != exits.LIMIT
    assert "does not know the user 'bob'" in capsys.readouterr().err
    assert run("--user", "ada", "--policy", str(other)) == exits.INVALID
    assert "it alone counts" in capsys.readouterr().err
    monkeypatch.setenv("AGENTFLOW_USER", "ada")
    assert run() == exits.LIMIT
    assert "the user 'ada' has $0.0000 left of $0.00 for today" in capsys.readouterr().err
    assert last_run(capsys)["status"] == "failed"
    monkeypatch.setenv("AGENTFLOW_POLICY", str(mine) + "x")
    assert run() == exits.INVALID
    assert "does not exist" in capsys.readouterr().err


def test_two_policies_in_a_project_are_one_too_many(project, capsys):
    policy(project, "unknown_users: {}")
    policy(project, "unknown_users: {}", ".agentflow/policy.yaml")
    assert run() == exits.INVALID
    assert "there are two policies" in capsys.readouterr().err


def test_only_who_has_the_role_may_answer_a_gate(project, capsys):
    policy(project, "users: {ada: {roles: [editor]}, bob: {}}\nroles: {editor: {may_approve: true}}")
    assert run_command(["run", "gate.yaml", "--yes", "--quiet", "--user", "bob"]) == exits.WAITING
    name = last_run(capsys)["run"]
    assert run_command(["approve", name, "g", "--user", "bob", "--quiet"]) == exits.FAILED
    assert "is for `editor` to answer, and bob has not that role" in capsys.readouterr().err
    assert run_command(["approve", name, "g", "--user", "ada", "--quiet"]) == exits.DONE


def test_a_gate_with_roles_needs_a_policy(project, capsys):
    assert run_command(["run", "gate.yaml", "--quiet"]) == exits.FAILED
    assert "there is no policy that says who has it" in capsys.readouterr().err
    assert run_command(["validate", "gate.yaml"]) == exits.DONE
    policy(project, "roles: {edit: {may_approve: true}}")
    assert run_command(["validate", "gate.yaml", "--policy", "policy.yaml"]) == exits.INVALID
    assert "the policy has no role `editor`" in capsys.readouterr().out


def test_validate_checks_policies_too(project, capsys):
    path = policy(project, "users: {ada: {tenant: acme}}")
    assert run_command(["validate", str(path)]) == exits.INVALID
    assert "the policy has no tenant `acme`" in capsys.readouterr().out
    policy(project, "users: {ada: {}}")
    assert run_command(["validate", str(path)]) == exits.DONE
    assert run_command(["validate", "."]) == exits.DONE
    assert "3 files checked" in capsys.readouterr().out


def test_what_the_policy_does_not_keep_is_deleted_and_what_it_cost_stays(project, capsys):
    policy(project, "unknown_users: {}\nretention: {runs: 2}")
    (project / "flow.yaml").write_text(FLOW.replace("0.02", "1.00"))
    for _ in range(4):
        run_command(["run", "flow.yaml", "--scripted", "script.yaml", "--quiet"])
    capsys.readouterr()
    run_command(["runs", "--output-format", "json"])
    assert len(json.loads(capsys.readouterr().out)) == 2
    from agentflow import api

    journal = api.open_journal(project)
    try:
        assert len(journal.spending(("run",))) == 4
    finally:
        journal.close()


def test_a_run_that_a_used_up_bound_holds_is_kept_however_many_come_after_it(project, capsys):
    policy(project, "unknown_users: {}\nretention: {runs: 1}")
    assert run() == exits.LIMIT
    held = last_run(capsys)["run"]
    (project / "flow.yaml").write_text(FLOW.replace("0.02", "1.00"))
    assert [run(), run()] == [exits.DONE, exits.DONE]
    assert run_command(["resume", held, "--limit", "cost_usd=1", "--scripted", "script.yaml"]) == exits.DONE


WRITES = """agentflow: 1
name: writes
agents: {writer: {instructions: Write., tools: [Write]}}
steps: {one: {agent: writer, prompt: one}}
outputs: {said: steps.one.output}
"""
TRIES = """replies:
  writer:
    - tools:
        - {name: Write, input: {file_path: kept/a.txt, content: x}}
        - {name: Write, input: {file_path: b.txt, content: x}}
    - text: done
"""


def test_what_the_policy_does_not_allow_is_denied_to_the_model_by_its_rule_and_the_rest_runs(project, capsys):
    (project / "writes.yaml").write_text(WRITES)
    (project / "tries.yaml").write_text(TRIES)
    policy(project, "users: {ada: {tools: {allow: ['Write(kept/**)']}}}")
    command = ["run", "writes.yaml", "--scripted", "tries.yaml", "--quiet", "--user", "ada", "--record", "said.jsonl"]
    assert run_command(command) == exits.DONE
    assert (project / "kept/a.txt").read_text() == "x"
    assert not (project / "b.txt").exists()
    recorded = (project / "said.jsonl").read_text()
    assert "the policy allows `Write(kept/**)` only" in recorded


def test_a_rule_of_the_policy_that_does_not_fit_a_tool_keeps_a_run_from_beginning(project, capsys):
    (project / "writes.yaml").write_text(WRITES)
    policy(project, "users: {ada: {tools: {deny: ['TodoWrite(tasks:x)']}}}")
    assert run_command(["run", "writes.yaml", "--scripted", "script.yaml", "--user", "ada"]) != exits.DONE
    assert "`TodoWrite(tasks:x)`" in capsys.readouterr().err
