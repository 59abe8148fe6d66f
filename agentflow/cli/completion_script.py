"""`agentflow completion`: what makes a shell complete commands, options, files, runs and steps."""

import click

from agentflow.cli import exits


@click.command(short_help="Print what makes a shell complete.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print the script with which a shell completes commands, options, files, ids of runs and steps that wait.

    \b
    For one session:
      bash, zsh  eval "$(agentflow completion bash)"
      fish       agentflow completion fish | source
    For every session, write it where the shell looks:
      bash  ~/.local/share/bash-completion/completions/agentflow
      zsh   _agentflow in a folder of your $fpath
      fish  ~/.config/fish/completions/agentflow.fish
    """
    from click.shell_completion import get_completion_class

    from agentflow.cli.main import commands

    kind = get_completion_class(shell)
    assert kind is not None, shell
    click.echo(kind(commands, {}, "agentflow", "_AGENTFLOW_COMPLETE").source())
    return exits.DONE
