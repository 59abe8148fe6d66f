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


class UnreadOutput:
    """What a command has printed since it was last asked for, of which the first and the last half of `limit` are kept.

    While the command runs only whole lines are given out: so no character, and no secret on a line, is ever given out
    in two pieces.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._unread = BoundedOutput(limit)
        self._line = bytearray()
        self.printed = 0

    @property
    def unfinished(self) -> int:
        """Bytes of the line that has not ended yet."""
        return len(self._line)

    def add(self, data: bytes) -> None:
        """Takes what was printed next."""
        self.printed += len(data)
        self._line += data
        # A line that never ends is given out all the same, or it would be held for ever.
        end = len(self._line) if len(self._line) > self._limit else self._line.rfind(b"\n") + 1
        if end:
            self._unread.add(bytes(self._line[:end]))
            del self._line[:end]

    def take(self, *, ended: bool) -> str:
        """The text since the last time; all of it once the command has `ended`."""
        if ended:
            self._unread.add(bytes(self._line))
            self._line.clear()
        text = self._unread.text()
        self._unread = BoundedOutput(self._limit)
        return text
