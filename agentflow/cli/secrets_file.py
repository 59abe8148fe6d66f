"""`--secrets-file`: lines `NAME=value`, in a file that nobody else can read and that no commit takes along."""

import os
import re
import stat
import subprocess
from collections.abc import Iterable
from pathlib import Path

from agentflow.cli.arguments import read_text
from agentflow.cli.told import say
from agentflow.errors import UsageError

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_GIT_SECONDS = 5


def values_of(file: str) -> Iterable[tuple[str, str]]:
    """The names and values of a file, as dotenv files have them.

    Empty lines and those that begin with `#` are left out, and so is `export` before a name. A value is what follows
    the `=`, as it stands; between single quotes too, and between double quotes with escapes as `\\n` read.

    Raises:
        UsageError: the file cannot be read, others can read it, or a line gives no secret. No message holds a value.
    """
    _require_private(file)
    seen: set[str] = set()
    for number, line in enumerate(read_text(Path(file), "`--secrets-file`").split("\n"), 1):
        line = line.removesuffix("\r")
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise UsageError(f"line {number} of '{file}' gives no secret", "write `NAME=value`, one a line")
        if found[1] in seen:
            raise UsageError(f"'{file}' gives the secret `{found[1]}` twice", "take one of the lines out")
        seen.add(found[1])
        yield found[1], _unquoted(found[2])
    _warn_of_commits(Path(file))


def _unquoted(text: str) -> str:
    bare = text.strip()
    if len(bare) > 1 and bare[0] == bare[-1] == "'":
        return bare[1:-1]
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), bare[1:-1])
    return text


def _require_private(file: str) -> None:
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        return  # reading it says why
    # A pipe, as `<(pass show …)` gives one, has no readers but us.
    if stat.S_ISREG(status.st_mode) and stat.S_IMODE(status.st_mode) & 0o077:
        raise UsageError(f"others may read '{file}', which holds secrets", f"make it private: `chmod 600 {file}`")


def _warn_of_commits(file: Path) -> None:
    """Says so where the file stands in a git repository that does not ignore it."""
    path = file.resolve()
    if not path.is_file() or not any((folder / ".git").exists() for folder in path.parents):
        return
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    try:
        asked = subprocess.run(
            ["git", "-C", str(path.parent), "check-ignore", "-q", "--", path.name],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return  # without git there is no commit to fear from here
    if asked.returncode == 1:
        say(f"warning: git does not ignore '{file}', which holds secrets", "name it in .gitignore")
