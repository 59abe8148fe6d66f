"""What is shipped: the wheel alone, in an environment of its own, outside the checkout.

The libraries come from the environment that runs the tests, so that nothing is downloaded.
"""

import re
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from agentflow.report.page.html import SCRIPTS
from agentflow.source.codes import CODES
from tests.house.checkout import PATIENCE, ROOT


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that holds the wheel."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", venv, cwd=venv.parent)
    python = venv / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel, cwd=venv.parent)
    # A path in a .pth file lends its packages but not its own .pth files: the checkout, which is installed there as
    # editable, stays out.
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=venv.parent).strip())
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return venv / "bin"


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path):
    names = {name for name in zipfile.ZipFile(wheel).namelist() if not name.endswith("/")}
    package = {name for name in names if name.startswith("agentflow/")}
    in_tree = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("agentflow/**/*.py")}
    explanations = {f"agentflow/report/explanations/{code}.md" for code in CODES}
    first = {f"agentflow/cli/first_workflow/first{ending}" for ending in (".yaml", ".replies.yaml", ".test.yaml")}
    page = {f"agentflow/report/page/assets/{name}" for name in (*SCRIPTS, "page.html", "style.css")}
    assert package == in_tree | explanations | first | page | {"agentflow/py.typed"}
    information = {name.partition("/")[2] for name in names - package if ".dist-info/" in name}
    assert information == {"METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE"}
    assert len(names) == len(package) + len(information)


def test_the_wheel_asks_for_what_it_imports(wheel: Path):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = Parser().parsestr(archive.read(name).decode())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {re.split(r"[^\w-]", wanted)[0].lower() for wanted in metadata.get_all("Requires-Dist", [])}
    named -= set(project["optional-dependencies"])
    assert named == {re.split(r"[^\w-]", wanted)[0].lower() for wanted in project["dependencies"]}
    assert metadata["Version"] == project["version"]


def test_it_works_outside_the_checkout(installed: Path, wheel: Path, tmp_path: Path):
    version = wheel.name.split("-")[1]
    agentflow = installed / "agentflow"
    for name in ("quickstart.yaml", "quickstart.replies.yaml"):
        (tmp_path / name).write_text((ROOT / "workflows" / name).read_text())
    (tmp_path / "README.md").write_text("# Elsewhere\n\nagentflow runs here, and not where it was made. It did run.\n")

    where = run(installed / "python", "-c", "import agentflow; print(agentflow.__file__)", cwd=tmp_path)
    assert Path(where).is_relative_to(installed.parent)
    assert run(agentflow, "--version", cwd=tmp_path) == f"agentflow {version}\n"
    assert "no problems" in run(agentflow, "validate", "quickstart.yaml", cwd=tmp_path)
    assert run(agentflow, "explain", "AF301", cwd=tmp_path).startswith("AF301: an unknown step\n")
    said = run(agentflow, "run", "quickstart.yaml", "--scripted", "quickstart.replies.yaml", cwd=tmp_path)
    assert said.strip() == "agentflow runs here, and not where it was made. It did run. (README.md:3)"
    assert (tmp_path / ".agentflow" / "journal.db").stat().st_mode & 0o777 == 0o600
