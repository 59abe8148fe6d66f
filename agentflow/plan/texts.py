"""The expressions and templates of a file, parsed, each knowing where it stands."""

from collections.abc import Callable
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from agentflow.plan import syntax
from agentflow.plan.expressions import Expression, Template
from agentflow.plan.findings import Findings
from agentflow.plan.templates import SyntaxProblem, parse_expression, parse_template
from agentflow.source.diagnostics import Place
from agentflow.source.document import Loc
from agentflow.spec.base import FileRef

SECRETS = "secrets"
"""The name by which environments read the file's secrets."""


class Use(Struct, frozen=True):
    """One expression or template of the file.

    Attributes:
        loc: where it stands in the document.
        place: from an offset and a width in its text to a place.
        takes_secrets: it may read `secrets`.
    """

    loc: Loc
    code: Expression | Template
    place: Callable[[int, int], Place]
    takes_secrets: bool = False

    @property
    def trees(self) -> tuple[syntax.Node, ...]:
        """The syntax trees in it."""
        return (self.code.tree,) if isinstance(self.code, Expression) else self.code.parts

    @property
    def expression(self) -> Expression:
        """The code, which is an expression."""
        assert isinstance(self.code, Expression)
        return self.code

    @property
    def template(self) -> Template:
        """The code, which is a template."""
        assert isinstance(self.code, Template)
        return self.code


@dataclass(slots=True)
class TextReader:
    """Parses the texts of a file; what cannot be parsed is noted and gives None.

    Attributes:
        failed: there was such a text.
    """

    findings: Findings
    failed: bool = False

    def expression(self, loc: Loc, text: str) -> Use | None:
        """A bare expression."""
        return self._use(loc, text, parse_expression)

    def template(self, loc: Loc, value: str | FileRef) -> Use | None:
        """A template in which only `{{ }}` may stand."""
        return self._use(loc, value, lambda text: parse_template(text, statements=False))

    def environment(self, loc: Loc, text: str) -> Use | None:
        """The template of an environment variable, which alone may read secrets."""
        use = self.template(loc, text)
        return None if use is None else replace(use, takes_secrets=True)

    def prose(self, loc: Loc, value: str | FileRef) -> Use | None:
        """A template for a reader, model or person: `{% if %}` and `{% for %}` may stand in it too."""
        return self._use(loc, value, lambda text: parse_template(text, statements=True))

    def _use(self, loc: Loc, value: str | FileRef, parse: Callable[[str], Expression | Template]) -> Use | None:
        text, place = self.findings.source.text(loc, value)
        try:
            return Use(loc, parse(text), place)
        except SyntaxProblem as problem:
            self.failed = True
            self.findings.add(problem.code, problem.message, place(problem.offset, 1), problem.hint)
            return None
