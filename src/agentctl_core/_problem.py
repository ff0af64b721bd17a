"""What is wrong with an Agent: problems with their paths, and the exception that carries them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable


@frozen
class Problem:
    """One thing that is wrong with a manifest.

    `path` is the field in Kubernetes' own notation (`spec.env[2].name`, `spec.podTemplate.metadata.labels[a/b]`);
    `message` says what is wrong and what to write instead.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class InvalidAgent(ValueError):  # noqa: N818 -- the public name says what the argument is
    """An Agent manifest that the schema, or a rule between its fields, refuses.

    `problems` has every problem at once, in the order of the manifest's schema; it is never empty.
    """

    problems: tuple[Problem, ...]

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)  # the argument, so that a copy or a pickle is the same exception

    def __str__(self) -> str:
        return "; ".join(map(str, self.problems))
