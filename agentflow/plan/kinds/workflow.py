"""`workflow`: another file as one step."""

import posixpath
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agentflow.plan.arguments import WITH, built, is_constant, misfit, references_in, shape_in, texts_in, uses_in
from agentflow.plan.arrange import Arranged
from agentflow.plan.draft import Draft, Key
from agentflow.plan.files import MOST_STEPS
from agentflow.plan.flow import use_is_tainted
from agentflow.plan.inputs import input_plans
from agentflow.plan.kinds.kind import Kind, Output, Shapes, Texts
from agentflow.plan.model import AgentStepPlan, InputPlan, PartLimits, Plan, StepPlan, WorkflowStepPlan, every_step
from agentflow.plan.rules import inputs_of
from agentflow.plan.sandbox_plan import sandbox_plan, wider
from agentflow.plan.scopes import Scope
from agentflow.plan.texts import TextReader
from agentflow.plan.types import UNKNOWN, Shape, is_constrained
from agentflow.source.document import Loc
from agentflow.spec.contracts import Contract
from agentflow.spec.files import path_and_pin
from agentflow.spec.sources import Source
from agentflow.spec.steps import WorkflowStep

if TYPE_CHECKING:
    from agentflow.plan.analysis import Analysis
    from agentflow.plan.build import Builder


def _texts(read: TextReader, loc: Loc, step: WorkflowStep) -> Texts:
    return texts_in(read, loc, step.with_)


def _output(analysis: "Analysis", draft: Draft, shapes: Shapes, arranged: Arranged, scope: Scope) -> Output:
    """The file's outputs, as an object of their types."""
    step = draft.step
    assert isinstance(step, WorkflowStep)
    child = analysis.findings.source.children.get((*draft.loc, "workflow"))
    if child is None:
        return Output(UNKNOWN, True)
    checks = _Checks(analysis, draft, step, child)
    checks.sandbox()
    inputs = input_plans(child.workflow.inputs)
    checks.names(inputs)
    tainted = set()
    for name, value in step.with_.items():
        declared = inputs.get(name)
        if declared is not None and checks.is_whole(name, value):
            checks.value(name, value, declared, shapes)
            tainting = any(use_is_tainted(use, scope) for use in uses_in(draft, (WITH, name)))
            if tainting and not is_constrained(Shape.of(declared.schema)):
                tainted.add(name)
    found, problems = analysis.files.given(child, frozenset(tainted))
    for name, problem in problems:
        checks.crossing(
            name, f"{problem.place.path}:{problem.place.line}: {problem.message}", problem.code, problem.hint
        )
    if tainted and (plan := analysis.files.alone(child).plan) is not None:
        checks.rules(plan, tainted)
    checks.size(found.steps)
    analysis.parts[draft.loc] = found
    return Output(found.output, found.tainted)


class _Checks:
    """What is looked at where a file is run as a step."""

    def __init__(self, analysis: "Analysis", draft: Draft, step: WorkflowStep, child: Source) -> None:
        self._findings = analysis.findings
        self._analysis = analysis
        self._draft = draft
        self._step = step
        self._child = child
        self._path = child.document.path

    def sandbox(self) -> None:
        """A file may not run commands more freely than the one that runs it."""
        own, around = sandbox_plan(self._child.workflow), sandbox_plan(self._findings.source.workflow)
        for key, grant in wider(own, around):
            if key == "sandbox":
                message = f"`{self._path}` says `sandbox: off`, and this file does not"
                hint = "write `sandbox: off` here, too, or take it out there"
            else:
                message = f"`{self._path}` grants its commands `{key}: {grant}`, and this file does not"
                hint = f"add it to `sandbox.{key}` here, too, or take it out there"
            self._findings.at("AF504", message, (*self._draft.loc, "workflow"), hint)

    def names(self, inputs: Mapping[str, InputPlan]) -> None:
        """Inputs that are missing, or that there are none of."""
        for name in self._step.with_:
            if name not in inputs and not self._child.is_broken(("inputs", name)):
                hint = self._findings.similar(name, inputs) or "it has no inputs"
                loc = (*self._draft.loc, "with", name)
                self._findings.at("AF302", f"`{self._path}` has no input `{name}`", loc, hint, key=True)
        if self._findings.is_broken((*self._draft.loc, "with")):
            return
        for name, declared in inputs.items():
            if declared.required and name not in self._step.with_:
                message = f"step `{self._draft.id}` lacks the input `{name}` of `{self._path}`"
                self._findings.at("AF202", message, (*self._draft.loc, "with"), f"add `{name}` to `with`", key=True)

    def is_whole(self, name: str, value: Any) -> bool:
        """Whether every text in a value could be parsed."""
        return _texts_in(value, ("with", name)) <= set(self._draft.uses)

    def value(self, name: str, value: Any, declared: InputPlan, shapes: Shapes) -> None:
        """A value that cannot be what the input takes."""
        key: Key = ("with", name)
        if is_constant(self._draft, value, key):
            problems = Contract(declared.schema).problems(value)
            problem = problems[0].removeprefix("$ ") if problems else _leaves(value, declared)
        else:
            problem = misfit(shape_in(self._draft, value, shapes, key), Shape.of(declared.schema))
        if problem is not None:
            message = f"input `{name}` of `{self._path}` does not take this: {problem}"
            self._findings.at("AF305", message, (*self._draft.loc, *key), "look at the `inputs` of that file")

    def crossing(self, name: str, message: str, code: str, hint: str | None) -> None:
        """Something in the other file that is wrong because of a value given here."""
        self._findings.at(code, f"this text is not the author's: {message}", (*self._draft.loc, "with", name), hint)

    def rules(self, plan: Plan, tainted: set[str]) -> None:
        """A path that a rule holds is not for models and tools to choose."""
        for name in sorted(tainted & inputs_of_rules(plan)):
            message = f"a rule in `{self._path}` holds the path `{name}`, and this text is not the author's"
            hint = "give it a path that is written out, or an input of this file"
            self._findings.at("AF508", message, (*self._draft.loc, "with", name), hint)

    def size(self, steps: int) -> None:
        """Files that run files many times over."""
        before = sum(part.steps for part in self._analysis.parts.values())
        if before + steps > MOST_STEPS:
            message = f"with the files that its steps run this comes to more than {MOST_STEPS:,} steps"
            self._findings.at("AF104", message, (*self._draft.loc, "workflow"), "run them in a `for_each`, or split it")


def _leaves(value: Any, declared: InputPlan) -> str | None:
    """Why a path that is written out leads out of the project wherever that is."""
    is_path = declared.schema.get("format") == "path" and isinstance(value, str)
    return "it leaves the project" if is_path and posixpath.normpath(value).split("/")[0] == ".." else None


def _texts_in(value: Any, key: Key) -> set[Key]:
    if isinstance(value, str):
        return {key}
    if isinstance(value, dict):
        return {found for name, item in value.items() for found in _texts_in(item, (*key, name))}
    if isinstance(value, list):
        return {found for index, item in enumerate(value) for found in _texts_in(item, (*key, index))}
    return set()


def inputs_of_rules(plan: Plan, known: dict[str, set[str]] | None = None) -> set[str]:
    """The inputs of a file that stand in the rules of its agents, or are handed on to a file where they do.

    Parameters:
        known: those of files that were looked at already, by path; a file may be run many times over.
    """
    known = {} if known is None else known
    if plan.path in known:
        return known[plan.path]
    agents = [*plan.agents.values()]
    found: set[str] = set()
    for step in every_step(plan.root, into_files=False):
        if isinstance(step, AgentStepPlan):
            agents.append(step.agent)
        elif isinstance(step, WorkflowStepPlan):
            handed = inputs_of_rules(step.plan, known)
            for name, value in step.arguments.items():
                if name in handed:
                    reads = (read for read in references_in(value) if read.root == "inputs" and read.path)
                    found.update(str(read.path[0]) for read in reads)
    for agent in agents:
        found.update(name for grant in agent.grants for rule in grant.rules for name in inputs_of(rule))
    known[plan.path] = found
    return found


def _build(builder: "Builder", draft: Draft, arranged: Arranged, common: Mapping[str, Any]) -> StepPlan:
    """Another file."""
    step = draft.step
    assert isinstance(step, WorkflowStep)
    plan = builder.parts[draft.loc].plan
    assert plan is not None
    named = path_and_pin(step.workflow)
    assert named is not None
    return WorkflowStepPlan(
        **common,
        file=named[0],
        plan=plan,
        arguments=built(draft, step.with_),
        limits=_limits(builder.source.children[(*draft.loc, "workflow")]),
    )


def _limits(child: Source) -> PartLimits:
    """The bounds that a file writes down; what it leaves out is bounded by those around it."""
    limits = child.workflow.limits
    written = limits.model_fields_set - {"warn_at"} if "limits" in child.workflow.model_fields_set else frozenset()
    return PartLimits(**{name: getattr(limits, name) for name in written})


WORKFLOW = Kind(_texts, _output, _build)
