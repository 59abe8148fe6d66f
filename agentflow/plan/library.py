"""A file that others import, looked at by itself: what it can only name waits for the files that import it."""

from agentflow.plan.commands import own_tools
from agentflow.plan.findings import Findings, TooManyFindings
from agentflow.plan.scopes import Variable
from agentflow.plan.texts import TextReader
from agentflow.plan.types import UNKNOWN
from agentflow.source.diagnostics import Diagnostic
from agentflow.spec.sources import Source


def check_library(source: Source) -> list[Diagnostic]:
    """What is wrong with the tools of a file whoever imports it, and with the texts of its agents."""
    findings = Findings(source)
    try:
        _check(source, findings)
    except TooManyFindings:
        return findings.cut_short()
    return findings.sorted()


def _check(source: Source, findings: Findings) -> None:
    read = TextReader(findings)
    # Which secrets there are is for the files that import it to say.
    own_tools(source.workflow.tools, Variable(UNKNOWN), read)
    for name, agent in source.workflow.agents.items():
        loc = ("agents", name)
        if agent.instructions is not None and not source.is_verbatim((*loc, "instructions")):
            read.prose((*loc, "instructions"), agent.instructions)
        if agent.stop.when is not None:
            read.expression((*loc, "stop", "when"), agent.stop.when)
