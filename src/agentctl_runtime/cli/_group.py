"""The table of commands: one module each, imported when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from ._exits import with_exit_codes
from ._output import wants_colour

SECTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "Write an Agent": {
        "init": "Print an Agent to start from, with comments.",
        "validate": "Tell everything that is wrong with Agents in files.",
        "render": "Print the manifests that the operator would make.",
    },
    "Look ahead and understand": {
        "plan": "Tell what the operator would do next, or after an upgrade.",
        "explain": "Tell why an Agent is not ready, and what to do about it.",
        "replay": "Decide again what an operator recorded; show what differs.",
        "simulate": "Run an Agent on a model cluster, through faults; tell the story.",
        "demo": "Run one Agent from creation to deletion, with no cluster.",
    },
    "Operate": {
        "run": "Run the operator.",
        "doctor": "Tell whether the operator can work in this cluster.",
        "crd": "Print the CustomResourceDefinition of Agent.",
        "completion": "Print the script that completes commands in a shell.",
    },
}
"""By section, each command's name, which is that of its module and of its function, and its line in the help."""
COMMANDS: Final = {name: line for section in SECTIONS.values() for name, line in section.items()}


class _LazyGroup(click.Group):
    """Imports a command's module when the command is asked for: `agentctl --help` needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 -- click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 -- likewise
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(f"agentctl_runtime.cli.{cmd_name}"), cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 -- likewise
        width = max(map(len, COMMANDS))
        for title, commands in SECTIONS.items():
            if commands:
                with formatter.section(title):
                    formatter.write_dl([(name.ljust(width), line) for name, line in commands.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem[Any]]:
        names = [CompletionItem(name, help=line) for name, line in COMMANDS.items() if name.startswith(incomplete)]
        # Not the group's own: that imports every command.
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with with_exit_codes():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with with_exit_codes():
            return super().invoke(ctx)


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 to 2 are answers, which the help of each command tells; 64 and more are errors.",
)
@click.version_option(package_name="agentctl")
@click.pass_context
def agentctl(context: click.Context) -> None:
    """Run AI agents on Kubernetes."""
    context.color = wants_colour()
