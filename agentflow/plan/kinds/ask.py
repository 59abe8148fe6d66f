"""`ask`: a person answers."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from agentflow.plan.arrange import Arranged
from agentflow.plan.draft import Draft
from agentflow.plan.kinds.kind import Kind, Output, Shapes, Texts
from agentflow.plan.model import AskStepPlan, StepPlan
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import TextReader
from agentflow.plan.types import UNKNOWN, Shape
from agentflow.source.document import Loc
from agentflow.spec.forms import LINE_OF_TEXT, FormField, answered, fields_of, is_record, misfits
from agentflow.spec.steps import AskStep

if TYPE_CHECKING:
    from agentflow.plan.analysis import Analysis
    from agentflow.plan.build import Builder

JSON = Any


def _texts(read: TextReader, loc: Loc, step: AskStep) -> Texts:
    yield ("ask",), read.prose((*loc, "ask"), step.ask)
    if step.show is not None:
        yield ("show",), read.prose((*loc, "show"), step.show)


def _output(analysis: "Analysis", draft: Draft, shapes: Shapes, arranged: Arranged, scope: Scope) -> Output:
    """What meets the form; a person's words are trusted."""
    assert isinstance(draft.step, AskStep)
    loc = (*draft.loc, "output")
    if analysis.findings.is_broken(loc):
        return Output(UNKNOWN, False)
    form = _form(analysis.findings.source, draft)
    for field in _defaults(form):
        misses = misfits(field, field.default)
        if misses:
            what = f"the default of `{field.name}`" if field.name else "the form's default"
            where = (*loc, "properties", field.name, "default") if field.name else (*loc, "default")
            # A form in a file of its own is named at `output`.
            place = where if analysis.findings.source.document.has(where) else loc
            message = f"{what} does not meet its schema: {misses[0].removeprefix('$ ')}"
            analysis.findings.at("AF208", message, place)
    return Output(Shape.of(answered(form)), False)


def _form(source: Any, draft: Draft) -> Mapping[str, JSON]:
    assert isinstance(draft.step, AskStep)
    if draft.step.output is None:
        return LINE_OF_TEXT
    form: Mapping[str, JSON] = source.mapping((*draft.loc, "output"), draft.step.output)
    return form


def _defaults(form: Mapping[str, JSON]) -> Iterator[FormField]:
    """Each default of a form with the field it is of."""
    whole = FormField("", form, True, "default" in form, form.get("default"))
    for field in (whole, *fields_of(form)) if is_record(form) else (whole,):
        if field.has_default:
            yield field


def _build(builder: "Builder", draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
    """A person answers."""
    step = draft.step
    assert isinstance(step, AskStep)
    show = draft.uses.get(("show",))
    return AskStepPlan(
        **common,
        message=draft.uses["ask",].template,
        show=None if show is None else show.template,
        form=_form(builder.source, draft),
        timeout=step.timeout,
    )


ASK = Kind(_texts, _output, _build, times_itself=True)
