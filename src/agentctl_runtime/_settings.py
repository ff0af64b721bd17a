"""What the operator's owner sets for one process, checked before anything starts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from attrs import Attribute, field, frozen
from attrs.validators import deep_iterable, optional

from agentctl_core import Config

from ._logging import FORMATS, LEVELS
from ._mirrors import Mirrors
from ._registry_http import PlainHosts

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_MAX: Final = 63
_SUBDOMAIN_MAX: Final = 253
_ADDRESS: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([a-zA-Z0-9.-]*)):([0-9]{1,5})")
_PORT_MAX: Final = 65535
_ALL: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 -- to be compared with


class SettingError(ValueError):
    """A setting cannot be what it is.

    Attributes:
        name: of the field of `Settings`.
        problem: what is wrong with its value, and what to write instead.
    """

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name
        self.problem = problem


@frozen
class Address:
    """Where to listen.

    Attributes:
        host: a name or an IP address; empty for all addresses of this host.
        port: 0 for any that is free.
    """

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read `HOST:PORT`, `:PORT` or `[IPV6]:PORT`.

        Raises:
            ValueError: it is none of them.
        """
        match = _ADDRESS.fullmatch(text)
        if match is None or int(match[3]) > _PORT_MAX:
            raise ValueError(
                f"{text!r} is no address to listen at: write for example :8080, 127.0.0.1:8080 or [::1]:8080, with a "
                f"port of at most {_PORT_MAX}, or 0 for none"
            )
        return cls(match[1] or match[2], int(match[3]))

    def meets(self, other: Address) -> bool:
        """Tell whether both cannot be listened at."""
        hosts = {self.host, other.host}
        return self.port == other.port != 0 and (len(hosts) == 1 or not hosts.isdisjoint(_ALL))


def _checked(problem_of: Callable[[Any], str | None]) -> Callable[[object, Attribute[Any], Any], None]:
    """Return an attrs validator from what says what is wrong with a value."""

    def validate(_: object, attribute: Attribute[Any], value: Any) -> None:
        problem = problem_of(value)
        if problem is not None:
            raise SettingError(attribute.name, problem)

    return validate


def _namespace(text: str) -> str | None:
    if len(text) <= _LABEL_MAX and _LABEL.fullmatch(text):
        return None
    hint = "; in the environment several stand with spaces between them" if "," in text else ""
    return (
        f"{text!r} is no namespace: write 1 to {_LABEL_MAX} lower-case letters, digits and hyphens, with a letter or a "
        f"digit at both ends{hint}"
    )


def _object_name(text: str) -> str | None:
    if len(text) <= _SUBDOMAIN_MAX and all(_LABEL.fullmatch(part) for part in text.split(".")):
        return None
    return (
        f"{text!r} is no name of a Lease: write 1 to {_SUBDOMAIN_MAX} lower-case letters, digits, hyphens and dots, "
        "with a letter or a digit at both ends and on both sides of a dot"
    )


def _context(text: str) -> str | None:
    return None if text.strip() else "is empty: name a context of the kubeconfig, or leave it out for the current one"


def _taken_by(takes: Callable[[tuple[str]], object]) -> Callable[[str], str | None]:
    def problem_of(text: str) -> str | None:
        try:
            takes((text,))
        except ValueError as error:
            return str(error)
        return None

    return problem_of


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str | None]:
    return lambda text: None if text in choices else f"{text!r} is not one of {', '.join(choices)}"


@frozen(kw_only=True)
class Settings:
    """The settings of one operator; each is a flag of `agentctl run` and an AGENTCTL_ variable.

    Attributes:
        namespaces: serve these alone; empty for all.
        context: of the kubeconfig; None for its current one.
        insecure_registries: `HOST[:PORT]` of registries that are spoken to over plain HTTP.
        registry_mirrors: `REGISTRY=MIRROR[/PROJECT]`: who is asked before a registry.
        registry_ca_file: further certificate authorities to trust where images are looked up, in PEM form.
        use_image_pull_secrets: look images up with the credentials in the Agents' pull secrets.
        leader_elect: work only while this process leads.
        leader_election_namespace: of the Lease; None for that of the pod, or of the context.
        leader_election_id: name of the Lease.
        metrics_bind_address: where metrics are served; None for nowhere.
        health_probe_bind_address: where the kubelet's probes are answered; None for nowhere.
        log_format: one of `FORMATS`.
        log_level: one of `LEVELS`; lines below it are left out.
        record: file to which each decision is appended.
        config: what holds for every Agent.

    Raises:
        SettingError: one of them cannot be so.
    """

    namespaces: tuple[str, ...] = field(default=(), validator=deep_iterable(_checked(_namespace)))
    context: str | None = field(default=None, validator=optional(_checked(_context)))
    insecure_registries: tuple[str, ...] = field(default=(), validator=deep_iterable(_checked(_taken_by(PlainHosts))))
    registry_mirrors: tuple[str, ...] = field(default=(), validator=deep_iterable(_checked(_taken_by(Mirrors))))
    registry_ca_file: Path | None = None
    use_image_pull_secrets: bool = False
    leader_elect: bool = False
    leader_election_namespace: str | None = field(default=None, validator=optional(_checked(_namespace)))
    leader_election_id: str = field(default="agentctl", validator=_checked(_object_name))
    metrics_bind_address: Address | None = None
    health_probe_bind_address: Address | None = None
    log_format: str = field(default="auto", validator=_checked(_one_of(FORMATS)))
    log_level: str = field(default="info", validator=_checked(_one_of(LEVELS)))
    record: Path | None = None
    config: Config = field(factory=Config)

    def __attrs_post_init__(self) -> None:
        metrics, health = self.metrics_bind_address, self.health_probe_bind_address
        if metrics is not None and health is not None and metrics.meets(health):
            raise SettingError(
                "health_probe_bind_address", f"{health} is taken by the metrics ({metrics}): choose another port"
            )
