"""Hostile files through `agentflow validate`, in a process of its own: a clean diagnostic each, never a traceback."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentflow.source.codes import CODES
from agentflow.source.diagnostics import MOST_TOLD
from tests.acceptance.cli_process import Cli, environment
from tests.acceptance.hostile_files import NAMED, PATHS, TEXTS, make_project, source_of
from tests.acceptance.hostile_parts import PART_CODES, make_parts

HANGS = 300
"""Seconds for all files together, on a machine with much else to do; they take some twenty."""

Told = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    make_project(folder)
    return folder


def validated(folder: Path, paths: list[str]) -> Told:
    command = [sys.executable, "-m", "agentflow", "validate", "--output-format", "json", *paths]
    env = dict(environment(folder, "http://127.0.0.1:9"))
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=HANGS)
    assert done.stderr == ""
    assert done.returncode == 2
    return {file["path"]: file["diagnostics"] for file in json.loads(done.stdout)["files"]}


@pytest.fixture(scope="module")
def told(project: Path) -> Told:
    """What one process says of all files and paths."""
    files = [project / "project" / f"t{number}.yaml" for number in range(len(TEXTS) + len(NAMED))]
    sources = [*(source_of(case) for case in TEXTS.values()), *(text.encode() for text, _ in NAMED.values())]
    for file, source in zip(files, sources, strict=True):
        file.write_bytes(source)
    parts = make_parts(project)
    found = validated(project, [*(f"project/{file.name}" for file in files), *PATHS, *parts.values()])
    names = [*TEXTS, *NAMED]
    return (
        {name: found[f"project/t{number}.yaml"] for number, name in enumerate(names)}
        | {path: found[path] for path in PATHS}
        | {name: found[path] for name, path in parts.items()}
    )


WANTED = {**{name: codes for name, (_, codes) in {**TEXTS, **NAMED}.items()}, **PATHS, **PART_CODES}


@pytest.mark.parametrize("name", WANTED)
def test_it_gives_these_codes_and_no_other(told: Told, name: str):
    assert tuple(sorted({found["code"] for found in told[name]})) == WANTED[name]


@pytest.mark.parametrize("name", WANTED)
def test_what_is_told_is_short_and_has_a_place(told: Told, name: str):
    # One file's, those of a file that it names, and the two closing notes.
    assert len(told[name]) <= 2 * MOST_TOLD + 2
    for found in told[name]:
        assert found["code"] in CODES
        assert 0 < len(found["message"]) < 1_500
        assert len(found["hint"] or "") < 1_500
        assert min(found["line"], found["column"], found["width"]) >= 1


@pytest.mark.parametrize("name", ["1,000 unknown steps", "a list of 190,000", "100,000 placeholders"])
@pytest.mark.parametrize("output", ["text", "sarif", "github"])
def test_every_report_of_it_is_short_too(project: Path, name: str, output: str):
    (project / "one.yaml").write_bytes(source_of(TEXTS[name]))
    cli = Cli(project, environment(project, "http://127.0.0.1:9"))
    done = cli("validate", "--output-format", output, "one.yaml")
    assert done.code == 2
    assert done.err == ""
    assert len(done.out) < 400_000


def test_what_comes_in_by_standard_input_is_bounded(project: Path):
    cli = Cli(project, environment(project, "http://127.0.0.1:9"))
    done = cli("validate", "-", stdin="[" * 3_000_000)
    assert done.code == 2
    assert "error[AF104]" in done.out
