"""Services: addresses and node ports of a single-stack cluster, and the rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from . import _refused as refused  # pyright: ignore[reportPrivateUsage] -- of this package
from . import _rules as rules
from ._allocation import Allocation
from ._container_rules import port_or_name
from ._refused import cause, forbidden_change, invalid_value, required
from ._resources import SERVICES

JsonObject: TypeAlias = dict[str, Any]
Causes: TypeAlias = Iterator[JsonObject]

_NONE: Final = "None"
_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_WITH_NODE_PORTS: Final = ("LoadBalancer", "NodePort")
_CHANGED: Final = "may not change once set"
_MAX_SECONDS: Final = 86400


def _has_address(spec: Mapping[str, Any]) -> bool:
    return bool(spec["type"] != "ExternalName")


def _has_node_ports(spec: Mapping[str, Any]) -> bool:
    return spec["type"] in _WITH_NODE_PORTS


def created(service: JsonObject, allocation: Allocation) -> JsonObject:
    """Return a new Service with what is allocated for it, and an empty status.

    Raises:
        Refused: 422, its addresses cannot be.
    """
    spec = dict(service["spec"])
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    return service | {"spec": _allocated(service, spec, allocation), "status": {"loadBalancer": {}}}


def updated(service: JsonObject, old: JsonObject, allocation: Allocation) -> JsonObject:
    """Return what an update makes of a Service: what was allocated is kept where the client leaves it out.

    Raises:
        Refused: 422, its addresses cannot be.
    """
    spec, before = dict(service["spec"]), old["spec"]
    _keep_allocated(spec, before)
    _normalize_addresses(spec, before)
    spec = _allocated(service, spec, allocation, before)
    _drop_dependent(spec, before)
    status = old["status"] if spec["type"] == "LoadBalancer" else old["status"] | {"loadBalancer": {}}
    return service | {"spec": spec, "status": status}


def _keep_allocated(spec: JsonObject, before: JsonObject) -> None:
    if _has_address(spec) and _has_address(before):
        for field in ("clusterIP", "clusterIPs"):
            if not spec.get(field) and before.get(field):
                spec[field] = before[field]
    if _has_node_ports(spec) and _has_node_ports(before) and "ports" in spec:
        used = {port.get("nodePort") for port in spec.get("ports", ())} - {None}
        known = {port.get("name", ""): port.get("nodePort") for port in before.get("ports", ())}
        taken = used & set(known.values())
        spec["ports"] = [
            {**port, "nodePort": known[port.get("name", "")]}
            if "nodePort" not in port and known.get(port.get("name", "")) not in {None, *taken}
            else port
            for port in spec.get("ports", ())
        ]


def _normalize_addresses(spec: JsonObject, before: JsonObject) -> None:
    """Keep the address and the list of addresses together where a client that knows but the former changed it."""
    address, former = spec.get("clusterIP", ""), before.get("clusterIP", "")
    if before.get("clusterIPs") and not spec.get("clusterIPs") and address == former:
        spec["clusterIPs"] = before["clusterIPs"]
    if address != former and spec.get("clusterIPs") == before.get("clusterIPs"):
        if address:
            spec["clusterIPs"] = [address]
        else:
            spec.pop("clusterIPs", None)


def _allocated(
    service: JsonObject, spec: JsonObject, allocation: Allocation, before: JsonObject | None = None
) -> JsonObject:
    if _has_address(spec):
        headless, selects = spec.get("clusterIP") == _NONE, bool(spec.get("selector"))
        either = "RequireDualStack" if headless and not selects else "SingleStack"
        spec.setdefault("ipFamilyPolicy", (before or {}).get("ipFamilyPolicy", either))
        wrong = list(_validate_addresses(spec))
        if wrong:
            raise refused.invalid(SERVICES, service["metadata"].get("name", ""), wrong)
        is_open = headless and not selects  # whose endpoints are somebody else's matter
        if not is_open and (wrong := list(_validate_stack(spec))):
            raise refused.invalid(SERVICES, service["metadata"].get("name", ""), wrong)
        families = ["IPv4", "IPv6"] if is_open and spec["ipFamilyPolicy"] != "SingleStack" else ["IPv4"]
        spec.setdefault("ipFamilies", families)
        if not spec.get("clusterIP"):
            if not service["metadata"].get("name"):
                raise _no_address(allocation.address())
            spec["clusterIP"] = allocation.address()
            spec["clusterIPs"] = [spec["clusterIP"]]
    if spec["type"] == "ExternalName":
        spec.pop("internalTrafficPolicy", None)  # it is not shown
    if _has_node_ports(spec) and "ports" in spec and spec.get("allocateLoadBalancerNodePorts", True):
        ports = spec["ports"]
        spec["ports"] = _node_ports(ports, allocation) if before is None else _more_node_ports(ports, allocation)
    return spec


def _no_address(address: str) -> refused.Refused:
    """Return what the server says to a Service without a name: that is needed before it is checked."""
    what = f'IPAddress.networking.k8s.io "{address}" is invalid: spec.parentRef.name: Required value'
    wrong = invalid_value("spec.clusterIPs", [""], f"failed to allocate IP: {what}")
    return refused.invalid(SERVICES, "", [wrong])


def _validate_stack(spec: JsonObject) -> Causes:
    """What a cluster with IPv4 alone cannot give."""
    if spec["ipFamilyPolicy"] == "RequireDualStack":
        told = "this cluster is not configured for dual-stack services"
        yield invalid_value("spec.ipFamilyPolicy", spec["ipFamilyPolicy"], told)
    for index, family in enumerate(spec.get("ipFamilies", ())):
        if family != "IPv4":
            yield invalid_value(f"spec.ipFamilies[{index}]", family, "not configured on this cluster")


def _more_node_ports(ports: Sequence[Mapping[str, Any]], allocation: Allocation) -> list[JsonObject]:
    """Return the ports of an update with their node ports: each that has none gets one of its own.

    Raises:
        Refused: 500, as the server has it, for one node port of two ports.
    """
    taken: set[tuple[str, int]] = set()
    out: list[JsonObject] = []
    for port in ports:
        number: int = port.get("nodePort") or allocation.node_port({number for _, number in taken})
        if (port["protocol"], number) in taken:
            raise refused.failure(500, "", f"duplicate nodePort: {{{port['protocol']} {number}}}")
        taken.add((port["protocol"], number))
        out.append({**port, "nodePort": number})
    return out


def _node_ports(ports: Sequence[Mapping[str, Any]], allocation: Allocation) -> list[JsonObject]:
    """Return ports with their node ports: one for a number, whatever the protocols, as far as none is asked for."""
    by_number = {port.get("port"): port["nodePort"] for port in ports if port.get("nodePort")}
    taken, out = set(by_number.values()), list[JsonObject]()
    for port in ports:
        node_port = port.get("nodePort") or by_number.get(port.get("port")) or allocation.node_port(taken)
        by_number.setdefault(port.get("port"), node_port)
        taken.add(node_port)
        out.append({**port, "nodePort": node_port})
    return out


def _drop_dependent(spec: JsonObject, before: JsonObject) -> None:
    """Drop what depends on the type where the client changed that alone."""
    if _has_address(before) and not _has_address(spec):
        if spec.get("clusterIPs") == before.get("clusterIPs") and spec.get("clusterIP") == before.get("clusterIP"):
            spec.pop("clusterIP", None)
            spec.pop("clusterIPs", None)
        for field in ("ipFamilies", "ipFamilyPolicy"):
            if spec.get(field) == before.get(field):
                spec.pop(field, None)
    if _has_node_ports(before) and not _has_node_ports(spec) and "ports" in spec:
        known = {port.get("nodePort") for port in before.get("ports", ())}
        if all(port.get("nodePort", None) in {None, *known} for port in spec.get("ports", ())):
            spec["ports"] = [{k: v for k, v in port.items() if k != "nodePort"} for port in spec.get("ports", ())]
    for field, was, still in (
        ("allocateLoadBalancerNodePorts", before["type"] == "LoadBalancer", spec["type"] == "LoadBalancer"),
        ("loadBalancerClass", before["type"] == "LoadBalancer", spec["type"] == "LoadBalancer"),
        ("externalTrafficPolicy", _is_external(before), _is_external(spec)),
    ):
        if was and not still and spec.get(field) == before.get(field):
            spec.pop(field, None)


def _is_external(spec: JsonObject) -> bool:
    return _has_node_ports(spec) or (spec["type"] == "ClusterIP" and bool(spec.get("externalIPs")))


def validate(service: JsonObject, old: JsonObject | None) -> Causes:
    """What is wrong with a Service, or with what it replaces another with."""
    spec = service["spec"]
    if old is not None:
        yield from _validate_change(spec, old["spec"])
    kind, headless = spec["type"], spec.get("clusterIP") == _NONE
    if not spec.get("ports") and not headless and kind != "ExternalName":
        yield required("spec.ports")
    if headless and kind in _WITH_NODE_PORTS:
        yield invalid_value("spec.clusterIPs[0]", _NONE, f"may not be set to 'None' for {kind} services")
    if kind == "ExternalName":
        yield from _validate_external_name(spec)
    yield from _validate_ports(spec.get("ports", ()), kind)
    yield from rules.labels("spec.selector", spec.get("selector", {}))
    yield from _validate_affinity(spec)
    yield from _validate_addresses(spec)
    yield from rules.one_of("spec.type", kind, _TYPES)
    for field in ("allocateLoadBalancerNodePorts", "loadBalancerClass"):
        if field in spec and kind != "LoadBalancer":
            yield forbidden_change(f"spec.{field}", "may only be used when `type` is 'LoadBalancer'")
    yield from _validate_policies(spec)


def _validate_affinity(spec: JsonObject) -> Causes:
    yield from rules.one_of("spec.sessionAffinity", spec["sessionAffinity"], ("ClientIP", "None"))
    if spec["sessionAffinity"] == "ClientIP":
        seconds = spec["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"]
        if not 0 < seconds <= _MAX_SECONDS:
            told = f"must be greater than 0 and less than {_MAX_SECONDS}"
            yield invalid_value("spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, told)


def _validate_policies(spec: JsonObject) -> Causes:
    if "externalTrafficPolicy" in spec and not _is_external(spec):
        told = "may only be set for externally-accessible services"
        yield invalid_value("spec.externalTrafficPolicy", spec["externalTrafficPolicy"], told)
    for field in ("internalTrafficPolicy", "externalTrafficPolicy"):
        if field in spec:
            yield from rules.one_of(f"spec.{field}", spec[field], ("Cluster", "Local"))


def _validate_change(spec: JsonObject, before: JsonObject) -> Causes:
    if not _has_address(spec) or not _has_address(before):
        return
    new, old = spec.get("clusterIPs", []), before.get("clusterIPs", [])
    headless = [addresses[:1] == [_NONE] for addresses in (new, old)]
    if not all(headless):
        for index, (address, former) in enumerate(zip(new, old, strict=False)):
            if address != former:
                yield invalid_value(f"spec.clusterIPs[{index}]", new, _CHANGED)
    if headless == [False, False] and spec.get("ipFamilies") != before.get("ipFamilies"):
        yield invalid_value("spec.ipFamilies[0]", spec.get("ipFamilies"), _CHANGED)


def _validate_external_name(spec: JsonObject) -> Causes:
    for field in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(field):
            yield forbidden_change(f"spec.{field}", "may not be set for ExternalName services")
    if name := spec.get("externalName", "").removesuffix("."):
        yield from rules.invalid("spec.externalName", name, rules.dns_subdomain)
    else:
        yield required("spec.externalName")


def _validate_ports(ports: Sequence[Mapping[str, Any]], kind: str) -> Causes:
    names: set[str] = set()
    numbers: set[tuple[str, int]] = set()
    node_ports: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        here, name, number = f"spec.ports[{index}]", port.get("name", ""), port.get("port", 0)
        if name:
            yield from rules.invalid(f"{here}.name", name, rules.dns_label)
            if name in names:
                yield rules.duplicate(f"{here}.name", name)
            names.add(name)
        elif len(ports) > 1:
            yield required(f"{here}.name")
        yield from rules.invalid(f"{here}.port", number, rules.port_number)
        yield from rules.one_of(f"{here}.protocol", port["protocol"], rules.PROTOCOLS)
        yield from port_or_name(f"{here}.targetPort", port["targetPort"])
        if "appProtocol" in port:
            yield from rules.invalid(f"{here}.appProtocol", port["appProtocol"], rules.label_key)
        node_port = (port["protocol"], port.get("nodePort", 0))
        if node_port[1] and node_port in node_ports:
            yield cause(f"{here}.nodePort", f"Duplicate value: {node_port[1]}", "FieldValueDuplicate")
        node_ports.add(node_port)
        if kind == "ClusterIP" and node_port[1]:
            yield forbidden_change(f"{here}.nodePort", "may not be used when `type` is 'ClusterIP'")
        if (port["protocol"], number) in numbers:
            yield cause(here, f"Duplicate value: {_shown_port(port)}", "FieldValueDuplicate")
        numbers.add((port["protocol"], number))


def _shown_port(port: Mapping[str, Any]) -> str:
    """Return a port as Go prints the struct that stands for it."""
    return (
        f'{{"Name":"","Protocol":"{port["protocol"]}","AppProtocol":null,"Port":{port.get("port", 0)},'
        '"TargetPort":0,"NodePort":0}'
    )


def _validate_addresses(spec: JsonObject) -> Causes:
    if not _has_address(spec):
        return
    address, addresses = spec.get("clusterIP", ""), spec.get("clusterIPs", [])
    if address and not addresses:
        yield required("spec.clusterIPs")
    elif address and addresses[0] != address:
        yield invalid_value("spec.clusterIPs", addresses, "first value must match `clusterIP`")
    elif addresses and not address:
        yield invalid_value("spec.clusterIPs", addresses, "must be empty when `clusterIP` is not specified")
    for index, one in enumerate(addresses):
        if index == 0 and one == _NONE:
            if len(addresses) > 1:
                yield invalid_value("spec.clusterIPs", addresses, "'None' must be the first and only value")
        else:
            yield from rules.invalid(f"spec.clusterIPs[{index}]", one, rules.ip)


def validate_status(new: JsonObject, old: JsonObject) -> Causes:
    """What is wrong with the status that replaces another."""
    ingress = new["status"]["loadBalancer"].get("ingress", ())
    if ingress and old["spec"]["type"] != "LoadBalancer":
        told = "may only be used when `spec.type` is 'LoadBalancer'"
        yield forbidden_change("status.loadBalancer.ingress", told)
        return
    for index, item in enumerate(ingress):
        if address := item.get("ip"):
            yield from rules.invalid(f"status.loadBalancer.ingress[{index}].ip", address, rules.ip)
