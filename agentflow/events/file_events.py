"""What happens to the files of a run's workspaces: what they held before they were changed, and that it was put back.

These change nothing of a run's or a session's state; they are read by who rewinds.
"""

from msgspec import Struct


class FileChanging(Struct, frozen=True):
    """A file is about to be changed; on record before it is, with what it takes to put it back.

    Attributes:
        step: the path of the step that works.
        call: the id of the session's call; "" for a step's own, and for a rewind.
        tool: `Write`, `Edit`; or `rewind`, in the run's own stream, after a `FilesRewinding`.
        folder: the workspace, relative to the project; "" is the project.
        path: relative to that, without symbolic links.
        mode: its permission bits; None: there was no file.
        digest: of what it held, SHA-256 in hexadecimal; None: there was no file.
        size: of what it held, in bytes.
        content: what it held, deflated (RFC 1950) and in base64; None: there was no file, or `lost` says why not.
        after: the digest of what it is to hold; None: it is to be removed.
        made: the folders that were made for it, the outermost first.
        lost: why what it held is not kept.
    """

    at: float
    step: str
    call: str
    tool: str
    folder: str
    path: str
    mode: int | None
    digest: str | None
    size: int
    content: str | None
    after: str | None
    made: tuple[str, ...] = ()
    lost: str | None = None


class FilesRewinding(Struct, frozen=True):
    """Files are about to be put back as they were; each follows as a `FileChanging` in the same commit.

    Attributes:
        number: of the run's rewinds, from 1.
        to: the step before which they were so, perhaps with its session's turn (`fix@3`); "" undoes a rewind.
        undoes: the number of the rewind that is undone.
        forced: what somebody else changed since is put back too.
        changes: how many files.
    """

    at: float
    number: int
    to: str
    by: str
    undoes: int | None = None
    forced: bool = False
    changes: int = 0


class FilesRewound(Struct, frozen=True):
    """A rewind has done all that it set out to do."""

    at: float
    number: int


FileEvent = FileChanging | FilesRewinding | FilesRewound
