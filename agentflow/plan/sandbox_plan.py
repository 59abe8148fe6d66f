"""What a workflow grants to the commands that it runs."""

import posixpath
from collections.abc import Iterator

from msgspec import Struct

from agentflow.plan.findings import Findings
from agentflow.plan.network_rules import network_rule_problem
from agentflow.spec.sandbox import SandboxGrants
from agentflow.spec.workflow import Workflow

PRIVATE = frozenset({".git", ".agentflow"})
"""What no file grants writing in; `guard/protected.py` has all of it, and the sandbox goes by that."""
_WRITE_HINT = "name a folder of the project, as `out`, or `.` for all of it"
_READ_HINT = "write an absolute path, as `/opt/data`, or one below your home, as `~/.cargo/bin`"


class SandboxPlan(Struct, frozen=True):
    """What commands may reach. Without any grant: they read the project, and write nowhere but a private `/tmp`.

    Attributes:
        network: hosts, as `x.org`, `*.x.org` or `x.org:8443`, in the form of `plan/network_rules.py`.
        write: paths relative to the project, `.` for all of it; never absolute, never with `..`.
        read: paths that may be read beside the project; absolute, or below the home as `~/…`.
        is_off: the file says `sandbox: off`, and commands run as the user would run them.
    """

    network: tuple[str, ...] = ()
    write: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    is_off: bool = False


def sandbox_plan(workflow: Workflow) -> SandboxPlan:
    """What a file grants, in the one form; of a file that `check_grants` has nothing against."""
    grants = workflow.sandbox
    if not isinstance(grants, SandboxGrants):
        return SandboxPlan(is_off=grants == "off")
    return SandboxPlan(
        network=tuple(dict.fromkeys(grants.network)),
        write=tuple(dict.fromkeys(posixpath.normpath(path) for path in grants.write)),
        read=tuple(dict.fromkeys(posixpath.normpath(path) for path in grants.read)),
    )


def check_grants(workflow: Workflow, findings: Findings) -> None:
    """Notes grants that are none: no host, a path out of the project, one that nothing may be granted."""
    grants = workflow.sandbox
    if not isinstance(grants, SandboxGrants):
        return
    for index, rule in enumerate(grants.network):
        if (problem := network_rule_problem(rule)) is not None:
            findings.at("AF541", problem[0], ("sandbox", "network", index), problem[1])
    for index, path in enumerate(grants.write):
        if (problem := _write_problem(path)) is not None:
            findings.at("AF541", problem[0], ("sandbox", "write", index), problem[1])
    for index, path in enumerate(grants.read):
        if (problem := _read_problem(path)) is not None:
            findings.at("AF541", problem[0], ("sandbox", "read", index), problem[1])


def _write_problem(path: str) -> tuple[str, str] | None:
    shown = path[:80]
    if not path.strip() or not path.isprintable():
        return "the path is empty, or holds what cannot be shown", _WRITE_HINT
    if path.startswith(("/", "~")):
        return f"`{shown}` lies outside the project, where nothing may be written", _WRITE_HINT
    if any(mark in path for mark in "*?[{"):
        return f"`{shown}` is a pattern, and a sandbox opens folders", _WRITE_HINT
    parts = posixpath.normpath(path).split("/")
    if parts[0] == "..":
        return f"`{shown}` leaves the project", _WRITE_HINT
    closed = next((part for part in parts if part.casefold() in PRIVATE), None)
    if closed is not None:
        return f"`{closed}` cannot be granted: no command may change it", "leave it out; it can be read"
    return None


def _read_problem(path: str) -> tuple[str, str] | None:
    shown = path[:80]
    if not path.strip() or not path.isprintable():
        return "the path is empty, or holds what cannot be shown", _READ_HINT
    if any(mark in path for mark in "*?[{"):
        return f"`{shown}` is a pattern, and a sandbox opens folders", _READ_HINT
    if not path.startswith(("/", "~/")):
        return f"`{shown}` is relative, and all of the project can be read already", _READ_HINT
    if ".." in path.split("/"):
        return f"`{shown}` goes up by `..`", "write the path out"
    if posixpath.normpath(path) in ("/", "//", "~"):
        return f"`{shown}` would open far more than a project needs", "name the folders that are needed"
    return None


def wider(child: SandboxPlan, parent: SandboxPlan) -> Iterator[tuple[str, str]]:
    """What a file that runs as a step grants and the one that runs it does not: the key, and the grant."""
    if parent.is_off:
        return
    if child.is_off:
        yield "sandbox", "off"
        return
    for host in child.network:
        if not any(_covers_host(rule, host) for rule in parent.network):
            yield "network", host
    for path in child.write:
        if not any(_is_below(path, granted) for granted in parent.write):
            yield "write", path
    for path in child.read:
        if not any(_is_below(path, granted) for granted in parent.read):
            yield "read", path


def _is_below(path: str, granted: str) -> bool:
    return granted == "." or path == granted or path.startswith(f"{granted.rstrip('/')}/")


def _covers_host(rule: str, host: str) -> bool:
    """Whether all that `host` stands for is in what `rule` stands for."""
    name, _, port = rule.partition(":")
    other, _, own = host.partition(":")
    if port != own:
        return False
    return name == other or (name.startswith("*.") and other.removeprefix("*").endswith(name[1:]) and other != name[2:])
