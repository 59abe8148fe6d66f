"""The options of logging, which every command has: before the command's name, or after it."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

_WHERE = "agentflow.logs"


def _remember(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value:
        ctx.meta.setdefault(_WHERE, {})[parameter.name] = value


def log_options(*, hidden: bool) -> list[click.Option]:
    """The options; `hidden` from the help of each command, where those of all would stand again and again."""
    given: dict[str, Any] = {"expose_value": False, "callback": _remember, "hidden": hidden}
    return [
        click.Option(["--debug"], is_flag=True, help="Log everything that happens, not only the steps.", **given),
        click.Option(
            ["--log-file"],
            metavar="FILE",
            help="Where the log goes. Default: standard error; at a terminal a file whose name is told.",
            **given,
        ),
        click.Option(
            ["--log-format"],
            type=click.Choice(["text", "json"]),
            help="json: one object a line, for programs.",
            **given,
        ),
    ]


def with_log_options(command: click.Command) -> click.Command:
    """Gives a command the options of logging, once; the log begins when the command does."""
    if any(parameter.name == "log_format" for parameter in command.params) or command.callback is None:
        return command
    command.params += log_options(hidden=True)
    command.callback = _logged(command.callback)
    return command


def _logged(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def begun(*arguments: Any, **options: Any) -> Any:
        settings = click.get_current_context().meta.get(_WHERE)
        if settings is None:
            return callback(*arguments, **options)
        from agentflow.cli.logs import logging_to

        with logging_to(**settings):
            return callback(*arguments, **options)

    return begun
