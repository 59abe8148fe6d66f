"""Where a git worktree's repository is: beside the folder, and needed to read its history."""

import os
from pathlib import Path

_LONGEST = 4_096


def beside(root: Path) -> tuple[Path, ...]:
    """The folder of the repository that a worktree belongs to, where it lies outside of the worktree.

    Only what is a repository counts (https://git-scm.com/docs/gitrepository-layout): a `.git` file could name any
    folder.
    """
    git = root / ".git"
    if git.is_symlink() or not git.is_file():
        return ()
    private = _named(git, "gitdir:", root)
    if private is None:
        return ()
    common = _named(private / "commondir", "", private) or private
    is_repository = (common / "HEAD").is_file() and (common / "objects").is_dir() and (common / "refs").is_dir()
    # The worktree must be one of the repository's own, which nothing that was only written into a file makes it.
    if not is_repository or not private.is_relative_to(common) or common.is_relative_to(root):
        return ()
    return (common,)


def _named(file: Path, prefix: str, start: Path) -> Path | None:
    """The folder that a file of git's names."""
    try:
        with open(file, "rb") as opened:
            text = os.fsdecode(opened.read(_LONGEST)).strip()
    except OSError:
        return None
    if not text.startswith(prefix):
        return None
    folder = Path(os.path.realpath(start / text.removeprefix(prefix).strip()))
    return folder if folder.is_dir() else None
