"""`agentflow schema`: the JSON Schemas of the files that people write, for editors."""

import click

from agentflow.cli import exits
from agentflow.errors import UsageError


@click.command(short_help="Print the JSON Schema of workflow files.")
@click.argument("name", default="workflow", metavar="[NAME]")
def schema(name: str) -> int:
    """Print the JSON Schema of workflow files, from which editors complete and document every key.

    NAME is the kind of file: `workflow`, which holds where it is absent, `library` (what others import), `stubs`,
    `test` or `policy`. In a file's first line,
    `# yaml-language-server: $schema=PATH` names the schema that holds for it.
    """
    from agentflow.source.suggest import did_you_mean
    from agentflow.spec.schema import SCHEMAS, schema_text

    if name not in SCHEMAS:
        hint = did_you_mean(name, SCHEMAS) or f"there is {', '.join(f'`{known}`' for known in SCHEMAS)}"
        raise UsageError(f"there is no schema `{name}`", hint)
    click.echo(schema_text(name), nl=False)
    return exits.DONE
