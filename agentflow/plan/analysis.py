"""Checks steps in the order in which they run: what they read, of which type, and whether it may be missing."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from agentflow.plan.arrange import Arranged
from agentflow.plan.drafts import Draft, DraftBlock, Key
from agentflow.plan.findings import Findings
from agentflow.plan.flow import check_argv, check_env, check_script, use_is_tainted
from agentflow.plan.model import AgentPlan
from agentflow.plan.scopes import LOOP, Scope, StepFacts, Variable, check
from agentflow.plan.skips import can_skip, check_output
from agentflow.plan.texts import Use
from agentflow.plan.types import (
    STRING,
    UNKNOWN,
    Shape,
    always,
    array,
    item_of,
    kinds,
    record,
    shape_of_value,
    union,
)
from agentflow.source.document import Loc
from agentflow.spec.steps import (
    AgentStep,
    ApproveStep,
    ForEachStep,
    GroupStep,
    RunStep,
    StepBase,
    ValueStep,
)

APPROVAL = record({"by": STRING, "at": STRING, "comment": STRING})


class Output(Struct, frozen=True):
    """What a step gives; `shape` is None where nothing can be read."""

    shape: Shape | None
    tainted: bool


class Analysis(Struct, frozen=True):
    """Checks the steps of one file.

    Attributes:
        agents: the agent of each agent step, by where the step stands; missing where it could not be made.
    """

    findings: Findings
    agents: Mapping[Loc, AgentPlan]

    def block(self, arranged: Arranged, scope: Scope) -> Output:
        """Checks a block's steps and then its output; fills in the scope's facts."""
        for name in arranged.order:
            scope.facts[name] = self._step(arranged.block.drafts[name], arranged, scope)
        use = arranged.block.output
        if use is None:
            return Output(None, False)
        shape = check(use, scope, self.findings)
        check_output(use, arranged.block.drafts, scope, self.findings)
        return Output(shape, use_is_tainted(use, scope))

    def _step(self, draft: Draft, arranged: Arranged, scope: Scope) -> StepFacts:
        shapes = {key: check(use, scope, self.findings) for key, use in draft.uses.items()}
        self._check_when(draft, shapes)
        self._check_needs(draft, scope)
        output = _OUTPUTS[type(draft.step)](self, draft, shapes, arranged, scope)
        skips = can_skip(draft, arranged, scope)
        stands_in = "if_skipped" in draft.step.model_fields_set
        shape = output.shape
        if stands_in and shape is not None:
            shape = union((shape, shape_of_value(draft.step.if_skipped)))
        return StepFacts(shape, output.tainted, skips, skips and not stands_in)

    def _check_when(self, draft: Draft, shapes: Mapping[Key, Shape]) -> None:
        use = draft.uses.get(("when",))
        if use is None:
            return
        if not use.code.references:
            hint = "read something that changes, or take the `when` away"
            self.findings.add("AF403", "the condition is always the same", use.place(0, len(use.code.source)), hint)
            return
        self._check_kind(
            use, shapes["when",], "boolean", "when", "compare it, as `… != ''`, `… > 0` or `… is not none`"
        )

    def _check_kind(self, use: Use, shape: Shape, wanted: str, key: str, hint: str) -> None:
        found = kinds(shape)
        if found is not None and found != {wanted}:
            what = "true or false" if wanted == "boolean" else "a list"
            message = f"`{key}` wants {what}, not {' or '.join(sorted(found))}"
            self.findings.add("AF305", message, use.place(0, len(use.code.source)), hint)

    def _check_needs(self, draft: Draft, scope: Scope) -> None:
        assert scope.block is not None
        for index, name in enumerate(draft.step.needs):
            if name in scope.block.drafts or self._is_broken_step(name, scope):
                continue
            if scope.find(name) is not None:
                hint: str | None = "put this `needs` on the step that holds this one"
            else:
                hint = self.findings.similar(name, scope.block.drafts)
            self.findings.at("AF301", f"there is no step `{name}` in this scope", (*draft.loc, "needs", index), hint)

    def _is_broken_step(self, name: str, scope: Scope) -> bool:
        return any(self.findings.is_broken(loc) for loc in scope.locs(name))

    def agent(self, draft: Draft, shapes: Mapping[Key, Shape], arranged: Arranged, scope: Scope) -> Output:
        """An agent's output is what it says, or what meets its schema."""
        assert isinstance(draft.step, AgentStep)
        if draft.step.session is not None:
            self._check_session(draft, draft.step.session.continue_, scope)
        agent = self.agents.get(draft.loc)
        if agent is None or self._has_broken_output(draft):
            return Output(UNKNOWN, True)
        return Output(STRING if agent.output is None else Shape.of(agent.output), True)

    def _has_broken_output(self, draft: Draft) -> bool:
        agent = getattr(draft.step, "agent", None)
        holders: list[Loc] = [draft.loc, ("agents", agent) if isinstance(agent, str) else (*draft.loc, "agent")]
        return any(self.findings.is_broken((*holder, "output")) for holder in holders)

    def _check_session(self, draft: Draft, name: str, scope: Scope) -> None:
        loc = (*draft.loc, "session", "continue")
        found = scope.find(name)
        if found is None and self._is_broken_step(name, scope):
            return
        if found is None:
            self.findings.at("AF301", f"there is no step `{name}` here", loc, self.findings.similar(name, scope.ids()))
        elif not isinstance(found[0].step, AgentStep):
            self.findings.at("AF312", f"step `{name}` has no session to carry on", loc, "name a step with an `agent`")

    def run(self, draft: Draft, shapes: Mapping[Key, Shape], arranged: Arranged, scope: Scope) -> Output:
        """A command's output is tool text."""
        step = draft.step
        assert isinstance(step, RunStep)
        loc = (*draft.loc, "run")
        if isinstance(step.run, str):
            check_script(step.run, loc, self.findings)
        else:
            words = {int(key[1]): use for key, use in draft.uses.items() if key[0] == "run"}
            check_argv(step.run, words, loc, scope, self.findings)
        if not step.run:
            self.findings.at("AF203", "the command is empty", loc, "name a command and its arguments")
        self._check_cwd(step.cwd, (*draft.loc, "cwd"))
        for key, use in draft.uses.items():
            if key[0] == "env":
                check_env(str(key[1]), use, scope, self.findings)
        return Output(UNKNOWN if self.findings.is_broken((*draft.loc, "parse")) else _PARSED[step.parse], True)

    def _check_cwd(self, cwd: str | None, loc: Loc) -> None:
        if cwd is None:
            return
        if "{{" in cwd:
            self.findings.at("AF307", "a folder is constant", loc, "write the folder out")
        elif cwd.startswith(("/", "~")) or ".." in cwd.split("/"):
            self.findings.at("AF203", "`cwd` is a folder inside the project", loc, "write it relative to the project")

    def value(self, draft: Draft, shapes: Mapping[Key, Shape], arranged: Arranged, scope: Scope) -> Output:
        """The value of an expression."""
        use = draft.uses.get(("value",))
        if use is None:
            return Output(UNKNOWN, True)
        return Output(shapes["value",], use_is_tainted(use, scope))

    def approve(self, draft: Draft, shapes: Mapping[Key, Shape], arranged: Arranged, scope: Scope) -> Output:
        """Who said yes, when, and what else; a person's words are trusted."""
        return Output(APPROVAL, False)

    def for_each(self, draft: Draft, shapes: Mapping[Key, Shape], arranged: Arranged, scope: Scope) -> Output:
        """A list of what the body gives."""
        step = draft.step
        assert isinstance(step, ForEachStep)
        use = draft.uses.get(("for_each",))
        item = Variable(UNKNOWN, True)
        if use is not None:
            items = shapes["for_each",]
            self._check_kind(use, items, "array", "for_each", "read a list, or make one by `split` or `[…]`")
            item = Variable(item_of(items) if always(items, "array") else UNKNOWN, use_is_tainted(use, scope))
        body = self._body(draft, arranged, scope, {step.as_: item, "loop": LOOP})
        return Output(None if body.shape is None else array(body.shape), body.tainted)

    def group(self, draft: Draft, shapes: Mapping[Key, Shape], arranged: Arranged, scope: Scope) -> Output:
        """What the block gives."""
        return self._body(draft, arranged, scope, {})

    def _body(self, draft: Draft, arranged: Arranged, scope: Scope, names: Mapping[str, Variable]) -> Output:
        body = arranged.bodies[draft.id]
        return self.block(body, scope.inner(body.block, names))


_PARSED = {"text": STRING, "json": UNKNOWN, "lines": array(STRING)}


_OUTPUTS: Mapping[type[StepBase], Callable[[Analysis, Draft, Mapping[Key, Shape], Arranged, Scope], Output]] = {
    AgentStep: Analysis.agent,
    RunStep: Analysis.run,
    ValueStep: Analysis.value,
    ApproveStep: Analysis.approve,
    ForEachStep: Analysis.for_each,
    GroupStep: Analysis.group,
}


def check_bounds(block: DraftBlock, inputs: Mapping[str, Mapping[str, Any]], findings: Findings) -> None:
    """Bounds that are inputs: integers with a `maximum`.

    Parameters:
        inputs: the schema of each input.
    """
    for draft in block.drafts.values():
        if isinstance(draft.step, ForEachStep):
            for key, value in (("max", draft.step.max), ("parallel", draft.step.parallel)):
                if isinstance(value, str):
                    _check_bound(value.removeprefix("inputs."), (*draft.loc, key), inputs, findings)
        if draft.body is not None:
            check_bounds(draft.body, inputs, findings)


def _check_bound(name: str, loc: Loc, inputs: Mapping[str, Mapping[str, Any]], findings: Findings) -> None:
    schema = inputs.get(name)
    if schema is None and findings.is_broken(("inputs", name)):
        return
    if schema is None:
        findings.at("AF302", f"there is no input `{name}`", loc, findings.similar(name, inputs))
    elif not always(Shape.of(schema), "integer"):
        findings.at("AF305", f"a bound is an integer, and input `{name}` is not", loc, "give it `type: integer`")
    elif not isinstance(schema.get("maximum"), int):
        findings.at("AF203", f"input `{name}` has no `maximum`, so that it bounds nothing", loc, "give it a `maximum`")
