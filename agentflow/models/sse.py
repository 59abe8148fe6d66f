"""Bytes become server-sent events. Pure.

Source: the WHATWG HTML standard, "Server-sent events", section "Interpreting an event stream"; the fields `id` and
`retry` mean nothing to us and are passed over.
"""


class EventDecoder:
    """Takes the bytes of a stream as they come; keeps what is not yet a whole event."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._after_cr = False
        self._name = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[tuple[str, str]]:
        """Returns the events, name and data, that `chunk` completes; one that the stream's end cuts off never comes.

        Raises:
            UnicodeDecodeError: a line is not UTF-8.
        """
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if b"\n" not in chunk and b"\r" not in chunk:
            self._rest.append(chunk)
            return []
        self._after_cr = chunk.endswith(b"\r")
        self._rest.append(chunk)
        lines = b"".join(self._rest).splitlines()
        self._rest = [] if chunk.endswith((b"\n", b"\r")) else [lines.pop()]
        return [event for line in lines if (event := self._line(line)) is not None]

    def _line(self, line: bytes) -> tuple[str, str] | None:
        if not line:
            name, data, self._name, self._data = self._name, self._data, "", []
            return (name, "\n".join(data)) if name or data else None
        field, _, value = line.partition(b":")
        if field == b"data":
            self._data.append(value.removeprefix(b" ").decode())
        elif field == b"event":
            self._name = value.removeprefix(b" ").decode()
        return None
