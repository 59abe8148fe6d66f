"""The input of a `tool` step: what its tool takes, as far as types are known, and what it must not be handed."""

from collections.abc import Mapping
from typing import Any

from agentflow.plan.agent_plan import ToolSpec
from agentflow.plan.arguments import WITH, is_constant, shape_in
from agentflow.plan.builtin_tools import BUILTIN_TOOLS
from agentflow.plan.draft import Draft
from agentflow.plan.findings import Findings
from agentflow.plan.flow import foreign_host, use_is_tainted
from agentflow.plan.kinds.kind import Shapes
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import Use
from agentflow.plan.types import Shape, kinds, part
from agentflow.source.document import Loc
from agentflow.spec.contracts import Contract
from agentflow.spec.steps import ToolStep

JSON = Any


def check_tool_input(spec: ToolSpec, draft: Draft, step: ToolStep, shapes: Shapes, findings: Findings) -> None:
    """Notes what the tool's schema would refuse, and keys that it does not know.

    Parameters:
        shapes: the types of the texts in the step.
    """
    schema = spec.input_schema
    properties, loc = schema.get("properties", {}), (*draft.loc, WITH)
    if findings.is_broken(loc) or not isinstance(properties, Mapping):
        return
    for name in schema.get("required", ()):
        if name not in step.with_:
            where = loc if findings.source.document.has(loc) else (*draft.loc, "tool")
            message = f"`{spec.name}` wants `{name}`, which `with` lacks"
            findings.at("AF317", message, where, f"add `{name}` to `with`", key=True)
    closed = schema.get("additionalProperties") in (None, False) and "patternProperties" not in schema
    for name, value in step.with_.items():
        if name in properties:
            _check_value(spec, name, value, draft, shapes, findings)
        elif closed and properties:
            hint = findings.similar(name, properties)
            findings.at("AF317", f"`{spec.name}` takes no `{name}`", (*loc, name), hint, key=True)
        elif closed:
            findings.at("AF317", f"`{spec.name}` takes no input", (*loc, name), "take it away", key=True)


def _check_value(spec: ToolSpec, name: str, value: JSON, draft: Draft, shapes: Shapes, findings: Findings) -> None:
    wanted = part(spec.input_schema, spec.input_schema["properties"][name])
    loc: Loc = (*draft.loc, WITH, name)
    if is_constant(draft, value, (WITH, name)) and "$ref" not in str(wanted.schema):
        problems = Contract(wanted.schema).problems(value) if wanted.schema else []
        if problems:
            message = f"`{name}` of `{spec.name}` {problems[0].removeprefix('$ ')}"
            findings.at("AF317", message, loc, f"see what `{spec.name}` takes")
        return
    given, taken = _kinds(shape_in(draft, value, shapes, (WITH, name))), _kinds(wanted)
    if given is not None and taken is not None and not given & taken:
        words = (" or ".join(sorted(several)) for several in (taken, given))
        message = f"`{name}` of `{spec.name}` is {', not '.join(words)}"
        findings.at("AF317", message, loc, "convert it, as by `| int` or `| string`, or read another field")


def _kinds(shape: Shape) -> frozenset[str] | None:
    """As `kinds`; a number may be a whole one."""
    found = kinds(shape)
    return found | {"integer"} if found is not None and "number" in found else found


def check_untrusted_input(tool: str, draft: Draft, scope: Scope, findings: Findings) -> None:
    """Notes foreign text where it would be run, or would say which file is touched or which host is asked.

    Parameters:
        tool: its name.
        scope: of the step.
    """
    builtin = BUILTIN_TOOLS.get(tool)
    if builtin is None:
        return
    for key, use in draft.uses.items():
        if key[0] != WITH or not use_is_tainted(use, scope):
            continue
        if key[1] in builtin.scripts:
            message, hint = "the shell would run this text as code", "write a `run` step, and pass the text by `stdin`"
            findings.add("AF501", message, use.place(_offset(use), 1), hint)
        elif key[1] in builtin.paths:
            message = "text that is not the author's would say which file is touched"
            hint = "write the path out, read it from an input, or give its schema an `enum`"
            findings.add("AF508", message, use.place(_offset(use), 1), hint)
        elif key[1] in builtin.urls and (foreign := foreign_host(use, scope)) is not None:
            message = "text that is not the author's would say which host is called"
            hint = "write the host out, and let the text come after a `/`, or choose it from an `enum`"
            findings.add("AF507", message, use.place(foreign, 1), hint)


def _offset(use: Use) -> int:
    return next((reference.offset for reference in use.code.references), 0)
