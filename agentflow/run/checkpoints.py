"""What Write and Edit changed from some moment of a run on, and what puts it back. Pure."""

import base64
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import Any

from msgspec import Struct

from agentflow.events.file_events import FileChanging, FilesRewinding
from agentflow.events.run_events import CommandCalled, FunctionCalled, StepStarted, ToolStepCalled
from agentflow.events.session_events import ModelCalled, ModelReplied, SessionStarted, ToolCalled

JSON = Any
FILE_TOOLS = frozenset({"Write", "Edit"})
REWIND = "rewind"


class FileState(Struct, frozen=True):
    """What a file is to be, or was.

    Attributes:
        digest: of its content, SHA-256 in hexadecimal; None: there is no file.
        mode: its permission bits.
        content: None: there is no file, or what it held was not kept; then `lost` says why.
    """

    digest: str | None
    mode: int | None = None
    content: bytes | None = None
    lost: str | None = None


class PutBack(Struct, frozen=True):
    """A file that a rewind is about.

    Attributes:
        folder, path: as of `FileChanging`.
        target: what it was.
        known: the digests of all that Write and Edit saw or left there since; anything else is somebody else's.
        foreign: something else changed it between two of their changes.
        made: the folders to remove with it, the innermost first.
        by: who changed it, as `Edit by fix`.
        secret: the value of a secret stood in it at some time, so that what it holds is not to be kept.
    """

    folder: str
    path: str
    target: FileState
    known: frozenset[str | None]
    foreign: bool
    made: tuple[str, ...]
    by: tuple[str, ...]
    secret: bool = False


class OtherCall(Struct, frozen=True):
    """A call that may have changed files and of which nothing is kept."""

    step: str
    tool: str
    what: str = ""


class Changes(Struct, frozen=True):
    """What to put back, in the order of putting it back: what was changed last comes first."""

    files: tuple[PutBack, ...]
    not_covered: tuple[OtherCall, ...]


@dataclass(slots=True)
class History:
    """What a run's events say of its files. Feed `take` with every event, in the order of recording.

    Attributes:
        rewinds: how many there were.
        beginnings: where each step began, and each turn of its sessions (`fix@3`), as the number of an event.
    """

    changes: list[tuple[int, FileChanging]] = field(default_factory=list)
    calls: list[tuple[int, OtherCall]] = field(default_factory=list)
    beginnings: dict[str, int] = field(default_factory=dict)
    rewinds: list[tuple[FilesRewinding, list[FileChanging]]] = field(default_factory=list)
    _taken: int = 0
    _steps: dict[str, str] = field(default_factory=dict)
    _inputs: dict[str, str] = field(default_factory=dict)
    _nested: set[str] = field(default_factory=set)

    def take(self, stream: str, event: object) -> None:
        """Takes an event up."""
        self._taken += 1
        if isinstance(event, FileChanging):
            self.changes.append((self._taken, event))
            if event.tool == REWIND and self.rewinds:
                self.rewinds[-1][1].append(event)
        elif isinstance(event, FilesRewinding):
            self.rewinds.append((event, []))
        elif isinstance(event, StepStarted):
            # Of several attempts the first: a step's work begins there.
            self.beginnings.setdefault(event.step, self._taken)
        elif isinstance(event, SessionStarted):
            self._steps[stream] = event.step
            if event.parent is not None:
                self._nested.add(stream)
        elif isinstance(event, ModelCalled) and stream not in self._nested:
            self.beginnings.setdefault(f"{self._steps.get(stream, '')}@{event.turn}", self._taken)
        else:
            self._call(stream, event)

    def _call(self, stream: str, event: object) -> None:
        if isinstance(event, ModelReplied):
            for block in event.content:
                if block.get("type") == "tool_use" and isinstance(block.get("input"), Mapping):
                    self._inputs[f"{stream}/{block.get('id')}"] = str(block["input"].get("command", ""))
        elif isinstance(event, ToolCalled):
            what = self._inputs.pop(f"{stream}/{event.call}", "")
            if event.effects != "none" and event.tool not in FILE_TOOLS:
                self.calls.append((self._taken, OtherCall(self._steps.get(stream, ""), event.tool, what)))
        elif isinstance(event, CommandCalled):
            self.calls.append((self._taken, OtherCall(event.step, "run", " ".join(event.argv))))
        elif isinstance(event, FunctionCalled):
            self.calls.append((self._taken, OtherCall(event.step, "call", event.function)))
        elif isinstance(event, ToolStepCalled) and event.tool not in FILE_TOOLS:
            self.calls.append((self._taken, OtherCall(event.step, event.tool, str(event.input.get("command", "")))))

    def since(self, beginning: str) -> Changes:
        """What was changed since a step or a turn began; `beginning` is one of `beginnings`."""
        start = self.beginnings[beginning]
        made = [change for at, change in self.changes if at > start]
        return Changes(put_back(made), tuple(call for at, call in self.calls if at > start))


def put_back(made: Iterable[FileChanging]) -> tuple[PutBack, ...]:
    """What undoes changes, which are given in the order in which they were made."""
    chains: dict[tuple[str, str], list[FileChanging]] = {}
    for change in made:
        # The file that was changed last is put back first, so it stands last here.
        chain = chains.pop((change.folder, change.path), [])
        chains[change.folder, change.path] = [*chain, change]
    return tuple(_put_back(chain) for chain in reversed(chains.values()))


def _put_back(chain: list[FileChanging]) -> PutBack:
    first = chain[0]
    # A change that never came about leaves what was there; the next one then begins from that.
    foreign = any(now.digest not in {then.after, then.digest} for then, now in pairwise(chain))
    known = frozenset(digest for change in chain for digest in (change.digest, change.after))
    made = tuple(dict.fromkeys(folder for change in chain for folder in change.made))
    by = tuple(dict.fromkeys(f"{change.tool} by {change.step}" if change.step else change.tool for change in chain))
    secret = any(change.lost is not None for change in chain)
    return PutBack(first.folder, first.path, state_before(first), known, foreign, made[::-1], by, secret)


def state_before(change: FileChanging) -> FileState:
    """What a file was before a change."""
    content = None if change.content is None else unpacked(change.content)
    if content is not None and sha256(content).hexdigest() != change.digest:
        return FileState(change.digest, change.mode, None, "what was kept of it is damaged")
    return FileState(change.digest, change.mode, content, change.lost)


def packed(content: bytes) -> str:
    """Bytes as text that fits into an event."""
    return base64.b64encode(zlib.compress(content)).decode("ascii")


def unpacked(text: str) -> bytes:
    """What `packed` was given; b"" where it is no such text, which no digest then fits."""
    try:
        return zlib.decompress(base64.b64decode(text, validate=True))
    except (ValueError, zlib.error):
        return b""


def digest_of(content: bytes | None) -> str | None:
    """SHA-256 in hexadecimal; None stays None: there is no file."""
    return None if content is None else sha256(content).hexdigest()
