"""The files that a workflow is made of: each read once, its path told from where the first one was, its pin checked."""

import hashlib
import os.path
import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from agentflow.source.diagnostics import Diagnostic
from agentflow.source.document import Document, Loc
from agentflow.source.project import Problem, SourceText
from agentflow.spec.base import PinnedFile
from agentflow.spec.findings import Finding, found
from agentflow.spec.named_files import Read

MOST_FILES = 2_000
"""Files that one workflow may be made of."""

MOST_CHARACTERS = 32 * 1024 * 1024
"""What their texts may come to; a run keeps them all."""

DEEPEST = 16
"""How deep files may run files."""

LANGUAGE = 1


class Above(Struct, frozen=True):
    """A file that is being loaded, and where in it the next one is named."""

    path: str
    real: str
    document: Document
    loc: Loc


@dataclass(slots=True)
class Files:
    """What was read for one workflow.

    Attributes:
        read: gives the text of a file by its path from the first file's folder.
        texts: every text, by the path that places name.
        parts: the workflows and imports that were loaded, by path; None where nothing of one can be used.
        problems: what is wrong inside them.
        above: the workflows around the one that is being loaded, outermost first.
    """

    read: Read
    texts: dict[str, SourceText] = field(default_factory=dict)
    parts: dict[tuple[str, str], Any] = field(default_factory=dict)
    problems: list[Diagnostic] = field(default_factory=list)
    above: list[Above] = field(default_factory=list)
    _read: dict[str, SourceText | Problem] = field(default_factory=dict)
    _digests: dict[tuple[str, str], str] = field(default_factory=dict)
    _characters: int = 0

    def beside(self, folder: str) -> Read:
        """Reads files by their paths from a folder, which is seen from the first file's."""
        return lambda name: self.get(folder, name)

    def get(self, folder: str, name: str) -> SourceText | Problem:
        """The text of a file, read once however often it is named."""
        path = _joined(folder, name)
        if path not in self._read:
            self._read[path] = self._new(path)
        return self._read[path]

    def digest(self, what: str, path: str, sources: Callable[[], Mapping[str, str]]) -> str:
        """The digest of a file with all that it names, reckoned once however often it is pinned.

        Args:
            what: as what the file is taken, which tells what it may name.
        """
        if (what, path) not in self._digests:
            self._digests[what, path] = digest_of(path, sources())
        return self._digests[what, path]

    def _new(self, path: str) -> SourceText | Problem:
        if len(self.texts) >= MOST_FILES:
            return Problem(f"`{path}` is one file too many: a workflow is made of at most {MOST_FILES:,}", "split it")
        text = self.read(path)
        if isinstance(text, SourceText):
            self._characters += len(text.text)
            if self._characters > MOST_CHARACTERS:
                problem = f"with `{path}` the files of a workflow pass {MOST_CHARACTERS:,} characters"
                return Problem(problem, "let a step read long texts with a tool")
            self.texts[text.path] = text
        return text


def _joined(folder: str, name: str) -> str:
    """A path as it is seen from the first file; in the first file's own folder it stays as it is written."""
    if not folder or not name or os.path.isabs(name):
        return name
    return posixpath.normpath(posixpath.join(folder, name))


def folder_of(folder: str, name: str) -> str:
    """The folder that a named file lies in, seen from the first file's."""
    return posixpath.dirname(posixpath.normpath(_joined(folder, name)))


def path_and_pin(value: Any) -> tuple[str, str | None] | None:
    """The parts of a named file, as a file writes it or as the model has it; None where it is no such thing."""
    if isinstance(value, PinnedFile):
        return value.path, value.pin
    if isinstance(value, str) and value:
        return value, None
    if isinstance(value, dict) and isinstance(value.get("path"), str) and value["path"]:
        pin = value.get("pin")
        return (value["path"], pin) if isinstance(pin, str) else None
    return None


def digest_of(path: str, sources: Mapping[str, str]) -> str:
    """SHA-256, in hex, of a file and of all that it names, whatever folder they are seen from.

    Args:
        path: the file's, as `sources` has it.
        sources: the texts by path.
    """
    digest = hashlib.sha256(f"agentflow {LANGUAGE}\n".encode())
    folder = posixpath.dirname(path) or "."
    for name, text in sorted((posixpath.relpath(name, folder), text) for name, text in sources.items()):
        for part in (name, text):
            encoded = part.encode()
            # The length keeps one text's end from being read as the next one's start.
            digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()


def unread(document: Document, loc: Loc, value: Any, problem: Problem) -> Finding:
    """What is wrong with a file that cannot be read, at its name."""
    where = (*loc, "path") if isinstance(value, PinnedFile | dict) else loc
    return Finding(found(document, "AF106", problem.message, where, problem.hint).diagnostic, loc)


def pin_finding(
    document: Document, loc: Loc, value: Any, text: SourceText, digest: Callable[[], str]
) -> Finding | None:
    """What is wrong with the pin of a file, or with its lack of one.

    Args:
        loc: where the file is named.
        value: how it is named.
        text: the file's.
        digest: reckons the digest of the file with all that it names.
    """
    named = path_and_pin(value)
    if named is None or (named[1] is None and not text.foreign):
        return None
    path, pin = named
    is_now = f"sha256:{digest()}"
    if pin is None:
        message = f"`{path}` lies in another repository, and is not pinned"
        hint = f"look at it, then write `{{path: {path}, pin: {is_now!r}}}`"
    elif pin != is_now:
        message = f"`{path}`, or a file that it names, is not what its pin says"
        hint = f"look at what changed; to take it as it is, write `pin: {is_now!r}`"
    else:
        return None
    where = loc if pin is None else (*loc, "pin")
    return Finding(found(document, "AF107", message, where, hint).diagnostic, loc)
