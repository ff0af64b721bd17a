"""Makes a random Agent that its schema accepts one that the pod API accepts too: the rules between fields.

Each function settles one sort of rule of Kubernetes' validation (pkg/apis/core/validation/validation.go), in place.
Where two fields exclude each other one is dropped; where one needs another, that is added.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias, cast

from .._quantity import amount
from .._spec import MAIN_CONTAINER

JsonObject: TypeAlias = dict[str, Any]

_PROBES: Final = ("livenessProbe", "readinessProbe", "startupProbe")
_PROFILES: Final = ("seccompProfile", "appArmorProfile")
_FOR_LINUX: Final = (
    *("appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged"),
    *("allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup", "fsGroup", "fsGroupChangePolicy", "sysctls"),
    *("supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy"),
)
_PATHS: Final = ("path", "credentialBundlePath", "certificateChainPath", "keyPath")
"""Fields of projections that name a file."""


def mend(manifest: JsonObject) -> JsonObject:
    """Return the Agent with its spec mended; the argument is changed."""
    spec: JsonObject = manifest["spec"]
    template: JsonObject = spec.setdefault("podTemplate", {})
    pod: JsonObject = template.setdefault("spec", {})
    for each in _STEPS:
        each(spec, pod)
    if not pod:
        del template["spec"]
    if not template:
        del spec["podTemplate"]
    if "service" in spec:
        _service(spec["service"])
        if manifest["metadata"]["name"][0].isdigit():
            manifest["metadata"]["name"] = "a" + manifest["metadata"]["name"][1:]
    return manifest


def _containers(spec: JsonObject) -> Iterator[JsonObject]:
    """Yield the agent's own fields first, then the other containers."""
    yield from (spec, *spec.get("sidecars", ()), *spec.get("initContainers", ()))


def _objects(value: Any) -> Iterator[JsonObject]:
    """Yield every object in a value, the outer ones first."""
    children: Iterable[Any] = ()
    if isinstance(value, dict):
        whole = cast("JsonObject", value)
        yield whole
        children = whole.values()
    elif isinstance(value, list):
        children = cast("list[object]", value)
    for child in children:
        yield from _objects(child)


def _unique(items: list[JsonObject], field: str, taken: set[str], *, optional: bool = False) -> None:
    """Give each item a value of its own, where there is one."""
    for item in items:
        if optional and field not in item:
            continue
        value, number = item[field], 0
        while item[field] in taken:
            number += 1
            item[field] = f"{value[:10]}{number}"
        taken.add(item[field])


def _names(spec: JsonObject, pod: JsonObject) -> None:
    _unique([*spec.get("initContainers", ()), *spec.get("sidecars", ())], "name", {MAIN_CONTAINER})
    for volume in spec.get("volumes", ()):
        if "initiatorName" in volume.get("iscsi", {}):
            volume["name"] = volume["name"][:20]  # an interface is named after volume and portal, and has 64 characters
    claims = [template["metadata"] for template in spec.get("volumeClaimTemplates", ())]
    _unique([*spec.get("volumes", ()), *claims], "name", set())
    _unique(pod.get("resourceClaims", []), "name", set())
    if sysctls := pod.get("securityContext", {}).get("sysctls"):
        pod["securityContext"]["sysctls"] = list({sysctl["name"]: sysctl for sysctl in sysctls}.values())


def _tasks(spec: JsonObject, pod: JsonObject) -> None:  # noqa: ARG001 -- the signature of every step
    if spec.keys() & {"backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"}:
        spec["restartPolicy"] = "OnFailure"
    for container in _containers(spec):
        seen: dict[str, JsonObject] = {policy["resourceName"]: policy for policy in container.get("resizePolicy", ())}
        if container.get("resizePolicy"):
            container["resizePolicy"] = list(seen.values())
        if spec.get("restartPolicy") == "Never" or container in spec.get("initContainers", ()):
            for policy in seen.values():
                policy["restartPolicy"] = "NotRequired"


def _shared_volume(spec: JsonObject, pod: JsonObject) -> None:  # noqa: ARG001
    shared = spec.get("sharedVolume", {})
    if "claimName" in shared:
        shared.pop("medium", None)
        shared.pop("sizeLimit", None)


def _ports(spec: JsonObject, pod: JsonObject) -> None:  # noqa: ARG001
    shared: set[Any] = set()
    names: set[str] = set()
    for container in _containers(spec):
        in_init = container in spec.get("initContainers", ())
        taken = set[Any]() if in_init else shared
        for port in container.get("ports", ()):
            while (port["containerPort"], port.get("protocol", "TCP")) in taken:
                port["containerPort"] = port["containerPort"] % 65535 + 1
            taken.add((port["containerPort"], port.get("protocol", "TCP")))
        _unique(container.get("ports", []), "name", set() if in_init else names, optional=True)


def _volume_sources(spec: JsonObject, pod: JsonObject) -> None:  # noqa: ARG001
    for volume in spec.get("volumes", ()):
        _storage_source(volume)
        claim = volume.get("ephemeral", {}).get("volumeClaimTemplate", {}).get("spec")
        if claim:
            _claim(claim)
        _atomic(volume)
    for template in spec.get("volumeClaimTemplates", ()):
        _claim(template["spec"])


def _storage_source(volume: JsonObject) -> None:
    if disk := volume.get("azureDisk"):
        managed = "/subscriptions/a/resourcegroups/b/providers/microsoft.compute/disks/c"
        disk["diskURI"] = managed if disk.get("kind") == "Managed" else disk["diskURI"]
    if (channel := volume.get("fc")) is not None:
        if channel.keys() & {"lun", "targetWWNs"}:
            channel.pop("wwids", None)
            channel.setdefault("lun", 0)
            channel["targetWWNs"] = channel.get("targetWWNs") or ["50060e801049cfd1"]
        else:
            channel["wwids"] = channel.get("wwids") or ["3600508b400105e210000900000490000"]
    if (iscsi := volume.get("iscsi")) and (iscsi.get("chapAuthDiscovery") or iscsi.get("chapAuthSession")):
        iscsi.setdefault("secretRef", {"name": "chap"})


def _claim(spec: JsonObject) -> None:
    if "ReadWriteOncePod" in spec["accessModes"]:
        spec["accessModes"] = ["ReadWriteOncePod"]
    if "dataSource" in spec and "dataSourceRef" in spec:
        spec["dataSourceRef"] = dict(spec["dataSource"])
    if limits := spec["resources"].get("limits"):
        limits.setdefault("storage", "1Ti")


def _atomic(volume: JsonObject) -> None:
    """Give the files of config maps, secrets and projections paths of their own."""
    parts = [volume.get(kind, {}) for kind in ("configMap", "secret", "downwardAPI")]
    for source in volume.get("projected", {}).get("sources", ()):
        parts += source.values()
        _trust_bundle(source.get("clusterTrustBundle", {}))
        if certificate := source.get("podCertificate"):
            _certificate(certificate)
    files: list[tuple[JsonObject, str]] = []
    for part in parts:
        files += [(item, "path") for item in part.get("items", ())]
        files += [(part, name) for name in _PATHS if name in part]
    taken = set[str]()
    for index, (file, name) in enumerate(files):
        if file[name] in taken:
            file[name] = f"{index}/{file[name]}"
        taken.add(file[name])
        if "resourceFieldRef" in file:
            file["resourceFieldRef"].setdefault("containerName", MAIN_CONTAINER)


def _trust_bundle(bundle: JsonObject) -> None:
    if bundle.keys() & {"signerName", "labelSelector"}:
        bundle.pop("name", None)
        bundle.setdefault("signerName", "example.com/a")


def _certificate(certificate: JsonObject) -> None:
    if certificate.keys() & {"certificateChainPath", "keyPath"}:
        certificate.pop("credentialBundlePath", None)
        certificate.setdefault("certificateChainPath", "chain.pem")
        certificate.setdefault("keyPath", "key.pem")
    else:
        certificate.setdefault("credentialBundlePath", "bundle.pem")


def _mounts(spec: JsonObject, pod: JsonObject) -> None:
    volumes: list[JsonObject] = spec.get("volumes", [])
    names = [volume["name"] for volume in volumes]
    names += [template["metadata"]["name"] for template in spec.get("volumeClaimTemplates", ())]
    if any(container.get("volumeMounts") for container in _containers(spec)) and not names:
        spec["volumes"] = volumes = [{"name": "scratch", "emptyDir": {}}]
        names = ["scratch"]
    for container in _containers(spec):
        for index, mount in enumerate(container.get("volumeMounts", ())):
            mount["name"] = names[(len(mount["name"]) + index) % len(names)]
            _mount(mount)
        _devices(spec, container, pod)
    for holder in (*_containers(spec), spec.get("sdk", {})):
        for variable in holder.get("env", ()):
            if file := variable.get("valueFrom", {}).get("fileKeyRef"):
                file["volumeName"] = "env-files"
                if not any(volume["name"] == "env-files" for volume in spec.setdefault("volumes", [])):
                    spec["volumes"].append({"name": "env-files", "emptyDir": {}})


def _mount(mount: JsonObject) -> None:
    if "subPathExpr" in mount:
        mount.pop("subPath", None)
    if mount.get("recursiveReadOnly", "Disabled") != "Disabled":
        mount["readOnly"] = True
        if "mountPropagation" in mount:
            mount["mountPropagation"] = "None"


def _devices(spec: JsonObject, container: JsonObject, pod: JsonObject) -> None:
    for index, device in enumerate(container.get("volumeDevices", ())):
        device["name"] = f"block-{index}"
        pod.pop("hostUsers", None)
        if not any(volume["name"] == device["name"] for volume in spec.setdefault("volumes", [])):
            claim = {"claimName": device["name"]}
            spec["volumes"].append({"name": device["name"], "persistentVolumeClaim": claim})


def _probes(spec: JsonObject, pod: JsonObject) -> None:
    for container in _containers(spec):
        for name in _PROBES:
            if name in container and name != "readinessProbe" and container[name].get("successThreshold", 1) > 1:
                container[name]["successThreshold"] = 1
        if "stopSignal" in container.get("lifecycle", {}) and "os" not in pod:
            pod["os"] = {"name": "linux"}


def _resources(spec: JsonObject, pod: JsonObject) -> None:
    for container in _containers(spec):
        resources = container.get("resources", {})
        limits, requests = resources.get("limits", {}), resources.get("requests", {})
        for name in requests.keys() & limits.keys():
            if (amount(requests[name]) or 0) > (amount(limits[name]) or 0):
                requests[name] = limits[name]
        for claim in resources.get("claims", ()):
            declared = pod.setdefault("resourceClaims", [])
            if not any(other["name"] == claim["name"] for other in declared):
                declared.append({"name": claim["name"], "resourceClaimName": claim["name"]})
    whole = pod.get("resources", {})
    for name, value in whole.get("limits", {}).items():
        whole.setdefault("requests", {}).setdefault(name, value)


def _security(spec: JsonObject, pod: JsonObject) -> None:
    contexts = [holder["securityContext"] for holder in (pod, *_containers(spec)) if "securityContext" in holder]
    for context in contexts:
        for profile in (context[name] for name in _PROFILES if name in context):
            if profile["type"] == "Localhost" or "localhostProfile" in profile:
                profile["type"] = "Localhost"
                profile.setdefault("localhostProfile", "a")
        if context.get("procMount") == "Unmasked":
            if any(container.get("volumeDevices") for container in _containers(spec)):
                del context["procMount"]
            else:
                pod["hostUsers"] = False
    if pod.get("os", {}).get("name") == "windows":
        _for_windows(spec, pod, contexts)
    elif any("windowsOptions" in context for context in contexts):
        pod.pop("os", None)
        for container in _containers(spec):
            container.get("lifecycle", {}).pop("stopSignal", None)


def _for_windows(spec: JsonObject, pod: JsonObject, contexts: list[JsonObject]) -> None:
    spec["wrapper"] = {"enabled": False}  # its container is one for Linux, as the SDK's is
    spec.pop("sdk", None)
    for name in ("hostUsers", "shareProcessNamespace", "resources"):
        pod.pop(name, None)
    for context in contexts:
        for name in _FOR_LINUX:
            context.pop(name, None)
    for container in _containers(spec):
        if "stopSignal" in container.get("lifecycle", {}):
            container["lifecycle"]["stopSignal"] = "SIGTERM"


def _scheduling(spec: JsonObject, pod: JsonObject) -> None:  # noqa: ARG001
    for toleration in pod.get("tolerations", ()):
        _toleration(toleration)
    for constraint in pod.get("topologySpreadConstraints", ()):
        if "minDomains" in constraint:
            constraint["whenUnsatisfiable"] = "DoNotSchedule"
    spread = {(c["topologyKey"], c["whenUnsatisfiable"]): c for c in pod.get("topologySpreadConstraints", ())}
    if spread:
        pod["topologySpreadConstraints"] = list(spread.values())
    for holder in _objects(pod):
        if holder.keys() & {"matchLabelKeys", "mismatchLabelKeys"}:
            holder.setdefault("labelSelector", {"matchLabels": {"c": "d"}})
    if pod.get("schedulingGates"):
        pod.pop("nodeName", None)


def _toleration(toleration: JsonObject) -> None:
    if "tolerationSeconds" in toleration:
        toleration["effect"] = "NoExecute"
    if toleration.get("value"):
        toleration["operator"] = "Equal"
        toleration.setdefault("key", "a")
    if "key" not in toleration:
        toleration["operator"] = "Exists"


def _selectors(spec: JsonObject, pod: JsonObject) -> None:  # noqa: ARG001
    for holder in _objects(spec):
        for expression in _expressions(holder, "matchExpressions"):
            _expression(expression)
        for field in _expressions(holder, "matchFields"):
            field.update(key="metadata.name", operator="In", values=["node-1"])


def _expressions(holder: JsonObject, name: str) -> list[JsonObject]:
    return holder[name] if isinstance(holder.get(name), list) else []


def _expression(expression: JsonObject) -> None:
    match expression["operator"]:
        case "In" | "NotIn":
            expression["values"] = expression.get("values") or ["a"]
        case "Gt" | "Lt":
            expression["values"] = ["1"]
        case _:
            expression.pop("values", None)


def _pod_fields(spec: JsonObject, pod: JsonObject) -> None:  # noqa: ARG001
    if pod.get("dnsPolicy") == "None" and not pod.get("dnsConfig", {}).get("nameservers"):
        pod.setdefault("dnsConfig", {})["nameservers"] = ["10.0.0.10"]
    if "hostnameOverride" in pod:
        pod.pop("setHostnameAsFQDN", None)


def _service(service: JsonObject) -> None:
    if service.get("headless"):
        service["type"] = "ClusterIP"
    ports = service["ports"]
    if len(ports) > 1:
        for port in ports:
            port.setdefault("name", "p")
    _unique(ports, "name", set(), optional=True)
    given: set[Any] = set()
    for port in ports:
        if not port.get("nodePort"):
            continue
        if service.get("type", "ClusterIP") == "ClusterIP":
            if service.get("headless"):
                del port["nodePort"]
                continue
            service["type"] = "NodePort"
        while port["nodePort"] in given:
            port["nodePort"] += 1
        given.add(port["nodePort"])


_STEPS: Final[tuple[Callable[[JsonObject, JsonObject], None], ...]] = (
    _names,
    _tasks,
    _shared_volume,
    _ports,
    _volume_sources,
    _mounts,
    _probes,
    _resources,
    _security,
    _scheduling,
    _selectors,
    _pod_fields,
)
