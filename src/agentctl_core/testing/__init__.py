"""A model of a Kubernetes cluster, for tests of anything that stands on `agentctl_core`: no I/O, no clock of its own.

It answers as an API server does, and its controllers act when they are told to::

    cluster = ModelCluster(datetime(2026, 1, 1, tzinfo=UTC))
    agent = cluster.create({"apiVersion": "agentctl.dev/v1alpha1", "kind": "Agent", ...})
    for action in reconcile(agent, cluster.observe(agent)):
        cluster.execute(action)
    cluster.settle()

The same model stands behind an HTTP face in `agentctl_runtime.embedded`. What it does not model: managedFields,
admission policies, quota and service accounts.
"""

from ._cluster import ModelCluster
from ._converge import Convergence, assert_converges, random_faults
from ._explore import Exploration, explore
from ._faults import FAULTS, Fault
from ._refused import Refused
from ._steps import Violation, retrace
from ._timings import Timings
from ._watch import WatchEvent
from ._world import Scenario, World

__all__ = [
    "FAULTS",
    "Convergence",
    "Exploration",
    "Fault",
    "ModelCluster",
    "Refused",
    "Scenario",
    "Timings",
    "Violation",
    "WatchEvent",
    "World",
    "assert_converges",
    "explore",
    "random_faults",
    "retrace",
]
