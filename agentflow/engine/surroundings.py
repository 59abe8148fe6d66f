"""What stands around a run: its project, the people and programs that hear of it, its secrets and sandboxes."""

import os
from collections.abc import Mapping
from pathlib import Path

from agentflow.engine.charge import Standing
from agentflow.engine.logged import logged
from agentflow.engine.options import RunOptions
from agentflow.engine.people import say_yes
from agentflow.engine.port import Surroundings
from agentflow.engine.sandboxes import sandboxes_for
from agentflow.engine.secret_values import operators_secrets
from agentflow.events.run_events import RunStarted
from agentflow.plan.model import Plan


async def surroundings(
    plan: Plan, started: RunStarted, options: RunOptions, secrets: Mapping[str, str], stands: Standing
) -> Surroundings:
    """What a run works with.

    Raises:
        SandboxError: its commands need a sandbox, and none holds here.
    """
    return Surroundings(
        project=Path(started.project),
        ask=say_yes if options.yes else options.ask,
        secrets=secrets,
        hidden=operators_secrets(os.environ),
        ask_secret=options.ask_secret,
        observe=logged(options.observe or (lambda _stream, _event: None)),
        hear=options.hear,
        disk_full=options.disk_full or (lambda _full: None),
        stays=options.stays,
        sandboxes=await sandboxes_for(plan, started),
        user=stands.acting,
        entitled=stands.entitled,
        limits=options.charge.limits,
    )
