"""The one table of what the model does not do as a real API server does, each with the reason.

A difference that no entry covers fails the test; so does an entry that covers nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from tests.e2e.fidelity.operations import Operation


def _anything(model: Any, server: Any) -> bool:  # noqa: ARG001 -- a test of two values
    return True


@frozen(kw_only=True)
class NotModelled:
    """One thing that is not modelled.

    Attributes:
        what: in words.
        reason: why not.
        path: a regular expression for where the difference is.
        kinds: of which kinds; empty is all.
        codes: with which real answers; empty is all.
        agrees: what else has to be true of the model's value and the real one.
    """

    what: str
    reason: str
    path: str
    kinds: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    agrees: Callable[[Any, Any], bool] = _anything

    def covers(self, operation: Operation, code: int, path: str) -> bool:
        """Tell whether the difference in an answer to `operation` is at a place of this entry."""
        of_kind = not self.kinds or operation.kind in self.kinds
        return of_kind and (not self.codes or code in self.codes) and re.fullmatch(self.path, path) is not None


def _is_null(model: Any, server: Any) -> bool:
    return model == ABSENT and server is None


def _are_node_ports(model: Any, server: Any) -> bool:
    return all(isinstance(port, int) and 30000 <= port <= 32767 for port in (model, server))  # noqa: PLR2004


def _begin_alike(model: Any, server: Any) -> bool:
    return isinstance(model, str) and isinstance(server, str) and server.startswith(f"{model}\n")


ABSENT: Final = "<absent>"

NOT_MODELLED: Final = (
    NotModelled(
        what="`metadata.managedFields`",
        reason="nothing here reads it: server-side apply is not used, and the operator's reads leave it out",
        path=r"(.*\.)?metadata\.managedFields.*",
    ),
    NotModelled(
        what="fields that are null",
        reason="to a reader of JSON null is absent, and no merge patch tells them apart",
        path=r".*(Timestamp|Time|containers)",
        agrees=_is_null,
    ),
    NotModelled(
        what="which node port a Service gets",
        reason="it is random",
        path=r"(.*\.)?spec\.ports\[\d+\]\.nodePort",
        kinds=("Service",),
        agrees=_are_node_ports,
    ),
    NotModelled(
        what="the difference of two specs, as Go prints it after the sentence that refuses an update",
        reason="it is for people, and shows Kubernetes' internal types",
        path=r"message|details\.causes\[\d+\]\.message",
        codes=(422,),
        agrees=_begin_alike,
    ),
)
