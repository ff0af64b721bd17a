"""The wrapper: a program in front of the image's own command, which reaches the agent byte for byte.

It lives in a volume of its own at `<mountPath>/bin`, read-only in the agent: the shared volume may be one that others
write to, and a binary that others may change must not be run.
"""

from __future__ import annotations

from typing import Final

from .._agent import Agent
from .._config import Config
from .._contribution import CommandPrefix, Contribution, Item, Mount
from .security import OWN_CONTAINER

VOLUME: Final = "agentctl-bin"
CONTAINER: Final = "agentctl-wrapper"
PATH: Final = "spec.wrapper"


def contribute(agent: Agent, config: Config) -> Contribution:
    """Return the wrapper's volume, how it gets there, and the words that come before the agent's own command line."""
    wrapper = agent.spec.wrapper
    if not wrapper.enabled:
        return Contribution()
    image = wrapper.image or config.wrapper_image
    program, *arguments = wrapper.command or config.wrapper_command
    folder = f"{agent.spec.shared_volume.mount_path}/bin"
    resolve = wrapper.command_resolution == "Registry"
    mount = Mount(PATH, "agent", {"name": VOLUME, "mountPath": folder, "readOnly": True})
    if wrapper.install == "ImageVolume":
        return Contribution(
            volumes=(Item(PATH, VOLUME, {"image": {"reference": image}}),),
            mounts=(mount,),
            command=CommandPrefix(PATH, (folder + program, *arguments, "--"), resolve),
        )
    installer = {
        "image": image,
        "command": list(wrapper.install_command) or ["cp", program, f"{folder}/"],
        "volumeMounts": [{"name": VOLUME, "mountPath": folder}],
        "securityContext": OWN_CONTAINER,
    }
    installed = f"{folder}/{program.rpartition('/')[2]}"
    return Contribution(
        volumes=(Item(PATH, VOLUME, {"emptyDir": {}}),),
        mounts=(mount,),
        init_containers=(Item(PATH, CONTAINER, installer),),
        command=CommandPrefix(PATH, (installed, *arguments, "--"), resolve),
    )
