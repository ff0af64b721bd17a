"""One pass over one Agent through the official Kubernetes client: complete what was seen, decide, act.

`client_host.py` and `kopf_host.py` say when there is a pass, and bring what they have seen.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from time import monotonic
from typing import Any, Final, TypeAlias

from attrs import define, evolve, field
from kubernetes import config
from kubernetes.client import ApiClient

from agentctl_core import (
    Action,
    Create,
    ImageError,
    Observed,
    Patch,
    Ref,
    Requeue,
    Resize,
    ResolveImage,
    reconcile,
    wanted,
)
from agentctl_core.host import (
    AGENT,
    DEPENDENTS,
    REFUSAL_SECONDS,
    Outcome,
    Request,
    Resource,
    failure_of,
    generation_of,
    is_confirmed_first,
    judge,
    refusal,
    request_for,
)

Json: TypeAlias = dict[str, Any]

TIMEOUT: Final = (10, 60)
"""Seconds for a connection to be made and for an answer to come: an admission webhook alone may take 30."""
LOOK_SECONDS: Final = 60.0
"""At the latest a host looks again after this time."""
BACKOFF_MAX: Final = 60.0
"""Seconds; the first wait is a fifth of one."""
RESOURCES: Final = {each.kind: each for each in (AGENT, *DEPENDENTS)}
NO_REGISTRY: Final = ImageError("Unreachable", "this host asks no registry")

log: Final = logging.getLogger("agentctl.host")


class TryAgainError(Exception):
    """The pass has come to no end: another one is needed, with a fresh look."""


class Cluster:
    """The API server in Kubernetes' own JSON: the official client's models would lose what they do not know."""

    def __init__(self) -> None:
        config.load_config()  # type: ignore[no-untyped-call]
        self._client = ApiClient()

    def open(self, method: str, path: str, query: Mapping[str, str], body: Json | None = None, kind: str = "") -> Any:
        """Send a request; return the answer unread, whatever its status."""
        headers = {"Accept": "application/json", "Content-Type": kind or "application/json"}
        request = self._client.param_serialize(
            method, path, query_params=dict(query), header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        return self._client.call_api(*request, _request_timeout=TIMEOUT)

    def send(self, request: Request) -> tuple[int, Json]:
        """Send what executes an action; return the status code and the answer, {} where it is not Kubernetes' own."""
        response = self.open(request.method, request.path, request.query, request.body, request.content_type)
        return response.status, _json(response.read())

    def read(self, path: str, **query: str) -> Json | None:
        """Return an object or a list; None where there is none."""
        response = self.open("GET", path, query)
        answer = _json(response.read())
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        if response.status != HTTPStatus.OK or not answer:
            raise TryAgainError(f"GET {path}: {response.status} {answer.get('message', '')}")
        return answer

    def watch(self, resource: Resource, namespace: str | None, selector: str = "") -> Iterator[None]:
        """Yield once the watch has begun, and whenever something comes; end when the server ends it."""
        query = {"watch": "true", "labelSelector": selector, "timeoutSeconds": str(TIMEOUT[1] - 10)}
        response = self.open("GET", resource.path(namespace), query)
        if response.status != HTTPStatus.OK:
            raise TryAgainError(f"watch {resource.plural}: {response.status}")
        yield
        for _ in response.response.stream():
            yield

    def list(self, resource: Resource, namespace: str | None, selector: str = "") -> list[Json]:
        """Return the objects of a kind. Those of a list come without apiVersion and kind."""
        listed = self.read(resource.path(namespace), labelSelector=selector) or {}
        named = {"apiVersion": resource.api_version, "kind": resource.kind}
        return [named | item for item in listed.get("items") or ()]


@define
class Keeper:
    """Looks after one Agent. What it remembers between two passes may be lost with the process."""

    cluster: Cluster
    failures: int = 0
    """In a row."""
    refusals: list[tuple[float, object, Json]] = field(factory=list)
    """Until when, for which spec of the Agent, and the API server's answer."""

    def look_after(self, agent: Json, seen: Sequence[Json]) -> float:
        """Do what there is to do; one call at a time.

        Args:
            agent: as the host has seen it.
            seen: the objects that concern it, as far as the host has seen them.

        Returns:
            After how many seconds to come back, if nothing changes before.
        """
        try:
            after = self._pass(agent, seen)
        except TryAgainError as reason:
            log.info("%s: %s", agent["metadata"]["name"], reason)
        except Exception:  # no Agent may stop the others, and no lost connection the host
            log.exception("%s: will try again", agent["metadata"]["name"])
        else:
            self.failures = 0
            return after
        self.failures += 1
        return min(0.1 * 2.0 ** min(self.failures, 20), BACKOFF_MAX)

    def _pass(self, agent: Json, seen: Sequence[Json]) -> float:
        for action in _plan(agent, (*seen, *self._missing(agent, seen), *self._refusals_of(agent))):
            if isinstance(action, Requeue):
                return action.after
            request = request_for(action, agent, reporting_instance=socket.gethostname())
            if request is not None:
                if is_confirmed_first(action, agent):
                    self._confirm(agent)
                self._execute(action, request, agent)
        return LOOK_SECONDS

    def _missing(self, agent: Json, seen: Sequence[Json]) -> Iterable[Json]:
        """Read what is wanted and was not seen: a stranger's object, or one of which no watch has told yet."""
        known = {Ref.of(item) for item in seen}
        paths = [_path(ref) for ref in wanted(agent) if ref not in known]
        return filter(None, map(self.cluster.read, paths))

    def _refusals_of(self, agent: Json) -> list[Json]:
        now, spec = monotonic(), generation_of(agent)
        self.refusals = [each for each in self.refusals if each[0] > now and each[1] == spec]
        return [status for _, _, status in self.refusals]

    def _confirm(self, agent: Json) -> None:
        found = self.cluster.read(_path(Ref.of(agent)))
        if found is None or generation_of(found) != generation_of(agent):
            raise TryAgainError("it has changed")

    def _execute(self, action: Action, request: Request, agent: Json) -> None:
        code, answer = self.cluster.send(request)
        log.info("%s: %s %s: %s", agent["metadata"]["name"], request.method, request.path, code)
        if code in (HTTPStatus.OK, HTTPStatus.CREATED, HTTPStatus.ACCEPTED):
            return
        outcome = judge(action, failure_of(code, answer if answer.get("kind") == "Status" else None))
        if outcome is Outcome.REFUSED and isinstance(action, Create | Patch | Resize):
            until = monotonic() + REFUSAL_SECONDS
            self.refusals.append((until, generation_of(agent), refusal(action, code, answer)))
        if outcome is not Outcome.DONE:
            raise TryAgainError(f"{outcome.value}: {answer.get('message', '')}")


def _plan(agent: Json, objects: Iterable[Json]) -> tuple[Action, ...]:
    observed = Observed(datetime.now(UTC), tuple(objects))
    actions = reconcile(agent, observed)
    asked = [action.image for action in actions if isinstance(action, ResolveImage)]
    return reconcile(agent, evolve(observed, images=dict.fromkeys(asked, NO_REGISTRY))) if asked else actions


def _path(ref: Ref) -> str:
    return RESOURCES[ref.kind].path(ref.namespace, ref.name)


def _json(content: bytes) -> Json:
    try:
        answer: Any = json.loads(content)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
