"""What `validate --environment` finds missing on a machine."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from agentflow import api
from agentflow.engine.environment import lacking
from agentflow.errors import AgentflowError
from agentflow.source.diagnostics import Severity

HEAD = "agentflow: 1\nname: x\nsandbox: off\n"


@pytest.fixture
def missing(tmp_path: Path) -> Callable[..., list[tuple[int, str, bool]]]:
    """Gives the line, the message and whether it is an error, of all that is missing where `there` are the programs."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def look(text: str, *there: str, refusal: AgentflowError | None = None, **environ: str):
        for name in there:
            (folder / name).write_text("#!/bin/sh\n")
            (folder / name).chmod(stat.S_IRWXU)
        (tmp_path / "w.yaml").write_text(HEAD + text)
        checked = api.check(tmp_path / "w.yaml")
        assert checked.plan is not None, checked.diagnostics
        environ = {"PATH": str(folder), **environ}
        found = lacking(checked.source, checked.plan, environ, lambda: refusal)
        assert {each.code for each in found} <= {"AF510"}
        assert all(each.hint for each in found)
        return [(each.place.line, each.message, each.severity is Severity.ERROR) for each in found]

    return look


def test_secrets_that_a_step_needs_are_told_where_they_are_declared(missing):
    text = "secrets: [A, B, C]\nsteps:\n  a: {run: [x], env: {A: '{{ secrets.A }}', B: '{{ secrets.B }}'}}\n"
    assert missing(text, "x", B="set", A="") == [(4, "the secret `A` has no value", True)]
    assert missing(text, "x", B="set", A="set") == []


def test_programs_are_looked_for_on_the_path_that_the_command_will_have(missing, tmp_path: Path):
    (tmp_path / "own").mkdir()
    program = tmp_path / "own" / "only-there"
    program.write_text("#!/bin/sh\n")
    program.chmod(stat.S_IRWXU)
    text = f"""steps:
  a: {{run: [only-there]}}
  b: {{run: [only-there], env: {{PATH: "{tmp_path}/own"}}}}
  c: {{run: [only-there], env: {{PATH: "/{{{{ run.id }}}}"}}}}
  d: {{run: [./only-there]}}
"""
    assert missing(text) == [(5, "there is no program `only-there` on this machine's PATH", True)]


def test_a_program_that_a_when_may_leave_out_is_a_warning(missing):
    text = """steps:
  a: {value: "1"}
  b: {when: steps.a.output == 2, run: [one]}
  c: {when: steps.a.output == 2, steps: {d: {run: [two]}}}
  e: {for_each: "[1]", step: {run: [three]}}
"""
    assert [(line, error) for line, _, error in missing(text)] == [(6, False), (7, False), (8, True)]


def test_tools_scripts_and_grants_of_bash_name_programs_too(missing):
    text = """tools:
  t: {description: Does it., run: [tool], effects: none}
agents:
  named: {tools: [t, Bash]}
steps:
  a: {run: "echo x"}
  b: {agent: named, prompt: Hi}
  c: {agent: {tools: [Read, Bash]}, prompt: Hi}
"""
    lines = [(line, message.split("`")[1]) for line, message, _ in missing(text)]
    assert lines == [(5, "tool"), (7, "bash"), (9, "bash"), (11, "bash")]
    assert missing(text, "tool", "bash") == []


def test_a_model_that_cannot_be_asked_is_told_at_the_first_agent(missing):
    text = "steps:\n  a: {value: '1'}\n  b: {steps: {c: {agent: {}, prompt: Hi}}}\n  d: {agent: {}, prompt: Hi}\n"
    refusal = AgentflowError("there is no key", "set one")
    assert missing(text, refusal=refusal) == [(6, "there is no key", True)]
    assert missing("steps:\n  a: {value: '1'}\n", refusal=refusal) == []


def test_whether_there_is_a_key_is_asked_of_the_client_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "w.yaml").write_text(HEAD + "steps:\n  a: {agent: {}, prompt: Hi}\n")
    checked = api.check_environment(tmp_path / "w.yaml")
    assert [found.code for found in checked.diagnostics] == ["AF510"]
    assert not checked.ok
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test-key-0123456789")
    assert api.check_environment(tmp_path / "w.yaml").diagnostics == ()
    assert api.check_environment(tmp_path / "w.yaml").ok


def test_a_hundred_programs_that_are_missing_are_told_and_the_rest_in_a_note(tmp_path: Path):
    steps = "".join(f"  s{number}: {{run: [nowhere{number}]}}\n" for number in range(150))
    (tmp_path / "w.yaml").write_text(f"{HEAD}steps:\n{steps}")
    checked = api.check_environment(tmp_path / "w.yaml")
    assert checked.plan is None
    assert [found.code for found in checked.diagnostics] == ["AF510"] * 100 + ["AF104"]


def test_what_the_files_that_steps_run_and_imports_need_is_told_in_those_files(tmp_path: Path):
    (tmp_path / "part.yaml").write_text(
        f"{HEAD}secrets: [S]\nsteps:\n  a: {{run: [x], env: {{S: '{{{{ secrets.S }}}}'}}}}\n"
        "  b: {agent: {}, prompt: hi}\n"
    )
    (tmp_path / "lib.yaml").write_text("agentflow: 1\ntools:\n  t: {description: t, run: [y]}\n")
    (tmp_path / "w.yaml").write_text(
        f"{HEAD}imports: [lib.yaml]\nsteps:\n  one: {{workflow: part.yaml}}\n"
        "  two: {workflow: part.yaml}\n  three: {tool: t}\n"
    )
    checked = api.check(tmp_path / "w.yaml")
    assert checked.plan is not None, checked.diagnostics
    found = lacking(checked.source, checked.plan, {"PATH": str(tmp_path)}, lambda: AgentflowError("no key", "get one"))
    assert sorted((Path(each.place.path).name, each.place.line, each.message) for each in found) == [
        ("lib.yaml", 3, "there is no program `y` on this machine's PATH"),
        ("part.yaml", 4, "the secret `S` has no value"),
        ("part.yaml", 6, "there is no program `x` on this machine's PATH"),
        ("part.yaml", 7, "no key"),
    ]
