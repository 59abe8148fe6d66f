"""Functions, tool steps and workspaces as `agentflow.api` runs them: whole runs, over real files and processes."""

import subprocess
from pathlib import Path

import pytest

from agentflow import api
from agentflow.api import InvalidWorkflowError, RunOptions
from agentflow.events.session_events import SessionStarted
from tests.builders import workflow
from tests.engine.doubles import ModelDouble, reply

STATS = """
import os
from pathlib import Path

def mean(values):
    return {"mean": sum(values) / len(values), "at": str(Path.cwd()), "key": os.environ["AGENTFLOW_IDEMPOTENCY_KEY"],
            "extra": os.environ.get("EXTRA")}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "project"
    (folder / "flows/lib").mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet"], cwd=folder, check=True)
    (folder / "flows/lib/stats.py").write_text(STATS)
    (folder / "a.txt").write_text("as it was")
    return folder


def file(project: Path, text: str) -> Path:
    path = project / "flows/flow.yaml"
    path.write_text(workflow(text))
    return path


def options(model: ModelDouble | None = None, **more: object) -> RunOptions:
    return RunOptions(model=model or ModelDouble(), **more)


async def test_a_function_beside_the_workflow_runs_in_the_projects_folder(project):
    path = file(
        project,
        """
        env: {EXTRA: "more"}
        inputs: {values: {type: array, items: {type: number}}}
        steps: {m: {call: "lib.stats:mean", with: {values: "{{ inputs.values }}"}}}
        outputs: {m: steps.m.output}
        """,
    )
    result = await api.run(path, {"values": [1, 2.0]}, options())
    key = f"{result.run}/m"
    assert result.outputs == {"m": {"mean": 1.5, "at": str(project), "key": key, "extra": "more"}}


async def test_functions_need_no_sandbox_and_a_check_imports_nothing(project):
    (project / "flows/lib/stats.py").write_text("raise SystemExit('imported')\ndef mean(values): ...\n")
    path = project / "flows/flow.yaml"
    path.write_text("agentflow: 1\nname: w\nsteps: {m: {call: 'lib.stats:mean', with: {values: []}}}\n")
    assert api.check_to_run(path).diagnostics == ()
    result = await api.run(path, {}, options())
    assert result.failure is not None
    assert (result.failure.kind, result.failure.step) == ("call_failed", "m")
    assert "raised SystemExit: imported (lib/stats.py:1" in result.failure.message


async def test_a_resume_calls_what_was_started_whatever_became_of_the_file(project, monkeypatch):
    path = file(
        project,
        """
        steps:
          go: {approve: Go on?}
          m: {call: "lib.stats:mean", with: {values: [3]}, needs: [go], if_skipped: null}
        outputs: {m: steps.m.output.mean}
        """,
    )
    monkeypatch.chdir(project)  # a path that is seen from here says nothing once another process resumes elsewhere
    waiting = await api.run(path.relative_to(project), {}, options())
    (project / "flows/lib/stats.py").write_text("def mean(values): return {'mean': 'another'}\n")
    monkeypatch.chdir(project.parent)
    done = await api.resume(waiting.run, options(yes=True), project=project)
    assert done.outputs == {"m": 3.0}


async def test_a_tool_step_writes_and_reads_under_the_same_rules_as_agents(project):
    path = file(
        project,
        """
        steps:
          save: {tool: Write, with: {file_path: out/b.txt, content: "one\\ntwo\\n"}}
          read: {tool: Read, with: {file_path: out/b.txt, offset: 2}, needs: [save]}
          away: {tool: Read, with: {file_path: ../outside}, on_error: continue}
          own: {tool: Read, with: {file_path: .agentflow/journal.db}, on_error: continue}
        outputs: {read: steps.read.output, away: steps.away.error, own: steps.own.error}
        """,
    )
    outputs = (await api.run(path, {}, options())).outputs
    assert outputs["read"] == "     2\ttwo"
    assert (project / "out/b.txt").read_text() == "one\ntwo\n"
    assert (outputs["away"]["kind"], outputs["own"]["kind"]) == ("denied", "tool_failed")
    assert "outside the project" in outputs["away"]["message"]
    assert "agentflow's own memory" in outputs["own"]["message"]


@pytest.mark.usefixtures("no_sandbox")
def test_bash_as_a_step_is_refused_where_nothing_holds_it(project):
    path = project / "flows/flow.yaml"
    path.write_text("agentflow: 1\nname: w\nsteps: {b: {tool: Bash, with: {command: ls}}}\n")
    assert [found.code for found in api.check_to_run(path).diagnostics] == ["AF504"]


# Workspaces


IN_ITEMS = """
steps:
  each:
    for_each: "['x', 'y']"
    as: name
    workspace: copy
    steps:
      write: {run: [tee, a.txt], stdin: "{{ name }}"}
      read: {tool: Read, with: {file_path: a.txt}, needs: [write]}
      call: {call: "lib.stats:mean", with: {values: [1]}, needs: [write]}
      git: {run: "git rev-parse --show-toplevel", exit_codes: [128]}
    output: "[steps.read.output, steps.call.output.at]"
outputs: {each: steps.each.output}
"""


async def test_the_steps_of_an_item_share_a_copy_that_nobody_else_sees(project):
    result = await api.run(file(project, IN_ITEMS), {}, options())
    folder = f".agentflow/workspaces/{result.run}/each-"
    assert result.outputs == {
        "each": [["     1\tx", f"{project}/{folder}0"], ["     1\ty", f"{project}/{folder}1"]],
    }
    assert (project / "a.txt").read_text() == "as it was"
    assert (project / f"{folder}1/a.txt").read_text() == "y"


async def test_a_resume_goes_on_in_the_same_folder(project):
    path = file(
        project,
        """
        steps:
          box:
            workspace: copy
            steps:
              write: {run: [tee, a.txt], stdin: changed}
              go: {approve: Go on?, needs: [write]}
              read: {run: [cat, a.txt], needs: [go], if_skipped: ""}
            output: steps.read.output
        outputs: {read: steps.box.output}
        """,
    )
    waiting = await api.run(path, {}, options())
    done = await api.resume(waiting.run, options(yes=True), project=project)
    assert done.outputs == {"read": "changed"}
    assert (project / "a.txt").read_text() == "as it was"


AGENTS = """
agents:
  lead: {tools: ["Agent(hand)", Write], workspace: copy}
  hand: {description: Writes., tools: [Write]%s}
steps: {a: {agent: lead, prompt: go}}
outputs: {a: steps.a.output}
"""


def writes(request):
    """The lead writes, and has a hand write the same file after it."""
    if request.agent == "hand":
        return (
            reply("done") if request.turn > 1 else reply("", ("w", "Write", {"file_path": "a.txt", "content": "hand"}))
        )
    if request.turn == 1:
        return reply("", ("w", "Write", {"file_path": "a.txt", "content": "lead"}))
    if request.turn == 2:
        return reply("", ("h", "Agent", {"description": "d", "prompt": "go", "subagent_type": "hand"}))
    return reply("done")


@pytest.mark.parametrize(("own", "found"), [("", ["hand"]), (", workspace: copy", ["hand", "lead"])])
async def test_subagents_share_their_callers_files_or_have_their_own(project, own, found):
    heard: list[SessionStarted] = []

    def observe(_stream, event):
        if isinstance(event, SessionStarted):
            heard.append(event)

    result = await api.run(file(project, AGENTS % own), {}, options(ModelDouble(writes), observe=observe))
    assert result.outputs == {"a": "done"}
    assert (project / "a.txt").read_text() == "as it was"
    folders = {event.workspace.folder for event in heard if event.workspace is not None}
    assert sorted((project / folder / "a.txt").read_text() for folder in folders) == found


async def test_without_a_repository_a_worktree_fails_the_step_before_the_model_is_asked(tmp_path):
    path = tmp_path / "flow.yaml"
    path.write_text(workflow("steps: {a: {agent: {}, prompt: go, workspace: worktree}}"))
    model = ModelDouble()
    result = await api.run(path, {}, options(model))
    assert result.failure is not None
    assert (result.failure.kind, result.failure.step) == ("workspace", "a")
    assert "wants a git repository" in result.failure.message
    assert model.requests == []


async def test_a_workspace_that_cannot_be_made_fails_a_command_too(tmp_path):
    path = tmp_path / "flow.yaml"
    path.write_text(workflow("steps: {a: {run: [touch, made], workspace: worktree}}"))
    result = await api.run(path, {}, options())
    assert result.failure is not None
    assert result.failure.kind == "workspace"
    assert not (tmp_path / "made").exists()


async def test_a_file_that_changed_its_function_is_refused_by_a_new_run(project):
    path = file(project, "steps: {m: {call: 'lib.stats:mean', with: {values: [1]}}}")
    assert api.check(path).ok
    (project / "flows/lib/stats.py").write_text("def median(values): ...\n")
    with pytest.raises(InvalidWorkflowError, match="has no function `mean`"):
        await api.run(path, {}, options())


# Functions as tools

WHERE = '''
import os
def where(word: str):
    """Says where it is."""
    return f"{word} {os.getcwd()} {os.path.dirname(__file__)}"
'''


def asking(word: str) -> ModelDouble:
    """A model that has the tool `where` called, and says what it gave."""

    def answer(request):
        if len(request.messages) == 1:
            return reply("", ("c0", "where", {"word": word}))
        return reply(request.messages[2]["content"][0]["content"])

    return ModelDouble(answer)


async def test_a_function_tool_needs_no_sandbox_and_works_where_its_session_does(project):
    (project / "flows/lib/where.py").write_text(WHERE)
    path = project / "flows/flow.yaml"
    path.write_text(
        "agentflow: 1\nname: w\ntools: {where: {call: 'lib.where:where', labels: []}}\n"
        "steps: {s: {agent: {tools: [where]}, prompt: go, workspace: copy}}\noutputs: {s: steps.s.output}\n"
    )
    assert api.check_to_run(path).diagnostics == ()
    assert not any("program" in found.message for found in api.check_environment(path).diagnostics)
    result = await api.run(path, {}, options(asking("here")))
    assert result.outputs is not None
    _, folder, module = result.outputs["s"].split()
    assert folder == str(project / f".agentflow/workspaces/{result.run}/s")
    assert module == str(project / "flows/lib"), "functions are the author's, whatever is in the copy"


async def test_tools_of_imports_and_of_files_that_steps_run_are_beside_those_files(project):
    (project / "flows/lib/where.py").write_text(WHERE)
    (project / "flows/lib/tools.yaml").write_text("agentflow: 1\ntools: {where: {call: 'where:where', labels: []}}\n")
    (project / "parts").mkdir()
    (project / "parts/where.py").write_text(WHERE)
    (project / "parts/part.yaml").write_text(
        "agentflow: 1\nname: p\ntools: {where: {call: 'where:where', effects: none, cache: true, labels: []}}\n"
        "steps: {s: {tool: where, with: {word: part}}}\noutputs: {s: steps.s.output}\n"
    )
    path = file(
        project,
        """
        imports: [lib/tools.yaml]
        steps:
          a: {agent: {tools: [where]}, prompt: go}
          b: {workflow: ../parts/part.yaml}
        outputs: {a: steps.a.output, b: steps.b.output.s}
        """,
    )
    result = await api.run(path, {}, options(asking("whole")))
    assert result.outputs == {
        "a": f"whole {project} {project}/flows/lib",
        "b": f"part {project} {project}/parts",
    }


async def test_a_resume_has_the_functions_that_were_started(project):
    (project / "flows/lib/where.py").write_text(WHERE)
    path = file(
        project,
        """
        tools: {where: {call: "lib.where:where"}}
        steps:
          go: {approve: Go on?}
          s: {agent: {tools: [where]}, prompt: go, needs: [go], if_skipped: null}
        outputs: {s: steps.s.output}
        """,
    )
    waiting = await api.run(path, {}, options(asking("then")))
    assert waiting.status == "waiting"
    (project / "flows/lib/where.py").unlink()

    async def yes(gate):
        return api.answer(True, "ada")

    result = await api.resume(waiting.run, options(asking("then"), ask=yes), project)
    assert result.outputs == {"s": f"then {project} {project}/flows/lib"}
