"""`agentctl render`: the manifests that the operator would make of the Agents in files."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

import click

from agentctl_core import API_VERSION, CommandUnknown, Config, ImageError, ImageInfo, build_pod, prepare

from .._registry import Registry
from .._settings import Settings
from ._config_options import config_options
from ._exits import FILE_ERRORS, ExitCode, Failure, command
from ._findings import AgentInFile, look_through, read_agents
from ._output import output_option
from ._run_options import registry_options, settings_from, trust_of
from ._yaml import Dumper, to_yaml

_OWN: Final = f"{API_VERSION.partition('/')[0]}/"


@command(
    {
        ExitCode.OK: "the manifests are printed",
        ExitCode.NO: "what an image runs is not known, and nothing is printed; it is told",
    },
    *FILE_ERRORS,
    ExitCode.UNAVAILABLE,
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path())
@click.option("--resolve", is_flag=True, help="Ask the registries what images run, where the spec names no command.")
@output_option("yaml", "json")
@registry_options
@config_options
@click.pass_context
def render(ctx: click.Context, /, *, files: tuple[str, ...], resolve: bool, output: str, **settings: Any) -> None:
    """Print the manifests that the operator would make of the Agents in FILEs: pods, and what stands beside them.

    \b
      agentctl render hello.yaml | kubectl apply -f -
      agentctl render hello.yaml | podman kube play -

    A FILE is what `agentctl validate` takes; where something is wrong in it, nothing is printed. Nothing owns what is
    printed, it has no annotations of the operator's, and no namespace is named where the Agent names none. An Agent
    with `replicas: 0` has no pod.

    What an image runs by itself stands in its registry: --resolve asks it, as nobody in particular, and pins the
    image to its digest. The other options are those of `agentctl run`, and so are their variables.
    """  # noqa: D301 -- click wants this backspace
    given = settings_from(settings)
    agents = _valid(files, given.config)
    images = asyncio.run(_look_up(agents, given)) if resolve else {}
    made: list[dict[str, Any]] = []
    unknown: list[str] = []
    for agent in agents:
        try:
            made += rendered(agent.manifest, given.config, images)
        except CommandUnknown as error:
            unknown.append(str(agent.finding("spec.command", str(error))))
    for line in unknown:
        click.echo(line, err=True)
    if unknown:
        ctx.exit(ExitCode.NO)
    click.echo(_printed(made, output), nl=False)


def rendered(manifest: Mapping[str, Any], config: Config, images: Mapping[str, ImageInfo]) -> list[dict[str, Any]]:
    """Return what a valid Agent comes to, in the order of its creation.

    Raises:
        CommandUnknown: what its image runs is not in `images`, or not certain.
    """
    prepared = prepare(manifest, config)
    agent, made = prepared.agent, prepared.rendered
    if agent is None or made is None:
        raise ValueError("the Agent is not valid")
    objects: list[Mapping[str, Any]] = [*made.objects]
    if agent.spec.replicas:
        image = images.get(agent.spec.image)
        if made.prefix is not None and image is None:
            told = f"what {agent.spec.image} runs stands in its registry: set spec.command, or ask it with --resolve"
            raise CommandUnknown(told)
        objects.append(build_pod(agent, config, image))
    has_namespace = manifest["metadata"].get("namespace") is not None
    return [_alone(each, has_namespace=has_namespace) for each in objects]


def _alone(manifest: Mapping[str, Any], *, has_namespace: bool) -> dict[str, Any]:
    """Return a manifest that belongs to nobody, without what the operator remembers in its annotations."""
    left_out = {"ownerReferences", "annotations", *(() if has_namespace else ("namespace",))}
    metadata = {key: value for key, value in manifest["metadata"].items() if key not in left_out}
    annotations = manifest["metadata"].get("annotations", {})
    if asked := {key: text for key, text in annotations.items() if not key.startswith(_OWN)}:
        metadata["annotations"] = asked
    return {**manifest, "metadata": metadata}


def _valid(names: Sequence[str], config: Config) -> Sequence[AgentInFile]:
    """Return the Agents in files. Raises Failure: something is wrong with them (DATA), or with the files."""
    read = read_agents(names)
    findings = look_through(read, config)
    if findings:
        raise Failure(ExitCode.DATA, "\n".join(["something is wrong:", *map(str, findings)]))
    if not read.agents:
        raise Failure(ExitCode.DATA, f"there is no Agent in {', '.join(names)}")
    return read.agents


async def _look_up(agents: Sequence[AgentInFile], settings: Settings) -> dict[str, ImageInfo]:
    """Return what the images run whose Agents need to know it. Raises Failure: that cannot be known (UNAVAILABLE)."""
    prepared = (prepare(each.manifest, settings.config) for each in agents)
    wanted = {
        each.agent.spec.image
        for each in prepared
        if each.agent is not None and each.rendered is not None and each.rendered.prefix is not None
    }
    found: dict[str, ImageInfo] = {}
    insecure, mirrors, tls = settings.insecure_registries, settings.registry_mirrors, trust_of(settings)
    async with Registry(insecure=insecure, mirrors=mirrors, tls=tls) as registry:
        for image in sorted(wanted):
            answer = await registry.look_up(image)
            if isinstance(answer, ImageError):
                raise Failure(ExitCode.UNAVAILABLE, f"{image} cannot be looked up: {answer.message}")
            found[image] = answer
    return found


def _printed(manifests: Iterable[dict[str, Any]], output: str) -> str:
    if output == "json":
        return json.dumps({"apiVersion": "v1", "kind": "List", "items": [*manifests]}, indent=2) + "\n"
    return to_yaml(*manifests, dumper=_Dumper)


class _Dumper(Dumper):
    """Writes texts of several lines, such as files, as blocks."""

    def represent_str(self, data: str) -> Any:
        style = "|" if "\n" in data else None
        return cast("Any", self).represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.represent_str)
