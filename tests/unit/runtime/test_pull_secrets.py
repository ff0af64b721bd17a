"""What an operator finds in pull secrets, and what it says where they are of no use."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest

from agentctl_core import ImageError, ImageInfo, Ref, ResolveImage
from agentctl_runtime._failure import ApiFailure, decode
from agentctl_runtime._pull_secrets import MAX_NAME, MAX_SECRETS, Found, PullSecrets, no_pull_secrets, with_remark
from agentctl_runtime._registry_auth import Credential

CANARY = "c4n4ry"
IMAGE = "registry.example/team/agent:1"
PLACE = "registry.example/team/agent"
USED = f"it has credentials for {PLACE}"
UNUSED = f"it has no credentials for {PLACE}"
MAKE = "`kubectl create secret docker-registry` makes one"
JSON, OLD = "kubernetes.io/dockerconfigjson", "kubernetes.io/dockercfg"


def secret(auths: Any, kind: str = JSON, **fields: Any) -> dict[str, Any]:
    """Return a Secret with these entries, or with a text as it stands there."""
    key, whole = (".dockerconfigjson", {"auths": auths}) if kind == JSON else (".dockercfg", auths)
    content = auths if isinstance(auths, bytes) else json.dumps(whole).encode()
    return {"kind": "Secret", "type": kind, "data": {key: base64.b64encode(content).decode()}, **fields}


def user(name: str, place: str = "registry.example") -> dict[str, Any]:
    return {place: {"username": name, "password": CANARY}}


def credential(name: str) -> Credential:
    return Credential(name.encode(), CANARY.encode())


class Cluster:
    """What can be read, by its name; an exception is raised."""

    def __init__(self, **objects: Mapping[str, Any] | Exception) -> None:
        self.objects = objects
        self.read: list[str] = []

    async def __call__(self, ref: Ref) -> Mapping[str, Any] | None:
        self.read.append(str(ref))
        found = self.objects.get(ref.name.replace("-", "_"))
        if isinstance(found, Exception):
            raise found
        return found

    def find(self, *names: str, image: str = IMAGE, account: str = "default") -> Found:
        action = ResolveImage(image, names, account)
        return asyncio.run(PullSecrets(self).credentials_for("team", action))


def test_the_credentials_for_the_image_are_found_in_each_kind_of_secret() -> None:
    cluster = Cluster(new=secret(user("a")), old=secret(user("b"), OLD))
    assert cluster.find("new", "old") == Found(
        (credential("a"), credential("b")), f"Secret new: {USED}; Secret old: {USED}"
    )
    assert cluster.read == ["Secret team/new", "Secret team/old"]


def test_what_fits_best_comes_first_whichever_secret_it_stands_in_and_is_tried_once() -> None:
    cluster = Cluster(
        one=secret(user("host") | user("elsewhere", "elsewhere.example")),
        two=secret(user("path", "registry.example/team") | user("host", "*.example")),
    )
    assert cluster.find("one", "two").credentials == (credential("path"), credential("host"))


def test_without_names_they_are_those_of_the_service_account() -> None:
    account = {"kind": "ServiceAccount", "imagePullSecrets": [{"name": "a"}, {}, {"name": "a"}]}
    cluster = Cluster(other=account, a=secret(user("a")))
    assert cluster.find(account="other") == Found((credential("a"),), f"Secret a: {USED}")
    assert cluster.read == ["ServiceAccount team/other", "Secret team/a"]


def test_with_names_the_service_account_is_not_asked_for() -> None:
    cluster = Cluster(a=secret({}))
    assert cluster.find("a", "a") == Found((), f"Secret a: {UNUSED}")
    assert cluster.read == ["Secret team/a"]


@pytest.mark.parametrize(
    ("account", "remark"),
    [
        ({}, "it has no imagePullSecrets, and the Agent names none in spec.podTemplate.spec"),
        ({"imagePullSecrets": []}, "it has no imagePullSecrets, and the Agent names none in spec.podTemplate.spec"),
        (None, "it does not exist"),
        (
            ApiFailure(CANARY, code=403, reason="Forbidden"),
            "the operator may not read it; deploy/pull-secrets gives it that right",
        ),
    ],
)
def test_a_service_account_that_brings_none_is_told(account: Any, remark: str) -> None:
    cluster = Cluster(**({"default": account} if account is not None else {}))
    assert cluster.find() == Found((), f"ServiceAccount default: {remark}")


@pytest.mark.parametrize(
    ("found", "remark"),
    [
        (None, "it does not exist"),
        (ApiFailure(CANARY, code=403), "the operator may not read it; deploy/pull-secrets gives it that right"),
        (ApiFailure(CANARY, code=500, reason=CANARY), "it cannot be read now (500), and is tried again"),
        (ApiFailure(CANARY, reason="Timeout"), "it cannot be read now (Timeout), and is tried again"),
        (secret(user("a"), type="Opaque"), f"it is none for registries; {MAKE}"),
        (secret(user("a"), type=CANARY), f"it is none for registries; {MAKE}"),
        ({"data": None}, f"it is none for registries; {MAKE}"),
        (secret(user("a"), type=OLD), f"what stands in it is not what its type says; {MAKE}"),
        (secret(f'{{"auths": "{CANARY}"}}'.encode()), f"what stands in it is not what its type says; {MAKE}"),
        (secret({"registry.example": {"auth": CANARY}}), f"what stands in it is not what its type says; {MAKE}"),
        (secret({}, data={".dockerconfigjson": "\u00e4"}), f"what stands in it is not what its type says; {MAKE}"),
        (secret({}, data=None), f"what stands in it is not what its type says; {MAKE}"),
        (secret(user(CANARY, "elsewhere.example")), UNUSED),
    ],
)
def test_a_secret_that_is_of_no_use_is_told_by_its_name_and_the_others_are_used(found: Any, remark: str) -> None:
    cluster = Cluster(good=secret(user("a")), **({"bad_one": found} if found is not None else {}))
    told = cluster.find("bad-one", "good")
    assert told == Found((credential("a"),), f"Secret bad-one: {remark}; Secret good: {USED}")
    assert CANARY not in told.remark


def test_an_answer_that_is_none_is_not_quoted() -> None:
    with pytest.raises(ApiFailure, match=CANARY) as caught:
        decode(f"{{{CANARY}".encode(), "GET")
    assert CANARY not in Cluster(a=caught.value).find("a").remark


def test_what_is_no_reference_leads_to_no_request() -> None:
    cluster = Cluster(a=secret(user("a")))
    assert cluster.find("a", image="No Reference") == Found((), "")
    assert cluster.read == []


def test_so_many_secrets_are_read_and_no_more() -> None:
    cluster = Cluster()
    told = cluster.find(*(str(number) for number in range(MAX_SECRETS + 1)))
    assert len(cluster.read) == MAX_SECRETS
    assert told.remark.endswith(f"; of {MAX_SECRETS + 1} imagePullSecrets the first {MAX_SECRETS} are read")


def test_what_cannot_be_a_name_is_not_asked_for_and_not_repeated_as_a_whole() -> None:
    cluster = Cluster()
    assert cluster.find("a" * 1_000_000).remark == f"Secret {'a' * MAX_NAME}...: that is no name"
    assert cluster.find(account="a" * 1_000_000).remark == f"ServiceAccount {'a' * MAX_NAME}...: that is no name"
    assert cluster.read == []


def test_switched_off_nothing_is_read_and_the_switch_is_told() -> None:
    found = asyncio.run(no_pull_secrets("team", ResolveImage(IMAGE, ("a",))))
    assert found.credentials == ()
    assert "--use-image-pull-secrets" in found.remark


INFO = ImageInfo("sha256:1", {})


@pytest.mark.parametrize(
    ("known", "names", "remark", "expected"),
    [
        (INFO, ("a",), "why", INFO),
        (ImageError("Forbidden", "no"), (), "why", ImageError("Forbidden", "no (why)")),
        (ImageError("Forbidden", "no"), (), "", ImageError("Forbidden", "no")),
        (ImageError("NotFound", "no"), ("a",), "why", ImageError("NotFound", "no (why)")),
        (ImageError("NotFound", "no"), (), "why", ImageError("NotFound", "no")),
        (ImageError("Unreachable", "no"), ("a",), "why", ImageError("Unreachable", "no")),
    ],
)
def test_the_remark_is_made_where_others_credentials_might_help(
    known: ImageInfo | ImageError, names: tuple[str, ...], remark: str, expected: ImageInfo | ImageError
) -> None:
    assert with_remark(known, ResolveImage(IMAGE, names), Found((), remark)) == expected
