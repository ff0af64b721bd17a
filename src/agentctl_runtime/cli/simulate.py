"""`agentctl simulate`: an Agent on the model cluster, through faults, with the production decision code."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import click

from agentctl_core.testing.preview import THIS
from agentctl_core.testing.simulation import End, Event, random_events

from ._agent_file import load_agent
from ._config_options import config_from, config_options
from ._exits import FILE_ERRORS, ExitCode, command
from ._fault_options import KNOWN, RANDOM, Change, FaultList
from ._files import write_text
from ._output import html_option, output_option, show
from ._page import Facts, Part, page
from ._picture import draw
from ._simulated import Told, plain, run
from ._timeline import Timeline
from ._times import Length, length_in_words


@command(
    {
        ExitCode.OK: "the Agent came through: ready, suspended, finished with success or gone",
        ExitCode.NO: "it did not, in that time, or a fault could not happen",
    },
    *FILE_ERRORS,
)
@click.argument("file", type=click.Path())
@click.option(
    "--faults",
    type=FaultList(),
    multiple=True,
    help=f"What goes wrong, and when: at that time, or as soon after it as it can. `{RANDOM}` for some of any kind.",
)
@click.option("--seed", type=click.IntRange(min=0), help=f"Which faults `--faults {RANDOM}` means.  [default: 0]")
@click.option(
    "changes",
    "--change",
    type=Change(),
    multiple=True,
    help="At that time the Agent's spec becomes that of this FILE.",
)
@click.option("--until", type=Length(), default="10m", show_default=True, help="How long it lasts at most.")
@output_option()
@html_option
@config_options
@click.pass_context
def simulate(  # noqa: PLR0913 -- its options
    ctx: click.Context,
    /,
    *,
    file: str,
    faults: tuple[tuple[Event, ...], ...],
    seed: int | None,
    changes: tuple[tuple[str, timedelta], ...],
    until: timedelta,
    output: str,
    html: str | None,
    **settings: Any,
) -> None:
    """Run the Agent in FILE on a model of a cluster, and tell what happens.

    What decides is the operator's own code. All else is a model: its API server refuses what a real one does, its nodes
    schedule, start and stop pods, and you wait for none of it. The same command tells the same each time.

    \b
      agentctl simulate agent.yaml --faults pod-killed@30s,node-lost@2m
      agentctl simulate agent.yaml --faults crash-during --change new.yaml@1m

    The options of the configuration are those of `agentctl run`, and so are their variables.
    """  # noqa: D301 -- click wants these backspaces
    asked = [event for each in faults for event in each]
    if seed is not None and all(event.name != RANDOM for event in asked):
        raise click.UsageError(f"--seed chooses among random faults: it needs --faults {RANDOM}.")
    events = [drawn for event in asked for drawn in (_drawn(seed or 0) if event.name == RANDOM else (event,))]
    told = run(load_agent(file), events, [(load_agent(name), at) for name, at in changes], until, config_from(settings))
    if html is not None:
        write_text(html, page(_facts(told, events), [_part(told)]))
    if output == "table":
        _print(told)
    else:
        show(output, lambda: plain(told), tuple)
    ctx.exit(ExitCode.OK if told.is_well else ExitCode.NO)


simulate.words = {"Faults": {RANDOM: "some of these, which --seed chooses", **KNOWN}}


def _drawn(seed: int) -> tuple[Event, ...]:
    return tuple(event for event in random_events(seed) if event.name in KNOWN)


def _facts(told: Told, events: Sequence[Event]) -> Facts:
    name = f"{told.agent.namespace}/{told.agent.name}"
    faults = ", ".join(
        f"{event.name} at {length_in_words(event.at.total_seconds())}"
        for event in sorted(events, key=lambda event: event.at)
    )
    table = [
        ("Faults", faults or "none"),
        ("Length", f"{length_in_words(told.seconds)} on the model's clock"),
        ("Steps", f"{len(told.entries):,}"),
        ("Decided by", THIS),
    ]
    return Facts("agentctl simulate", name, table)


def _part(told: Told) -> Part:
    amiss = [*told.amiss, *(f"{name} could not happen" for name in told.left)]
    verdict = "; ".join(amiss) or "it came through"
    return Part("Timeline", verdict, told.is_well, draw(told.entries))


def _print(told: Told) -> None:
    timeline = Timeline()
    timeline.started(told.agent, "the model cluster")
    for entry in told.entries:
        timeline.tell(entry)
    for name in told.left:
        timeline.failed(told.seconds, f"{name} could not happen")
    for condition in told.amiss:
        timeline.failed(told.seconds, condition)
    timeline.finished(told.seconds, _END[told.end].format(told.following and length_in_words(told.following)))


_END: Final = {
    End.SETTLED: "nothing more would happen",
    End.TIME: "the next thing would happen at {}",
    End.STEPS: "that is as much as one simulation takes",
}
