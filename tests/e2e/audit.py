"""What an API server's audit log says of one user's requests."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.rights import Right

_POLICY = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"]}
_DECISION = "authorization.k8s.io/decision"


class AuditLog:
    """The audit log of an API server that is started with `flags`."""

    def __init__(self, directory: Path, users: Sequence[str] = ()) -> None:
        """Prepare a log in a folder that exists, of the requests of some users or of all."""
        self._log = directory / "audit.log"
        policy = directory / "audit-policy.json"
        rules = [{"level": "Metadata", "users": users}, {"level": "None"}] if users else [{"level": "Metadata"}]
        policy.write_text(json.dumps(_POLICY | {"rules": rules}))
        # Of the default size the log would be rotated amid the test.
        self.flags = (
            f"--audit-policy-file={policy}",
            f"--audit-log-path={self._log}",
            "--audit-log-maxsize=1000",
            "--audit-log-mode=blocking-strict",
        )

    def used(self, user: str) -> set[Right]:
        """Return each right that a user's requests have needed."""
        return {_right(entry) for entry in self._entries(user) if entry["annotations"].get(_DECISION) == "allow"}

    def denied(self, user: str) -> list[str]:
        """Return each request of a user that was not allowed, for whatever reason."""
        return [
            f"{entry['verb']} {entry['requestURI']}: {entry.get('responseStatus')}"
            for entry in self._entries(user)
            if entry["annotations"].get(_DECISION) != "allow"
        ]

    def requests(self, user: str) -> Counter[str]:
        """Count a user's requests by verb and resource, once they are answered: watches that go on are not."""
        rights = [_right(entry) for entry in self._entries(user) if entry["stage"] == "ResponseComplete"]
        return Counter(f"{right.verb} {right.resource}" for right in rights)

    def _entries(self, user: str) -> Iterator[dict[str, Any]]:
        for line in self._log.read_text().splitlines():
            entry: dict[str, Any] = json.loads(line)
            if entry["user"].get("username") == user:
                yield {"annotations": {}} | entry


def _right(entry: dict[str, Any]) -> Right:
    # What is no resource (/version, /apis) is for everybody; that the operator asks for it would be news.
    of: dict[str, str] = entry.get("objectRef") or {"resource": entry["requestURI"]}
    resource = of.get("resource", "") + (f"/{of['subresource']}" if of.get("subresource") else "")
    return Right(of.get("apiGroup", ""), resource, entry["verb"], of.get("name", ""))
