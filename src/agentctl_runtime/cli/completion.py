"""`agentctl completion`: what makes a shell complete commands, options and files."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from ._exits import command
from ._group import agentctl


@command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that makes a shell complete commands, options and files.

    \b
      bash:  source <(agentctl completion bash)     # in ~/.bashrc
      zsh:   source <(agentctl completion zsh)      # in ~/.zshrc
      fish:  agentctl completion fish > ~/.config/fish/completions/agentctl.fish
    """  # noqa: D301 -- click wants the backspace
    found = get_completion_class(shell)
    assert found is not None, shell  # noqa: S101 -- one of click's own
    click.echo(found(agentctl, {}, "agentctl", "_AGENTCTL_COMPLETE").source())
