"""What a run itself is made of, which no tool of it may change."""

import os
import sys
from pathlib import Path

from agentflow.events.run_events import RunStarted
from agentflow.plan.callers import IN_PROJECT, POLICY


def own_files(started: RunStarted) -> tuple[str, ...]:
    """Paths relative to the project: the workflow file and every file it names, the operator's policy, also where the
    environment names it, and the environment that this Python runs from, where these lie in the project."""
    beside = os.path.dirname(started.path)
    files = [os.path.normpath(os.path.join(started.folder, os.path.relpath(path, beside))) for path in started.sources]
    own = [*IN_PROJECT, *(file for file in files if not file.startswith(".."))]
    project = Path(started.project)
    named = os.environ.get(POLICY)
    for path in (Path(sys.prefix).resolve(), *([Path(named).resolve()] if named else [])):
        if path != project and path.is_relative_to(project):
            own.append(path.relative_to(project).as_posix())
    return tuple(dict.fromkeys(own))
