"""A run to look at."""

import asyncio
from pathlib import Path

from agentflow import api

GREETING = """\
agentflow: 1
name: greeting
sandbox: "off"
inputs: {name: {type: string, default: Ada}}
steps:
  greet: {run: [printf, "Good day, %s", "{{ inputs.name }}"], effects: none}
outputs: {said: steps.greet.output}
"""


def a_run(folder: Path) -> str:
    """Runs a small workflow in `folder`; returns the run's id."""
    (folder / ".git").mkdir()
    (folder / "greeting.yaml").write_text(GREETING)
    return asyncio.run(api.run(folder / "greeting.yaml")).run
