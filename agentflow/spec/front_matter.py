"""Markdown files that begin with YAML between lines of `---`, as those of Claude Code's agents and skills."""

import re

from msgspec import Struct

from agentflow.source import yaml_reader
from agentflow.source.diagnostics import Diagnostic, Place
from agentflow.source.document import Document
from agentflow.source.project import SourceText
from agentflow.spec.findings import shown

_FRONT = re.compile(r"---[ \t]*\r?\n(?P<front>.*?)^---[ \t]*\r?$\n?", re.DOTALL | re.MULTILINE)


class FrontMatter(Struct, frozen=True):
    """Such a file, read.

    Attributes:
        document: the front matter, whose data is a mapping; None where there is none that can be used.
        body: what follows, without space around it; `begins` is its first character.
        problems: why there is none.
    """

    document: Document | None
    body: str = ""
    begins: int = 0
    problems: tuple[Diagnostic, ...] = ()


def read_front_matter(text: SourceText, what: str, hint: str) -> FrontMatter:
    """Reads a file.

    Parameters:
        what: the kind of file, for messages: `an agent file`.
        hint: how one begins.
    """
    match = _FRONT.match(text.text)
    if match is None:
        problem = Diagnostic("AF202", f"{what} begins with front matter", Place(text.path, 1, 1), hint)
        return FrontMatter(None, problems=(problem,))
    # An empty line in the place of `---` keeps the numbers of the lines.
    document, problems = yaml_reader.read("\n" + match["front"], text.path)
    if document is None or problems:
        return FrontMatter(None, problems=tuple(problems))
    if not isinstance(document.data, dict):
        message = f"the front matter must be a mapping, not {shown(document.data)}"
        return FrontMatter(None, problems=(Diagnostic("AF203", message, document.place(())),))
    body = text.text[match.end() :].strip()
    return FrontMatter(document, body, text.text.index(body, match.end()))
