"""The plan of a run that is in the journal."""

import os

from agentflow.errors import AgentflowError
from agentflow.events.run_events import RunStarted
from agentflow.plan.compile import to_plan
from agentflow.plan.continued import continued_plan
from agentflow.plan.declared_models import Catalogue, declaring, from_data
from agentflow.plan.endpoints import endpoint_of
from agentflow.plan.model import Plan
from agentflow.source.diagnostics import Severity
from agentflow.spec.load import load
from agentflow.spec.sources import stored


def declared_for(started: RunStarted) -> Catalogue:
    """What holds of models while a run is at work: what is declared now, before what was when it was started."""
    return from_data(started.declared).under(endpoint_of(os.environ).catalogue)


def stored_plan(started: RunStarted) -> Plan:
    """The plan of a run, from the texts that were stored with it. Raises AgentflowError where it became another."""
    whole, continued = whole_plan(started), started.continued
    if continued is None:
        return whole
    return continued_plan(whole, continued.step, continued.prompt, continued.system, continued.subagent)


def whole_plan(started: RunStarted) -> Plan:
    """The plan of the file that is stored with a run, also where that only carries a session on."""
    text = started.sources[started.path]
    source, problems = load(text, started.path, stored(started.sources, started.path))
    # As it was declared when the run was started, whatever is declared now.
    with declaring(from_data(started.declared)):
        plan = None if source is None else to_plan(source)[0]
    refused = any(problem.severity is Severity.ERROR for problem in problems)
    if plan is None or refused or plan.digest != started.plan_digest:
        raise AgentflowError(
            f"this version of agentflow makes another plan of run {started.run} than the one it was started with",
            "resume it with the version that started it, or start a new run",
        )
    return plan
