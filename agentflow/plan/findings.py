"""The diagnostics of one file while it is compiled."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from agentflow.source.diagnostics import MOST_TOLD, Diagnostic, Place, Severity, cut_short
from agentflow.source.document import Loc
from agentflow.source.suggest import did_you_mean
from agentflow.spec.sources import Source

# Looking for a similar word costs a millisecond, and a hostile file has many words.
_MOST_SUGGESTIONS = 30
_MOST_KNOWN = 2_000
_MOST_LISTED = 8
# What an imported file can only name, and the one that imports it must have.
_OF_THE_IMPORTER = frozenset({"AF301", "AF302", "AF303", "AF308", "AF309", "AF313"})
# A name can be megabytes long.
_LONGEST = 600


class TooManyFindings(Exception):  # noqa: N818  # not an error of ours: the file has more than are told
    """A file's first hundred errors are noted, and checking it further would only cost time."""


@dataclass(slots=True)
class Findings:
    """Collects diagnostics, each once; one part's never hide another's, up to a hundred errors and as many warnings."""

    source: Source
    _found: dict[Diagnostic, None] = field(default_factory=dict)
    _counts: dict[Severity, int] = field(default_factory=dict)
    _untold: int = 0
    _suggested: int = 0
    _imported: frozenset[str] | None = None

    def add(
        self, code: str, message: str, place: Place, hint: str | None = None, severity: Severity = Severity.ERROR
    ) -> None:
        """Notes a problem at a place; of what depends on the file that imports the place, it names that file.

        Raises:
            TooManyFindings: it is an error, and a hundred are noted already. `to_plan` makes a closing note of it.
        """
        if place.path != self.source.document.path and code in _OF_THE_IMPORTER and self._is_imported(place.path):
            message = f"{message}, where `{self.source.document.path}` takes it up"
        found = Diagnostic(code, _clipped(message), place, None if hint is None else _clipped(hint), severity)
        if found in self._found:
            return
        if self._counts.get(severity, 0) < MOST_TOLD:
            self._counts[severity] = self._counts.get(severity, 0) + 1
            self._found[found] = None
        elif severity is Severity.ERROR:
            raise TooManyFindings
        else:
            self._untold += 1

    def _is_imported(self, path: str) -> bool:
        if self._imported is None:
            self._imported = self.source.imported_paths()
        return path in self._imported

    def at(self, code: str, message: str, loc: Loc, hint: str | None = None, *, key: bool = False) -> None:
        """Notes an error at a value of the file, or at its key."""
        self.add(code, message, self.source.place(loc, key=key), hint)

    def warn(self, code: str, message: str, loc: Loc, hint: str | None = None) -> None:
        """Notes a warning at a key of the file."""
        self.add(code, message, self.source.place(loc, key=True), hint, Severity.WARNING)

    def is_broken(self, loc: Loc) -> bool:
        """Whether loading left out what stands there: a problem that is told already."""
        return self.source.is_broken(loc)

    def similar(self, word: str, known: Iterable[str]) -> str | None:
        """A hint that names what the author may have meant, for the first thirty unknown words of a file."""
        if self._suggested >= _MOST_SUGGESTIONS:
            return None
        self._suggested += 1
        names = list(dict.fromkeys(islice(known, _MOST_KNOWN)))
        listed = f"there is {', '.join(f'`{name}`' for name in names)}" if 0 < len(names) <= _MOST_LISTED else None
        return did_you_mean(word, names) or listed

    def sorted(self) -> list[Diagnostic]:
        """The diagnostics in the order of the text."""
        found = sorted(self._found, key=lambda found: (found.place, found.code, found.message))
        if self._untold:
            message = f"{MOST_TOLD} warnings; {self._untold:,} more are not told"
            found.append(Diagnostic("AF104", message, found[-1].place, "see to these first", Severity.WARNING))
        return found

    def cut_short(self) -> list[Diagnostic]:
        """The same after TooManyFindings, with a closing note."""
        told = self.sorted()
        return [*told, cut_short(told[-1])]


def _clipped(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def has_errors(diagnostics: list[Diagnostic]) -> bool:
    """Whether one of them refuses the file."""
    return any(diagnostic.severity is Severity.ERROR for diagnostic in diagnostics)
