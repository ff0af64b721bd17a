"""The model cluster behind an HTTP transport: the real runtime against a Kubernetes API without a cluster.

    async with EmbeddedServer() as server:
        config = KubeConfig.from_one(cluster=Cluster(server="http://embedded.invalid"), user=User())
        client = lightkube.AsyncClient(config=config, transport=server.transport, trust_env=False)

For demonstrations and offline tests. No socket is opened; what it answers is what `agentctl_core.testing` models.
"""

from ._images import embedded_look_up
from ._server import EmbeddedServer

__all__ = ["EmbeddedServer", "embedded_look_up"]
