"""The SDK: packages that an init container installs into the shared volume, beside the agent's own image.

Their names reach pip or npm as arguments of their own, behind `--`: never through a shell, and never as an option.
Options are variables, which both tools read: `PIP_INDEX_URL`, `npm_config_registry`.
"""

from __future__ import annotations

from typing import Final

from .._agent import Agent
from .._config import Config
from .._contribution import NOTHING, Contribution, Item
from .._image import literal
from .own_container import own_container

CONTAINER: Final = "agentctl-sdk"
PATH: Final = "spec.sdk"


def contribute(agent: Agent, config: Config) -> Contribution:
    """Return the init container that installs the packages, and the variable by which the agent finds them."""
    sdk = agent.spec.sdk
    if sdk is None:
        return NOTHING
    shared = literal(agent.spec.shared_volume.mount_path)
    target = f"{shared}/sdk"
    if sdk.runtime == "python":
        image = config.python_image.replace("{version}", sdk.version or config.python_version)
        command = ["python", "-m", "pip", "install", "--no-cache-dir", "--upgrade", "--target", target, "--"]
        variable, value = "PYTHONPATH", target
    else:
        image = config.nodejs_image.replace("{version}", sdk.version or config.nodejs_version)
        command = ["npm", "install", "--no-audit", "--no-fund", "--cache", f"{target}/.npm", "--prefix", target, "--"]
        variable, value = "NODE_PATH", f"{target}/node_modules"
    # The user that these tools run as has no home, nothing else can be written, and both folders must exist.
    own = [{"name": "HOME", "value": shared}, {"name": "TMPDIR", "value": shared}]
    installer = {
        "image": sdk.image or image,
        "command": [*command, *map(literal, sdk.packages)],
        "env": [*{each["name"]: each for each in (*own, *sdk.env)}.values()],
        **own_container(agent),
    }
    return Contribution(
        init_containers=(Item(PATH, CONTAINER, installer),),
        env=(Item(PATH, variable, {"value": value}),),
    )
