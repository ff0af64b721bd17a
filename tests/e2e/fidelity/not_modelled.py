"""The one table of what the model does not do as a real API server does, each with the reason.

A difference that no entry covers fails the test; so does an entry that covers nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from tests.e2e.fidelity.operations import STRATEGIC, Operation


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
        when: of which operations.
        agrees: what else has to be true of the model's value and the real one.
    """

    what: str
    reason: str
    path: str
    kinds: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    when: Callable[[Operation], bool] = lambda _: True
    agrees: Callable[[Any, Any], bool] = _anything

    def covers(self, operation: Operation, code: int, path: str) -> bool:
        """Tell whether the difference in an answer to `operation` is at a place of this entry."""
        of_kind = (not self.kinds or operation.kind in self.kinds) and self.when(operation)
        return of_kind and (not self.codes or code in self.codes) and re.fullmatch(self.path, path) is not None


def _is_null(model: Any, server: Any) -> bool:
    return model == ABSENT and server is None


def _are_node_ports(model: Any, server: Any) -> bool:
    return all(isinstance(port, int) and port >= 30000 for port in (model, server))


def _begin_alike(model: Any, server: Any) -> bool:
    return isinstance(model, str) and isinstance(server, str) and server.startswith(f"{model}\n")


_OBJECT: Final = re.compile(r'"(?:[^"\\]|\\.)*"')


def _say_the_same_of_an_object(model: Any, server: Any) -> bool:
    texts = [_OBJECT.sub("<object>", text, count=1) if isinstance(text, str) else None for text in (model, server)]
    return texts[0] is not None and texts[0] == texts[1]


def _are_invalid_values(model: Any, server: Any) -> bool:
    return all(isinstance(text, str) and not text.startswith("Required") for text in (model, server))


_STRUCT: Final = re.compile(r"(?<=: )(?:\{.*\}|\[.*\]|null)(?=: |$)")


def _say_the_same_of_a_struct(model: Any, server: Any) -> bool:
    texts = [_STRUCT.sub("<struct>", text, count=1) if isinstance(text, str) else None for text in (model, server)]
    return texts[0] is not None and texts[0] == texts[1]


def _are_tokens(model: Any, server: Any) -> bool:
    return bool(model and server) and ABSENT not in (model, server)


ABSENT: Final = "<absent>"

OWNERSHIP: Final = NotModelled(
    what="a write that changes `managedFields` alone",
    reason="it moves the resourceVersion, and a watch tells it; nobody reads what has changed",
    path="",
)
SECOND_REASON: Final = NotModelled(
    what="a second reason why a field of an Agent is wrong",
    reason="the core's schema walker stops at the first: who reads it can do but one thing about the field",
    path="",
)
NOT_MODELLED: Final = (
    OWNERSHIP,
    SECOND_REASON,
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
    NotModelled(
        what="the object that a patch made, as it is quoted where it cannot be read",
        reason="it is the object with its managedFields; what is wrong with it is told behind it, and compared",
        path=r"details\.causes\[0\]\.message",
        codes=(422,),
        agrees=_say_the_same_of_an_object,
    ),
    NotModelled(
        what="the wording of what is wrong with a field of an Agent",
        reason="the model checks Agents with the core's own schema walker, whose texts are for people who write Agents",
        path=r"details\.causes\[\d+\]\.message",
        kinds=("Agent",),
        codes=(422,),
        agrees=_are_invalid_values,
    ),
    NotModelled(
        what="an object within a text, as Go prints it",
        reason="it shows Kubernetes' internal types; what is wrong with it is told behind it, and compared",
        path=r"details\.causes\[\d+\]\.message",
        codes=(422,),
        agrees=_say_the_same_of_a_struct,
    ),
    NotModelled(
        what="tokens of lists in pages",
        reason="they are for the server that made them",
        path=r"metadata\.continue",
        agrees=_are_tokens,
    ),
    NotModelled(
        what="the place of an object in etcd, in the text of a dry run",
        reason="a dry run leaves its first part out",
        path="message",
        codes=(409,),
        when=lambda operation: operation.is_dry,
        agrees=lambda model, server: str(model).replace("Key: /registry", "Key: ") == server,
    ),
    NotModelled(
        what="why a strategic merge patch makes what cannot be read",
        reason="its values are read one by one and not as JSON: other texts, of which the runtime's resizes need none",
        path=r"details\.causes\[0\]\.message",
        codes=(422,),
        when=lambda operation: operation.content == STRATEGIC,
        agrees=lambda model, server: all(str(text).startswith("Invalid value: ") for text in (model, server)),
    ),
)
