"""Values taken out of texts, however they are written there (`secret_forms`), and out of texts that come in pieces."""

import re
from collections.abc import Collection, Mapping
from functools import lru_cache

from agentflow.guard.patterns import Pattern, compile_own
from agentflow.guard.secret_forms import SHORTEST, SHORTEST_OPERATORS, lines_of, literals, pattern, told_by_all

_CUT = re.compile(r"\[… [\d,]+ (?:bytes|characters) cut …\]")
_PIECE_AT_A_CUT = 4
"""Characters of a value at a cut that are enough to be taken for a piece of it."""
_AT_AN_END = 8
"""The same at the end of a text, where nothing says that it was cut."""
_ELLIPSIS = re.compile(r"…|\\u2026")
_LONGEST_PATTERN = 60_000
"""Characters of an expression that are compiled together."""


class Redactor:
    """Finds the values of secrets.

    Parameters:
        values: by name; of those shorter than `SHORTEST` nothing is found.
        operators: the names of those that no file declares; of them nothing shorter than `SHORTEST_OPERATORS` is found.
    """

    def __init__(self, values: Mapping[str, str], operators: Collection[str] = ()) -> None:
        self._lines = {
            line: name
            for name, value in values.items()
            for line in lines_of(value, SHORTEST_OPERATORS if name in operators else SHORTEST)
        }
        self._literals: dict[str, str] = {}
        self._ends: frozenset[str] | None = None
        self._patterns: list[tuple[Pattern, dict[str, str]]] | None = None
        self._single: dict[str, Pattern] = {}

    @property
    def is_empty(self) -> bool:
        """There is nothing to find."""
        return not self._lines

    def redacted(self, text: str) -> str:
        """The text with `[secret NAME]` in the place of each value, and of the pieces of one at a cut."""
        if not self._lines or len(text) < SHORTEST:
            return text
        data = text.encode("utf-8", "surrogatepass")
        found = self._redacted_bytes(data)
        if found is not None:
            text = found.decode("utf-8", "surrogatepass")
        if "[… " in text:
            text = self._without_pieces(text)
        return self._without_beginnings(text)

    def in_bytes(self, data: bytes) -> str | None:
        """The name of a secret whose value stands in bytes in any of its forms, or None."""
        for one, names in self._compiled():
            if (place := one.find(data)) is not None:
                return self._name(data[place[0] : place[1]], names)
        return None

    def unfinished(self, text: str) -> int:
        """How many characters at the end of a text may be the beginning of a value whose rest is still to come."""
        longest = 0
        bare = text.rstrip()
        for form in self._forms():
            for tail in (text, bare) if len(bare) < len(text) else (text,):
                for length in range(min(len(form) - 1, len(tail)), 0, -1):
                    if length + len(text) - len(tail) <= longest:
                        break
                    # Of a form that goes on in the next line, a few letters would be found at the end of any.
                    if tail.endswith(form[:length]) and (tail is text or length >= _PIECE_AT_A_CUT):
                        longest = length + len(text) - len(tail)
                        break
        return longest

    def cut_before(self, text: str, place: int) -> int:
        """The place itself, or the end of the value that stands around it: where a text may be cut."""
        at = len(text[:place].encode("utf-8", "surrogatepass"))
        data = text.encode("utf-8", "surrogatepass")
        for one, _ in self._compiled():
            begin = 0
            while (found := one.find(data, begin)) is not None and found[0] < at:
                begin = found[1]
                if found[1] > at:
                    return len(data[: found[1]].decode("utf-8", "surrogatepass"))
        return place

    def _redacted_bytes(self, data: bytes) -> bytes | None:
        """The bytes without values, or None where there were none."""
        changed = False
        for one, names in self._compiled():
            pieces, at = [], 0
            while (place := one.find(data, at)) is not None:
                pieces += [data[at : place[0]], f"[secret {self._name(data[place[0] : place[1]], names)}]".encode()]
                at = place[1]
            if pieces:
                data, changed = b"".join([*pieces, data[at:]]), True
        return data if changed else None

    def _name(self, piece: bytes, names: Mapping[str, str]) -> str:
        """Whose value a piece is."""
        for line, name in names.items():
            if line not in self._single:
                self._single[line] = compile_own(f"^(?:{pattern(line)})$", longest=True)
            if self._single[line].find(piece) is not None:
                return name
        return next(iter(names.values()))

    def _compiled(self) -> list[tuple[Pattern, dict[str, str]]]:
        if self._patterns is None:
            groups: list[tuple[list[str], dict[str, str]]] = []
            # The longest first: of two values that begin alike the longer is looked for before the shorter.
            for line in sorted(self._lines, key=len, reverse=True):
                text = pattern(line)
                if not groups or sum(map(len, groups[-1][0])) + len(text) > _LONGEST_PATTERN:
                    groups.append(([], {}))
                groups[-1][0].append(text)
                groups[-1][1][line] = self._lines[line]
            self._patterns = [(compile_own("|".join(texts), longest=True), names) for texts, names in groups]
        return self._patterns

    def _forms(self) -> Mapping[str, str]:
        if not self._literals:
            self._literals = {
                form: name
                for line, name in self._lines.items()
                for form in literals(line)
                # All keys begin alike, so that their beginning says nothing.
                if not form.startswith("-----")
            }
        return self._literals

    def _pieces(self) -> frozenset[str]:
        """Every piece of a value that is long enough to be one at an end; most ends of texts are none of them."""
        if self._ends is None:
            ends = ((form, at) for form in self._forms() for at in range(len(form) - _AT_AN_END + 1))
            self._ends = frozenset(form[at : at + _AT_AN_END] for form, at in ends)
        return self._ends

    def _without_pieces(self, text: str) -> str:
        parts, cuts = _CUT.split(text), _CUT.findall(text)
        if not cuts:
            return text
        last = len(parts) - 1
        for index, part in enumerate(parts):
            # A cut stands on a line of its own, which is not part of what was cut.
            before = "\n" if index and part.startswith("\n") else ""
            after = "\n" if index < last and part.endswith("\n") and len(part) > len(before) else ""
            part = part[len(before) : len(part) - len(after)]
            part = self._without_start(part) if index else part
            parts[index] = f"{before}{self._without_end(part) if index < last else part}{after}"
        return "".join(piece for pair in zip(parts, [*cuts, ""], strict=True) for piece in pair)

    def _without_beginnings(self, text: str) -> str:
        """The text without the beginnings of values at its end, and where a `…` says that something was cut."""
        places = [found.start() for found in _ELLIPSIS.finditer(text)]
        if not text.endswith("…"):
            places.append(len(text))
        pieces, at = [], 0
        for place in places:
            begin, name = self._beginning(text, at, place)
            if name:
                pieces += [text[at:begin], f"[secret {name}]"]
                at = place
        return "".join([*pieces, text[at:]]) if pieces else text

    def _beginning(self, text: str, at: int, place: int) -> tuple[int, str]:
        """Where the beginning of a value begins that ends at a place, and whose it is; no name where there is none."""
        last = text[max(at, place - _AT_AN_END) : place]
        if len(last) < _AT_AN_END or last not in self._pieces():
            return place, ""
        for form, name in self._forms().items():
            found = form.find(last)
            while found >= 0:
                begin, length = place - found - _AT_AN_END, found + _AT_AN_END
                if begin >= at and told_by_all(form) < length < len(form) and text.startswith(form[:length], begin):
                    return begin, name
                found = form.find(last, found + 1)
        return place, ""

    def _without_end(self, text: str) -> str:
        """The text before a cut, without the beginning of a value that the cut went through."""
        for form, name in self._forms().items():
            for length in range(len(form) - 1, max(_PIECE_AT_A_CUT - 1, told_by_all(form)), -1):
                if text.endswith(form[:length]):
                    return f"{text[:-length]}[secret {name}]"
        return text

    def _without_start(self, text: str) -> str:
        """The text after a cut, without the end of a value that the cut went through."""
        for form, name in self._forms().items():
            for length in range(len(form) - 1, _PIECE_AT_A_CUT - 1, -1):
                if text.startswith(form[-length:]):
                    return f"[secret {name}]{text[length:]}"
        return text


@lru_cache(maxsize=8)
def _redactor_of(values: tuple[tuple[str, str], ...], operators: frozenset[str]) -> Redactor:
    return Redactor(dict(values), operators)


def redactor_of(values: Mapping[str, str], operators: Collection[str] = ()) -> Redactor:
    """The redactor of these values; one for all who ask, since it takes some milliseconds to make."""
    return _redactor_of(tuple(sorted(values.items())), frozenset(operators))


class Pieces:
    """A text that comes in pieces: what may be the beginning of a value is held back until its rest is there.

    Parameters:
        redactor: what finds the values.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = ""

    def add(self, piece: str) -> str:
        """What can be given out now that `piece` is there too, without values."""
        text = self._held + piece
        end = self._redactor.cut_before(text, len(text) - self._redactor.unfinished(text))
        self._held = text[end:]
        return self._redactor.redacted(text[:end])

    def end(self) -> str:
        """What was held back."""
        held, self._held = self._held, ""
        return self._redactor.redacted(held)
