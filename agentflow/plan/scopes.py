"""What a text may read where it stands, and what it gets."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct, field

from agentflow.plan import syntax
from agentflow.plan.draft import Draft, DraftBlock
from agentflow.plan.findings import Findings
from agentflow.plan.infer import Inference
from agentflow.plan.texts import Use
from agentflow.plan.types import (
    BOOLEAN,
    INTEGER,
    NULL,
    STRING,
    UNKNOWN,
    Shape,
    array,
    record,
    union,
)
from agentflow.source.document import Loc
from agentflow.spec.steps import ApproveStep, ForEachStep, RunStep


class Variable(Struct, frozen=True):
    """What a name stands for.

    Attributes:
        tainted: it may hold text from a model, a tool or an untrusted input.
        tainted_fields: where only some of its fields may, these.
    """

    shape: Shape
    tainted: bool = False
    tainted_fields: frozenset[str] | None = None


RUN = Variable(record({"id": STRING, "started_at": STRING, "dir": STRING, "attempt": INTEGER}))
LOOP = Variable(record({"index": INTEGER}))

STATUS = Shape.of({"enum": ["done", "failed", "skipped", "rejected"]})
ERROR = union((NULL, record({"kind": STRING, "message": STRING})))


class StepFacts(Struct, frozen=True):
    """What is known of a step once it is checked.

    Attributes:
        output: what readers of `.output` get; None where there is nothing to read.
        tainted: its output may hold text from a model or tool.
        can_skip: it may end without being done.
        can_be_missing: a reader may find no output, since nothing stands in for a skip.
    """

    output: Shape | None
    tainted: bool
    can_skip: bool
    can_be_missing: bool


class Scope(Struct, frozen=True):
    """The names and steps that a text may read.

    Attributes:
        facts: of the block's steps, those that were checked so far.
    """

    names: Mapping[str, Variable]
    block: DraftBlock | None = None
    parent: "Scope | None" = None
    facts: dict[str, StepFacts] = field(default_factory=dict)

    def inner(self, block: DraftBlock, names: Mapping[str, Variable]) -> "Scope":
        """The scope of a block inside this one, with more names."""
        return Scope({**self.names, **names}, block, self)

    def find(self, name: str) -> tuple[Draft, StepFacts | None] | None:
        """The nearest step of that id, with its facts where it was checked already."""
        scope: Scope | None = self
        while scope is not None:
            if scope.block is not None and name in scope.block.drafts:
                return scope.block.drafts[name], scope.facts.get(name)
            scope = scope.parent
        return None

    def ids(self) -> Iterator[str]:
        """Every id that can be seen, the nearest first."""
        scope: Scope | None = self
        while scope is not None:
            yield from scope.block.drafts if scope.block is not None else ()
            scope = scope.parent

    def locs(self, name: str) -> Iterator[Loc]:
        """Where a step of that id could stand to be seen."""
        scope: Scope | None = self
        while scope is not None:
            if scope.block is not None:
                yield (*scope.block.loc, "steps", name)
                yield (*scope.block.loc, "step")
            scope = scope.parent

    def holder_of(self, name: str) -> str | None:
        """The step that can be seen and that hides a step of that id inside it."""
        scope: Scope | None = self
        while scope is not None:
            for draft in scope.block.drafts.values() if scope.block is not None else ():
                if draft.body is not None and _holds(draft.body, name):
                    return draft.id
            scope = scope.parent
        return None


def _holds(block: DraftBlock, name: str) -> bool:
    return name in block.drafts or any(
        draft.body is not None and _holds(draft.body, name) for draft in block.drafts.values()
    )


def check(use: Use, scope: Scope, findings: Findings) -> Shape:
    """Resolves everything a text reads, and notes what it cannot.

    Returns:
        The type of an expression, or of the one `{{ }}` that a template is; text for any other template.
    """
    inference = Inference(_Resolver(use, scope, findings), {})
    if len(use.trees) == 1 and not isinstance(use.trees[0], syntax.Text | syntax.If | syntax.For):
        return inference.shape(use.trees[0])
    inference.parts(use.trees)
    return STRING


def shape_of(node: syntax.Node, scope: Scope, use: Use) -> Shape:
    """The type of one node of a text that was checked already."""
    return Inference(_Resolver(use, scope, None), {}).shape(node)


class _Resolver(Struct, frozen=True):
    use: Use
    scope: Scope
    findings: Findings | None

    def problem(self, code: str, message: str, offset: int, hint: str | None, width: int = 1) -> None:
        """Notes what is wrong at an offset of the text."""
        if self.findings is not None:
            self.findings.add(code, message, self.use.place(offset, width), hint)

    def similar(self, word: str, known: Iterable[str]) -> str | None:
        """A hint that names what the author may have meant."""
        return None if self.findings is None else self.findings.similar(word, known)

    def root(self, name: syntax.Name, members: tuple[syntax.Member, ...]) -> tuple[Shape, int] | None:
        """The shape of a name, and of a step's field where the name is `steps`."""
        if name.name == "steps" and self.scope.block is not None:
            return self._step(name, members)
        variable = self.scope.names.get(name.name)
        if variable is None:
            self._unknown_name(name)
            return None
        if name.name == "inputs" and members and not self._is_input(members[0], variable.shape):
            return None
        return variable.shape, 0

    def _is_input(self, member: syntax.Member, inputs: Shape) -> bool:
        key = _constant_key(member)
        if key is None:
            self.problem("AF307", "an input is named, not computed", member.offset, "write `inputs.name`")
            return False
        known = inputs.schema["properties"]
        if key not in known and not self._is_broken(("inputs", key)):
            hint = self.similar(key, known) or "add it to `inputs`"
            self.problem("AF302", f"there is no input `{key}`", member.key.offset, hint, len(key))
        return key in known

    def _is_broken(self, loc: Loc) -> bool:
        return self.findings is not None and self.findings.is_broken(loc)

    def _unknown_name(self, name: syntax.Name) -> None:
        known = [*self.scope.names, *(["steps"] if self.scope.block is not None else [])]
        if name.name == "secrets":
            hint: str | None = "secrets are not supported yet; a command finds what its own configuration holds"
        elif name.name == "previous":
            hint = "it belongs to `repeat`, which is not supported yet"
        elif name.name == "null":
            hint = "in expressions it is `none`"
        elif self.scope.find(name.name) is not None:
            hint = f"read the step by `steps.{name.name}.output`"
        else:
            hint = self.similar(name.name, known) or f"the names here are {', '.join(sorted(known))}"
        self.problem("AF302", f"`{name.name}` is not known here", name.offset, hint, len(name.name))

    def _step(self, name: syntax.Name, members: tuple[syntax.Member, ...]) -> tuple[Shape, int] | None:
        if not members:
            hint = "name a step and a field, as `steps.plan.output`"
            self.problem("AF307", "`steps` as a whole is not a value", name.offset, hint, len(name.name))
            return None
        step_id = _constant_key(members[0])
        if step_id is None:
            self.problem("AF307", "a step is named, not computed", name.offset, "write `steps.id.output`", 5)
            return None
        found = self.scope.find(step_id)
        if found is None:
            if not any(self._is_broken(loc) for loc in self.scope.locs(step_id)):
                self._unknown_step(step_id, members[0])
            return None
        field_name = _constant_key(members[1]) if len(members) > 1 else None
        if field_name is None:
            offset = members[min(1, len(members) - 1)].key.offset
            hint = f"name a field, as `steps.{step_id}.output`"
            self.problem("AF312", f"step `{step_id}` as a whole is not a value", offset, hint)
            return None
        shape = self._field(found[0], found[1], field_name, members[1].key.offset)
        return None if shape is None else (shape, 2)

    def _unknown_step(self, step_id: str, member: syntax.Member) -> None:
        holder = self.scope.holder_of(step_id)
        if holder is not None:
            hint: str | None = (
                f"it is inside `{holder}`; read `steps.{holder}.output`, and name it in the `output` there"
            )
        else:
            hint = self.similar(step_id, self.scope.ids())
        self.problem("AF301", f"there is no step `{step_id}` here", member.key.offset, hint, len(step_id))

    def _field(self, draft: Draft, facts: StepFacts | None, name: str, offset: int) -> Shape | None:
        if name == "output":
            if draft.body is not None and draft.body.output is None:
                if self._is_broken((*draft.loc, "output")):
                    return UNKNOWN
                message = f"block `{draft.id}` has no `output`, so that nothing of it can be read"
                self.problem("AF311", message, offset, f"add `output:` to `{draft.id}`", len(name))
                return None
            return UNKNOWN if facts is None or facts.output is None else facts.output
        fields = fields_of(draft, facts is None or facts.can_skip)
        if name not in fields:
            if self._is_broken((*draft.loc, "on_reject")):
                return UNKNOWN
            known = ["output", *fields]
            output = f"`steps.{draft.id}.output.{name}` if it is in the output" if name not in _ALL_FIELDS else None
            hint = self.similar(name, known) or output or f"it has {', '.join(known)}"
            self.problem("AF312", f"step `{draft.id}` has no `.{name}`", offset, hint, len(name))
            return None
        return fields[name]


def _constant_key(member: syntax.Member) -> str | None:
    return member.key.value if isinstance(member.key, syntax.Literal) and isinstance(member.key.value, str) else None


_ALL_FIELDS = ("exit_code", "errors", "converged", "approved")


def fields_of(draft: Draft, can_skip: bool) -> Mapping[str, Shape]:
    """What can be read of a step beside its output; null where it did not run."""
    fields = {"status": STATUS, "error": ERROR}
    own: dict[str, Shape] = {}
    if isinstance(draft.step, RunStep):
        own["exit_code"] = INTEGER
    if isinstance(draft.step, ForEachStep):
        fields["errors"] = array(UNKNOWN)
    if isinstance(draft.step, ApproveStep) and draft.step.on_reject == "continue":
        own["approved"] = BOOLEAN
    return {**fields, **{name: union((shape, NULL)) if can_skip else shape for name, shape in own.items()}}
