"""What a command prints, kept within bounds: its beginning and its end."""

import codecs


class BoundedOutput:
    """Takes any amount of bytes and keeps the first and the last half of `limit`."""

    def __init__(self, limit: int) -> None:
        self._head_room = limit - limit // 2
        self._tail_room = limit // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    @property
    def truncated(self) -> bool:
        """Some bytes were left out."""
        return self._dropped + max(0, len(self._tail) - self._tail_room) > 0

    def add(self, data: bytes) -> None:
        """Takes what was printed next."""
        room = self._head_room - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        # Cut in large steps: moving the tail for every piece would make this quadratic.
        if len(self._tail) > 2 * self._tail_room + 65_536:
            self._cut()

    def text(self) -> str:
        """Everything kept, as UTF-8 with replacements; where something is missing it says how much."""
        self._cut()
        if not self._dropped:
            return (self._head + self._tail).decode(errors="replace")
        # A character that the cut went through is left out rather than shown as damage.
        head = codecs.getincrementaldecoder("utf-8")("replace").decode(bytes(self._head), final=False)
        start = 0
        while start < min(3, len(self._tail)) and self._tail[start] & 0xC0 == 0x80:
            start += 1
        return f"{head}\n[… {self._dropped:,} bytes cut …]\n{self._tail[start:].decode(errors='replace')}"

    def _cut(self) -> None:
        over = len(self._tail) - self._tail_room
        if over > 0:
            del self._tail[:over]
            self._dropped += over
