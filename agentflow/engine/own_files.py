"""What a run itself is made of, which no tool of it may change."""

import os
import sys
from pathlib import Path

from agentflow.events.run_events import RunStarted

POLICY = "policy.yaml"


def own_files(started: RunStarted) -> tuple[str, ...]:
    """Paths relative to the project: the workflow file and every file it names, the operator's policy, and the
    environment that this Python runs from, where it lies in the project."""
    beside = os.path.dirname(started.path)
    files = [os.path.normpath(os.path.join(started.folder, os.path.relpath(path, beside))) for path in started.sources]
    own = [POLICY, *(file for file in files if not file.startswith(".."))]
    prefix = Path(sys.prefix).resolve()
    project = Path(started.project)
    if prefix != project and prefix.is_relative_to(project):
        own.append(prefix.relative_to(project).as_posix())
    return tuple(dict.fromkeys(own))
