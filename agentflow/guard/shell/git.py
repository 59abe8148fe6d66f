"""git: its options that run programs, and what of its settings and subcommands does."""

import re
from collections.abc import Iterable

from agentflow.guard.shell.listed import listed
from agentflow.guard.shell.options import Arg
from agentflow.guard.shell.script import UndecidedError
from agentflow.guard.shell.steps import Step

_GLOBAL = frozenset(("--no-pager", "-P", "--version", "--help", "--no-optional-locks", "--literal-pathspecs", "--bare"))
_RUNNING = (
    "upload-pack",
    "receive-pack",
    "exec",
    "ext-diff",
    "textconv",
    "extcmd",
    "tool",
    "open-files-in-pager",
    "template",
    "config",
    "config-env",
    "exec-path",
    "sendmail-cmd",
    "smtp-server",
    "to-cmd",
    "cc-cmd",
    "header-cmd",
    "gpg-program",
    "strategy",
    "tree-filter",
    "env-filter",
    "index-filter",
    "remote",
)
_PROGRAMS = listed("""
    bisect config credential difftool filter-branch for-each-repo gui citool gitk hook instaweb maintenance mergetool
    p4 quiltimport rebase send-email shell submodule svn web--browse worktree daemon http-backend upload-pack
    receive-pack upload-archive remote-ext remote-fd remote archimport cvsimport cvsserver fast-import help
    init clone var""")
"""Subcommands that run programs by their arguments or settings, or change settings that do."""

_SAFE_UNKNOWN = listed("add status rm mv commit branch tag restore reset checkout switch show-ref rev-parse")
"""Subcommands none of whose options runs a program or writes a file, so that a word of theirs may be unknown."""

_READS_CONFIG = frozenset(("--get", "--get-all", "--list", "-l", "--get-regexp", "get", "list"))


def git(args: tuple[Arg, ...]) -> Iterable[Step]:
    """What git runs for its arguments.

    Raises UndecidedError: an option, a setting or a subcommand may run a program.
    """
    rest = subcommand(args)
    if not rest:
        return ()
    name = rest[0].value
    if name is None:
        raise UndecidedError("its subcommand is unknown until it runs")
    if name == "config" and len(rest) > 1 and rest[1].value in _READS_CONFIG:
        return ()
    if name == "worktree" and len(rest) > 1 and rest[1].value == "list":
        return ()
    if name == "remote" and (len(rest) == 1 or rest[1].value in ("-v", "show", "get-url")):
        return ()
    if name in _PROGRAMS:
        raise UndecidedError(f"`git {name}` may run programs, or change settings that do")
    for arg in rest[1:]:
        _require_harmless(name, arg)
    return ()


def subcommand(args: tuple[Arg, ...]) -> tuple[Arg, ...]:
    """What stands behind git's own options. Raises UndecidedError: one of these is unknown, or may run a program."""
    place = 0
    while place < len(args):
        value = args[place].value
        if value is None:
            raise UndecidedError("its options are unknown until it runs")
        if value in ("-C", "--git-dir", "--work-tree") or value.startswith(("--git-dir=", "--work-tree=")):
            raise UndecidedError("another folder's settings may run programs")
        if not value.startswith("-"):
            break
        if value not in _GLOBAL:
            raise UndecidedError(f"its option {value} may run a program")
        place += 1
    return args[place:]


def _require_harmless(name: str, arg: Arg) -> None:
    value = arg.value
    if value is None:
        if name not in _SAFE_UNKNOWN:
            raise UndecidedError("an unknown word could be an option that runs a program")
        return
    if value.startswith("--"):
        word = value[2:].partition("=")[0]
        if word and any(option.startswith(word) for option in _RUNNING):
            raise UndecidedError(f"its option {value} may run a program")
        if word and "output".startswith(word):
            raise UndecidedError(f"its option {value} writes a file")
    elif re.match(r"-[A-Za-z]*[OxuS]", value) and name in ("grep", "fetch", "pull", "push", "ls-remote", "archive"):
        raise UndecidedError(f"its option {value} may run a program")
    elif "::" in value or value.startswith(("ext:", "fd:")):
        raise UndecidedError("an address of this form may run a program")


_VALUED = frozenset(
    ("-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env", "--super-prefix")
)


def without_options(argv: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """git's words less its own options, so that a rule for `git push` also meets `git -C folder push`."""
    place = 0
    while place < len(argv):
        word = argv[place]
        if word is None or not word.startswith("-"):
            break
        place += 2 if word in _VALUED else 1
    return argv[place:]
