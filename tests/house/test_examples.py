"""The workflows that come with agentflow, run as a user runs them."""

import json
import re
import signal
import subprocess
from pathlib import Path

import pytest

from agentflow import api
from agentflow.simulation.suite import load_suite
from tests.house.checkout import COMMAND, PATIENCE, ROOT, agentflow, copy_to

RESEARCH = ("workflows/research.yaml", "--scripted", "workflows/research.replies.yaml")
SOURCE = re.compile(r"^- (?P<file>.+?):(?P<line>\d+): (?P<quote>.+)$", re.MULTILINE)
CITED = re.compile(r"\[([^\][ ]+):(\d+)\]")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_to(tmp_path)


def result_of(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["type"] == "result"
    return result


@pytest.mark.parametrize("path", sorted(ROOT.glob("workflows/*.yaml")), ids=lambda path: path.name)
def test_an_example_gives_no_diagnostics(path: Path):
    if path.name.endswith(".replies.yaml"):
        api.scripted(path)
    elif path.name.endswith(".test.yaml"):
        assert load_suite(path).diagnostics == ()
    else:
        assert api.check_to_run(path).diagnostics == ()


EXAMPLES = sorted(path.stem for path in (ROOT / "docs/examples").glob("*.md") if path.stem != "README")


def test_there_are_ten_examples_and_the_list_names_them():
    listed = re.findall(r"\[(\w+)\]\(\w+\.md\)", (ROOT / "docs/examples/README.md").read_text())
    assert sorted(listed) == EXAMPLES
    assert len(EXAMPLES) == 10


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_has_replies_tests_and_a_page_that_runs_it(name: str):
    folder = ROOT / "workflows"
    assert all((folder / f"{name}{ending}").is_file() for ending in (".yaml", ".replies.yaml", ".test.yaml"))
    assert f"agentflow run workflows/{name}.yaml" in (ROOT / f"docs/examples/{name}.md").read_text()


def test_the_examples_pass_their_own_tests(project: Path):
    done = agentflow(project, "test", "workflows")
    assert done.returncode == 0, done.stdout


def test_the_quickstart_answers_from_the_files_around_it(project: Path):
    done = agentflow(project, "run", "workflows/quickstart.yaml", "--scripted", "workflows/quickstart.replies.yaml")
    assert done.returncode == 0, done.stderr
    cited = re.findall(r"^(.+) \((README\.md):(\d+)\)$", done.stdout, re.MULTILINE)
    assert len(cited) >= 2
    lines = (project / "README.md").read_text().splitlines()
    assert [quote for quote, _, number in cited if lines[int(number) - 1] != quote] == []


def test_every_citation_of_the_research_report_is_real(project: Path):
    done = agentflow(project, "run", *RESEARCH, "--yes", "--output-format", "json")
    assert done.returncode == 0, done.stderr
    outputs = result_of(done)["outputs"]
    report = (project / "out/report.md").read_text()
    assert outputs == {
        "answer": outputs["answer"],
        "report": report.removesuffix("\n"),
        "citations": f"{len(SOURCE.findall(report))} places cited, {len(SOURCE.findall(report))} sources, 0 wrong.",
        "published": True,
    }
    sources = [(match["file"], match["line"], match["quote"]) for match in SOURCE.finditer(report)]
    assert len(sources) >= 6
    for file, line, quote in sources:
        assert quote in (project / file).read_text().splitlines()[int(line) - 1]
    assert set(CITED.findall(report)) == {(file, line) for file, line, _ in sources}


def test_the_research_shows_all_it_is_there_to_show(project: Path):
    done = agentflow(project, "run", *RESEARCH, "--yes", "--output-format", "stream-json")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    started = [event["agent"] for event in events if event["type"] == "session_started"]
    assert sorted(started) == ["editor", "planner", "researcher", "researcher", "researcher", "researcher"]
    assert [event["parent"] for event in events if event.get("parent")] == ["write"]
    tools = {event["tool"] for event in events if event["type"] == "tool_called"}
    assert tools == {"Glob", "Grep", "Read", "Agent", "Write", "check_citations"}
    failed = [event for event in events if event["type"] == "tool_finished" and event.get("is_error")]
    assert failed == []


def test_the_tests_of_the_examples_pass(project: Path):
    done = agentflow(project, "test", "workflows")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"^(\d+) tests: \1 passed$", done.stdout, re.MULTILINE), done.stdout


def test_a_dry_run_of_the_research_goes_as_a_recorded_one_did(project: Path):
    run = ("run", "workflows/research.yaml")
    real = agentflow(project, *run, *RESEARCH[1:], "--yes", "--record", "r.jsonl", "--output-format", "json")
    assert real.returncode == 0, real.stderr
    dry = agentflow(project, *run, "--dry-run", "--replay", "r.jsonl", "--output-format", "json")
    assert dry.returncode == 0, dry.stderr
    trace, result = json.loads(dry.stdout), result_of(real)
    assert trace["outputs"]["answer"] == result["outputs"]["answer"]
    assert (trace["turns"], round(trace["cost_usd"], 9)) == (result["turns"], result["cost_usd"])


def test_a_no_publishes_nothing(project: Path):
    waiting = agentflow(project, "run", *RESEARCH, "--output-format", "json")
    assert waiting.returncode == 4, waiting.stderr
    run = str(result_of(waiting)["run"])
    done = agentflow(project, "reject", run, "agree", *RESEARCH[1:], "--output-format", "json")
    assert done.returncode == 0, done.stderr
    assert result_of(done)["outputs"]["published"] is False
    assert not (project / "out/report.md").exists()


@pytest.mark.parametrize(
    ("draft", "says"),
    [
        ("Said. [docs/guide.md:1]\n\n- docs/guide.md:1: # Guide\n", "1 places cited, 1 sources, 0 wrong."),
        ("Said. [docs/guide.md:1]\n\n- docs/guide.md:1: # Guise\n", "docs/guide.md:1 does not hold: # Guise"),
        ("Said. [docs/guide.md:2]\n\n- docs/guide.md:1: # Guide\n", "[docs/guide.md:2] is not among the sources"),
        ("Said. [none.md:1]\n\n- none.md:1: text\n", "none.md:1 does not hold: text"),
        ("Said. [../secret:1]\n\n- ../secret:1: text\n", "../secret:1 does not hold: text"),
        ("Said. [/etc/passwd:1]\n\n- /etc/passwd:1: root\n", "/etc/passwd:1 does not hold: root"),
        ("Said. [docs/guide.md:99999999999]\n\n- docs/guide.md:99999999999: # Guide\n", "does not hold: # Guide"),
        ("Nothing to see.\n", "Nothing is cited."),
    ],
)
def test_the_check_of_citations_tells_right_from_wrong(project: Path, draft: str, says: str):
    check = api.plan(project / "workflows/research.yaml").root.steps["check"]
    (project / "out").mkdir()
    (project / "out/draft.md").write_text(draft)
    (project.parent / "secret").write_text("text\n")
    argv = [word.render({}) for word in check.argv]
    done = subprocess.run(argv, cwd=project, capture_output=True, text=True, timeout=PATIENCE)
    assert says in done.stdout
    assert done.returncode == (0 if " 0 wrong." in done.stdout else 1)


def test_killed_in_the_middle_and_resumed_the_research_gives_the_same_report(project: Path):
    whole = agentflow(project, "run", *RESEARCH, "--yes", "--output-format", "json")
    assert whole.returncode == 0, whole.stderr
    report = (project / "out/report.md").read_text()
    (project / "out/report.md").unlink()

    script = (project / "workflows/research.replies.yaml").read_text()
    opening = "    - text: What becomes of a command that a crash cuts off is open"
    assert script.count(opening) == 1
    (project / "slow.yaml").write_text(script.replace(opening, opening.replace("- text", "- delay: 600\n      text")))
    run = _killed_when_the_editor_thinks(project)

    done = agentflow(project, "resume", run, *RESEARCH[1:], "--yes", "--output-format", "stream-json")
    assert done.returncode == 0, done.stderr
    assert result_of(done)["outputs"] == result_of(whole)["outputs"]
    assert (project / "out/report.md").read_text() == report
    shown = agentflow(project, "show", run, "--output-format", "json")
    assert json.loads(shown.stdout)["status"] == "done"


def _killed_when_the_editor_thinks(project: Path) -> str:
    """Starts the research, kills its process while the editor's first reply is awaited, and returns the run's id."""
    process = subprocess.Popen(
        [
            COMMAND,
            "run",
            "workflows/research.yaml",
            "--scripted",
            "slow.yaml",
            "--yes",
            "--output-format",
            "stream-json",
        ],
        cwd=project,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    run = ""
    with process:
        assert process.stdout is not None
        for line in process.stdout:
            event = json.loads(line)
            run = event["run"] if event["type"] == "run_started" else run
            if event["type"] == "model_called" and event["stream"] == "write":
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    assert run
    return run
