"""`run FILE --help`: the options, and after them what that file takes."""

from pathlib import Path
from typing import Any

import click

_ARGUMENTS = "agentflow.arguments"


class FileCommand(click.Command):
    """A command whose help also tells of the file that it was asked with."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keeps what was typed: `--help` is looked at before any argument is."""
        ctx.meta[_ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the part about the file."""
        super().format_epilog(ctx, formatter)
        file = self._file(ctx)
        if file is not None:
            _tell(file, formatter)

    def _file(self, ctx: click.Context) -> str | None:
        try:
            given: dict[str, Any] = self.make_parser(ctx).parse_args(args=list(ctx.meta.get(_ARGUMENTS, ())))[0]
        except click.UsageError:
            return None
        file = given.get("file")
        return file if isinstance(file, str) else None


def _tell(file: str, formatter: click.HelpFormatter) -> None:
    from agentflow import api
    from agentflow.report.inert import inert, inert_line
    from agentflow.report.inputs import example, input_rows, limit_words

    checked = api.check(file)
    plan = checked.plan
    name = inert_line(file)
    if plan is None:
        formatter.write_paragraph()
        what = "is not there" if not Path(file).exists() else "has errors"
        formatter.write_text(f"{name} {what}, so its inputs cannot be told: agentflow validate {name}")
        return
    with formatter.section(f"Inputs of {name}"):
        if plan.description:
            formatter.write_text(inert(plan.description))
        formatter.write_dl(input_rows(plan) or [("none", "it takes no inputs")])
    if plan.secrets:
        with formatter.section("Secrets"):
            formatter.write_text(
                f"{', '.join(plan.secrets)}: from the environment, --secret NAME=@FILE or --secrets-file; at a "
                "terminal those that are missing are asked for"
            )
    with formatter.section("Limits"):
        formatter.write_text(limit_words(plan))
    with formatter.section("Example"):
        # As it is to be typed, however long it is.
        formatter.write(f"{' ' * formatter.current_indent}{example(plan, file)}\n")
