"""How long things take in the model."""

from __future__ import annotations

from attrs import frozen


@frozen
class Timings:
    """How long things take on a node, in seconds.

    Attributes:
        schedule: from a pod's creation to its binding.
        start: from the kubelet's first look at a pod until its containers are ready.
        stop: from SIGTERM to the end of its processes; never longer than the grace period.
        run: from its start until the program of a task (restartPolicy OnFailure or Never) ends with exit code 0; None
            for ever.
    """

    schedule: float = 0
    start: float = 0
    stop: float = 1
    run: float | None = None
