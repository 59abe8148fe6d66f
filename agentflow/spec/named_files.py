"""The places of a workflow file where a text, a schema or a `{file: path}` for one stands."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from agentflow.source import yaml_reader
from agentflow.source.diagnostics import MOST_TOLD, Diagnostic
from agentflow.source.document import Document, Loc
from agentflow.source.limits import MAX_NAMED_CHARACTERS
from agentflow.source.project import Problem, SourceText
from agentflow.spec.base import FUNCTION_PATTERN
from agentflow.spec.findings import Finding, found, shown
from agentflow.spec.positions import steps_of
from agentflow.spec.skills import SKILL_FILE
from agentflow.spec.steps import kind_of

Read = Callable[[str], SourceText | Problem]
Role = Literal["text", "schema", "module", "skill"]


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
        elif kind == "ask":
            yield from _slots_of(loc, step, {"ask": "text", "show": "text", "output": "schema"})
        elif kind == "run":
            yield from _slots_of(loc, step, {"stdin": "text"})
        elif kind == "fail":
            yield from _slots_of(loc, step, {"fail": "text"})
        elif kind == "call":
            yield from _slots_of(loc, step, {"call": "module", "output": "schema"})
    tools = data.get("tools")
    for name, tool in tools.items() if isinstance(tools, dict) else ():
        yield from _slots_of(("tools", name), tool, {"stdin": "text", "call": "module", "output": "schema"})
    for loc, agent in waiting:
        yield from _slots_of(loc, agent, {"instructions": "text", "output": "schema"})
        skills = agent.get("skills") if isinstance(agent, dict) else None
        for index, folder in enumerate(skills if isinstance(skills, list) else ()):
            yield (*loc, "skills", index), folder, "skill"


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
    files = _Files(document, read)
    named = files.named
    for loc, value, role in slots(data):
        if len(named.findings) > MOST_TOLD:
            break  # a file with so many problems is not used
        if role in _WITHOUT_MAPPING:
            _WITHOUT_MAPPING[role](files, loc, value)
            continue
        if not isinstance(value, dict) or "file" not in value:
            continue
        path = value["file"]
        if len(value) > 1 or not isinstance(path, str) or not path:
            if role == "schema":
                named.findings.append(_not_a_reference(document, loc, value))
            else:
                named.unusable.append(loc)  # the model says what is wrong; without the other keys it would pass
            continue
        text = files.text(path, loc, (*loc, "file"))
        if text is None:
            continue
        if role == "text":
            named.texts[loc] = text
        elif (content := files.parsed(text, path)) is None:
            named.unusable.append(loc)
        else:
            named.documents[loc] = content
    return named


@dataclass(slots=True)
class _Files:
    """Reads files, each once, and no more of them together than is allowed."""

    document: Document
    read: Read
    named: NamedFiles = field(default_factory=NamedFiles)
    _texts: dict[str, SourceText | Problem] = field(default_factory=dict)
    _parsed: dict[str, Document | None] = field(default_factory=dict)
    _left: int = MAX_NAMED_CHARACTERS

    def text(self, path: str, loc: Loc, at: Loc) -> SourceText | None:
        """Returns the text of a file, or None where there is none, which is a finding.

        Args:
            path: as the workflow writes it.
            loc: what cannot be used without the text.
            at: where the path stands.
        """
        if path not in self._texts:
            self._texts[path] = text = self.read(path)
            self._left -= len(text.text) if isinstance(text, SourceText) else 0
        text = self._texts[path]
        if self._left >= 0 and isinstance(text, SourceText):
            return text
        if isinstance(text, Problem):
            finding = found(self.document, "AF106", text.message, at, text.hint)
        else:
            message = f"the files that are named have more than {MAX_NAMED_CHARACTERS:,} characters together"
            finding = found(self.document, "AF104", message, at, "let a step read long texts")
        self.named.findings.append(Finding(finding.diagnostic, loc))
        return None

    def parsed(self, text: SourceText, path: str) -> Document | None:
        """Returns what a file holds, or None where it cannot be used, which is a problem of that file."""
        if path not in self._parsed:
            self._parsed[path] = _parse(text, self.named.problems)
        return self._parsed[path]

    def read_module(self, loc: Loc, value: Any) -> None:
        """Reads a function's module: it is looked at and stored, never imported."""
        if not isinstance(value, str) or not re.fullmatch(FUNCTION_PATTERN, value):
            return  # the model says what is wrong
        text = self.text(module_file(value), loc, loc)
        if text is not None:
            self.named.texts[loc] = text

    def read_skill(self, loc: Loc, value: Any) -> None:
        """Reads what a folder's `SKILL.md` holds."""
        if isinstance(value, str) and value:
            text = self.text(f"{value.rstrip('/')}/{SKILL_FILE}", loc, loc)
            if text is not None:
                self.named.texts[loc] = text


_WITHOUT_MAPPING: dict[Role, Callable[[_Files, Loc, Any], None]] = {
    "module": _Files.read_module,
    "skill": _Files.read_skill,
}
"""Where a file is named otherwise than by `{file: path}`."""


def module_file(function: str) -> str:
    """The file of a function named as `lib.stats:mean`, seen from the workflow: `lib/stats.py`."""
    return function.partition(":")[0].replace(".", "/") + ".py"


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
