"""What programs run without being told to on the command line: a rule for the program stands for these.

`Bash(npm run *)` allows what `package.json` says, and `Bash(./script.sh)` what the script says. Everything else that a
listed program runs must be listed too. The tables are short on purpose: what stands here is not compared.
"""

import os
import re

from tests.oracle.scene import SEARCHED
from tests.oracle.tracer import SHELLS, Image

_PROJECT = ("make", "npm", "npx", "cargo", "pytest", "tox", "go", "mvn", "pydoc3")
"""Programs that do what files of the project tell them."""
_INTERPRETERS = ("python", "python3", "perl", "node", "ruby", "tclsh")
_INLINE = ("-c", "-e", "-E", "-p", "--eval", "--print", "-ne", "-pe", "-le", "-we", "-")
"""Their options that take a program's text instead of a file."""
_PLACES = ("/usr/", "/bin/", "/sbin/", "/lib")
"""Where programs of the system are."""


def is_its_own(image: Image, text: str) -> bool:
    """Whether a program was run because the one that ran it is made of it: `tar xzf` runs `gzip`, `zless` runs `less`.

    It is one of the system's, and nothing in the command names it; each command that means to run something by a back
    door runs one of the tools, which are not the system's. Some run themselves, as `git` does.
    """
    by = image.by
    if by is None or by.by is None or (_name(by) in SHELLS and not _is_own_shell(by, text)):
        return False
    if not image.path.startswith(_PLACES):
        return False
    return _name(by) == _name(image) or not _names(text, _name(image))


def _is_own_shell(shell: Image, text: str) -> bool:
    return is_a_script_of_the_system(shell) or is_its_own(shell, text)


def _names(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text) is not None


def follows_the_project(image: Image) -> bool:
    """Whether a program runs below one that does what the project's files say."""
    by = image.by
    return by is not None and by.by is not None and (runs_what_the_project_says(by) or follows_the_project(by))


def is_a_script_of_the_system(image: Image) -> bool:
    """Whether a shell is at work because an installed program is written in it: what it writes is the program's."""
    return os.path.dirname(image.path) in SEARCHED and _name(image) not in SHELLS


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
