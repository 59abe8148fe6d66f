"""The request as a sequence of prompt blocks: what prompt caching and the binding of thinking blocks look at.

Comes in: validated tools, system and messages. Goes out: digests of prefixes, cache usage, signatures. Blocks are
compared without `cache_control`, a string is the same as one text block, and consecutive messages of one role are the
same as one message, as on the API.
"""

import base64
import hashlib
import marshal
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

LOOKBACK_BLOCKS = 20
BYTES_PER_TOKEN = 4
TTL_SECONDS = {"5m": 300.0, "1h": 3600.0}
_KEY = b"tests.messages_api"


def block_bytes(role: str, block: Mapping[str, Any]) -> bytes:
    """The comparable bytes of one block: version 2 of marshal has no references, so equal values give equal bytes."""
    return marshal.dumps((role, sorted(item for item in block.items() if item[0] != "cache_control")), 2)


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """`end` blocks of the prompt are to be cached for `ttl` ("5m" or "1h")."""

    end: int
    ttl: str


@dataclass(frozen=True, slots=True)
class Hashed:
    """A hash over the first `count` blocks, `size` bytes, that can be continued."""

    count: int
    size: int
    hasher: "hashlib.blake2b"


@dataclass(slots=True)
class Prefix:
    """Collects the blocks of one request in prompt order: tools, system, messages."""

    chunks: list[bytes] = field(default_factory=list)
    breakpoints: list[Breakpoint] = field(default_factory=list)
    messages_start: int = 0
    base: Hashed | None = None
    known: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    keep_at: int | None = None
    _kept: Hashed | None = None

    def digests(self, ends: Iterable[int]) -> dict[int, tuple[bytes, int]]:
        """Digest and size in bytes of the prefix for each number of blocks in `ends`; one pass over what is new."""
        wanted = set(ends)
        missing = sorted(wanted - self.known.keys())
        if missing:
            self._sweep(missing)
        return {end: self.known[end] for end in wanted}

    def _sweep(self, ends: list[int]) -> None:
        base = self.base
        if base is None or ends[0] < base.count:
            base = Hashed(0, 0, hashlib.blake2b(digest_size=12))
        done, size, hasher = base.count, base.size, base.hasher.copy()
        if self.keep_at is not None and done <= self.keep_at <= ends[-1]:
            ends = sorted({*ends, self.keep_at})
        for end in ends:
            data = b"".join(self.chunks[done:end])
            hasher.update(data)
            size += len(data)
            done = end
            self.known[end] = hasher.digest(), size
            if end == self.keep_at:
                self._kept = Hashed(end, size, hasher.copy())

    def up_to(self, count: int) -> tuple[Hashed | None, dict[int, tuple[bytes, int]]]:
        """What a later request that begins with the first `count` blocks need not compute again."""
        early, late = self.messages_start + LOOKBACK_BLOCKS, count - 2 * LOOKBACK_BLOCKS
        known = {end: found for end, found in self.known.items() if end <= count and (end <= early or end > late)}
        return self._kept, known


@dataclass(frozen=True, slots=True)
class CacheUsage:
    """Prompt tokens by fate, and the entries to remember once the reply begins."""

    read: int = 0
    created_5m: int = 0
    created_1h: int = 0
    uncached: int = 0
    entries: tuple[tuple[bytes, str], ...] = ()


class PromptCache:
    """Remembers prefixes of earlier requests.

    A breakpoint hits the longest remembered prefix that ends at most 20 blocks before it (the API's documented
    look-back). An entry counts from the moment its reply begins, and for its time to live after the last use.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._expires: dict[bytes, tuple[float, str]] = {}
        self._clock = clock

    def look_up(self, prefix: Prefix, total_tokens: int, setting: bytes, minimum_tokens: int) -> CacheUsage:
        """Usage of a request whose prompt is `total_tokens`; `setting` is what else invalidates a cache (the model)."""
        if not prefix.breakpoints:
            return CacheUsage(uncached=total_tokens)
        ends = {end for mark in prefix.breakpoints for end in range(max(1, mark.end - LOOKBACK_BLOCKS), mark.end + 1)}
        everything = len(prefix.chunks)
        digests = prefix.digests({*ends, everything})
        whole_bytes = digests[everything][1]

        def tokens(end: int) -> int:
            return digests[end][1] * total_tokens // max(1, whole_bytes)

        now = self._clock()
        read = 0
        for end in sorted(ends):
            entry = self._expires.get(setting + digests[end][0])
            if entry is not None and entry[0] > now:
                read = end
        usable = [mark for mark in prefix.breakpoints if tokens(mark.end) >= minimum_tokens]
        entries = tuple((setting + digests[mark.end][0], mark.ttl) for mark in usable)
        created = {"5m": 0, "1h": 0}
        covered = read
        for mark in usable:
            if mark.end > covered:
                created[mark.ttl] += tokens(mark.end) - (tokens(covered) if covered else 0)
                covered = mark.end
        spent = (tokens(read) if read else 0) + created["5m"] + created["1h"]
        return CacheUsage(tokens(read) if read else 0, created["5m"], created["1h"], total_tokens - spent, entries)

    def remember(self, usage: CacheUsage) -> None:
        """The reply begins: what was written can be read from now on."""
        now = self._clock()
        for key, ttl in usage.entries:
            self._expires[key] = now + TTL_SECONDS[ttl], ttl


def sign(thinking: str, model: str, prefix_digest: bytes) -> str:
    """The signature of a thinking block: it names the model and the prompt, and fits this text only."""
    named = model.encode() + b"\0" + prefix_digest
    mac = hashlib.blake2b(named + b"\0" + thinking.encode(), digest_size=16, key=_KEY).digest()
    return base64.b64encode(mac + named).decode()


@dataclass(frozen=True, slots=True)
class SignedBy:
    """What a genuine signature says: the model, and the digest of the prompt the block answered."""

    model: str
    prefix_digest: bytes


def read_signature(thinking: str, signature: str) -> SignedBy | None:
    """Who signed `thinking`; None when the signature is not ours or the text is not the one that was signed."""
    try:
        raw = base64.b64decode(signature, validate=True)
    except ValueError:
        return None
    mac, named = raw[:16], raw[16:]
    model, _, digest = named.partition(b"\0")
    if hashlib.blake2b(named + b"\0" + thinking.encode(), digest_size=16, key=_KEY).digest() != mac:
        return None
    return SignedBy(model.decode(), digest)
