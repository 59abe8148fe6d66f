"""Files of its own for a step or an agent: a copy of the project's, or a git worktree, made once and kept.

Each lies in `.agentflow/workspaces/<run>/`, which no file tool may touch, beside a small file that says that it is
whole: what was being made when a process died is made anew.
"""

import contextlib
import json
import os
import stat
from pathlib import Path

from agentflow.errors import AgentflowError
from agentflow.events.values import Workspace
from agentflow.guard.protected import protected_by
from agentflow.run.workspaces import WORKSPACES
from agentflow.tools.command import Command, CommandNotStarted, CommandResult, run_command
from agentflow.tools.failures import shortened
from agentflow.tools.removing import remove_folder
from agentflow.tools.sandbox.placeholders import is_stand_in
from agentflow.tools.threads import Stop, in_thread

MAX_BYTES = 1 << 30
MAX_ENTRIES = 100_000
MAX_DEPTH = 64
GIT_SECONDS = 600.0
_LEFT_OUT = frozenset({".git", ".agentflow"})
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_PIECE = 1 << 20


class WorkspaceError(AgentflowError):
    """A workspace cannot be made, or is not there any more."""


async def make_workspace(project: Path, workspace: Workspace) -> Path:
    """The folder of a workspace, made where it is not there yet.

    Two calls for one workspace may not run at once.

    Parameters:
        project: its real path.

    Raises:
        WorkspaceError: the project is too large to be copied, is no git repository, or cannot be read; or the folder
            that was made earlier has gone since.
    """
    folder = project / workspace.folder
    try:
        if _mark(folder).exists():
            if not folder.is_dir():
                message = f"the workspace `{workspace.folder}` was made and is not there any more"
                raise WorkspaceError(message, "put it back, or start a new run")
            return folder
        _make_home(project, folder.parent)
        if folder.exists():
            await in_thread(lambda _: remove_folder(folder))
        await (_copy(project, folder) if workspace.kind == "copy" else _worktree(project, workspace, folder))
        _mark(folder).write_text(json.dumps({"kind": workspace.kind, "branch": workspace.branch}), "utf-8")
    except OSError as error:
        named = f": `{shortened(os.path.basename(str(error.filename)))}`" if error.filename else ""
        reason = f"{os.strerror(error.errno or 0)}{named}"
        raise WorkspaceError(f"the workspace `{workspace.folder}` cannot be made: {reason}") from error
    return folder


async def remove_workspaces(project: Path, run: str) -> None:
    """Removes the workspaces of a run. Branches stay that hold commits which no other branch has.

    Raises:
        WorkspaceError: they cannot be removed.
    """
    home = project / WORKSPACES / run
    if not home.is_dir() or home.is_symlink():
        return
    branches = []
    for mark in sorted(home.glob("*.json")):
        with contextlib.suppress(ValueError, AttributeError):  # not one of ours
            branches.append(json.loads(mark.read_text("utf-8")).get("branch"))
    try:
        await in_thread(lambda _: remove_folder(home))
    except OSError as error:
        message = f"the workspaces of run {run} cannot be removed: {os.strerror(error.errno or 0)}"
        raise WorkspaceError(message, f"remove `{WORKSPACES}/{run}` yourself") from error
    if any(branches):
        await _git(project, "worktree", "prune")
    for branch in branches:
        if isinstance(branch, str) and branch.startswith(f"agentflow/{run}/"):
            await _git(project, "branch", "--delete", "--quiet", branch)


def _mark(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


def _make_home(project: Path, home: Path) -> None:
    private = project / WORKSPACES.partition("/")[0]
    if not private.exists():
        private.mkdir(mode=0o700)
        (private / ".gitignore").write_text("*\n", "ascii")
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if Path(os.path.realpath(home)) != home:
        raise WorkspaceError(f"`{WORKSPACES}` leads elsewhere through a symbolic link", "put a folder in its place")


# A copy


async def _copy(project: Path, folder: Path) -> None:
    def work(stop: Stop) -> None:
        source = os.open(project, _FOLDER)
        try:
            folder.mkdir(mode=0o700)
            _Copy(project, stop).folder(source, folder, "", 0)
        finally:
            os.close(source)

    await in_thread(work)


class _Copy:
    """Copies folder by folder through descriptors: what is swapped for a link meanwhile is never followed."""

    def __init__(self, project: Path, stop: Stop) -> None:
        self._project = project
        self._stop = stop
        self._bytes = 0
        self._entries = 0

    def folder(self, source: int, target: Path, below: str, depth: int) -> None:
        """Copies what is in a folder into another."""
        if depth > MAX_DEPTH:
            raise WorkspaceError(f"`{shortened(below)}` is nested too deeply to be copied", "use `workspace: worktree`")
        with os.scandir(source) as listing:
            names = [entry.name for entry in listing if entry.name.casefold() not in _LEFT_OUT]
        for name in sorted(names):
            self._stop.check()
            if protected_by(name) is not None and is_stand_in(self._project, self._project / below / name):
                continue
            self._count()
            with contextlib.suppress(FileNotFoundError):  # gone since it was listed
                self._entry(source, name, target / name, f"{below}{name}", depth)

    def _entry(self, source: int, name: str, target: Path, below: str, depth: int) -> None:
        status = os.stat(name, dir_fd=source, follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode):
            inner = os.open(name, _FOLDER, dir_fd=source)
            try:
                target.mkdir(mode=0o700)
                self.folder(inner, target, f"{below}/", depth + 1)
            finally:
                os.close(inner)
            target.chmod(stat.S_IMODE(status.st_mode) | 0o700)
        elif stat.S_ISLNK(status.st_mode):
            target.symlink_to(self._inside(os.readlink(name, dir_fd=source), os.path.dirname(below)))
        elif stat.S_ISREG(status.st_mode):
            self._file(source, name, target)

    def _file(self, source: int, name: str, target: Path) -> None:
        with open(os.open(name, _FILE, dir_fd=source), "rb") as opened, open(target, "xb") as copy:
            status = os.fstat(opened.fileno())
            while piece := opened.read(_PIECE):
                self._stop.check()
                self._bytes += len(piece)
                if self._bytes > MAX_BYTES:
                    raise _too_large(f"{MAX_BYTES >> 20:,} MB")
                copy.write(piece)
            copy.flush()
            os.fchmod(copy.fileno(), stat.S_IMODE(status.st_mode))
            os.utime(copy.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))

    def _count(self) -> None:
        self._entries += 1
        if self._entries > MAX_ENTRIES:
            raise _too_large(f"{MAX_ENTRIES:,} files")

    def _inside(self, link: str, folder: str) -> str:
        """A link that names a file of the project by its whole path would lead out of the copy: it is made relative."""
        if not link.startswith("/"):
            return link
        named = os.path.normpath(link)
        if os.path.commonpath((named, str(self._project))) != str(self._project):
            return link
        return os.path.relpath(named, self._project / folder)


def _too_large(bound: str) -> WorkspaceError:
    return WorkspaceError(
        f"the project is over {bound} and is not copied",
        "use `workspace: worktree`, which takes only what git knows, or move what need not be there",
    )


# A worktree


async def _worktree(project: Path, workspace: Workspace, folder: Path) -> None:
    if not (project / ".git").exists():
        hint = "make one (`git init`, and a first commit), or use `workspace: copy`"
        raise WorkspaceError("`workspace: worktree` wants a git repository, and the project is none", hint)
    await _git(project, "worktree", "prune")
    done = await _git(project, "worktree", "add", "--quiet", "-B", workspace.branch or "", str(folder), "HEAD")
    if done.exit_code != 0 or done.timed_out:
        said = done.stderr.strip()[-500:] or f"it ended with exit code {done.exit_code}"
        raise WorkspaceError(f"git cannot make the worktree: {said}", "see that there is a commit to begin from")


async def _git(project: Path, *words: str) -> CommandResult:
    # The repository's own hooks are meant for its people, not for this.
    argv = ("git", "-c", "core.hooksPath=/dev/null", *words)
    try:
        return await run_command(Command(argv, b"", {"LC_ALL": "C"}, project, GIT_SECONDS, 64 << 10))
    except CommandNotStarted as error:
        raise WorkspaceError(error.message, error.hint) from error
