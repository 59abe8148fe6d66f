"""The places of a workflow file where a text, a schema or a `{file: path}` for one stands."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from agentflow.source import yaml_reader
from agentflow.source.diagnostics import MOST_TOLD, Diagnostic
from agentflow.source.document import Document, Loc
from agentflow.source.limits import MAX_NAMED_CHARACTERS
from agentflow.source.project import Problem, SourceText
from agentflow.spec.findings import Finding, found, shown
from agentflow.spec.positions import steps_of
from agentflow.spec.steps import kind_of

Read = Callable[[str], SourceText | Problem]
Role = Literal["text", "schema"]


@dataclass(slots=True)
class NamedFiles:
    """What the `{file: path}`s of a workflow stand for, by the loc of the mapping that holds `file`.

    Attributes:
        texts: where a text is expected.
        documents: where a mapping is expected.
        findings: what is wrong with them.
        problems: what is wrong inside the files.
        unusable: where the files with such problems are named.
    """

    texts: dict[Loc, SourceText] = field(default_factory=dict)
    documents: dict[Loc, Document] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    problems: list[Diagnostic] = field(default_factory=list)
    unusable: list[Loc] = field(default_factory=list)


def slots(data: Any) -> Iterator[tuple[Loc, Any, Role]]:
    """Yields every value of a file's data that stands where a text or a schema may come from a file."""
    agents = data.get("agents")
    holders = list(agents.items()) if isinstance(agents, dict) else []
    waiting: list[tuple[Loc, Any]] = [(("agents", name), agent) for name, agent in holders]
    for loc, step in steps_of(data):
        kind = kind_of(step)
        if kind == "agent":
            yield from _slots_of(loc, step, {"prompt": "text", "output": "schema"})
            waiting.append(((*loc, "agent"), step["agent"]))
        elif kind == "approve":
            yield from _slots_of(loc, step, {"approve": "text", "show": "text"})
        elif kind == "run":
            yield from _slots_of(loc, step, {"stdin": "text"})
    tools = data.get("tools")
    for name, tool in tools.items() if isinstance(tools, dict) else ():
        yield from _slots_of(("tools", name), tool, {"stdin": "text"})
    for loc, agent in waiting:
        yield from _slots_of(loc, agent, {"instructions": "text", "output": "schema"})


def _slots_of(loc: Loc, holder: Any, roles: dict[str, Role]) -> Iterator[tuple[Loc, Any, Role]]:
    if isinstance(holder, dict):
        yield from (((*loc, key), holder[key], role) for key, role in roles.items() if key in holder)


def read_named(document: Document, data: Any, read: Read) -> NamedFiles:
    """Reads every file that the workflow names, each once.

    Args:
        document: the workflow file, for places.
        data: what of it is to be read.
        read: gives the text of a file by the path that the workflow writes, or says why it cannot.
    """
    named = NamedFiles()
    texts: dict[str, SourceText | Problem] = {}
    parsed: dict[str, Document | None] = {}
    left = MAX_NAMED_CHARACTERS
    for loc, value, role in slots(data):
        if not isinstance(value, dict) or "file" not in value:
            continue
        path = value["file"]
        if len(value) > 1 or not isinstance(path, str) or not path:
            if role == "schema":
                named.findings.append(_not_a_reference(document, loc, value))
            else:
                named.unusable.append(loc)  # the model says what is wrong; without the other keys it would pass
            continue
        if len(named.findings) > MOST_TOLD:
            break  # a file with so many problems is not used
        if path not in texts:
            texts[path] = text = read(path)
            left -= len(text.text) if isinstance(text, SourceText) else 0
        text = texts[path]
        if left < 0:
            message = f"the files that are named have more than {MAX_NAMED_CHARACTERS:,} characters together"
            finding = found(document, "AF104", message, (*loc, "file"), "let a step read long texts")
            named.findings.append(Finding(finding.diagnostic, loc))
        elif isinstance(text, Problem):
            finding = found(document, "AF106", text.message, (*loc, "file"), text.hint)
            named.findings.append(Finding(finding.diagnostic, loc))
        elif role == "text":
            named.texts[loc] = text
        else:
            if path not in parsed:
                parsed[path] = _parse(text, named.problems)
            content = parsed[path]
            if content is None:
                named.unusable.append(loc)
            else:
                named.documents[loc] = content
    return named


def _parse(text: SourceText, problems: list[Diagnostic]) -> Document | None:
    content, found_inside = yaml_reader.read(text.text, text.path)
    problems += found_inside
    if content is not None and not found_inside and not isinstance(content.data, dict):
        message = f"a schema must be a mapping, not {shown(content.data)}"
        problems.append(Diagnostic("AF206", message, content.place(())))
        return None
    return None if found_inside else content


def _not_a_reference(document: Document, loc: Loc, value: dict[str, Any]) -> Finding:
    # It would pass as a schema, one that accepts everything.
    if len(value) > 1:
        message = "`file` stands alone; other keys beside it would be lost"
        finding = found(document, "AF209", message, (*loc, "file"), "move them into the file", key=True)
    else:
        message = f"`file` must be a path, not {shown(value['file'])}"
        finding = found(document, "AF203", message, (*loc, "file"))
    return Finding(finding.diagnostic, loc)
