"""The credentials that an Agent's pull secrets hold for its image: read when they are needed, and never kept.

They are the pod's own: what the Agent names, else what its service account does, as Kubernetes gives them to the pod. A
Secret that is of no use is passed over, and told of where the registry refuses. Nothing of it is told but its name.

https://kubernetes.io/docs/tasks/configure-pod-container/pull-image-private-registry/
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from attrs import frozen

from agentctl_core import ImageError, ImageInfo, Ref, ResolveImage
from agentctl_core.host import Resource

from ._failure import ApiFailure
from ._keyring import Entry, MalformedConfig, config_json_entries, dockercfg_entries, matching
from ._reference import InvalidReference, Reference, parse_reference
from ._registry_auth import Credential
from ._resources import SECRET, SERVICE_ACCOUNT

MAX_SECRETS: Final = 16
"""Of one Agent that are read: each is a request, at each attempt."""
MAX_NAME: Final = 253

_FORMS: Final[Mapping[object, tuple[str, Callable[[bytes], Sequence[Entry]]]]] = {
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson", config_json_entries),
    "kubernetes.io/dockercfg": (".dockercfg", dockercfg_entries),
}
"""By the type of a Secret: where in it the configuration stands, and what reads that."""
_MAKE: Final = "`kubectl create secret docker-registry` makes one"
_SWITCH: Final = "the operator uses imagePullSecrets for this where it runs with --use-image-pull-secrets"
_RIGHT: Final = "the operator may not read it; deploy/pull-secrets gives it that right"

Read: TypeAlias = Callable[[Ref], Awaitable[Mapping[str, Any] | None]]


@frozen
class Found:
    """What there is to show to a registry for one image.

    Attributes:
        credentials: in the order in which they are to be tried; none for nobody in particular.
        remark: what to tell where the registry shows nothing all the same; it holds nothing of a Secret but its name.
    """

    credentials: tuple[Credential, ...]
    remark: str


CredentialsFor: TypeAlias = Callable[[str, ResolveImage], Awaitable[Found]]
"""Returns what there is for an image that an Agent of this namespace asks for."""


async def no_pull_secrets(_: str, __: ResolveImage) -> Found:
    """Answer for an operator that reads no Secrets."""
    return Found((), _SWITCH)


class PullSecrets:
    """Finds credentials in Secrets.

    Args:
        read: reads one object; returns None where there is none. Nothing that its ApiFailure says is told.
    """

    def __init__(self, read: Read) -> None:
        self._read = read

    async def credentials_for(self, namespace: str, action: ResolveImage) -> Found:
        """Return what there is for an image; raises nothing."""
        try:
            image = parse_reference(action.image)
        except InvalidReference:
            return Found((), "")  # no registry is asked
        names: Sequence[str] | str = action.pull_secrets
        if not names:
            names = await self._names_of_account(namespace, action.service_account)
            if isinstance(names, str):
                return Found((), f"ServiceAccount {_short(action.service_account)}: {names}")
        return await self._of_secrets(namespace, tuple(dict.fromkeys(names)), image)

    async def _names_of_account(self, namespace: str, account: str) -> Sequence[str] | str:
        """Return the pull secrets of a service account, or why there are none."""
        found = await self._get(SERVICE_ACCOUNT, namespace, account)
        if isinstance(found, str):
            return found
        names = [each["name"] for each in found.get("imagePullSecrets") or () if each.get("name")]
        return names or "it has no imagePullSecrets, and the Agent names none in spec.podTemplate.spec"

    async def _of_secrets(self, namespace: str, names: Sequence[str], image: Reference) -> Found:
        read = await asyncio.gather(*(self._entries(namespace, name) for name in names[:MAX_SECRETS]))
        entries = [entry for each in read if not isinstance(each, str) for entry in each]
        credentials = tuple(dict.fromkeys(entry.credential for entry in matching(entries, image)))
        remarks = [f"Secret {_short(name)}: {_told(each, image)}" for name, each in zip(names, read, strict=False)]
        if len(names) > MAX_SECRETS:
            remarks.append(f"of {len(names)} imagePullSecrets the first {MAX_SECRETS} are read")
        return Found(credentials, "; ".join(remarks))

    async def _entries(self, namespace: str, name: str) -> Sequence[Entry] | str:
        """Return what stands in a Secret, or why that is of no use."""
        found = await self._get(SECRET, namespace, name)
        if isinstance(found, str):
            return found
        form = _FORMS.get(found.get("type"))
        if form is None:
            return f"it is none for registries; {_MAKE}"
        key, read = form
        data: Mapping[str, str] = found.get("data") or {}
        try:
            return read(base64.b64decode(data.get(key, "")))
        except (MalformedConfig, ValueError):
            return f"what stands in it is not what its type says; {_MAKE}"

    async def _get(self, kind: Resource, namespace: str, name: str) -> Mapping[str, Any] | str:
        """Read an object; or return why it cannot be read."""
        if len(name) > MAX_NAME:
            return "that is no name"
        try:
            found = await self._read(Ref(kind.api_version, kind.kind, namespace, name))
        except ApiFailure as failure:
            if failure.code == HTTPStatus.FORBIDDEN:
                return _RIGHT
            # Not what it says: of an answer that is none it quotes the beginning.
            return f"it cannot be read now ({failure.code or failure.reason}), and is tried again"
        return "it does not exist" if found is None else found


def with_remark(known: ImageInfo | ImageError, action: ResolveImage, found: Found) -> ImageInfo | ImageError:
    """Return an answer with what is to be said of credentials, where it might be another one with others.

    Who may not see an image is often told that there is none; but so is who has misspelt it, and names no pull secret.
    """
    if isinstance(known, ImageInfo) or known.reason == "Unreachable" or not found.remark:
        return known
    if known.reason == "NotFound" and not action.pull_secrets:
        return known
    return ImageError(known.reason, f"{known.message} ({found.remark})")


def _told(read: Sequence[Entry] | str, image: Reference) -> str:
    if isinstance(read, str):
        return read
    what = "it has credentials" if matching(read, image) else "it has no credentials"
    return f"{what} for {image.domain}/{image.name}"


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else f"{name[:MAX_NAME]}..."
