"""Paths that text of others must not choose: they would decide which file is read or written."""

from collections.abc import Mapping
from typing import Any

from agentflow.plan.findings import Findings
from agentflow.plan.flow import use_is_tainted
from agentflow.plan.rules import inputs_of
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import Use
from agentflow.source.document import Loc

_MESSAGE = "a path holds text that is not the author's, which could name any file of the project"


def check_path(use: Use, scope: Scope, findings: Findings) -> None:
    """Notes a path that a model, a tool or an untrusted input has a say in.

    Parameters:
        use: the path, checked already.
    """
    if use_is_tainted(use, scope):
        offset = next((reference.offset for reference in use.code.references), 0)
        hint = "write the path out, or let it be chosen from an `enum`"
        findings.add("AF508", _MESSAGE, use.place(offset, 1), hint)


def check_rule(rule: str, inputs: Mapping[str, Mapping[str, Any]], loc: Loc, findings: Findings) -> None:
    """Notes a path rule that holds an untrusted input: whoever writes the input would grant the files.

    Parameters:
        inputs: the schemas of the file's inputs, by name.
        loc: of the tool in an agent's list.
    """
    for name in inputs_of(rule):
        if inputs.get(name, {}).get("untrusted") is True:
            message = f"the rule is a path from `inputs.{name}`, which is untrusted"
            findings.at("AF508", message, loc, "write the folder out, or take `untrusted` away if it is the user's own")
