"""The GitHub Action and the hooks of pre-commit: their shape, and their scripts run as a runner would run them."""

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from agentflow.cli.main import COMMANDS
from tests.house.checkout import COMMAND, PATIENCE, ROOT

ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
STEPS: dict[str, dict[str, Any]] = {step["id"]: step for step in ACTION["runs"]["steps"]}
DEFAULTS = {name: given["default"] for name, given in ACTION["inputs"].items()}

WRONG = "agentflow: 1\nname: w\nsteps: {a: {value: steps.b.output}}\n"
UNUSED = "agentflow: 1\nname: w\ninputs: {x: {type: string, default: y}}\nsteps: {a: {value: '1'}}\n"
RIGHT = "agentflow: 1\nname: w\nsteps: {a: {value: '1'}}\noutputs: {a: steps.a.output}\n"
BAIT = "::add-mask::x"
TESTS = f"tests:\n  - {{name: '{BAIT}', expect: {{outputs: {{a: '%s'}}}}}}\n"


@dataclass(slots=True)
class Runner:
    """What stands around a step of an action: its files, its variables."""

    folder: Path

    def step(self, name: str, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Runs a step's script with the inputs as the action hands them over."""
        env = {
            variable: {**DEFAULTS, **inputs}[re.fullmatch(r"\$\{\{ inputs\.(\w+) \}\}", value)[1]]  # type: ignore[index]
            for variable, value in STEPS[name]["env"].items()
        }
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]],
            cwd=self.folder / "workspace",
            env={
                "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
                "GITHUB_ACTION_PATH": str(ROOT),
                "GITHUB_OUTPUT": str(self.folder / "output"),
                "GITHUB_PATH": str(self.folder / "path"),
                "RUNNER_TEMP": str(self.folder / "temp"),
                **env,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def write(self, name: str, text: str) -> None:
        path = self.folder / "workspace" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def program(self, name: str, text: str) -> None:
        """Puts a program on the PATH, before all others."""
        (self.folder / "bin" / name).write_text(text)
        (self.folder / "bin" / name).chmod(0o755)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    for name in ("workspace", "bin", "temp"):
        (tmp_path / name).mkdir()
    made = Runner(tmp_path)
    made.program("agentflow", f'#!/bin/sh\nexec "{sys.executable}" -m agentflow "$@"\n')
    # The checkout itself, however it came into this environment.
    (tmp_path / "bin" / "agentflow").write_text(
        f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m agentflow "$@"\n'
    )
    return made


def commands_in(log: str) -> list[str]:
    """The workflow commands that the runner would take, with those between `stop-commands` and its end left out."""
    found, stopped = [], None
    for line in log.splitlines():
        line = line.lstrip()
        if stopped is not None:
            stopped = None if line == f"::{stopped}::" else stopped
        elif line.startswith("::stop-commands::"):
            stopped = line.removeprefix("::stop-commands::")
        elif line.startswith("::"):
            found.append(line)
    assert stopped is None
    return found


def test_no_input_stands_in_a_script_where_it_could_run():
    for step in STEPS.values():
        assert "${{" not in step["run"]
        (script,) = re.findall(r"scripts/action/\w+\.sh", step["run"])
        assert os.access(ROOT / script, os.X_OK)


def test_every_input_is_used_and_explained():
    used = set(re.findall(r"inputs\.(\w+)", (ROOT / "action.yml").read_text()))
    assert used == set(ACTION["inputs"])
    assert all(given["description"] for given in ACTION["inputs"].values())
    documented = (ROOT / "docs" / "ci.md").read_text()
    assert [name for name in ACTION["inputs"] if f"| `{name}` |" not in documented] == []


def test_problems_become_annotations_and_the_exit_code_is_that_of_validate(runner: Runner):
    runner.write("flows/wrong.yaml", WRONG)
    runner.write("flows/right.yaml", RIGHT)
    done = runner.step("validate", files="flows")
    assert done.returncode == 2
    (command,) = commands_in(done.stdout)
    assert command.startswith("::error file=flows/wrong.yaml,line=3,")
    assert runner.step("validate", files="flows/right.yaml\n flows/right.yaml ").returncode == 0


@pytest.mark.parametrize(("strict", "code"), [("true", 2), ("false", 0), ("", 0), ("yes", 2)])
def test_strict_makes_warnings_fail(runner: Runner, strict: str, code: int):
    runner.write("unused.yaml", UNUSED)
    done = runner.step("validate", strict=strict)
    assert done.returncode == code
    assert any("title=AF404" in command for command in commands_in(done.stdout)) == (strict != "yes")


def test_sarif_goes_to_a_file(runner: Runner):
    runner.write("wrong.yaml", WRONG)
    done = runner.step("validate", format="sarif", output="found.sarif")
    assert done.returncode == 2
    assert '"2.1.0"' in (runner.folder / "workspace" / "found.sarif").read_text()


def test_files_are_never_options_and_none_is_an_error(runner: Runner):
    runner.write("right.yaml", RIGHT)
    assert runner.step("validate", files="--help").returncode == 2
    assert runner.step("validate", files=" \n").returncode == 2
    assert runner.step("validate", files='$(touch hit) "; touch hit"').returncode == 2
    assert not (runner.folder / "workspace" / "hit").exists()


@pytest.mark.parametrize(("value", "code"), [("1", 0), ("2", 1)])
def test_tests_are_run_and_their_results_are_an_output(runner: Runner, value: str, code: int):
    runner.write("w.yaml", RIGHT)
    runner.write("w.test.yaml", TESTS.replace("'%s'", value))
    done = runner.step("test")
    assert done.returncode == code, done.stdout + done.stderr
    assert (runner.folder / "output").read_text() == "junit=agentflow-junit.xml\n"
    suites = ET.parse(runner.folder / "workspace" / "agentflow-junit.xml").getroot()
    assert suites.attrib["failures"] == str(code)
    assert len(commands_in(done.stdout)) == code


def test_nothing_that_a_test_says_is_a_command_to_the_runner(runner: Runner):
    runner.write("w.yaml", RIGHT)
    runner.write("w.test.yaml", TESTS % f"a\\n{BAIT}\\n::error::b")
    done = runner.step("test")
    assert BAIT in done.stdout
    assert [command.partition("::a test failed")[0] for command in commands_in(done.stdout)] == [
        "::error title=agentflow"
    ]


def test_no_tests_are_told_and_no_failure(runner: Runner):
    runner.write("w.yaml", RIGHT)
    done = runner.step("test")
    assert done.returncode == 0
    assert commands_in(done.stdout) == [
        "::notice title=agentflow::there are no tests in .: they are called *.test.yaml"
    ]
    assert runner.step("test", tests="nosuch").returncode == 2


def test_an_install_takes_the_actions_own_source_and_puts_only_agentflow_on_the_path(runner: Runner):
    said = runner.folder / "said"
    runner.program(
        "python3",
        "#!/bin/bash\n"
        'if [ "$1" = -c ]; then exit 0; fi\n'
        'mkdir -p "$3/bin"\n'
        f'printf \'#!/bin/bash\\necho "$@" >> "{said}"\\n\' | tee "$3/bin/python" > "$3/bin/agentflow"\n'
        'chmod +x "$3/bin/python" "$3/bin/agentflow"\n',
    )
    done = runner.step("install")
    assert done.returncode == 0, done.stderr
    asked = said.read_text().splitlines()
    assert asked[0].endswith(f"install {ROOT}")
    assert asked[1] == "--version"
    (folder,) = (runner.folder / "path").read_text().splitlines()
    assert [path.name for path in Path(folder).iterdir()] == ["agentflow"]
    runner.step("install", package="agentflow @ file:///x y")
    assert said.read_text().splitlines()[2].endswith("install agentflow @ file:///x y")


def test_an_old_python_is_told_with_a_next_move(runner: Runner):
    runner.program("python3", "#!/bin/sh\nexit 1\n")
    done = runner.step("install")
    assert done.returncode == 2
    assert commands_in(done.stdout) == [
        "::error title=agentflow::Python 3.11 or later is needed; put actions/setup-python before this action"
    ]


def test_the_scripts_please_shellcheck():
    if shutil.which("shellcheck") is None:
        pytest.skip("there is no shellcheck")
    scripts = sorted((ROOT / "scripts" / "action").glob("*.sh"))
    done = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_runs_a_command_that_is_there(hook: dict[str, Any]):
    program, command, *options = hook["entry"].split()
    assert program == COMMAND.name
    assert command in COMMANDS
    assert hook["language"] == "python"
    if hook["id"] == "agentflow-validate":
        # What pre-commit adds are names of files, whatever they begin with.
        assert options[-1] == "--"
