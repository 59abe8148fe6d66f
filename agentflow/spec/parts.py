"""The other files of the language that a workflow is made of: those it imports, and those its steps run."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from agentflow.source.diagnostics import MOST_TOLD, Diagnostic, Severity, cut_short
from agentflow.source.document import Document, Loc
from agentflow.source.project import SourceText
from agentflow.source.suggest import did_you_mean
from agentflow.spec.base import NamedFile, PinnedFile
from agentflow.spec.bodies import body_of
from agentflow.spec.files import DEEPEST, Above, Files, folder_of, path_and_pin, pin_finding, unread
from agentflow.spec.findings import Finding, found
from agentflow.spec.steps import StepBase, WorkflowStep

if TYPE_CHECKING:
    from agentflow.spec.sources import Source

LoadFile = Callable[..., "tuple[Source | None, list[Diagnostic]]"]

LIBRARY_KEYS = ("agents", "tools", "mcp_servers")
"""What a file that others import has."""

_KEYS = ("agentflow", "agents", "tools")
_WORKFLOW_HINT = "run it as a step by `workflow:`, or move its agents and tools into a file of their own"


def library_findings(document: Document) -> Iterator[Finding]:
    """What a file that is imported may not have; of a whole workflow all that is told where it is imported."""
    for key in document.data:
        if key == "mcp_servers":
            message, hint = "`mcp_servers` is not supported yet by this version", "delete it"
        elif key == "imports":
            message, hint = "an imported file imports nothing itself", "import both files where they are used"
        elif key not in _KEYS:
            message = f"an imported file does not take `{key[:60]}`"
            hint = did_you_mean(key, _KEYS) or "it takes `agentflow`, `agents` and `tools`"
        else:
            continue
        yield found(document, "AF201", message, (key,), hint, key=True)


@dataclass(slots=True)
class _Parts:
    """What was found of them."""

    findings: list[Finding] = field(default_factory=list)
    imports: list["Source"] = field(default_factory=list)
    imported: dict[Loc, "Source"] = field(default_factory=dict)
    lacks_names: bool = False
    broken: set[Loc] = field(default_factory=set)
    children: dict[Loc, "Source"] = field(default_factory=dict)


def with_parts(source: "Source", files: Files, folder: str, load: LoadFile) -> "tuple[Source, list[Diagnostic]]":
    """A file with what it imports and what its steps run, and what is wrong with how it names them."""
    parts = _Parts()
    for index, value in enumerate(source.workflow.imports):
        if len(parts.findings) >= MOST_TOLD:
            parts.lacks_names = True
            break
        _import(source, ("imports", index), value, parts, files, folder, load)
    for loc, value in _run_by(source.workflow.steps):
        if len(parts.findings) >= MOST_TOLD:
            break
        _child(source, loc, value, parts, files, folder, load)
    workflow = source.workflow.model_copy(
        update={key: {**getattr(source.workflow, key), **_brought(key, parts)} for key in ("agents", "tools")}
    )
    broken = parts.broken | {finding.unusable for finding in parts.findings if finding.unusable is not None}
    for part in parts.imports:
        broken |= {loc for loc in part.broken if loc[0] in ("agents", "tools") and loc[:2] not in parts.imported}
        broken |= {loc for loc in part.broken if parts.imported.get(loc[:2]) is part}
    whole = replace(
        source,
        workflow=workflow,
        broken=source.broken | broken,
        imports=tuple(parts.imports),
        imported=parts.imported,
        lacks_names=parts.lacks_names,
        children=parts.children,
        height=1 + max((child.height for child in parts.children.values()), default=0),
    )
    problems = [finding.diagnostic for finding in parts.findings]
    return whole, problems if len(problems) < MOST_TOLD else [*problems, cut_short(problems[-1])]


def _brought(key: str, parts: _Parts) -> Mapping[str, object]:
    return {str(loc[1]): getattr(part.workflow, key)[loc[1]] for loc, part in parts.imported.items() if loc[0] == key}


def _open(source: "Source", loc: Loc, value: NamedFile, parts: _Parts, files: Files, folder: str) -> SourceText | None:
    named = path_and_pin(value)
    assert named is not None
    text = files.get(folder, named[0])
    if isinstance(text, SourceText):
        return text
    parts.findings.append(unread(source.document, loc, value, text))
    return None


def _part(
    text: SourceText, name: str, files: Files, folder: str, load: LoadFile, *, is_library: bool
) -> "Source | None":
    """One of the files, loaded once; what is wrong in it is told once too."""
    key = ("import" if is_library else "workflow", text.path)
    if key not in files.parts:
        files.parts[key], problems = load(text.text, text.path, files, folder_of(folder, name), is_library=is_library)
        files.problems += problems
    part: Source | None = files.parts[key]
    return part


def _name(value: NamedFile) -> str:
    return value.path if isinstance(value, PinnedFile) else value


def _import(
    source: "Source", loc: Loc, value: NamedFile, parts: _Parts, files: Files, folder: str, load: LoadFile
) -> None:
    text = _open(source, loc, value, parts, files, folder)
    part = None
    before = [] if text is None else [part for part in parts.imports if part.document.path == text.path]
    if before:
        problem = found(source.document, "AF404", f"`{_name(value)}` is imported twice", loc, "delete it").diagnostic
        parts.findings.append(Finding(replace(problem, severity=Severity.WARNING), None))
        parts.imports.append(before[0])
        return
    if text is not None:
        part = _part(text, _name(value), files, folder, load, is_library=True)
    if part is None or text is None:
        # Why nothing of it can be used is told where it is wrong.
        parts.lacks_names = True
        parts.broken.add(loc)
        return
    if "steps" in part.document.data:
        message = f"`{_name(value)}` is a workflow, and what is imported has agents and tools alone"
        parts.findings.append(found(source.document, "AF203", message, loc, _WORKFLOW_HINT))
    _check_pin(source, loc, value, text, part, parts, files)
    parts.imports.append(part)
    for key in ("agents", "tools"):
        for name in getattr(part.workflow, key):
            _bring(source, (key, name), part, parts)


def _bring(source: "Source", loc: Loc, part: "Source", parts: _Parts) -> None:
    """One agent or tool of an import, unless its name is taken."""
    other = parts.imported.get(loc)
    mine = source.document.has(loc)
    if not mine and other is None:
        parts.imported[loc] = part
        return
    what = f"{str(loc[0])[:-1]} `{loc[1]}`"
    first = source.place(loc, key=True) if mine or other is None else other.place(loc, key=True)
    second = part.place(loc, key=True)
    for here, there in ((first, second), (second, first)):
        message = f"{what} stands in {there.path}, too, at line {there.line}"
        diagnostic = Diagnostic("AF205", message, here, "give one of the two another name")
        parts.findings.append(Finding(diagnostic, None))


def _check_pin(
    source: "Source", loc: Loc, value: NamedFile, text: SourceText, part: "Source", parts: _Parts, files: Files
) -> None:
    what = "import" if part.is_library else "workflow"
    finding = pin_finding(source.document, loc, value, text, lambda: files.digest(what, text.path, part.sources))
    if finding is not None:
        parts.findings.append(finding)


# Files that steps run


def _run_by(steps: Mapping[str, StepBase]) -> Iterator[tuple[Loc, NamedFile]]:
    """The files that the steps of a file run, by the loc of `workflow`."""
    waiting: list[tuple[Loc, StepBase]] = [(("steps", name), step) for name, step in steps.items()]
    while waiting:
        loc, step = waiting.pop(0)
        if isinstance(step, WorkflowStep):
            yield (*loc, "workflow"), step.workflow
        elif (body := body_of(step)) is not None:
            waiting += [((*loc, *place), inner) for place, inner in body.steps.values()]


def _child(
    source: "Source", loc: Loc, value: NamedFile, parts: _Parts, files: Files, folder: str, load: LoadFile
) -> None:
    text = _open(source, loc, value, parts, files, folder)
    if text is None:
        return
    here = Above(source.document.path, "" if not files.above else files.above[-1].real, source.document, loc)
    around = [*files.above[:-1], here] if files.above else [here]
    again = next((index for index, above in enumerate(around) if _is(above, text)), None)
    if again is not None:
        _refuse_cycle(around[again:], text, loc, parts)
        return
    if len(around) >= DEEPEST:
        parts.findings.append(_too_deep(source, loc))
        return
    before = files.above
    files.above = [*around, Above(text.path, text.real, source.document, loc)]
    part = _part(text, _name(value), files, folder, load, is_library=False)
    files.above = before
    if part is None:
        parts.broken.add(loc)
        return
    if len(around) + part.height > DEEPEST:
        # Loaded before, from a place less deep.
        parts.findings.append(_too_deep(source, loc))
        return
    _check_pin(source, loc, value, text, part, parts, files)
    parts.children[loc] = part


def _is(above: Above, text: SourceText) -> bool:
    return above.path == text.path or (bool(text.real) and above.real == text.real)


def _too_deep(source: "Source", loc: Loc) -> Finding:
    message = f"files run files more than {DEEPEST} deep here"
    return found(source.document, "AF104", message, loc, "run fewer of them inside each other")


def _refuse_cycle(cycle: Iterable[Above], text: SourceText, loc: Loc, parts: _Parts) -> None:
    """A file that runs itself, told at the first file of the circle."""
    cycle = list(cycle)
    way = " → ".join([*(above.path for above in cycle), text.path])
    first = cycle[0]
    message = f"`{first.path}` would run itself: {way}"
    hint = "take one of these steps away; `repeat` is the only way round"
    parts.findings.append(Finding(Diagnostic("AF401", message, first.document.place(first.loc), hint), loc))
