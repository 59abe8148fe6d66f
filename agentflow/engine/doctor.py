"""What agentflow finds on this machine: what it needs, what it would use, and what to do where something is amiss."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

from agentflow.errors import AgentflowError

Status = Literal["ok", "warn", "fail"]

_LIBRARIES = ("anthropic", "apsw", "pydantic", "click")
_TIGHT_BYTES, _FULL_BYTES = 1 << 30, 100 << 20
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SECONDS = 10
_ONLINE_MODEL = "claude-haiku-5-5"


class Finding(Struct, frozen=True):
    """One thing that was looked at.

    Attributes:
        found: in words; never a secret.
        hint: the next move, where there is one.
    """

    name: str
    status: Status
    found: str
    hint: str | None = None


def findings(project: Path, journal: Path, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Everything that can be told without asking the network.

    Parameters:
        project: its folder, where runs work and the journal is.
        environ: the process's environment.
    """
    from agentflow.engine.doctor_sandbox import sandbox_findings

    yield _python()
    yield _libraries()
    yield _sqlite()
    yield _journal(journal)
    yield _room(project)
    yield _endpoint(environ)
    yield _key(environ)
    yield _address(environ)
    yield from _programs()
    yield from sandbox_findings(project)
    yield _terminal(environ)


def _python() -> Finding:
    return Finding("python", "ok", f"{platform.python_version()} on {platform.platform(terse=True)}")


def _libraries() -> Finding:
    try:
        found = ", ".join(f"{name} {version(name)}" for name in ("agentflow", *_LIBRARIES))
    except PackageNotFoundError as error:
        return Finding("versions", "fail", f"{error.name} is not installed", "install agentflow again")
    return Finding("versions", "ok", found)


def _sqlite() -> Finding:
    from agentflow.journal.condition import SOUND, is_sound, sqlite_version

    found = sqlite_version()
    if is_sound(found):
        return Finding("sqlite", "ok", found)
    needed = ".".join(map(str, SOUND))
    return Finding(
        "sqlite",
        "warn",
        f"{found} can damage a journal that two processes use",
        f"install an apsw with SQLite {needed} or later",
    )


def _journal(path: Path) -> Finding:
    from agentflow.journal.condition import runs_in

    if not os.path.lexists(path):
        return Finding("journal", "ok", f"none yet at {path}; the first run makes it")
    try:
        held = runs_in(path)
    except AgentflowError as error:
        return Finding("journal", "fail", error.message, error.hint)
    return Finding("journal", "ok", f"{path}, private, {held:,} run{'' if held == 1 else 's'}")


def _room(project: Path) -> Finding:
    try:
        free = shutil.disk_usage(project).free
    except OSError as error:
        return Finding("disk", "fail", f"{project}: {error.strerror}", "name a project with `--project`")
    writable = os.access(project, os.W_OK)
    if not writable:
        return Finding(
            "disk", "fail", f"{project} cannot be written to", "runs keep their journal there: see to its rights"
        )
    found = f"{free / (1 << 30):.1f} GiB free at {project}"
    if free < _TIGHT_BYTES:
        return Finding("disk", "fail" if free < _FULL_BYTES else "warn", found, "make room: runs wait while it is full")
    return Finding("disk", "ok", found)


def _endpoint(environ: Mapping[str, str]) -> Finding:
    from agentflow.plan.endpoints import VARIABLE, endpoint_of

    try:
        endpoint = endpoint_of(environ)
    except AgentflowError as error:
        return Finding("endpoint", "fail", error.message, error.hint)
    named = environ.get(VARIABLE, "").strip()
    if not named:
        return Finding("endpoint", "ok", f"the Claude API; {VARIABLE} is not set")
    where = endpoint.base_url or endpoint.kind
    models = len(endpoint.catalogue.models)
    declared = f", {models} model{'' if models == 1 else 's'} declared" if models else ""
    lacks = f", without {', '.join(sorted(endpoint.lacks))}" if endpoint.lacks else ""
    found = f"{where}{f' ({named})' if named != where else ''}{declared}{lacks}"
    if where.startswith("http://") and endpoint.key_from and urlsplit(where).hostname not in _LOOPBACK:
        return Finding("endpoint", "warn", f"{found}: the key goes there unencrypted", "use https://")
    return Finding("endpoint", "ok", found)


_A_KEY = "there is one; whether it is good, `--online` asks"
_KEYS = {
    "compatible": "none is set for this endpoint; AGENTFLOW_ENDPOINT_KEY gives it one",
    "bedrock": "the credentials of AWS; the first request tells whether they are good",
    "vertex": "the credentials of Google Cloud; the first request tells whether they are good",
}


def _key(environ: Mapping[str, str]) -> Finding:
    from agentflow.models.opening import asking
    from agentflow.plan.endpoints import endpoint_of

    try:
        endpoint = endpoint_of(environ)
        asking(endpoint, connections=1)
    except AgentflowError as error:
        return Finding("key", "warn", error.message, error.hint)
    return Finding("key", "ok", _KEYS.get(endpoint.kind if endpoint.key_from is None else "", _A_KEY))


def _address(environ: Mapping[str, str]) -> Finding:
    address = environ.get("ANTHROPIC_BASE_URL", "")
    if not address:
        return Finding("address", "ok", "the client's own; ANTHROPIC_BASE_URL is not set")
    try:
        parts = urlsplit(address)
        # Without what may be a name and password before the host.
        shown = f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        return Finding("address", "fail", "ANTHROPIC_BASE_URL is no URL", "write it as https://host/path")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        return Finding("address", "warn", f"{shown}: the key goes there unencrypted", "use https://")
    return Finding("address", "ok", shown)


_PROGRAMS: tuple[tuple[str, str, Status, str], ...] = (
    ("bash", "steps that write a command as one string need it", "fail", "install bash"),
    ("git", "`workspace: worktree` needs it", "warn", "install git"),
    ("rg", "Grep searches without it, more slowly", "warn", "install ripgrep"),
)


def _programs() -> Iterator[Finding]:
    for name, what, missing, hint in _PROGRAMS:
        if shutil.which(name) is None:
            yield Finding(name, missing, f"not found; {what}", hint)
        else:
            yield Finding(name, "ok", _version_of(name))


def _version_of(program: str) -> str:
    try:
        done = subprocess.run(
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "there, but it does not tell its version"
    return done.stdout.decode("utf-8", "replace").partition("\n")[0].strip()[:100] or "there"


def _terminal(environ: Mapping[str, str]) -> Finding:
    size = shutil.get_terminal_size()
    where = f"{size.columns} columns, TERM {environ.get('TERM') or 'not set'}" if sys.stderr.isatty() else "none"
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        return Finding(
            "terminal", "warn", f"{where}; output is {sys.stdout.encoding}", "set LANG=C.UTF-8 or PYTHONUTF8=1"
        )
    colours = ", NO_COLOR is set" if environ.get("NO_COLOR") else ""
    return Finding("terminal", "ok", f"{where}{colours}, UTF-8")


async def online(model: str = _ONLINE_MODEL) -> Finding:
    """Whether the service answers and takes the key: one small request, which costs nothing."""
    from agentflow.models.anthropic import AnthropicModel
    from agentflow.models.port import ModelError
    from agentflow.plan.endpoints import endpoint_of

    try:
        endpoint = endpoint_of(os.environ)
        if endpoint.kind not in ("anthropic", "compatible"):
            message = f"`{endpoint.kind}` has no request that costs nothing: not asked"
            return Finding("online", "warn", message, "run a small workflow")
        model = endpoint.catalogue.id_of(model)
        client = AnthropicModel(endpoint=endpoint, connections=1, read_timeout=_SECONDS)
    except AgentflowError as error:
        return Finding("online", "fail", error.message, error.hint)
    try:
        name = await client.look_up(model)
    except ModelError as error:
        return Finding("online", "fail", str(error), "see ANTHROPIC_API_KEY, ANTHROPIC_BASE_URL and the network")
    finally:
        await client.close()
    return Finding("online", "ok", f"the service answers, and knows {name} ({model})")
