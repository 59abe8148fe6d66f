"""What no file grants writing to, whatever it says: what runs by itself, and what says what an agent may do.

The line is drawn by who starts it. What runs because somebody enters a folder, opens it in an editor, asks git for its
status, logs in or starts an assistant is protected: nobody meant to run it. What runs because somebody builds, tests or
pushes (a Makefile, `package.json`, a CI workflow) is the project's own code, and a file may grant it.

A path is judged part by part, at any depth, by what a file system could take its parts for: see `folded`.
"""

import functools
import re
import unicodedata
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct


class Protected(Struct, frozen=True):
    """A name that is closed to writing, with everything beneath it.

    Attributes:
        name: one part of a path, or for the run's own files a path relative to the project.
        kind: what it usually is: what a sandbox puts in its place where there is none.
        why: completes "`name` is closed because it ..."; for people and models.
        hidden: closed to reading too.
    """

    name: str
    kind: Literal["file", "folder"]
    why: str
    hidden: bool = False


def _all(kind: Literal["file", "folder"], why: str, names: str, *, hidden: bool = False) -> tuple[Protected, ...]:
    return tuple(Protected(name, kind, why, hidden) for name in names.split())


_HOOKS = "names commands that run at a git command or a commit"
_SHELL = "is run by a shell when it starts or enters the folder"
_EDITOR = "names commands that an editor runs when it opens the folder"
_ASSISTANT = "names commands, servers and permissions of an AI assistant"
_PACKAGES = "says where packages come from and what runs when they are installed"
_INTERPRETER = "is run by an interpreter or debugger when it starts"
_LOGIN = "is run, or believed, when somebody logs in"
_KEYS = "holds keys and passwords of the person, not of the project"

PROTECTED: tuple[Protected, ...] = (
    Protected(".agentflow", "folder", "is agentflow's own memory of its runs", hidden=True),
    Protected(".git", "folder", "holds the repository, with hooks and settings that run commands"),
    *_all("folder", "holds a repository, with hooks and settings that run commands", ".hg .jj .bzr"),
    *_all("file", _HOOKS, ".gitconfig .gitmodules .pre-commit-config.yaml .pre-commit-config.yml .overcommit.yml"),
    *_all("file", _HOOKS, "lefthook.yml lefthook.yaml lefthook.toml lefthook.json"),
    *_all("file", _HOOKS, ".lefthook.yml .lefthook.yaml .lefthook.toml .lefthook.json"),
    *_all("file", _HOOKS, "lefthook-local.yml lefthook-local.yaml .lefthook-local.yml .lefthook-local.yaml"),
    *_all("folder", _HOOKS, ".husky .githooks .lefthook .lefthook-local"),
    *_all("file", _SHELL, ".bashrc .bash_profile .bash_login .bash_logout .bash_aliases .profile .inputrc"),
    *_all("file", _SHELL, ".zshrc .zshenv .zprofile .zlogin .zlogout .kshrc .mkshrc .cshrc .tcshrc .login .logout"),
    *_all(
        "file", _SHELL, ".envrc .mise.toml mise.toml .mise.local.toml mise.local.toml .autoenv .autoenv.zsh .rtx.toml"
    ),
    *_all("folder", _SHELL, ".direnv .mise .oh-my-zsh"),
    *_all("file", _LOGIN, ".xprofile .xinitrc .xsession .xsessionrc .pam_environment"),
    *_all("folder", _LOGIN, ".aws .kube LaunchAgents LaunchDaemons"),
    *_all("folder", _KEYS, ".ssh .gnupg", hidden=True),
    *_all("file", _KEYS, ".netrc .git-credentials .pypirc", hidden=True),
    *_all("folder", _EDITOR, ".vscode .vscode-server .idea .fleet .zed .vs .nova .vim .nvim .emacs.d .devcontainer"),
    *_all("file", _EDITOR, ".devcontainer.json .exrc .vimrc .gvimrc .nvimrc .nvim.lua .lvimrc .emacs .dir-locals.el"),
    *_all("file", _EDITOR, ".dir-locals-2.el .tmux.conf .screenrc .ripgreprc *.code-workspace *.sublime-project"),
    *_all("folder", _ASSISTANT, ".claude .cursor .codex .gemini .windsurf .continue .roo .kiro .opencode .amazonq"),
    *_all("folder", _ASSISTANT, ".junie .goose .augment .aider .qwen .crush .clinerules .cline .trae .factory"),
    *_all("file", _ASSISTANT, ".mcp.json mcp.json .claude.json .aider.conf.yml .roomodes opencode.json opencode.jsonc"),
    *_all("file", _ASSISTANT, "crush.json .crush.json"),
    *_all("file", _PACKAGES, ".npmrc .yarnrc .yarnrc.yml .pnpmfile.cjs .bunfig.toml bunfig.toml pip.conf"),
    *_all("file", _INTERPRETER, ".gdbinit .lldbinit .pdbrc .pythonrc .pythonrc.py .irbrc .pryrc .Rprofile .sqliterc"),
    *_all("file", _INTERPRETER, ".psqlrc .julia_startup.jl sitecustomize.py usercustomize.py *.pth"),
)
"""In the order in which they are looked at. `*.x` is every name that ends so."""

BARE_REPOSITORY = Protected("HEAD", "file", "would make its folder a git repository, whose settings run commands")
"""A folder with `HEAD`, `objects` and `refs` is a repository to git. Only a path's last part: `head/` is a folder."""

PROTECTED_NAMES: tuple[str, ...] = tuple(entry.name for entry in PROTECTED if not entry.name.startswith("*"))
"""The plain names, for what needs names: a sandbox binds these read-only, present or not."""

_SEPARATORS = re.compile(r"[/\\]")
_SHORT = re.compile(r"(?P<stem>[^~]{1,6})~(?P<number>[1-9][0-9]{0,5})(?:\.(?P<suffix>[^.]{1,3}))?")
_SHORT_HASHED = re.compile(r"(?P<stem>[^~]{1,2})[0-9a-f]{4}~(?P<number>[1-9])(?:\.(?P<suffix>[^.]{1,3}))?")
_SHORT_LENGTH = 8  # of a short name, its number and `~` included


def folded(part: str) -> str:
    """What a file system could take a part of a path for, so that twins have one form.

    Case (macOS, Windows, ext4's casefold), composed and decomposed letters (macOS), characters that HFS+ overlooks
    (CVE-2014-9390), dots and blanks at the end and streams (`.git::$INDEX_ALLOCATION`) of NTFS.
    """
    text = part
    if not part.isascii():
        # Twice, since casefolding may leave letters decomposable (Unicode 15, section 3.13, D146).
        text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", part).casefold())
        text = "".join(character for character in text if unicodedata.category(character) != "Cf")
    name, _, _ = text.casefold().partition(":")
    text = name or text.casefold()
    return text.rstrip(". \t") or text


def protected_by(path: str, own: Iterable[str] = ()) -> Protected | None:
    """What closes a path to writing, or None.

    Parameters:
        path: relative to the project, as named or as it really is; backslashes part it too.
        own: paths relative to the project of the run's own files (the workflow and what it imports, the policy, the
            environment that agentflow runs from), with all beneath.
    """
    parts = tuple(folded(part) for part in _SEPARATORS.split(path) if part not in ("", "."))
    for part in parts:
        if (entry := _protects(part)) is not None:
            return entry
    if parts and parts[-1] == _HEAD:
        return BARE_REPOSITORY
    for name in own:
        if parts[: len(mine := _folded_parts(name))] == mine and mine:
            return Protected(name, "file", "is what this run itself is made of")
    return None


def hidden_by(path: str) -> Protected | None:
    """What closes a path to reading, or None."""
    for part in _SEPARATORS.split(path):
        if (entry := _protects(folded(part))) is not None and entry.hidden:
            return entry
    return None


@functools.lru_cache(maxsize=1024)
def _folded_parts(path: str) -> tuple[str, ...]:
    return tuple(folded(part) for part in _SEPARATORS.split(path) if part not in ("", "."))


@functools.lru_cache(maxsize=4096)
def _protects(part: str) -> Protected | None:
    if (entry := _EXACT.get(part)) is not None:
        return entry
    for suffix, entry in _SUFFIXES:
        if part.endswith(suffix):
            return entry
    if "~" not in part:
        return None
    # FAT and NTFS give a file with a long name a short one besides, under which it is opened just so.
    for form, longest in ((_SHORT, _SHORT_LENGTH), (_SHORT_HASHED, 2)):
        if (short := form.fullmatch(part)) is not None:
            length = min(longest, _SHORT_LENGTH - 1 - len(short["number"]))
            for entry in PROTECTED:
                stem, suffix = _short_stem(entry.name)
                if stem[:length] == short["stem"] and suffix == (short["suffix"] or ""):
                    return entry
    return None


def _short_stem(name: str) -> tuple[str, str]:
    """What a short name begins with and its suffix, as VFAT makes them; lower case.

    Source: Microsoft, FAT file system specification 1.03, "Basis-Name Generation Algorithm".
    """
    stem, dot, suffix = name.casefold().strip("*").lstrip(".").rpartition(".")
    if not dot:
        stem, suffix = suffix, ""
    return re.sub(r"[. ]", "", stem)[:6], suffix[:3]


_HEAD = folded(BARE_REPOSITORY.name)
_EXACT = {folded(entry.name): entry for entry in PROTECTED if not entry.name.startswith("*")}
_SUFFIXES = tuple((folded(entry.name.removeprefix("*")), entry) for entry in PROTECTED if entry.name.startswith("*"))
