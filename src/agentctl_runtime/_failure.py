"""What can go wrong between us and the API server, as one exception: `ApiFailure`.

The HTTP client and the credential plugins raise many unrelated exceptions, and proxies answer with pages of their own:
all of it is read here, without trust in the Content-Type.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any, TypeAlias, cast

import httpx2
import msgspec

from agentctl_core.host import Failure, failure_of

JsonObject: TypeAlias = dict[str, Any]

INVALID_RESPONSE = "InvalidResponse"
NOT_SENT = "NotSent"

ERROR_CHARACTERS = 500
"""How much of an error is logged: the API server quotes whole objects."""

RETRY_AFTER_MAX = 300.0
"""Seconds that a Retry-After is believed for where all requests, or a watch, wait for it."""

_MAX_RETRY_AFTER = 3600.0


def in_short(error: Exception) -> str:
    """Return what an error says, as far as a log line takes it."""
    text = str(error)
    return text if len(text) <= ERROR_CHARACTERS else f"{text[:ERROR_CHARACTERS]}..."


class ApiFailure(Exception):  # noqa: N818 -- an error or an observation: its caller decides
    """A request that did not succeed; what that means is told by `kind`.

    Attributes:
        message: What the server said, or what was wrong with its answer or with the connection.
        code: The HTTP status code (of an ERROR event: the Status object's); None when there was no answer.
        reason: The Status object's machine-readable reason, for example `AlreadyExists`. Of our own: `Timeout`,
            `ConnectionFailed`, `CredentialsFailed`, `InvalidResponse` (not what Kubernetes answers; perhaps a proxy)
            and `NotSent` (the request makes no sense: no such kind, an empty name).
        status: The Kubernetes Status object, when there is one.
        retry_after: Seconds to wait as the server asked, in a header or in the Status object.
    """

    def __init__(
        self,
        message: str,
        *,
        code: int | None = None,
        reason: str = "",
        status: JsonObject | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
        self.status = status
        self.retry_after = retry_after

    @property
    def kind(self) -> Failure:
        """What it means."""
        if self.code is None and self.reason == NOT_SENT:
            return Failure.REFUSAL
        return failure_of(self.code, None if self.reason == INVALID_RESPONSE else self.answer)

    @property
    def answer(self) -> JsonObject:
        """The Status object, or what one would say."""
        return {**(self.status or {}), "reason": self.reason, "message": self.message}

    @property
    def is_not_found(self) -> bool:
        """The object, its namespace or its kind is not there."""
        return self.kind is Failure.NOT_FOUND

    @property
    def is_already_exists(self) -> bool:
        """An object of that name is there, possibly on its way out."""
        return self.kind is Failure.ALREADY_EXISTS

    @property
    def is_conflict(self) -> bool:
        """A precondition (uid or resourceVersion) does not hold: observe again."""
        return self.kind is Failure.CONFLICT

    @property
    def is_expired(self) -> bool:
        """The resourceVersion or continue token is too old: list again."""
        return self.kind is Failure.EXPIRED

    @property
    def is_transient(self) -> bool:
        """It is worth trying again later, with backoff."""
        return self.kind in (Failure.TRANSIENT, Failure.WEBHOOK_AWAY)

    @property
    def is_server_error(self) -> bool:
        """The server, or something in front of it, has failed over the request: one kind of what is transient."""
        return self.code is not None and self.code >= HTTPStatus.INTERNAL_SERVER_ERROR


@contextmanager
def translated(
    where: str, *, silence: str = "no answer in time", credentials: type[Exception] = LookupError
) -> Generator[None, None, None]:
    """Turn whatever sending or reading raises into ApiFailure.

    Credential plugins run inside of it, too: `credentials` is what they raise besides LookupError, ValueError and
    TypeError.
    """
    try:
        yield
    except TimeoutError as error:
        raise ApiFailure(f"{where}: {silence}", reason="Timeout") from error
    except httpx2.TimeoutException as error:
        raise ApiFailure(f"{where}: {_described(error)}", reason="Timeout") from error
    except httpx2.LocalProtocolError:
        # Not in its own words: they quote the header, and only credentials come from elsewhere.
        message = f"{where}: the request cannot be sent; do the credentials hold line breaks or control characters?"
        raise ApiFailure(message, reason="CredentialsFailed") from None
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError) as error:
        raise ApiFailure(f"{where}: {_described(error)}", reason="ConnectionFailed") from error
    except (credentials, LookupError, ValueError, TypeError) as error:
        raise ApiFailure(f"{where}: credentials: {_described(error)}", reason="CredentialsFailed") from error


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def response_failure(response: httpx2.Response, content: bytes, where: str) -> ApiFailure:
    code, retry_after = response.status_code, _seconds(response.headers.get("Retry-After"))
    with suppress(ApiFailure):
        status = decode(content, where)
        if status.get("kind") == "Status":
            return status_failure(status, where, code, retry_after)
    kind = response.headers.get("Content-Type", "no Content-Type")
    message = f"{where}: {code}, not from Kubernetes ({kind}): {excerpt(content)}"
    return ApiFailure(message, code=code, reason=INVALID_RESPONSE, retry_after=retry_after)


def status_failure(
    status: JsonObject, where: str, code: int | None = None, retry_after: float | None = None
) -> ApiFailure:
    if code is None and isinstance(status.get("code"), int):
        code = status["code"]
    details = status.get("details")
    if retry_after is None and isinstance(details, dict):
        retry_after = _seconds(cast("JsonObject", details).get("retryAfterSeconds"))
    reason = status.get("reason")
    return ApiFailure(
        str(status.get("message") or f"{where}: {code} {reason}"),
        code=code,
        reason=reason if isinstance(reason, str) else "",
        status=status,
        retry_after=retry_after,
    )


def _seconds(value: object) -> float | None:
    """Read a Retry-After. Kubernetes gives whole seconds; HTTP's other form, a date, is passed over."""
    text = str(value)
    return min(float(text), _MAX_RETRY_AFTER) if text.isdecimal() and float(text) > 0 else None


def decode(content: bytes, where: str, code: int | None = None) -> JsonObject:
    """Read a JSON object, whatever Content-Type says: it may be missing or wrong."""
    try:
        decoded: object = msgspec.json.decode(content)
    except (ValueError, RecursionError) as error:  # msgspec's errors and UnicodeDecodeError are ValueErrors
        message = f"{where}: the answer is not JSON ({error}): {excerpt(content)}"
        raise ApiFailure(message, code=code, reason=INVALID_RESPONSE) from error
    if not isinstance(decoded, dict):
        message = f"{where}: the answer is not a JSON object: {excerpt(content)}"
        raise ApiFailure(message, code=code, reason=INVALID_RESPONSE)
    return cast("JsonObject", decoded)


def excerpt(content: bytes) -> str:
    return repr(content[:200].decode(errors="replace"))
