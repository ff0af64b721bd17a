"""`agentctl plan`: what would the operator do next, and how would running Agents fare with this version?"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from agentctl_core import Config, Observed
from agentctl_core.testing.preview import Treatment
from agentctl_core.testing.preview import preview as look_ahead
from agentctl_core.testing.preview import upgrade as how_treated

from .._api import Api
from .._dump import BadDump, read_dump
from .._observe import Seen, look_at_cluster, look_at_dump
from .._store import Manifest
from ._cluster import asking
from ._config_options import config_from, config_options, option
from ._exits import CLUSTER_ERRORS, FILE_ERRORS, ExitCode, Failure, command
from ._files import refuse_both, text_of
from ._output import output_option, show
from ._plan_changes import plan_json, upgrade_json
from ._plan_text import plan_lines, upgrade_lines


class _Time(click.ParamType[datetime]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is None or moment.utcoffset() is None:
            self.fail(f"{value!r} is no time with a time zone, such as 2026-01-31T12:00:00Z", param, ctx)
        return moment


@command(
    {
        ExitCode.OK: "nothing to do; with --upgrade: no difference",
        ExitCode.NO: "something to do; with --upgrade: some difference, and no pod is ended for it",
        ExitCode.WORSE: "with --upgrade: a pod would be ended though nothing was left to do about it",
    },
    *FILE_ERRORS,
    *CLUSTER_ERRORS,
)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path())
@click.option("--upgrade", is_flag=True, help="Tell how this version would treat the Agents that run.")
@option(
    "namespaces", "Look at this namespace alone; may be repeated. [default: all]", flag="--namespace", multiple=True
)
@option("context", "Context of the kubeconfig. [default: its current one]")
@click.option("--at", type=_Time(), help="Decide as at this time, for example that of a dump. [default: now]")
@output_option()
@config_options
@click.pass_context
def plan(  # noqa: PLR0913 -- its options
    ctx: click.Context,
    /,
    *,
    files: tuple[str, ...],
    upgrade: bool,
    namespaces: tuple[str, ...],
    context: str | None,
    at: datetime | None,
    output: str,
    **settings: Any,
) -> None:
    """Tell what the operator, in this version and with this configuration, would do next. Nothing is written.

    The Agents are those of the cluster that KUBECONFIG names (in a pod without KUBECONFIG, of its own cluster), or
    those in FILEs; - is the standard input. A FILE holds manifests, or what this prints:

    \b
      kubectl get agents,pods,services,configmaps,pvc -A -o yaml \\
        --show-managed-fields

    No registry is asked: where an image has to be looked up, that is told. The options of the configuration are those
    of `agentctl run`, and so are their variables.

    With --upgrade it tells instead how the Agents that run, made by whatever version, would be treated by this one.
    """  # noqa: D301 -- click wants the backspace
    refuse_both(ctx, files)
    config = config_from(settings)
    seen = _look_at_files(files, namespaces, config) if files else _look_at_cluster(context, namespaces, config)
    now = at or datetime.now(UTC)
    if not upgrade:
        previews = [look_ahead(each.manifest, Observed(now, each.objects), config) for each in seen]
        show(output, lambda: plan_json(previews), lambda: plan_lines(previews))
        ctx.exit(ExitCode.OK if all(told.is_settled for told in previews) else ExitCode.NO)
    treated = [how_treated(each.manifest, Observed(now, each.objects), config) for each in seen]
    found = [each for each in treated if each is not None]
    not_running = len(treated) - len(found)
    show(output, lambda: upgrade_json(found, not_running), lambda: upgrade_lines(found, not_running))
    ctx.exit(_code_of({each.treatment for each in found}))


def _code_of(treatments: set[Treatment]) -> ExitCode:
    if Treatment.RESTART in treatments:
        return ExitCode.WORSE
    return ExitCode.NO if treatments - {Treatment.SAME} else ExitCode.OK


def _look_at_cluster(context: str | None, namespaces: Sequence[str], config: Config) -> list[Seen]:
    async def look() -> list[Seen]:
        async with Api.connect(context=context) as api:
            return await look_at_cluster(api, namespaces, config)

    with asking():
        return asyncio.run(look())


def _look_at_files(files: Sequence[str], namespaces: Sequence[str], config: Config) -> list[Seen]:
    try:
        dump = [manifest for name in files for manifest in read_dump(text_of(name), name)]
    except BadDump as error:
        raise Failure(ExitCode.DATA, str(error)) from error
    seen = look_at_dump(dump, namespaces, config)
    if not any(manifest["kind"] == "Pod" for manifest in dump) and any(_has_pod(each.manifest) for each in seen):
        click.echo(
            "Warning: by their status Agents have pods, but FILE holds none: it should hold what "
            "`kubectl get agents,pods,services,configmaps,pvc` returns.",
            err=True,
        )
    return seen


def _has_pod(agent: Manifest) -> bool:
    status: object = agent.get("status")
    return isinstance(status, dict) and "podName" in status
