"""What programs run without being told to on the command line: a rule for the program stands for these.

`Bash(npm run *)` allows what `package.json` says, and `Bash(./script.sh)` what the script says. Everything else that a
listed program runs must be listed too. The tables are short on purpose: what stands here is not compared.
"""

import os

from tests.oracle.scene import SEARCHED
from tests.oracle.tracer import SHELLS, Image

_PROJECT = ("make", "npm", "npx", "cargo", "pytest", "tox", "go")
"""Programs that do what files of the project tell them."""
_INTERPRETERS = ("python", "python3", "perl", "node", "ruby", "tclsh")
_INLINE = ("-c", "-e", "-E", "-p", "--eval", "--print", "-ne", "-pe", "-le", "-we", "-")
"""Their options that take a program's text instead of a file."""
_OWN = {
    "git": ("git", "less", "pager", "cat", "/usr/lib/git-core/"),
    "tar": ("gzip", "bzip2", "xz", "zstd"),
    "gcc": ("/usr/lib/gcc", "as", "ld", "collect2"),
    "cc": ("/usr/lib/gcc", "as", "ld", "collect2"),
    "zgrep": ("gzip", "grep", "sed", "expr", "mktemp"),
    "man": ("/usr/lib/man-db/", "less", "pager", "groff", "preconv", "tbl", "cat"),
    "ldd": ("/lib", "/usr/lib"),
}
"""Programs that they are made of, whatever the arguments are."""


def is_by_design(image: Image) -> bool:
    """Whether the program was run because the one that ran it always does so, or because the project's files say so."""
    by = image.by
    if by is None or by.by is None:
        return False
    if runs_what_the_project_says(by):
        return True
    own = _OWN.get(_name(by), ())
    return any(image.path.startswith(part) if part.startswith("/") else _name(image) == part for part in own)


def runs_what_the_project_says(image: Image) -> bool:
    """Whether a program does what a file says: a script, `make`, an interpreter with a file."""
    name = _name(image)
    if os.path.dirname(image.path) not in SEARCHED:
        return "/tools" not in image.path  # a script or program of the project
    if name in SHELLS:
        return _has_file(image.argv[1:], ("-c", "-s"))
    if name in _INTERPRETERS:
        return _has_file(image.argv[1:], _INLINE)
    return name in _PROJECT


def _name(image: Image) -> str:
    return os.path.basename(image.path)


def _has_file(arguments: tuple[str, ...], inline: tuple[str, ...]) -> bool:
    """Whether a file comes before any option that takes a program's text."""
    for word in arguments:
        if word.startswith("-m") or not word.startswith(("-", "+")):
            return not word.startswith("/dev/")
        if (word.startswith(inline) and not word.startswith("--")) or ("c" in word[1:] and not word.startswith("--")):
            return False
    return False
