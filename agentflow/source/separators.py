"""Line separators that the parser sees and the reader does not.

libyaml follows YAML 1.1, where NEL, LS and PS end a line. Editors show them as part of the line, so that a comment
could hide a key: `# a note<LS>tools: [Bash]`. Inside a text they do no harm.
"""

import re
from collections.abc import Iterator

from agentflow.source.scalar_text import BREAK

_SEPARATOR = re.compile("[\x85\u2028\u2029]")
_BREAK = re.compile(BREAK)


class Separators:
    """The separators of one text, each looked at once as the parser goes on."""

    def __init__(self, text: str) -> None:
        self._text = text
        # Looking for each with `in` costs a hundredth of the search, and hardly a file has any.
        has_any = any(separator in text for separator in "\x85\u2028\u2029")
        self._found = _SEPARATOR.finditer(text) if has_any else iter(())
        self._next = self._following()

    def _following(self) -> int:
        """Returns the offset of the next one; past the text where there is none."""
        found = next(self._found, None)
        return len(self._text) + 1 if found is None else found.start()

    def outside_texts(self, before: int) -> Iterator[int]:
        """Yields the offsets up to `before` of those that were not passed inside a scalar."""
        while self._next < before:
            at = self._next
            self._next = self._following()
            yield at

    def pass_scalar(self, start: int, end: int) -> Iterator[int]:
        """Yields those before the scalar at `start`, in a block scalar's header, or as its end; lets others be."""
        if self._next > end:
            return
        yield from self.outside_texts(start)
        if self._text.startswith(("|", ">"), start) and (header_end := _BREAK.search(self._text, start, end)):
            yield from self.outside_texts(header_end.end())
        while self._next < end - 1:
            self._next = self._following()
