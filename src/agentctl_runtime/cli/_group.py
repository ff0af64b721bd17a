"""The table of commands: one module each, imported when it is needed."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

_COMMANDS: Final = {
    "crd": "Print the CustomResourceDefinition of Agent.",
    "demo": "Run one Agent from creation to deletion and show what happens.",
    "plan": "Tell what the operator would do next, and with --upgrade how running Agents would fare. Read-only.",
    "replay": "Decide again what an operator recorded, and show each decision that differs.",
    "run": "Run the operator.",
}
"""Name of the command, which is that of its module and of its function, and its line in the help."""


class _LazyGroup(click.Group):
    """Imports a command's module when the command is asked for: `agentctl --help` needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- likewise
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"agentctl_runtime.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- likewise
        with formatter.section("Commands"):
            formatter.write_dl(sorted(_COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="agentctl")
def agentctl() -> None:
    """Run AI agents on Kubernetes."""
