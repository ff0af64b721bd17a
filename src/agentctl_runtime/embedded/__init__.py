"""The model cluster behind an HTTP transport: the real runtime against a Kubernetes API without a cluster.

    async with EmbeddedServer() as server:
        client = lightkube.AsyncClient(
            config=KubeConfig.from_server("http://embedded.invalid"), transport=server.transport, trust_env=False
        )

For demonstrations and offline tests. No socket is opened; what it answers is what `agentctl_core.testing` models.
"""

from ._server import EmbeddedServer

__all__ = ["EmbeddedServer"]
