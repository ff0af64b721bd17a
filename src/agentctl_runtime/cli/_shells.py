"""Completion in zsh and fish, to which `--output=json` is one word; bash takes it apart, as click does."""

from __future__ import annotations

from click.shell_completion import CompletionItem, FishComplete, ShellComplete, ZshComplete, add_completion_class


class _WholeWords(ShellComplete):
    """Proposes with a value the option that stands before it: zsh would put the value in the place of both."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        items = super().get_completions(args, incomplete)
        option, equals, _ = incomplete.partition("=")
        if not (equals and option.startswith("-")):
            return items
        return [CompletionItem(f"{option}={item.value}", item.type, item.help) for item in items]


class _Zsh(_WholeWords, ZshComplete):
    """In place of click's own."""


class _Fish(_WholeWords, FishComplete):
    """In place of click's own."""


def register() -> None:
    """Let click complete in zsh and fish by these."""
    for each in (_Zsh, _Fish):
        add_completion_class(each)
