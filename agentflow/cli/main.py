"""The entry point: finds the command, and is the one place where errors become messages and exit codes."""

import errno
import gc
import os
import sys
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any, TextIO

import click

from agentflow.cli import exits
from agentflow.cli.github_actions import unheard
from agentflow.cli.log_options import log_options, with_log_options
from agentflow.errors import AgentflowError

COMMANDS = {
    "init": "agentflow.cli.init:init",
    "validate": "agentflow.cli.validate:validate",
    "explain": "agentflow.cli.explain:explain",
    "plan": "agentflow.cli.plan:plan",
    "permissions": "agentflow.cli.permissions:permissions",
    "graph": "agentflow.cli.graph:graph",
    "schema": "agentflow.cli.schema:schema",
    "run": "agentflow.cli.run:run",
    "test": "agentflow.cli.test:test",
    "resume": "agentflow.cli.resume:resume",
    "fork": "agentflow.cli.fork:fork",
    "rewind": "agentflow.cli.rewind:rewind",
    "continue": "agentflow.cli.continuing:continue_",
    "approve": "agentflow.cli.resume:approve",
    "reject": "agentflow.cli.resume:reject",
    "answer": "agentflow.cli.answer:answer",
    "watch": "agentflow.cli.watch:watch",
    "cancel": "agentflow.cli.cancel:cancel",
    "show": "agentflow.cli.history:show",
    "runs": "agentflow.cli.history:runs",
    "report": "agentflow.cli.report:report",
    "sessions": "agentflow.cli.sessions:sessions",
    "session": "agentflow.cli.sessions:session",
    "spend": "agentflow.cli.spend:spend",
    "prune": "agentflow.cli.history:prune",
    "doctor": "agentflow.cli.doctor:doctor",
    "secrets": "agentflow.cli.keyring:secrets",
    "completion": "agentflow.cli.completion_script:completion",
}
# The kernel's words for a full disk under a redirected stream.
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class _Commands(click.Group):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return with_log_options(command)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            from agentflow.source.suggest import did_you_mean

            near = did_you_mean(name, COMMANDS)
            ctx.fail(f"No such command '{name}'." + (f" {near.capitalize()}" if near else ""))
        return super().resolve_command(ctx, args)


def _print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"agentflow {version('agentflow')}")
        ctx.exit()


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 failed, 2 invalid file or usage, 3 stopped by a limit, 4 waiting for a person "
    "or for the model's service, 5 a bug in agentflow, 130 interrupted.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def commands() -> None:
    """Declarative agent workflows on the Claude API: checked before they run, durable while they do."""


commands.params += log_options(hidden=False)


def main() -> None:
    """Runs the command of the process's arguments and exits with its code."""
    # Nothing made while starting is garbage: looking for it costs a tenth of the time of a small command.
    gc.disable()
    _open_closed_streams()
    with unheard(sys.argv[1:]):
        code = run_command(sys.argv[1:])
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _abandon(stream)
    # The interpreter would look for garbage once more as it ends.
    gc.freeze()
    sys.exit(code)


def run_command(arguments: list[str]) -> int:
    """Runs a command and returns its exit code; every error ends here."""
    try:
        with _declared():
            code: Any = commands.main(arguments, prog_name="agentflow", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return exits.INVALID
    except AgentflowError as error:
        return _refused(error)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return exits.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough.
        _abandon(sys.stdout)
        return exits.DONE
    except OSError as error:
        return _unwritten(error) if error.errno in _NO_ROOM and error.filename is None else _bug(error, arguments)
    except Exception as error:
        return _bug(error, arguments)
    return code if isinstance(code, int) else exits.DONE


def _declared() -> AbstractContextManager[None]:
    """What the operator declares of models holds for the whole command: its reckoning, its dry run, its tests."""
    if not os.environ.get("AGENTFLOW_ENDPOINT"):
        return nullcontext()
    from agentflow.plan.endpoints import declaring_models

    return declaring_models()


def _refused(error: AgentflowError) -> int:
    from agentflow.cli.told import tell_error

    return tell_error(error)


def _bug(error: Exception, arguments: list[str]) -> int:
    from agentflow.cli.told import tell_bug

    return tell_bug(error, arguments[0] if arguments else "")


def _unwritten(error: OSError) -> int:
    from agentflow.cli.told import tell_unwritten

    _abandon(sys.stdout)
    return tell_unwritten(error)


def _abandon(stream: TextIO) -> None:
    """Sends what is still to be written nowhere, or the interpreter would fail on it as it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _open_closed_streams() -> None:
    """Opens nowhere for what our caller closed: Python has None there, and the next file would take its number."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, number)
            if nowhere != number:
                os.close(nowhere)
            mode = "w" if number else "r"
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", errors="backslashreplace", closefd=False))
