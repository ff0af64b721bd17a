"""`agentctl doctor`: can this operator work in this cluster?"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

import click

from .._api import Api
from ._checks import Check, Scope, examine, plain
from ._cluster import asking
from ._config_options import option
from ._exits import CLUSTER_ERRORS, ExitCode, command
from ._output import output_option, printable, show, wrapped

_COLOURS: Final = {"ok": "green", "warning": "yellow", "failed": "red"}
_WIDTH: Final = max(map(len, _COLOURS))


@command({ExitCode.OK: "it can; there may be warnings", ExitCode.NO: "a check has failed"}, *CLUSTER_ERRORS)
@option(
    "namespaces",
    "Agents are to live in this namespace; may be repeated. [default: all]",
    flag="--namespace",
    multiple=True,
)
@click.option(
    "--operator-namespace",
    default="agentctl-system",
    show_default=True,
    help="Namespace of the operator's Deployment and Lease.",
)
@click.option(
    "--service-account",
    metavar="NAMESPACE:NAME",
    help="Ask for the rights of this one, which only an administrator may. [default: those of who asks]",
)
@option("context", "Context of the kubeconfig. [default: its current one]")
@output_option()
@click.pass_context
def doctor(  # noqa: PLR0913 -- its options
    ctx: click.Context,
    /,
    *,
    namespaces: tuple[str, ...],
    operator_namespace: str,
    service_account: str | None,
    context: str | None,
    output: str,
) -> None:
    """Tell whether the operator can work in this cluster, and what to do where it cannot.

    It looks at the API server's version, the resource type, rights, the admission policy, the operator itself and
    features of the cluster. Nothing is written: rights are asked for by reviews of access, which leave nothing behind.

    \b
      agentctl doctor --service-account agentctl-system:agentctl
    """  # noqa: D301 -- click wants the backspace
    if service_account is not None and not all(service_account.partition(":")):
        raise click.BadParameter("write NAMESPACE:NAME", ctx, param_hint="--service-account")
    account = None if service_account is None else f"system:serviceaccount:{service_account}"
    checks = _look(context, Scope(namespaces, operator_namespace, account))
    show(output, lambda: plain(checks), lambda: _lines(checks))
    ctx.exit(ExitCode.NO if any(check.verdict == "failed" for check in checks) else ExitCode.OK)


def _look(context: str | None, scope: Scope) -> list[Check]:
    async def look() -> list[Check]:
        async with Api.connect(context=context) as api:
            return await examine(api, scope)

    with asking():
        return asyncio.run(look())


def _lines(checks: Sequence[Check]) -> Iterator[str]:
    indent = " " * (_WIDTH + 2)
    for check in checks:
        verdict = click.style(check.verdict, fg=_COLOURS[check.verdict], bold=check.verdict != "ok")
        yield f"{verdict}{' ' * (_WIDTH - len(check.verdict))}  {check.name}"
        yield from wrapped(printable(check.told), indent)
        if check.cure:
            yield from wrapped(f"To do: {check.cure}", indent)
    counts = plain(checks)["summary"]
    yield ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
