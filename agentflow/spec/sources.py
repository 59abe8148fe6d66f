"""A workflow file that has been read, with all the files that it is made of."""

import os.path
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct, field

from agentflow.source.diagnostics import Place
from agentflow.source.document import Document, Loc
from agentflow.source.project import Problem, SourceText
from agentflow.spec.agents_from import AgentFiles
from agentflow.spec.base import FileRef
from agentflow.spec.named_files import Read
from agentflow.spec.workflow import Workflow

_IMPORTED = ("agents", "tools")


class Source(Struct, frozen=True):
    """A workflow file that has been read, with the files it names.

    Attributes:
        document: the file itself; its `data` is as written, with what could not be used.
        workflow: what could be used of it, agents and tools of its imports among it.
        texts: what each `{file: path}` for a text stands for, by the loc of the mapping that holds `file`.
        documents: the same for those that stand for a mapping.
        broken: the locs in `document` that `workflow` lacks because of a problem there: a value of a key that may be
            absent, or a whole step, agent, tool or input. What refers to one of them is no further problem.
        agent_files: what agent files brought in.
        imports: the files that were imported, in their order.
        imported: of each agent and tool that an import brought in, the loc and the file.
        lacks_names: an import could not be read, so that nobody can tell which names there are.
        children: the workflow files that steps run, by the loc of `workflow`.
        is_library: it is a file that others import, and has no steps.
        height: how many files deep it is, itself counted.
        others: every text that was read for this file, by path; more than `sources` where there are problems.
    """

    document: Document
    workflow: Workflow
    texts: Mapping[Loc, SourceText]
    documents: Mapping[Loc, Document]
    broken: frozenset[Loc]
    agent_files: AgentFiles = field(default_factory=AgentFiles)
    imports: "tuple[Source, ...]" = ()
    imported: "Mapping[Loc, Source]" = field(default_factory=dict)
    lacks_names: bool = False
    children: "Mapping[Loc, Source]" = field(default_factory=dict)
    is_library: bool = False
    height: int = 1
    others: Mapping[str, str] = field(default_factory=dict)

    def place(self, loc: Loc, *, key: bool = False) -> Place:
        """Returns where something stands, as `Document.place` does, whichever file it came from."""
        owner = self.imported.get(loc[:2])
        if owner is not None:
            return owner.place(loc, key=key)
        for end in range(len(loc), 0, -1):
            if loc[:end] in self.agent_files.places:
                return self.agent_files.places[loc[:end]]
            if self.document.has(loc[:end]):
                break
        return self.document.place(loc, key=key)

    def has(self, loc: Loc) -> bool:
        """Returns whether there is a value at `loc`, whichever file it came from."""
        owner = self.imported.get(loc[:2])
        if owner is not None:
            return owner.has(loc)
        return loc in self.agent_files.places or self.document.has(loc)

    def is_broken(self, loc: Loc) -> bool:
        """Returns whether loading left out what would stand there."""
        return loc in self.broken or (self.lacks_names and len(loc) > 1 and loc[0] in _IMPORTED)

    def imported_paths(self) -> frozenset[str]:
        """Returns the paths of the files that were imported, with all that they name, and of agent files."""
        return frozenset(self.agent_files.texts).union(*(part.sources() for part in self.imports))

    def is_verbatim(self, loc: Loc) -> bool:
        """Returns whether the text at `loc` is no template."""
        return loc in self.imported.get(loc[:2], self).agent_files.verbatim

    def text(self, loc: Loc, value: str | FileRef) -> tuple[str, Callable[[int, int], Place]]:
        """Returns a text and where its characters stand.

        Args:
            loc: of `value` in the document.
            value: the text, or the file that holds it.

        Returns:
            The text, and a function from an offset and a width in characters to their place.
        """
        owner = self.imported.get(loc[:2], self)
        if isinstance(value, FileRef):
            return owner.texts[loc].text, owner.texts[loc].place_at
        return value, lambda offset, width: owner.document.place_in(loc, offset, width)

    def mapping(self, loc: Loc, value: dict[str, Any] | FileRef | None) -> Mapping[str, Any] | None:
        """Returns the mapping that `value` at `loc` is or names; None where there is none."""
        if isinstance(value, FileRef):
            content: Mapping[str, Any] = self.imported.get(loc[:2], self).documents[loc].data
            return content
        return value

    def sources(self) -> dict[str, str]:
        """Returns the text of every file by its path, seen from where the workflow file was; that one comes first."""
        texts: dict[str, str] = {}
        waiting = [self]
        while waiting:
            source = waiting.pop()
            if source.document.path in texts and source is not self:
                continue
            texts[source.document.path] = source.document.text
            texts.update((text.path, text.text) for text in source.texts.values())
            texts.update((content.path, content.text) for content in source.documents.values())
            texts.update(source.agent_files.texts)
            waiting += [*source.imports, *source.children.values()]
        return texts


def stored(sources: Mapping[str, str], path: str) -> Read:
    """Returns a `read` for `load` that takes files from what `Source.sources` gave.

    Args:
        sources: texts by path.
        path: the workflow file's.
    """

    def read(name: str) -> SourceText | Problem:
        full = os.path.normpath(os.path.join(os.path.dirname(path), name))
        text = sources.get(full)
        return Problem(f"`{name}` is not among the stored files") if text is None else SourceText(full, text)

    return read
