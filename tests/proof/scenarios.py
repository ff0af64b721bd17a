"""What is explored: a service, a task, and an agent with everything beside its pod."""

from __future__ import annotations

from typing import Final

from agentctl_core.testing import Scenario

_CLAIM = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}
_SERVICE = {"image": "example.com/agent:1", "command": ["agent"]}
_TASK = {
    **_SERVICE,
    "restartPolicy": "OnFailure",
    "backoffLimit": 1,
    "activeDeadlineSeconds": 60,
    "ttlSecondsAfterFinished": 100,
}
_FULL = {
    **_SERVICE,
    "resources": {"requests": {"cpu": "1"}},
    "files": [{"path": "a", "content": "1"}],
    "service": {"ports": [{"port": 80}]},
    "volumeClaimTemplates": [_CLAIM],
}
_KEPT = {
    **_SERVICE,
    "updateStrategy": "OnDelete",
    "resources": {"requests": {"cpu": "1"}},
    "podTemplate": {"metadata": {"annotations": {"a": "1"}}},
}
_IN_PLACE = {"resources": {"requests": {"cpu": "2"}}, "podTemplate": {"metadata": {"annotations": {"b": "2"}}}}

SCENARIOS: Final = {
    "service": Scenario(spec=_SERVICE, versions=[{**_SERVICE, "image": "example.com/agent:2"}]),
    # The other version takes too long.
    "task": Scenario(spec=_TASK, versions=[{**_TASK, "image": "example.com/agent:2", "activeDeadlineSeconds": 10}]),
    # The other version changes CPU, files and claims, and has no Service.
    "full": Scenario(
        spec=_FULL,
        versions=[{**_SERVICE, "resources": {"requests": {"cpu": "2"}}, "files": [{"path": "a", "content": "2"}]}],
    ),
    # The first change is one in place; the pod stays as it is when the second is made.
    "on-delete": Scenario(
        spec=_KEPT,
        versions=[
            {**_KEPT, **_IN_PLACE},
            {**_KEPT, "image": "example.com/agent:2"},
        ],
    ),
}

VIEWS: Final = (
    *("stale-view", "rewound-view", "stale-agent", "rewound-agent", "stale-objects", "rewound-objects"),
    *("edit", "scale", "recreate"),
)
"""The faults by which what is seen and what is asked for differ: few enough for three of them on a path."""
