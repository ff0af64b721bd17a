"""Commands that ask a cluster: what they all do about it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from .._failure import ApiFailure
from .._kubeconfig import ConfigurationError
from ._exits import ExitCode, Failure

_NO_CREDENTIALS: Final = (401, 403)
NO_AGENTS: Final = "Does the cluster know Agents? `agentctl crd | kubectl apply -f -`"


@contextmanager
def asking() -> Generator[None]:
    """Turn what goes wrong between us and a cluster into the end of the command."""
    try:
        yield
    except ConfigurationError as error:
        raise Failure(ExitCode.CONFIGURATION, str(error)) from error
    except ApiFailure as failure:
        raise Failure(_code_of(failure), f"{failure}{f' {NO_AGENTS}' if failure.is_not_found else ''}") from failure


def _code_of(failure: ApiFailure) -> ExitCode:
    is_refused = failure.code in _NO_CREDENTIALS or failure.reason == "CredentialsFailed"
    return ExitCode.NO_PERMISSION if is_refused else ExitCode.UNAVAILABLE
