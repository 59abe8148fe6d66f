"""The file's own tools that are Python functions: read off their text, and held against what the file says of them."""

import posixpath
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from agentflow.plan.findings import Findings
from agentflow.source.document import Loc
from agentflow.source.project import SourceText
from agentflow.spec.named_files import module_file
from agentflow.spec.own_tools import FunctionTool

if TYPE_CHECKING:
    from agentflow.plan.function_inputs import Described, Trees
    from agentflow.plan.functions import Known, Signature

JSON = Any


class Function(Struct, frozen=True):
    """A function of the author's that is a tool.

    Attributes:
        file: its module, seen from the folder of the workflow file.
        description, input: what the model is told: what the file says, or else what the text does.
        makes: as of `FunctionToolPlan`.
    """

    file: str
    module: str
    function: str
    text: str
    description: str
    input: Mapping[str, JSON]
    makes: Mapping[str, JSON]


class FunctionReader(Struct, frozen=True):
    """Reads the functions of one file; each module is parsed once."""

    findings: Findings
    modules: "Known" = {}
    trees: "Trees" = {}

    def read(self, name: str, tool: FunctionTool) -> Function:
        """A function as a tool; what is wrong with it is noted."""
        loc = ("tools", name)
        module, _, function = tool.call.partition(":")
        source = self.findings.source
        text = source.imported.get(loc, source).texts[(*loc, "call")]
        known = self._described(name, tool, text, (*loc, "call"))
        if tool.input is None and known is not None and not self.findings.is_broken((*loc, "input")):
            self._note_unclear(known, loc)
        description = tool.description or ("" if known is None else known.description)
        if not description and known is not None and not self.findings.is_broken((*loc, "description")):
            hint = f"add `description`, or a docstring to `{function}`"
            self.findings.at("AF202", f"tool `{name}` lacks `description`", loc, hint, key=True)
        schema = tool.input if tool.input is not None or known is None else known.schema
        return Function(
            file=posixpath.relpath(text.path, posixpath.dirname(source.document.path) or "."),
            module=module,
            function=function,
            text=text.text,
            description=description,
            input=schema if schema is not None else {"type": "object"},
            makes={} if known is None else known.makes,
        )

    def _described(self, name: str, tool: FunctionTool, text: SourceText, loc: Loc) -> "Described | None":
        """What the function's text says; None where there is no such function, which is noted."""
        from agentflow.plan.function_inputs import described
        from agentflow.plan.functions import FunctionError, signature_of

        module, _, function = tool.call.partition(":")
        shown = module_file(tool.call)
        try:
            signature = signature_of(text.text, module, function, shown, self.modules)
        except FunctionError as problem:
            hint = self.findings.similar(function, problem.known) or problem.hint
            self.findings.at("AF316", problem.message, loc, hint)
            return None
        if signature is not None and signature.positional:
            message = f"`{function}` takes `{signature.positional[0]}` by position only"
            self.findings.at("AF316", message, loc, "take the `/` out of its parameters: arguments are given by name")
        if signature is not None and tool.input is not None:
            self._check_input(function, signature, tool.input, (*loc[:-1], "input"))
        return described(text.text, function, shown, self.trees)

    def _note_unclear(self, known: "Described", loc: Loc) -> None:
        for why in known.unclear:
            self.findings.at("AF316", f"what the model is to give cannot be told: {why}", (*loc, "call"), _WRITE_INPUT)

    def _check_input(self, function: str, signature: "Signature", schema: Mapping[str, JSON], loc: Loc) -> None:
        properties = schema.get("properties", {})
        if not isinstance(properties, Mapping):
            return
        for name in properties:
            if name not in signature.by_name and not signature.anything:
                hint = self.findings.similar(name, signature.by_name) or _takes(signature.by_name)
                message = f"`{function}` takes no argument `{name}`"
                self.findings.at("AF316", message, (*loc, "properties", name), hint, key=True)
        required = schema.get("required", ())
        for name in signature.required:
            if name not in properties:
                message, hint = f"`{function}` wants `{name}`, which `input` lacks", "add it to `properties`"
                self.findings.at("AF316", message, loc, hint, key=True)
            elif not isinstance(required, Sequence) or name not in required:
                message = f"`{function}` wants `{name}`, which `input` does not require"
                self.findings.at("AF316", message, loc, "add it to `required`, or give it a default", key=True)


_WRITE_INPUT = "write `input`, or a type hint that has a JSON form, as `str`, `list[int]` or `Literal['a', 'b']`"


def _takes(names: Sequence[str]) -> str:
    return f"it takes {', '.join(f'`{name}`' for name in names)}" if names else "it takes none"
