"""`call`: a Python function beside the workflow."""

import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentflow.plan.arguments import WITH, built, texts_in
from agentflow.plan.arrange import Arranged
from agentflow.plan.draft import Draft
from agentflow.plan.kinds.kind import Kind, Output, Shapes, Texts
from agentflow.plan.model import CallStepPlan, StepPlan
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import TextReader
from agentflow.plan.types import UNKNOWN, Shape
from agentflow.source.document import Loc
from agentflow.spec.named_files import module_file
from agentflow.spec.sources import Source
from agentflow.spec.steps import CallStep

if TYPE_CHECKING:
    from agentflow.plan.analysis import Analysis
    from agentflow.plan.build import Builder


def _texts(read: TextReader, loc: Loc, step: CallStep) -> Texts:
    return texts_in(read, loc, step.with_)


def _output(analysis: "Analysis", draft: Draft, shapes: Shapes, arranged: Arranged, scope: Scope) -> Output:
    """A function's return value is tool text: it may hand on whatever it was given, or has fetched."""
    step = draft.step
    assert isinstance(step, CallStep)
    _check_function(analysis, draft, step)
    output = analysis.findings.source.mapping((*draft.loc, "output"), step.output)
    return Output(UNKNOWN if output is None else Shape.of(output), True)


def _check_function(analysis: "Analysis", draft: Draft, step: CallStep) -> None:
    from agentflow.plan.functions import FunctionError, signature_of

    findings, loc = analysis.findings, (*draft.loc, "call")
    module, _, function = step.call.partition(":")
    try:
        text = findings.source.texts[loc].text
        signature = signature_of(text, module, function, module_file(step.call), analysis.modules)
    except FunctionError as problem:
        findings.at("AF316", problem.message, loc, findings.similar(function, problem.known) or problem.hint)
        return
    if signature is None or findings.is_broken((*draft.loc, WITH)):
        return
    if signature.positional:
        message = f"`{function}` takes `{signature.positional[0]}` by position only"
        findings.at("AF316", message, loc, "take the `/` out of its parameters: arguments are given by name")
    for name in step.with_:
        if name not in signature.by_name and not signature.anything:
            taken = ", ".join(f"`{known}`" for known in signature.by_name)
            hint = findings.similar(name, signature.by_name) or (f"it takes {taken}" if taken else "it takes none")
            findings.at("AF316", f"`{function}` takes no argument `{name}`", (*draft.loc, WITH, name), hint, key=True)
    for name in signature.required:
        if name not in step.with_:
            message, where = f"`{function}` wants `{name}`, which `with` lacks", (*draft.loc, WITH)
            written = findings.source.document.has(where)
            findings.at("AF316", message, where if written else loc, f"add `{name}` to `with`", key=True)


def _build(builder: "Builder", draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
    """A Python function."""
    step = draft.step
    assert isinstance(step, CallStep)
    module, _, function = step.call.partition(":")
    text = builder.source.texts[(*draft.loc, "call")]
    return CallStepPlan(
        **common,
        file=_beside(builder.source, text.path),
        module=module,
        function=function,
        text=text.text,
        arguments=built(draft, step.with_),
        output=builder.source.mapping((*draft.loc, "output"), step.output),
        effects=step.effects,
        timeout=step.timeout,
        on_unknown=step.on_unknown,
    )


def _beside(source: Source, path: str) -> str:
    return posixpath.relpath(path, posixpath.dirname(source.document.path) or ".")


CALL = Kind(_texts, _output, _build, times_itself=True)
