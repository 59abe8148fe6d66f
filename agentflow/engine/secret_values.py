"""Where the values of secrets come from before a run begins or goes on: what was given, then the environment, then the
system's keyring."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping

from msgspec.structs import replace

from agentflow.engine.keyring_values import from_keyring
from agentflow.engine.live import Live
from agentflow.engine.seeds import Seed
from agentflow.errors import UsageError
from agentflow.events.run_events import RunStarted
from agentflow.guard.redaction import redactor_of
from agentflow.guard.secret_forms import SHORTEST_OPERATORS
from agentflow.plan.model import Block, Plan
from agentflow.plan.secrets import SecretMissingError, secrets_declared, secrets_of_step, secrets_used
from agentflow.run.state import ROOT
from agentflow.source.suggest import did_you_mean

Ask = Callable[[str], Awaitable[str | None]]
Told = Callable[[Mapping[str, str]], None]


def secret_values(
    plan: Plan,
    given: Mapping[str, str],
    environ: Mapping[str, str],
    *,
    may_ask: bool,
    kept: Container[str] = (),
    told: Told | None = None,
) -> Mapping[str, str]:
    """The values of a file's secrets, as far as they are known before it runs.

    Parameters:
        given: by name; it wins over `environ`.
        may_ask: a person can be asked for those that a step turns out to need.
        kept: the ids of the file's steps that do not run, because an older run has done them.
        told: hears the values, so that what is said before and beside the run can leave them out.

    Raises:
        UsageError: a name is none of the file's, a value cannot be one, or one that a step may need is missing.
        AgentflowError: there is a keyring, and it does not open.
    """
    known = _known(plan, given, environ)
    if told is not None:
        told(known)
    if not may_ask:
        steps = {name: step for name, step in plan.root.steps.items() if name not in kept}
        _require(secrets_used(replace(plan, root=Block(steps, {}, None, ()))), known)
    return known


def secrets_to_begin(
    seed: Seed, given: Mapping[str, str], environ: Mapping[str, str], told: Told | None, *, may_ask: bool
) -> Mapping[str, str]:
    """The same for what is to be run, which must hold none of them. Raises as `secret_values`, `refuse_open_values`."""
    known = secret_values(seed.plan, given, environ, may_ask=may_ask, kept=seed.kept_steps, told=told)
    refuse_open_values(seed.started, known)
    return known


_OPERATORS = re.compile(
    r"(?:ANTHROPIC|AGENTFLOW|AWS|GOOGLE|AZURE|OPENAI)_.*(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)|"
    r".*(?:_API_KEY|_TOKEN|_SECRET|_PASSWORD|_SECRET_KEY|_PRIVATE_KEY)|.*DATABASE_URL|PGPASSWORD"
)


def operators_secrets(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The variables of our own environment that hold keys, by their names: no command gets them, and what finds one all
    the same (in a file, in `/proc`) must not hand it on. Short values and paths are left out: they stand anywhere."""
    return {
        name: value
        for name, value in environ.items()
        if _OPERATORS.fullmatch(name) and len(value) >= SHORTEST_OPERATORS and not value.startswith(("/", "~"))
    }


def refuse_open_values(started: RunStarted, values: Mapping[str, str]) -> None:
    """Refuses to begin what would put a secret on record: one that stands in the file, or in an input.

    Raises:
        UsageError: it names the secret and where it stands, never the value.
    """
    redactor = redactor_of(values)
    for name, text in started.sources.items():
        if (secret := redactor.in_bytes(text.encode("utf-8", "replace"))) is not None:
            raise UsageError(
                f"'{name}' holds the value of the secret `{secret}`",
                "take it out of the file and change it where it was made; if it is none, leave it out of `secrets`",
            )
    for name, value in started.inputs.items():
        if (secret := redactor.in_bytes(json.dumps(value, default=str).encode())) is not None:
            raise UsageError(
                f"the input `{name}` holds the value of the secret `{secret}`, and inputs are on record",
                f"let the command that needs it have it by `env`, as `{{{{ secrets.{secret} }}}}`",
            )


async def secrets_to_go_on(
    live: Live,
    given: Mapping[str, str],
    environ: Mapping[str, str],
    ask: Ask | None,
    interrupt: asyncio.Event | None,
    told: Told | None = None,
) -> Mapping[str, str]:
    """The same for a run that is taken up again: what ended steps used is not needed any more, and what steps at work
    need is asked for now.

    Parameters:
        interrupt: once it is set nobody is asked any more.

    Raises:
        UsageError: as for `secret_values`, or a step at work needs one for which no value was typed.
    """
    known = dict(_known(live.plan, given, environ))
    if told is not None:
        told(known)
    root = live.run.scopes[ROOT]
    for name, state in root.steps.items():
        if state.status not in ("waiting", "running"):
            continue
        needed = secrets_of_step(live.plan, root.block.steps[name])
        if ask is None:
            _require(needed, known)
            continue
        for secret in needed if state.status == "running" else ():
            if secret not in known and (value := await _asked(ask, secret, interrupt)):
                known[secret] = value
            # Without it the run stays as it is, and can be resumed by somebody who has the value.
            _require((secret,), known)
    return known


async def _asked(ask: Ask, name: str, interrupt: asyncio.Event | None) -> str | None:
    """What a person says, unless the run is interrupted first."""
    asking = asyncio.ensure_future(ask(name))
    leaving = asyncio.ensure_future((interrupt or asyncio.Event()).wait())
    try:
        await asyncio.wait((asking, leaving), return_when=asyncio.FIRST_COMPLETED)
        return asking.result() if asking.done() else None
    finally:
        for task in (asking, leaving):
            task.cancel()
        await asyncio.gather(asking, leaving, return_exceptions=True)


def _known(plan: Plan, given: Mapping[str, str], environ: Mapping[str, str]) -> Mapping[str, str]:
    declared = secrets_declared(plan)
    for name, value in given.items():
        if name not in declared:
            listed = f"the file's secrets are {', '.join(declared)}" if declared else "the file has none"
            raise UsageError(f"there is no secret `{name}`", did_you_mean(name, declared) or listed)
        if "\0" in value:
            raise UsageError(f"the value of the secret `{name}` holds a NUL byte", "no environment can hold it")
        if not value:
            raise UsageError(f"the value of the secret `{name}` is empty", "give it one, or leave the option away")
    found = {name: given.get(name) or environ.get(name, "") for name in declared}
    found |= from_keyring(name for name, value in found.items() if not value)
    return {name: value for name, value in found.items() if value}


def _require(names: Iterable[str], known: Mapping[str, str]) -> None:
    missing = [name for name in names if name not in known]
    if len(missing) == 1:
        error = SecretMissingError(missing[0])
        raise UsageError(error.message, error.hint)
    if missing:
        listed = ", ".join(f"`{name}`" for name in missing)
        hint = (
            "set environment variables of these names, pass `--secret NAME=@FILE` or `--secrets-file FILE`, or keep "
            "them with `agentflow secrets set`"
        )
        raise UsageError(f"the secrets {listed} have no value", hint)
