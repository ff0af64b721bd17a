"""The wrapper: a program in front of the image's own command, which reaches the agent byte for byte.

It lives in a volume of its own at `<mountPath>/bin`, read-only in the agent: the shared volume may be one that others
write to, and a binary that others may change must not be run.
"""

from __future__ import annotations

from typing import Final

from .._agent import Agent
from .._config import Config
from .._contribution import NOTHING, CommandPrefix, Contribution, Item, Mount
from .._image import literal
from .._problem import Problem
from .own_container import own_container

VOLUME: Final = "agentctl-bin"
CONTAINER: Final = "agentctl-wrapper"
PATH: Final = "spec.wrapper"


def contribute(agent: Agent, config: Config) -> Contribution:
    """Return the wrapper's volume, how it gets there, and the words that come before the agent's own command line."""
    wrapper = agent.spec.wrapper
    if not wrapper.enabled:
        return NOTHING
    image = wrapper.image or config.wrapper_image
    program, *arguments = wrapper.command or config.wrapper_command
    if not _is_program(program):
        told = f'"{program}" is no absolute path of a program in the wrapper\'s image; write for example /usr/bin/tini'
        return Contribution(problems=(Problem(f"{PATH}.command[0]", told),))
    folder = f"{agent.spec.shared_volume.mount_path}/bin"
    resolve = wrapper.command_resolution == "Registry"
    mount = Mount(PATH, "agent", {"name": VOLUME, "mountPath": folder, "readOnly": True})
    if wrapper.install == "ImageVolume":
        return Contribution(
            volumes=(Item(PATH, VOLUME, {"image": {"reference": image}}),),
            mounts=(mount,),
            command=CommandPrefix(PATH, (literal(folder) + program, *arguments, "--"), resolve),
        )
    installer = {
        "image": image,
        "command": list(wrapper.install_command) or ["cp", program, f"{literal(folder)}/"],
        "volumeMounts": [{"name": VOLUME, "mountPath": folder}],
        **own_container(agent),
    }
    installed = f"{literal(folder)}/{program.rpartition('/')[2]}"
    return Contribution(
        volumes=(Item(PATH, VOLUME, {"emptyDir": {}}),),
        mounts=(mount,),
        init_containers=(Item(PATH, CONTAINER, installer),),
        command=CommandPrefix(PATH, (installed, *arguments, "--"), resolve),
    )


def _is_program(path: str) -> bool:
    return path.startswith("/") and path.rpartition("/")[2] not in ("", ".", "..")
