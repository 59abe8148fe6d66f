"""`agentflow secrets`: values in the system's keyring. They are typed or piped in, and never shown."""

import asyncio
import os
import re
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

import click

from agentflow.cli import exits
from agentflow.cli.completion import files
from agentflow.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST = 1 << 20


@click.group(short_help="Keep values of secrets in the system's keyring.")
def secrets() -> None:
    """Keep values of secrets in the system's keyring.

    A run takes the value of a secret from `--secret`, else from `--secrets-file`, else from the environment variable of
    its name, else from the keyring.
    """


@secrets.command("set", short_help="Keep a value; it is typed, or read from standard input.")
@click.argument("name")
def set_(name: str) -> int:
    """Keep the value of the secret NAME. At a terminal it is typed and not shown; else standard input is read, less one
    final newline. It takes the place of the one that is there."""
    from agentflow.cli.secrets import SecretPrompt
    from agentflow.cli.told import say
    from agentflow.engine.keyring_values import keep

    _require_name(name)
    if sys.stdin.isatty():
        value = asyncio.run(SecretPrompt(nullcontext, asyncio.Lock()).ask(name)) or ""
    else:
        value = _piped(name)
    if not value or "\0" in value:
        raise UsageError(f"the value of the secret `{name}` is empty, or no text", "type it, or pipe it in")
    keep(name, value)
    say(f"the keyring holds the secret {name}")
    return exits.DONE


@secrets.command("remove", short_help="Take a value out again.")
@click.argument("name")
def remove(name: str) -> int:
    """Take the value of the secret NAME out of the keyring."""
    from agentflow.cli.told import say
    from agentflow.engine.keyring_values import remove as remove_value

    _require_name(name)
    remove_value(name)
    say(f"the keyring holds the secret {name} no more")
    return exits.DONE


@secrets.command("list", short_help="Say where the secrets of a file would come from.")
@click.argument("file", shell_complete=files)
def list_(file: str) -> int:
    """Say where the values of the secrets of a workflow FILE would come from; a value is never shown.

    The exit code is 1 where one that a step uses has none.
    """
    from agentflow import api
    from agentflow.cli.logs import REDACTION
    from agentflow.engine.keyring_values import from_keyring
    from agentflow.plan.secrets import secrets_declared, secrets_used

    checked = api.check(file)
    if checked.plan is None:
        raise api.InvalidWorkflowError(checked)
    declared, used = secrets_declared(checked.plan), secrets_used(checked.plan)
    kept: Mapping[str, str] = from_keyring(name for name in declared if not os.environ.get(name))
    REDACTION.hide(kept)
    width = max(map(len, declared), default=0)
    for name in declared:
        where = "the environment" if os.environ.get(name) else "the keyring" if name in kept else "no value"
        click.echo(f"{name:<{width}}  {where}{'' if name in used else ', and no step uses it'}")
    missing = any(not os.environ.get(name) and name not in kept for name in used)
    return exits.FAILED if missing else exits.DONE


def _piped(name: str) -> str:
    data = sys.stdin.buffer.read(_LONGEST + 1)
    if len(data) > _LONGEST:
        raise UsageError(
            f"the value of the secret `{name}` is longer than {_LONGEST >> 20} MiB", "pipe in the value alone"
        )
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise UsageError(f"the value of the secret `{name}` is not UTF-8", "keep text, in base64 if need be") from None
    return text.removesuffix("\n").removesuffix("\r")


def _require_name(name: str) -> None:
    if _NAME.fullmatch(name) is None:
        # It may be the value itself, in the place of the name: it is not repeated.
        raise UsageError(
            "this is no name of a secret", "write `agentflow secrets set NAME`, and give the value when asked"
        )
