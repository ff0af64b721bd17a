"""Image look-ups against registries that answer well, badly, and with bad intent."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentctl_core import ImageConfig, ImageError, ImageInfo
from agentctl_runtime._registry import TOTAL_SECONDS, Registry
from agentctl_runtime._registry_auth import Credential
from agentctl_runtime._registry_http import MAX_REDIRECTS, MAX_TOTAL
from agentctl_runtime._registry_image import MAX_CONFIG, MAX_MANIFEST, MAX_PLATFORMS, MAX_WORDS

from .support import Body, fuzzed, now, run

HOST = "registry.example"
IMAGE = f"{HOST}/team/agent:1"
ROOT = "/v2/team/agent"
TAGGED = f"{ROOT}/manifests/1"
OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker.distribution.manifest."
SECRET = "s3cr3t-t0k3n"  # noqa: S105 -- to be looked for
LINUX = {"os": "linux", "architecture": "amd64"}
ARM = {"os": "linux", "architecture": "arm64", "variant": "v8"}

Answer = Callable[[httpx2.Request], httpx2.Response] | httpx2.Response


def digest(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


class FakeRegistry:
    """Serves what it was given; anything else is 404. Keeps every request."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        path = request.url.path
        answer = self.answers.get(f"{request.url.scheme}://{request.url.netloc.decode()}{path}", self.answers.get(path))
        if answer is None:
            return error(404, "MANIFEST_UNKNOWN")
        return answer(request) if callable(answer) else answer

    def blob(self, content: bytes) -> str:
        self.answers[f"{ROOT}/blobs/{digest(content)}"] = httpx2.Response(200, content=content)
        return digest(content)

    def config(self, entrypoint: Any = None, cmd: Any = None, platform: Mapping[str, str] = LINUX, **more: Any) -> str:
        run = {"Entrypoint": entrypoint, "Cmd": cmd, **more}
        return self.blob(json.dumps({**platform, "config": run}).encode())

    def put(self, document: Any, media_type: str = f"{OCI}manifest.v1+json", tag: str = "1", **headers: str) -> str:
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        found = digest(content)
        all_headers = {"Content-Type": media_type, "Docker-Content-Digest": found, **headers}
        answer = httpx2.Response(200, content=content, headers=all_headers)
        self.answers[f"{ROOT}/manifests/{tag}"] = self.answers[f"{ROOT}/manifests/{found}"] = answer
        return found

    def manifest(self, config: str, tag: str = "-", media_type: str = f"{OCI}manifest.v1+json") -> str:
        return self.put({"mediaType": media_type, "config": {"digest": config}, "layers": []}, media_type, tag)

    def index(self, *entries: Any, tag: str = "1", media_type: str = f"{OCI}index.v1+json") -> str:
        return self.put({"mediaType": media_type, "manifests": entries}, media_type, tag)

    def image(self, entrypoint: Any = None, cmd: Any = None, **more: Any) -> str:
        return self.manifest(self.config(entrypoint, cmd, **more), "1")

    def look_up(
        self,
        reference: str = IMAGE,
        before: ImageInfo | None = None,
        credentials: Sequence[Credential] = (),
        **options: Any,
    ) -> ImageInfo | ImageError:
        async def main() -> ImageInfo | ImageError:
            async with Registry(httpx2.MockTransport(self), **options) as registry:
                return await registry.look_up(reference, before, credentials)

        return run(main())

    def info(self, reference: str = IMAGE) -> ImageInfo:
        found = self.look_up(reference)
        assert isinstance(found, ImageInfo), found
        return found

    def unreachable(self, message: str, reference: str = IMAGE) -> None:
        self.fails("Unreachable", message, reference)

    def fails(self, reason: str, message: str, reference: str = IMAGE) -> None:
        found = self.look_up(reference)
        assert isinstance(found, ImageError), found
        assert (found.reason, message in found.message) == (reason, True), found
        assert SECRET not in found.message


def entry(digest: str, platform: Mapping[str, str] | None = LINUX, **more: Any) -> dict[str, Any]:
    return {"digest": digest, **({"platform": platform} if platform else {}), **more}


def error(status: int, code: str = "", **headers: str) -> httpx2.Response:
    return httpx2.Response(status, json={"errors": [{"code": code, "message": SECRET}]}, headers=headers)


@pytest.fixture
def registry() -> FakeRegistry:
    return FakeRegistry()


def test_an_image_of_one_platform(registry: FakeRegistry) -> None:
    found = registry.image(["/bin/agent", "--a"], ["serve"], User="1000:1000")
    config = ImageConfig(["/bin/agent", "--a"], ["serve"], "1000:1000")
    assert registry.info() == ImageInfo(found, {"linux/amd64": config})
    assert {request.url.scheme for request in registry.asked} == {"https"}


@pytest.mark.parametrize(
    ("entrypoint", "cmd", "expected"),
    [
        (["a"], None, ImageConfig(["a"])),
        (None, ["b"], ImageConfig(cmd=["b"])),
        (["a"], ["b"], ImageConfig(["a"], ["b"])),
        (["/bin/sh", "-c", "exec $A $(B)"], [], ImageConfig(["/bin/sh", "-c", "exec $A $(B)"])),
        (None, None, ImageConfig()),
        ([""], ["\u00e4\n"], ImageConfig([""], ["\u00e4\n"])),
    ],
)
def test_commands_stay_as_they_are(registry: FakeRegistry, entrypoint: Any, cmd: Any, expected: ImageConfig) -> None:
    registry.image(entrypoint, cmd)
    assert registry.info().platforms == {"linux/amd64": expected}


def test_an_image_without_any_configuration_runs_nothing(registry: FakeRegistry) -> None:
    for document in ({**LINUX}, {**LINUX, "config": None}, {**LINUX, "config": {}}):
        registry.manifest(registry.blob(json.dumps(document).encode()), "1")
        assert registry.info().platforms == {"linux/amd64": ImageConfig()}


@pytest.mark.parametrize(
    ("index", "manifest"),
    [(f"{OCI}index.v1+json", f"{OCI}manifest.v1+json"), (f"{DOCKER}list.v2+json", f"{DOCKER}v2+json")],
)
def test_an_index_tells_every_platform_and_attestations_are_none(
    registry: FakeRegistry, index: str, manifest: str
) -> None:
    amd = registry.manifest(registry.config(["a"]), media_type=manifest)
    arm = registry.manifest(registry.config(["b"], platform=ARM), media_type=manifest)
    found = registry.index(
        entry(amd, mediaType=manifest),
        entry(arm, ARM, mediaType=manifest),
        entry(digest(b""), {"os": "unknown", "architecture": "unknown"}, mediaType=manifest),
        entry(digest(b""), mediaType=manifest, artifactType="application/x.signature"),
        entry(digest(b""), mediaType="application/x.other"),
        media_type=index,
    )
    platforms = {"linux/amd64": ImageConfig(["a"]), "linux/arm64/v8": ImageConfig(["b"])}
    assert registry.info() == ImageInfo(found, platforms)
    assert len(registry.asked) == 5


def test_an_index_entry_without_a_platform_has_that_of_its_configuration(registry: FakeRegistry) -> None:
    manifest = registry.manifest(registry.config(["a"], platform=ARM))
    for platform in (None, {"os": "", "architecture": ""}, {"architecture": "amd64"}):
        registry.index(entry(manifest, platform))
        assert registry.info().platforms == {"linux/arm64/v8": ImageConfig(["a"])}


def test_of_two_images_for_a_platform_the_first_counts(registry: FakeRegistry) -> None:
    manifests = [registry.manifest(registry.config([name])) for name in ("first", "second")]
    registry.index(*map(entry, manifests))
    assert registry.info().platforms == {"linux/amd64": ImageConfig(["first"])}


def test_an_index_in_an_index_is_read_and_a_third_is_not(registry: FakeRegistry) -> None:
    media_type = f"{OCI}index.v1+json"
    inner = registry.index(entry(registry.manifest(registry.config(["a"]))), tag="-")
    outer = registry.index(entry(inner, None, mediaType=media_type))
    assert registry.info() == ImageInfo(outer, {"linux/amd64": ImageConfig(["a"])})
    registry.index(entry(outer, None, mediaType=media_type))
    registry.unreachable("an index of indexes of indexes")


def test_an_endless_list_of_platforms_is_not_followed(registry: FakeRegistry) -> None:
    manifest = registry.manifest(registry.config(["a"]))
    registry.index(*[entry(manifest)] * MAX_PLATFORMS)
    assert isinstance(registry.look_up(), ImageInfo)
    registry.asked.clear()
    registry.index(*[entry(manifest)] * (MAX_PLATFORMS + 1))
    registry.unreachable("more than 64 platforms")
    empty = registry.index(tag="-")
    registry.index(*[entry(empty, None, mediaType=f"{OCI}index.v1+json")] * 1000)
    registry.unreachable("more than 64 platforms")
    assert len(registry.asked) < 70


def test_an_index_without_an_image_is_an_error(registry: FakeRegistry) -> None:
    registry.index()
    registry.unreachable("no image for any platform")


def test_what_was_said_before_holds_while_the_digest_is_the_same_and_its_parts_are_not_read_again(
    registry: FakeRegistry,
) -> None:
    registry.index(entry(registry.manifest(registry.config(["a"]))))
    before = registry.info()
    registry.asked.clear()
    assert registry.look_up(before=before) is before
    assert [request.url.path for request in registry.asked] == [TAGGED]
    registry.index(entry(registry.manifest(registry.config(["b"]))))
    after = registry.look_up(before=before)
    assert isinstance(after, ImageInfo)
    assert after.platforms == {"linux/amd64": ImageConfig(["b"])}


def test_a_registry_cannot_claim_a_digest_to_have_what_was_said_before(registry: FakeRegistry) -> None:
    registry.image(["a"])
    before = registry.info()
    registry.put({"config": {"digest": registry.config(["b"])}}, **{"Docker-Content-Digest": before.digest})
    registry.unreachable("does not have the digest")


def test_a_digest_is_asked_for_by_itself_and_pinned(registry: FakeRegistry) -> None:
    found = registry.image(["a"])
    assert registry.info(f"{HOST}/team/agent:other@{found}").digest == found
    assert registry.asked[0].url.path == f"{ROOT}/manifests/{found}"


def test_other_digest_algorithms_are_verified_too(registry: FakeRegistry) -> None:
    registry.image(["a"])
    answer = registry.answers[TAGGED]
    assert isinstance(answer, httpx2.Response)
    found = digest(answer.content, "sha512")
    registry.answers[f"{ROOT}/manifests/{found}"] = answer
    assert registry.info(f"{HOST}/team/agent@{found}").digest == found
    wrong = digest(b"", "sha512")
    registry.answers[f"{ROOT}/manifests/{wrong}"] = answer
    registry.unreachable("the digest", f"{HOST}/team/agent@{wrong}")


def test_without_a_stated_digest_it_is_computed(registry: FakeRegistry) -> None:
    found = registry.image(["a"])
    answer = registry.answers[TAGGED]
    assert isinstance(answer, httpx2.Response)
    del answer.headers["Docker-Content-Digest"]
    assert registry.info().digest == found


def test_wrong_digests_are_noticed_wherever_they_are(registry: FakeRegistry) -> None:
    registry.image(["a"])
    good = dict(registry.answers)
    for path in good:
        registry.answers = {**good, path: httpx2.Response(200, content=b"{}", headers={"X": "y"})}
        reference = IMAGE if path == TAGGED else f"{HOST}/team/agent@{path.partition('sha256:')[2]}"
        reference = reference.replace("@", "@sha256:")
        if "/blobs/" in path:
            reference = IMAGE
        if path != TAGGED:
            registry.unreachable("does not have the digest", reference)
    document = {"config": {"digest": digest(b"")}}
    registry.put(document, **{"Docker-Content-Digest": digest(b"else")})
    registry.unreachable("does not have the digest")
    registry.put(document, **{"Docker-Content-Digest": "md5:00"})
    registry.unreachable("does not have the digest")


def test_a_part_with_a_digest_that_is_a_path_is_not_asked_for(registry: FakeRegistry) -> None:
    for bad in ("../../../secret", "sha256:../x", f"{digest(b'')}/../x", "sha256:" + "A" * 64, ""):
        registry.put({"config": {"digest": bad}})
        registry.unreachable("no digest")
        registry.index(entry(bad))
        registry.unreachable("no digest")
    assert {request.url.path for request in registry.asked} == {TAGGED}


# Tokens


def guard(registry: FakeRegistry, challenge: str = "", token: Any = None) -> None:
    """Let the registry want a token, as Docker Hub does."""
    unguarded = dict(registry.answers)
    challenge = challenge or f'Bearer realm="https://auth.example/token?a=b",service="{HOST}",scope="repository:x:pull"'

    def guarded(request: httpx2.Request) -> httpx2.Response:
        if request.headers.get("Authorization") != f"Bearer {SECRET}":
            return error(401, "UNAUTHORIZED", **{"WWW-Authenticate": challenge})
        answer = unguarded[request.url.path]
        return answer(request) if callable(answer) else answer

    for path in unguarded:
        registry.answers[path] = guarded
    answer = {"token": SECRET} if token is None else token
    registry.answers["https://auth.example/token"] = httpx2.Response(200, json=answer)


def asked_of(registry: FakeRegistry, host: str) -> list[httpx2.Request]:
    return [request for request in registry.asked if request.url.host == host]


@pytest.mark.parametrize("token", [{"token": SECRET}, {"access_token": SECRET}, {"token": "", "access_token": SECRET}])
def test_an_anonymous_token_is_fetched_once(registry: FakeRegistry, token: Any) -> None:
    manifests = [registry.manifest(registry.config([name])) for name in "abc"]
    registry.index(*map(entry, manifests))
    guard(registry, token=token)
    assert isinstance(registry.look_up(), ImageInfo)
    (request,) = asked_of(registry, "auth.example")
    assert dict(request.url.params) == {"a": "b", "service": HOST, "scope": "repository:x:pull"}
    assert "Authorization" not in request.headers
    assert len(asked_of(registry, HOST)) == 8


@pytest.mark.parametrize(
    "challenge",
    [
        'bearer REALM="https://auth.example/token"',
        "Bearer realm=https://auth.example/token",
        'Basic realm="x", Bearer realm="https://auth.example/token"',
        'Bearer error="invalid, \\"x\\"" , realm="https://auth.example/to\\ken"',
    ],
)
def test_challenges_come_in_many_forms(registry: FakeRegistry, challenge: str) -> None:
    registry.image(["a"])
    guard(registry, challenge)
    assert isinstance(registry.look_up(), ImageInfo)
    (request,) = asked_of(registry, "auth.example")
    assert dict(request.url.params) == {"scope": "repository:team/agent:pull"}


@pytest.mark.parametrize("challenge", ['Basic realm="x"', "", "Negotiate", "Bearerrealm=x", "\u00e4"])
def test_a_registry_that_wants_credentials_is_forbidden(registry: FakeRegistry, challenge: str) -> None:
    registry.answers[TAGGED] = httpx2.Response(401, headers=[(b"WWW-Authenticate", challenge.encode())])
    registry.fails("Forbidden", "asks for credentials")


@pytest.mark.parametrize(
    ("status", "reason", "message"),
    [
        (401, "Forbidden", "no token without credentials"),
        (403, "Forbidden", "no token without credentials"),
        (404, "Unreachable", "token service answers 404 Not Found"),
        (503, "Unreachable", "token service answers 503 Service Unavailable"),
    ],
)
def test_a_token_service_that_gives_none(registry: FakeRegistry, status: int, reason: str, message: str) -> None:
    registry.image(["a"])
    guard(registry)
    registry.answers["https://auth.example/token"] = error(status)
    registry.fails(reason, message)


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"token": 1},
        {"token": ""},
        {"token": "a\r\nX: y"},
        {"token": "a b"},
        {"token": "\u00e4"},
        {"token": "x" * 20000},
    ],
)
def test_a_token_that_is_none(registry: FakeRegistry, answer: Any) -> None:
    registry.image(["a"])
    guard(registry, token=answer)
    registry.unreachable("without a token")


def test_still_refused_with_a_token_it_is_forbidden(registry: FakeRegistry) -> None:
    registry.image(["a"])
    guard(registry)
    registry.answers["https://auth.example/token"] = httpx2.Response(200, json={"token": "other"})
    registry.fails("Forbidden", "no such image, or does not show it without credentials")
    assert len(asked_of(registry, "auth.example")) == 1


@pytest.mark.parametrize(
    "realm",
    [
        "http://auth.example/token",
        "file:///etc/passwd",
        "",
        "//",
        "https://",
        "https://a:b@auth.example/token",
        "https://[zz]/",
        "https://a:0/",
        "https://a:99999999/",
    ],
)
def test_a_token_service_that_cannot_be_trusted_is_not_asked(registry: FakeRegistry, realm: str) -> None:
    registry.image(["a"])
    guard(registry, f'Bearer realm="{realm}"')
    registry.unreachable("address")
    assert len(registry.asked) == 1


# Redirects


def redirect(to: str, status: int = 307) -> httpx2.Response:
    return httpx2.Response(status, headers={"Location": to})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_blobs_come_from_elsewhere_without_the_token(registry: FakeRegistry, status: int) -> None:
    registry.image(["a"])
    path = next(path for path in registry.answers if "/blobs/" in path)
    registry.answers["https://blobs.example/x"] = registry.answers[path]
    registry.answers[path] = redirect("https://blobs.example/x", status)
    guard(registry)
    registry.answers["https://blobs.example/x"] = httpx2.Response(
        200, content=json.dumps({**LINUX, "config": {"Entrypoint": ["a"], "Cmd": None}}).encode()
    )
    assert isinstance(registry.look_up(), ImageInfo)
    (request,) = asked_of(registry, "blobs.example")
    assert "Authorization" not in request.headers
    assert {r.headers.get("Authorization") for r in asked_of(registry, HOST)} == {None, f"Bearer {SECRET}"}


@pytest.mark.parametrize(
    "other", [f"https://{HOST}:444", f"https://{HOST}.evil.example", f"https://evil.{HOST}", "https://registry.exampl"]
)
def test_another_port_or_a_similar_name_is_another_host(registry: FakeRegistry, other: str) -> None:
    registry.image(["a"])
    manifest = registry.answers[TAGGED]
    registry.answers[TAGGED] = redirect(f"{other}/m")
    guard(registry)
    registry.answers[f"{other}/m"] = manifest
    assert isinstance(registry.look_up(), ImageInfo)
    (request,) = [request for request in registry.asked if request.url.path == "/m"]
    assert "Authorization" not in request.headers


@pytest.mark.parametrize(
    "to",
    [
        "http://registry.example/m",
        "http://10.0.0.1/",
        "ftp://a/",
        "https://a:b@c.example/m",
        "https://a:70000/",
        "https://[::1",
        "https://a:b/",
        "\x00",
        "https://\u0000/",
    ],
)
def test_a_redirect_to_where_it_is_not_safe_is_not_followed(registry: FakeRegistry, to: str) -> None:
    registry.answers[TAGGED] = httpx2.Response(307, headers=[(b"Location", to.encode())])
    registry.unreachable("address")
    assert len(registry.asked) == 1


def test_redirects_are_few(registry: FakeRegistry) -> None:
    registry.answers[TAGGED] = redirect(TAGGED)
    registry.unreachable("redirects more than 3 times")
    assert len(registry.asked) == MAX_REDIRECTS + 1
    registry.answers[TAGGED] = httpx2.Response(302)
    registry.unreachable("redirects")


# Plain HTTP


def test_plain_http_is_for_named_hosts_alone(registry: FakeRegistry) -> None:
    registry.image(["a"])
    for host, insecure, scheme in (
        ("localhost:5000", ["localhost:5000"], "http"),
        ("LOCALHOST:5000", ["localhost:5000"], "http"),
        ("localhost:5000", ["localhost", "localhost:5001"], "https"),
        ("127.0.0.1:5000", [], "https"),
        ("a.example", ["a.example"], "http"),
        ("a.example:80", ["a.example"], "http"),
        ("a.example:5000", ["a.example"], "https"),
        ("[::1]:5000", ["[::1]:5000"], "http"),
    ):
        registry.asked.clear()
        assert isinstance(registry.look_up(f"{host}/team/agent:1", insecure=insecure), ImageInfo)
        assert {request.url.scheme for request in registry.asked} == {scheme}


def test_a_named_host_may_be_redirected_to_and_nothing_else_over_plain_http(registry: FakeRegistry) -> None:
    registry.image(["a"])
    registry.answers["http://plain:5000/m"] = registry.answers[TAGGED]
    registry.answers[TAGGED] = redirect("http://plain:5000/m")
    assert isinstance(registry.look_up(insecure=["plain:5000"]), ImageInfo)
    found = registry.look_up(insecure=["plain"])
    assert isinstance(found, ImageError)


@pytest.mark.parametrize("name", ["", "http://a", "a/b", "a b", "a:b", "user@a", "[:::]"])
def test_what_is_named_insecure_must_be_a_host(name: str) -> None:
    with pytest.raises(ValueError, match="is not a host"):
        Registry(insecure=[name])


# Errors


@pytest.mark.parametrize(
    ("answer", "reason", "message"),
    [
        (error(404, "MANIFEST_UNKNOWN"), "NotFound", "the registry has no such image"),
        (error(404, "NAME_UNKNOWN"), "NotFound", "the registry has no such image"),
        (httpx2.Response(404, text="nginx"), "NotFound", "the registry has no such image"),
        (error(400, "NAME_UNKNOWN"), "NotFound", "the registry has no such image"),
        (error(403, "DENIED"), "Forbidden", "without credentials"),
        (httpx2.Response(403), "Forbidden", "without credentials"),
        (error(400, "DENIED"), "Forbidden", "without credentials"),
        (error(429, "TOOMANYREQUESTS"), "Unreachable", "asked too often"),
        (error(500, "MANIFEST_UNKNOWN"), "Unreachable", "answers 500 Internal Server Error"),
        (httpx2.Response(502), "Unreachable", "answers 502 Bad Gateway"),
        (httpx2.Response(400), "Unreachable", "answers 400 Bad Request"),
        (httpx2.Response(299), "Unreachable", "answers 299"),
        (httpx2.Response(204), "Unreachable", "answers 204"),
        (httpx2.Response(304), "Unreachable", "answers 304"),
        (httpx2.Response(200, content=b"{}", headers={"Content-Encoding": "zstd"}), "Unreachable", "encoding"),
    ],
)
def test_each_refusal_has_its_reason(registry: FakeRegistry, answer: Answer, reason: str, message: str) -> None:
    registry.answers[TAGGED] = answer
    registry.fails(reason, message)


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (httpx2.ConnectError("[Errno -2] Name or service not known"), "cannot be reached: [Errno -2] Name or service"),
        (httpx2.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"), "CERTIFICATE_VERIFY_FAILED"),
        (httpx2.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed"), "--registry-ca-file"),
        (httpx2.ConnectError("[SSL: WRONG_VERSION_NUMBER] wrong version number"), "--insecure-registry"),
        (httpx2.ReadTimeout("x"), "does not answer in time"),
        (httpx2.ConnectTimeout("x"), "does not answer in time"),
        (httpx2.ProxyError(SECRET), "proxy"),
        (httpx2.RemoteProtocolError(f"illegal {SECRET}"), "does not speak HTTP"),
        (httpx2.ReadError(SECRET), "does not speak HTTP"),
        (OSError(SECRET), "does not speak HTTP"),
        (UnicodeError(SECRET), "does not speak HTTP"),
    ],
)
def test_each_lost_connection_is_told_in_words(registry: FakeRegistry, raised: Exception, message: str) -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        raise raised

    registry.answers[TAGGED] = answer
    registry.unreachable(message)


def test_what_is_no_reference_is_not_found_and_nobody_is_asked(registry: FakeRegistry) -> None:
    registry.fails("NotFound", "is no image reference", "Not/An/Image")
    assert registry.asked == []


@pytest.mark.parametrize("domain", ["[:::]", "a.b:0", "a.b:65536", "a.b:99999999999999999999"])
def test_a_name_that_no_host_can_have_is_unreachable(registry: FakeRegistry, domain: str) -> None:
    found = registry.look_up(f"{domain}/x")
    assert isinstance(found, ImageError)
    assert found.reason == "Unreachable"
    assert registry.asked == []


@pytest.mark.parametrize("domain", ["127.0.0.1:1", "[::1]:1", "999.1.1.1", "x.invalid", f"{'a' * 70}.invalid"])
def test_real_connections_that_fail_are_told_too(domain: str) -> None:
    async def main() -> ImageInfo | ImageError:
        async with Registry(httpx2.AsyncHTTPTransport()) as registry:
            return await registry.look_up(f"{domain}/x")

    found = asyncio.run(main())
    assert isinstance(found, ImageError)
    assert found.reason == "Unreachable"


@pytest.mark.parametrize("part", ["manifests", "blobs"])
def test_a_missing_part_is_a_fault_of_the_registry(registry: FakeRegistry, part: str) -> None:
    manifest = registry.manifest(registry.config(["a"]))
    registry.index(entry(manifest))
    for path in list(registry.answers):
        if f"/{part}/sha256" in path:
            del registry.answers[path]
    registry.unreachable("lacks a part of the image")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"config": {}}',
        b'{"config": 1}',
        b'{"config": {"digest": 1}}',
        b'{"manifests": {}}',
        b'{"manifests": [{}]}',
        b'{"manifests": [1]}',
        b'{"manifests": [], "config": {"digest": "x"}}',
        b'{"manifests": [], "layers": [{}]}',
        b'{"manifests": [], "mediaType": "application/vnd.oci.image.manifest.v1+json"}',
        b'{"config": {"digest": "x"}, "mediaType": "application/vnd.oci.image.index.v1+json"}',
        b'{"schemaVersion": 1, "fsLayers": []}',
        b'{"mediaType": "\\ud800"}',
        b'{"a": 1e999}',
        b'{"manifests": [], "manifests": 1}',
    ],
)
def test_a_manifest_that_is_none(registry: FakeRegistry, content: bytes) -> None:
    registry.put(content, "application/json")
    assert isinstance(found := registry.look_up(), ImageError)
    assert found.reason == "Unreachable"


def test_a_content_type_that_contradicts_the_document_is_refused(registry: FakeRegistry) -> None:
    registry.put({"config": {"digest": registry.config(["a"])}}, f"{OCI}index.v1+json; charset=utf-8")
    registry.unreachable("neither an image manifest nor an index")


@pytest.mark.parametrize(
    "config",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"os": "linux"}',
        b'{"os": 1, "architecture": "amd64"}',
        b'{"os": "", "architecture": "amd64"}',
        b'{"os": "a/b", "architecture": "amd64"}',
        b'{"os": "linux\\n", "architecture": "amd64"}',
        b"[" * 100_000,
        b'{"os": "linux", "architecture": "amd64", "config": []}',
        b'{"os": "linux", "architecture": "amd64", "config": 1}',
        b'{"os": "linux", "architecture": "amd64", "config": {"Entrypoint": "sh"}}',
        b'{"os": "linux", "architecture": "amd64", "config": {"Entrypoint": [1]}}',
        b'{"os": "linux", "architecture": "amd64", "config": {"Cmd": {}}}',
        b'{"os": "linux", "architecture": "amd64", "config": {"Cmd": [null]}}',
        b'{"os": "linux", "architecture": "amd64", "config": {"User": 0}}',
        b'{"os": "linux", "architecture": "amd64", "config": {"User": ["a"]}}',
    ],
)
def test_a_configuration_that_is_none(registry: FakeRegistry, config: bytes) -> None:
    registry.manifest(registry.blob(config), "1")
    assert isinstance(found := registry.look_up(), ImageError)
    assert found.reason == "Unreachable"


# Bounds


class Endless(Body):
    def __init__(self) -> None:
        super().__init__(*[b" " * 65536] * 2000)


def test_too_large_answers_are_not_read_to_their_end(registry: FakeRegistry) -> None:
    body = Endless()
    registry.answers[TAGGED] = httpx2.Response(200, stream=body)
    registry.unreachable(f"larger than {MAX_MANIFEST >> 10} KiB")
    assert body.closed
    registry.image(["a"])
    path = next(path for path in registry.answers if "/blobs/" in path)
    registry.answers[path] = httpx2.Response(200, stream=Endless())
    registry.unreachable(f"larger than {MAX_CONFIG >> 10} KiB")
    registry.answers[TAGGED] = httpx2.Response(404, stream=Endless())
    registry.fails("NotFound", "no such image")


def test_the_answers_together_are_bounded(registry: FakeRegistry) -> None:
    large = json.dumps({**LINUX, "x": "x" * (MAX_CONFIG - 100)}).encode()
    manifest = registry.manifest(registry.blob(large))
    count = MAX_TOTAL // MAX_CONFIG
    registry.index(*[entry(manifest)] * (count - 1))
    assert isinstance(registry.look_up(), ImageInfo)
    registry.index(*[entry(manifest)] * (count + 1))
    registry.unreachable("larger than 16 MiB together")


def test_a_command_that_is_too_long_is_refused(registry: FakeRegistry) -> None:
    registry.image(["x" * (MAX_WORDS - 2)])
    assert isinstance(registry.look_up(), ImageInfo)
    for words, user in ((["x" * MAX_WORDS], ""), ([""] * MAX_WORDS, ""), ([], "x" * MAX_WORDS)):
        registry.image(words, User=user)
        registry.unreachable("too long")


def test_the_time_is_bounded_however_slowly_it_drips() -> None:
    async def main() -> None:
        drops: list[bytes | float | Exception] = [b" ", 1.0]
        body = Body(*drops * 100)
        transport = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=body))
        async with Registry(transport) as registry:
            found = await registry.look_up(IMAGE)
        assert isinstance(found, ImageError)
        assert "no answer within 20 s" in found.message
        assert now() == pytest.approx(TOTAL_SECONDS, abs=0.1)
        assert body.closed

    run(main())


def test_a_cancelled_look_up_ends() -> None:
    async def main() -> None:
        transport = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=Body(1000.0)))
        async with Registry(transport) as registry:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    await registry.look_up(IMAGE)

    run(main())


def test_cookies_are_not_kept(registry: FakeRegistry) -> None:
    registry.image(["a"])
    for answer in registry.answers.values():
        assert isinstance(answer, httpx2.Response)
        answer.headers["Set-Cookie"] = f"a={SECRET}; Path=/"
    registry.look_up()
    assert not any("Cookie" in request.headers for request in registry.asked)


# Arbitrary answers

SCRAPS = st.sampled_from(
    [
        "Location",
        "WWW-Authenticate",
        "Content-Type",
        "Docker-Content-Digest",
        "Content-Encoding",
        "Content-Length",
    ]
)
STARTS = ["https://", "http://", "//", "/", "Bearer realm=", 'Bearer realm="https://']
VALUES = (
    st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
    | st.builds("{}{}".format, st.sampled_from(STARTS), st.text(alphabet='aA0:/@[]%."\\,= ', max_size=20))
    | st.sampled_from(["application/vnd.oci.image.index.v1+json", "gzip", "sha256:" + "0" * 64])
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just(digest(b"")) | st.just("linux"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "mediaType",
                    "config",
                    "manifests",
                    "layers",
                    "digest",
                    "platform",
                    "os",
                    "architecture",
                    "variant",
                    "Entrypoint",
                    "Cmd",
                    "User",
                    "token",
                    "errors",
                    "code",
                    "x",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
CONTENT = st.binary(max_size=50) | JSON.map(lambda value: json.dumps(value).encode())
ANSWERS = st.tuples(
    st.sampled_from([200, 200, 200, 401, 404, 307, 429, 500, 100, 999]) | st.integers(100, 999),
    st.lists(st.tuples(SCRAPS, VALUES), max_size=3),
    CONTENT,
)


@given(st.lists(ANSWERS, min_size=1, max_size=6))
@fuzzed
def test_whatever_a_registry_answers_nothing_is_raised(answers: list[tuple[int, list[tuple[str, str]], bytes]]) -> None:
    left = iter(answers)

    def answer(_: httpx2.Request) -> httpx2.Response:
        status, headers, content = next(left, answers[-1])
        return httpx2.Response(status, headers=headers, stream=Body(content))

    async def main() -> ImageInfo | ImageError:
        async with Registry(httpx2.MockTransport(answer)) as registry:
            return await registry.look_up(IMAGE)

    found = run(main())
    assert isinstance(found, ImageError)
    assert found.reason in ("NotFound", "Forbidden", "Unreachable")
    assert found.message.isprintable()


@given(CONTENT, CONTENT, st.booleans())
@fuzzed
def test_whatever_an_image_holds_nothing_is_raised(document: bytes, config: bytes, is_top: bool) -> None:  # noqa: FBT001
    registry = FakeRegistry()
    if is_top:
        registry.put(document)
    else:
        registry.index(entry(registry.put(document, tag="-")), entry(registry.manifest(registry.blob(config))))
    assert isinstance(registry.look_up(), ImageError)
