"""`agentctl plan`: what would the operator do next, and how would running Agents fare with this version?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import click
from click.core import ParameterSource

from agentctl_core import Config, Observed
from agentctl_core.testing.preview import Preview, Treatment, Upgrade
from agentctl_core.testing.preview import preview as look_ahead
from agentctl_core.testing.preview import upgrade as how_treated

from .._api import Api, ConfigurationError
from .._dump import BadDump, read_dump
from .._failure import ApiFailure
from .._observe import Seen, look_at_cluster, look_at_dump
from .._store import Manifest
from ._config_options import config_from, config_options, option
from ._plan_changes import plan_json, upgrade_json
from ._plan_text import plan_lines, upgrade_lines

TO_DO: Final = 2
RESTARTS: Final = 3
USAGE: Final = 64
"""EX_USAGE of sysexits: click's own status for it, 2, means something else here."""
BAD_DATA: Final = 65
"""EX_DATAERR: a file holds something that is no Kubernetes object."""


class _UsageError(click.UsageError):
    exit_code = USAGE


class _BadDataError(click.ClickException):
    exit_code = BAD_DATA


class _Plan(click.Command):
    """Exits with `USAGE` where it is called wrongly."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        with _as_usage():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        with _as_usage():
            return super().invoke(ctx)


@contextmanager
def _as_usage() -> Generator[None]:
    try:
        yield
    except click.UsageError as error:
        raise _UsageError(error.format_message(), error.ctx) from error


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


@click.command(cls=_Plan)
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--upgrade", is_flag=True, help="Tell how this version would treat the Agents that run.")
@option(
    "namespaces", "Look at this namespace alone; may be repeated. [default: all]", flag="--namespace", multiple=True
)
@option("context", "Context of the kubeconfig. [default: its current one]")
@click.option("--at", type=_Time(), help="Decide as at this time, for example that of a dump. [default: now]")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
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
      kubectl get agents,pods,services,configmaps,pvc -A -o yaml --show-managed-fields

    No registry is asked: where an image has to be looked up, that is told. The options of the configuration are those
    of `agentctl run`, and so are their variables.

    With --upgrade it tells instead how the Agents that run, made by whatever version, would be treated by this one.

    \b
    Exit codes:
      0   nothing to do; with --upgrade: no difference
      2   something to do; with --upgrade: some difference, and no pod is ended for it
      3   with --upgrade: a pod would be ended though nothing was left to do about it
      1   the cluster or a FILE cannot be read
      64  wrong usage
      65  a FILE holds something else than Kubernetes objects
    """  # noqa: D301 -- click wants these backspaces
    if files and ctx.get_parameter_source("context") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--context chooses a cluster, and FILEs take its place: give one of the two.")
    config = config_from(settings)
    seen = _look_at_files(files, namespaces, config) if files else _look_at_cluster(context, namespaces, config)
    now = at or datetime.now(UTC)
    if not upgrade:
        previews = [look_ahead(each.manifest, Observed(now, each.objects), config) for each in seen]
        _show(output, plan_json, plan_lines, previews)
        ctx.exit(0 if all(told.is_settled for told in previews) else TO_DO)
    treated = [how_treated(each.manifest, Observed(now, each.objects), config) for each in seen]
    found = [each for each in treated if each is not None]
    _show(output, upgrade_json, upgrade_lines, found, len(treated) - len(found))
    treatments = {each.treatment for each in found}
    ctx.exit(RESTARTS if Treatment.RESTART in treatments else TO_DO if treatments - {Treatment.SAME} else 0)


def _show(output: str, as_json: Any, as_lines: Any, *told: Sequence[Preview] | Sequence[Upgrade] | int) -> None:
    if output == "json":
        click.echo(json.dumps(as_json(*told), indent=2))
    else:
        for line in as_lines(*told):
            click.echo(line)


def _look_at_cluster(context: str | None, namespaces: Sequence[str], config: Config) -> list[Seen]:
    async def look() -> list[Seen]:
        async with Api.connect(context=context) as api:
            return await look_at_cluster(api, namespaces, config)

    try:
        return asyncio.run(look())
    except ConfigurationError as error:
        raise click.ClickException(str(error)) from error
    except ApiFailure as failure:
        hint = " Does the cluster know Agents? `agentctl crd | kubectl apply -f -`" if failure.is_not_found else ""
        raise click.ClickException(f"{failure}{hint}") from failure


def _look_at_files(files: Sequence[str], namespaces: Sequence[str], config: Config) -> list[Seen]:
    try:
        dump = [manifest for name in files for manifest in read_dump(_text_of(name), name)]
    except BadDump as error:
        raise _BadDataError(str(error)) from error
    seen = look_at_dump(dump, namespaces, config)
    if not any(manifest["kind"] == "Pod" for manifest in dump) and any(_has_pod(each.manifest) for each in seen):
        click.echo(
            "Warning: by their status Agents have pods, but FILE holds none: it should hold what "
            "`kubectl get agents,pods,services,configmaps,pvc` returns.",
            err=True,
        )
    return seen


def _text_of(name: str) -> str:
    try:
        with click.open_file(name, encoding="utf-8") as file:
            return str(file.read())
    except UnicodeDecodeError as error:
        raise BadDump(f"{name}: no text in UTF-8: {error}") from error
    except OSError as error:
        raise click.ClickException(f"{name}: {error}") from error


def _has_pod(agent: Manifest) -> bool:
    status: object = agent.get("status")
    return isinstance(status, dict) and "podName" in status
