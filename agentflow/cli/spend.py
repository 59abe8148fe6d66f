"""`agentflow spend`: what models have cost."""

import datetime
from typing import TYPE_CHECKING

import click

from agentflow.cli import exits
from agentflow.cli.options import project, project_folder, text_or_json

if TYPE_CHECKING:
    from agentflow.journal.port import By


class _Ways(click.ParamType):  # type: ignore[type-arg]
    name = "ways"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> "tuple[By, ...]":
        from agentflow.journal.port import WAYS
        from agentflow.source.suggest import did_you_mean

        chosen: dict[By, None] = {}
        for name in filter(None, (part.strip() for part in value.split(","))):
            way = next((way for way in WAYS if way == name), None)
            if way is None:
                self.fail(f"'{name}' is not one of {', '.join(WAYS)}. {did_you_mean(name, WAYS) or ''}".rstrip())
            chosen[way] = None
        if not chosen:
            self.fail(f"name some of {', '.join(WAYS)}")
        return tuple(chosen)


_DAY = click.DateTime(["%Y-%m-%d"])


@click.command(short_help="Tell what models have cost.")
@click.option(
    "--by",
    type=_Ways(),
    default="day",
    show_default=True,
    metavar="WAYS",
    help="What to tell apart, one or several: run, day, agent, model, user, tenant.",
)
@click.option("--since", type=_DAY, metavar="DAY", help="The first day, as 2026-11-01.")
@click.option("--until", type=_DAY, metavar="DAY", help="The last day.")
@click.option("--run", help="This run alone.")
@click.option("--agent", help="This agent alone.")
@click.option("--model", help="This model alone.")
@click.option("--user", help="This user alone.")
@click.option("--tenant", help="This tenant alone.")
@text_or_json
@project
def spend(
    by: "tuple[By, ...]",
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    output_format: str,
    project: str | None,
    **only: str | None,
) -> int:
    """Tell what the models that the project's runs called have cost, days in their order and the dearest first.

    Days are those of the policy's time zone, UTC where there is none. Calls that a crash cut off count as what was held
    for them.
    """
    from agentflow import api
    from agentflow.report.json_out import dumps
    from agentflow.report.spend import spend_json, spend_table

    journal = api.open_journal(project_folder(project))
    try:
        if only["run"] is not None:
            only["run"] = journal.find(only["run"])
        wanted: dict[By, str] = {way: value for way in _ONLY if (value := only[way]) is not None}
        first = f"{since:%Y-%m-%d}" if since is not None else ""
        last = f"{until:%Y-%m-%d}" if until is not None else "9999"
        found = journal.spending(by, since=first, until=last, only=wanted)
    finally:
        journal.close()
    if "day" in by:
        found.sort(key=lambda one: one.of["day"])
    if output_format == "json":
        click.echo(dumps([spend_json(one) for one in found], indent=2))
    else:
        click.echo(spend_table(found) if found else "nothing was spent")
    return exits.DONE


_ONLY: "tuple[By, ...]" = ("run", "agent", "model", "user", "tenant")
