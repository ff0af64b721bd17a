"""`agentctl explain`: why is my agent not ready, and what can I do about it?"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import click

from agentctl_core import API_VERSION, KIND, Ref
from agentctl_core.host import AGENT, EVENT

from .._api import Api
from .._dump import BadDump, read_dump
from .._failure import ApiFailure
from .._store import Manifest
from ._cluster import asking
from ._config_options import option
from ._exits import CLUSTER_ERRORS, FILE_ERRORS, ExitCode, Failure, command
from ._explanation import explained
from ._explanation_text import explanation_lines
from ._files import refuse_both, text_of
from ._output import output_option, show


@command(
    {
        ExitCode.OK: "it is ready, suspended as its spec asks, or has ended well",
        ExitCode.NO: "it is not",
    },
    *FILE_ERRORS,
    *CLUSTER_ERRORS,
)
@click.argument("name")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path())
@click.option("-n", "--namespace", help="Its namespace. [default: that of the context]")
@option("context", "Context of the kubeconfig. [default: its current one]")
@output_option()
@click.pass_context
def explain(  # noqa: PLR0913 -- its options
    ctx: click.Context, /, *, name: str, files: tuple[str, ...], namespace: str | None, context: str | None, output: str
) -> None:
    """Tell how the Agent NAME is, why, and what to do about it. Nothing is written.

    It reads the Agent, its pod and their events, from the cluster that KUBECONFIG names or from FILEs; - is the
    standard input. A FILE holds what this prints:

    \b
      kubectl get agents,pods,events -A -o yaml

    What may not be read is left out, and that is told.
    """  # noqa: D301 -- click wants the backspace
    refuse_both(ctx, files)
    told = _from_files(name, namespace, files) if files else _from_cluster(name, namespace, context)
    show(output, lambda: told, lambda: explanation_lines(told, datetime.now(UTC)))
    ctx.exit(ExitCode.OK if told["isWell"] else ExitCode.NO)


def _from_cluster(name: str, namespace: str | None, context: str | None) -> dict[str, Any]:
    async def look() -> dict[str, Any]:
        async with Api.connect(context=context) as api:
            return await _look(api, Ref(API_VERSION, KIND, namespace or api.namespace, name))

    with asking():
        return asyncio.run(look())


async def _look(api: Api, ref: Ref) -> dict[str, Any]:
    try:
        agent = await api.get(ref)
    except ApiFailure as failure:
        if not _is_no_such(failure, ref.name):
            raise
        raise _missing(ref.namespace, ref.name, await _names(api, ref.namespace)) from failure
    unread: list[str] = []
    pod, events = None, list[Manifest]()
    try:
        pod = await api.find(Ref("v1", "Pod", ref.namespace, ref.name))
    except ApiFailure as failure:
        unread.append(f"The pod: {failure}")
    try:
        events += (await api.list(EVENT, ref.namespace, field_selector=f"regarding.name={ref.name}")).items
    except ApiFailure as failure:
        unread.append(f"The events: {failure}")
    return explained(agent, pod, events, unread)


def _is_no_such(failure: ApiFailure, name: str) -> bool:
    """Tell whether the API server knows Agents, and not this one."""
    details: object = (failure.status or {}).get("details")
    return failure.is_not_found and isinstance(details, dict) and cast("Manifest", details).get("name") == name


async def _names(api: Api, namespace: str) -> list[str]:
    try:
        return [item["metadata"]["name"] for item in (await api.list(AGENT, namespace)).items]
    except ApiFailure:
        return []


def _missing(namespace: str | None, name: str, others: Sequence[str]) -> Failure:
    near = difflib.get_close_matches(name, others, 1)
    hint = f" Did you mean {near[0]}?" if near else " `kubectl get agents -A` lists those that there are."
    where = f"{namespace}/" if namespace else ""
    return Failure(ExitCode.NO_INPUT, f"There is no Agent {where}{name}.{hint}")


def _from_files(name: str, namespace: str | None, files: Sequence[str]) -> dict[str, Any]:
    try:
        dump = [manifest for file in files for manifest in read_dump(text_of(file), file)]
    except BadDump as error:
        raise Failure(ExitCode.DATA, str(error)) from error
    here = [item for item in dump if namespace in (None, item["metadata"]["namespace"])]
    agents = [item for item in here if (item["apiVersion"], item["kind"]) == (API_VERSION, KIND)]
    named = [item for item in agents if item["metadata"]["name"] == name]
    found = {item["metadata"]["namespace"]: item for item in named}
    if not found:
        raise _missing(namespace, name, [item["metadata"]["name"] for item in agents])
    if len(found) > 1:
        raise click.UsageError(f"Agents of that name are in {', '.join(sorted(found))}: choose one with --namespace.")
    ((where, agent),) = found.items()
    beside = [item for item in here if item["metadata"]["namespace"] == where]
    pods = [item for item in beside if item["kind"] == "Pod" and item["metadata"]["name"] == name]
    events = [item for item in beside if item["kind"] == "Event"]
    unread = [] if {"Pod", "Event"} <= {item["kind"] for item in dump} else ["The files hold no pods, or no events."]
    return explained(agent, pods[-1] if pods else None, events, unread)
