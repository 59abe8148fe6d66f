"""A copy of what a user of the repository has before them, to run things in."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(sys.executable).parent / "agentflow"
PATIENCE = 300
"""Seconds after which a command counts as hung, on a machine with much else to do."""


def copy_to(folder: Path) -> Path:
    """Makes a project with the documents and workflows of this one in `folder`."""
    for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", "docs", "workflows"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
    (folder / ".git").mkdir()
    return folder


def agentflow(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command in `folder`, with nobody at its terminal."""
    return subprocess.run(
        [COMMAND, *arguments], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE
    )


def shell(folder: Path, line: str, last_exit_code: int) -> subprocess.CompletedProcess[str]:
    """Runs a line as a reader would type it; what goes to standard error stands among the rest."""
    return subprocess.run(
        ["bash", "-c", f"(exit {last_exit_code}); {line}"],
        cwd=folder,
        env={**os.environ, "PATH": f"{COMMAND.parent}:{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
    )
