"""Whether a stream still brings a reply on: a watchdog on progress, not on signs of life. Pure.

What the API sends while a model works is no measure of it: thinking that is not shown, and the input of a tool call
that is handed over in one piece, come as nothing but pings for as long as they take. But they are tokens all the same,
and a reply has at most `max_tokens` of them. So a stream has the time that the slowest model would need for the whole
reply, and what has been seen of it buys more. A stream of pings, or of a byte a minute, ends when that time is used up.
"""

READ_TIMEOUT_SECONDS = 120.0
"""Without a single byte; the API sends a ping every few seconds."""

LEAST_SECONDS = 600.0
"""Every reply has at least so long, the wait for a busy model included."""

SLOWEST_TOKENS_PER_SECOND = 20.0
"""Of the models of today the largest write at about twice that, under load."""

SLOWEST_CHARACTERS_PER_SECOND = 4.0
"""A fifth of what slow text comes at: text that is seen to come is not cut off for being slow."""


class Progress:
    """The time that one reply still has.

    Parameters:
        max_tokens: the bound of the reply.
        now: when it was asked for, in seconds of any clock.
        read_timeout: seconds without a byte; the other bounds keep their proportion to it.
    """

    def __init__(self, max_tokens: int, now: float, read_timeout: float = READ_TIMEOUT_SECONDS) -> None:
        self._read_timeout = read_timeout
        self._scale = read_timeout / READ_TIMEOUT_SECONDS
        self._silent_at = now + read_timeout
        self._stalled_at = now + self._scale * max(LEAST_SECONDS, max_tokens / SLOWEST_TOKENS_PER_SECOND)

    def heard(self, now: float, characters: int) -> None:
        """Bytes came, and with them so many characters of the reply's content."""
        self._silent_at = now + self._read_timeout
        self._stalled_at += self._scale * characters / SLOWEST_CHARACTERS_PER_SECOND

    @property
    def deadline(self) -> float:
        """When the call is given up, unless something comes."""
        return min(self._silent_at, self._stalled_at)

    @property
    def fault(self) -> str:
        """What is wrong where the deadline has passed: its row in the table of faults."""
        return "silent" if self._silent_at <= self._stalled_at else "stalled"
