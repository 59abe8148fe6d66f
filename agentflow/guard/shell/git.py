"""git: its options that run programs, and what of its settings and subcommands does."""

import re
from collections.abc import Iterable

from agentflow.guard.shell.listed import listed
from agentflow.guard.shell.options import Arg, could_be_option
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
_KNOWN = listed("""
    add am apply archive blame branch bundle cat-file check-attr check-ignore check-mailmap check-ref-format checkout
    checkout-index cherry cherry-pick clean clone column commit commit-graph commit-tree count-objects describe diff
    diff-files diff-index diff-tree fetch fmt-merge-msg for-each-ref format-patch fsck gc get-tar-commit-id grep
    hash-object help index-pack init log ls-files ls-remote ls-tree mailinfo merge merge-base merge-file merge-tree
    mktag mktree mv name-rev notes pack-objects patch-id prune pull push range-diff read-tree rebase reflog repack
    replace rerere reset restore rev-list rev-parse revert rm shortlog show show-branch show-ref sparse-checkout stash
    status stripspace switch symbolic-ref tag unpack-file update-index update-ref var verify-commit verify-pack
    verify-tag version whatchanged write-tree
    """)
"""git's own subcommands that run no program by their arguments alone. Another word may be an alias for anything."""

_SAFE_UNKNOWN = listed("add status rm mv commit branch tag restore reset checkout switch show-ref rev-parse")
"""Subcommands none of whose options runs a program or writes a file, so that a word of theirs may be unknown."""

_ADDRESSED = listed("fetch pull push clone ls-remote archive remote submodule")
"""Subcommands that take an address, whose form may name a program."""

_SHORT = {"grep": "O", "clone": "uc", "rebase": "xsX", "merge": "sX", "pull": "sX", "cherry-pick": "X", "revert": "X"}
"""Letters of options that run a program, or one of git's own by a name that is given."""

_SETTINGS = re.compile(
    r"(?:user\.(?:name|email)|color\.\w+|core\.(?:quotepath|autocrlf|longpaths)|init\.defaultBranch|advice\.\w+)=.*"
    r"|core\.pager=cat|commit\.gpgsign=(?:false|0)|pull\.rebase=\w+",
    re.ASCII | re.DOTALL | re.IGNORECASE,
)

_ELSEWHERE = ("-C", "--git-dir", "--work-tree")
_READS_CONFIG = frozenset(("--get", "--get-all", "--list", "-l", "--get-regexp", "get", "list"))


def git(args: tuple[Arg, ...]) -> Iterable[Step]:
    """What git runs for its arguments.

    Raises UndecidedError: an option, a setting or a subcommand may run a program.
    """
    rest = subcommand(args)
    if any(arg.value is not None and arg.value.startswith(_ELSEWHERE) for arg in args[: len(args) - len(rest)]):
        yield Step(beside="another folder's settings may run programs")
    if rest:
        _require_plain(rest)


def _require_plain(rest: tuple[Arg, ...]) -> None:
    """Refuses a subcommand, with its words, that may run a program."""
    name = rest[0].value
    if name is None:
        raise UndecidedError("its subcommand is unknown until it runs")
    if name == "config" and len(rest) > 1 and rest[1].value in _READS_CONFIG:
        return
    if name == "worktree" and len(rest) > 1 and rest[1].value == "list":
        return
    if name == "remote" and (len(rest) == 1 or rest[1].value in ("-v", "show", "get-url")):
        return
    if name not in _KNOWN:
        raise UndecidedError(f"`git {name}` is an alias, or may run programs or change settings that do")
    for arg in rest[1:]:
        if arg.value == "--" and name not in _ADDRESSED:
            break
        _require_harmless(name, arg)


def subcommand(args: tuple[Arg, ...]) -> tuple[Arg, ...]:
    """What stands behind git's own options. Raises UndecidedError: one of these is unknown, or may run a program."""
    place = 0
    while place < len(args):
        value = args[place].value
        if value is None:
            raise UndecidedError("its options are unknown until it runs")
        if not value.startswith("-"):
            break
        if (value in ("-C", "--git-dir", "--work-tree") and place + 1 < len(args) and args[place + 1].single) or (
            value == "-c" and place + 1 < len(args) and _SETTINGS.fullmatch(args[place + 1].value or "")
        ):
            place += 2
        elif value in _GLOBAL or value.startswith(("--git-dir=", "--work-tree=")):
            place += 1
        else:
            raise UndecidedError(f"its option {value} may run a program")
    return args[place:]


def _require_harmless(name: str, arg: Arg) -> None:
    value = arg.value
    if value is None:
        if name in _ADDRESSED or (name not in _SAFE_UNKNOWN and could_be_option(arg)):
            raise UndecidedError("an unknown word could be an option that runs a program")
        return
    if value.startswith("--"):
        word = value[2:].partition("=")[0]
        if word and any(option.startswith(word) for option in _RUNNING):
            raise UndecidedError(f"its option {value} may run a program")
        if word and "output".startswith(word):
            raise UndecidedError(f"its option {value} writes a file")
    elif value.startswith("-") and set(value[1:]) & set(_SHORT.get(name, "")):
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
