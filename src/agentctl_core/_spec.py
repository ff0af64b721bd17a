"""The Agent's spec as frozen classes: each field with its schema, its documentation and its default.

`crd` builds the CustomResourceDefinition from them, so what the API server checks, what `kubectl explain` prints and
what is parsed here are the same text. Structures of core/v1 stay mappings; classes are for what is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, TypeAlias

from attrs import Converter, field, frozen

from ._core_v1 import CORE_V1
from ._schema import Rule

JsonObject: TypeAlias = Mapping[str, Any]

NAME_MAX_LENGTH: Final = 63
LABEL_PATTERN: Final = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
RESERVED_PREFIX: Final = "agentctl-"
"""Containers and volumes whose names begin so are the operator's own."""
MAIN_CONTAINER: Final = "agent"
DEFAULT_MODE: Final = 0o644
"""Of files."""

_TEXT: Final = {"type": "string", "minLength": 1}
_STRINGS: Final = {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "atomic"}
_STRING_MAP: Final = {"type": "object", "additionalProperties": {"type": "string"}}
_ABSOLUTE_PATH: Final = {
    "type": "string",
    "maxLength": 4096,
    "pattern": r"^/[^:]*[^:/]$",
    "x-hint": "is no absolute path; write for example /agentctl, without ':' and without '/' at the end",
}
_LABEL: Final = {
    "type": "string",
    "minLength": 1,
    "maxLength": NAME_MAX_LENGTH,
    "pattern": LABEL_PATTERN,
    "x-hint": "is no DNS label; use lower-case letters, digits and '-'",
}
_NOT_NEGATIVE: Final = {"type": "integer", "format": "int32", "minimum": 0}


_tuple: Any = Converter(tuple)
"""Converts lists. Not `tuple[str, ...]`: calling an alias takes a microsecond, and a spec has thirty of them; and made
once, since attrs reads the signature of each converter that it is given."""


def _of(schema: JsonObject, doc: str, **options: Any) -> Any:
    """Declare a field with its structural schema and its documentation."""
    return field(metadata={"schema": schema, "doc": doc}, **options)


def _text(doc: str) -> Any:
    return _of(_TEXT, doc, default=None)


def _strings(doc: str) -> Any:
    return _of(_STRINGS, doc, default=(), converter=_tuple)


def _choice(doc: str, *values: str) -> Any:
    """Declare a field whose default is the first of its values."""
    schema = {"type": "string", "enum": list(values), "default": values[0]}
    return _of(schema, doc, default=values[0])


def _list(doc: str, item: JsonObject, most: int, *keys: str) -> Any:
    """Declare a list of core/v1 structures; `keys` make it a map list."""
    kind: dict[str, Any] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}
    schema = {
        "type": "array",
        "items": item,
        "maxItems": most,
        **(kind if keys else {"x-kubernetes-list-type": "atomic"}),
    }
    return _of(schema, doc, default=(), converter=_tuple)


def _core(name: str, doc: str) -> Any:
    """Declare an optional core/v1 structure."""
    return _of({"$ref": name}, doc, default=None)


def _nested(cls: type, doc: str, *, optional: bool = False) -> Any:
    default: dict[str, Any] = {"default": None} if optional else {"factory": cls}
    return field(metadata={"class": cls, "doc": doc}, **default)


def _items(cls: type, doc: str, most: int, *keys: str) -> Any:
    """Declare a list of a class of ours."""
    kind: dict[str, Any] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}
    extra = {"maxItems": most, **(kind if keys else {"x-kubernetes-list-type": "atomic"})}
    return field(metadata={"items": cls, "extra": extra, "doc": doc}, default=(), converter=_tuple)


@frozen(kw_only=True, unsafe_hash=False)
class Wrapper:
    """The program in front of the image's own command."""

    enabled: bool = _of(
        {"type": "boolean", "default": True}, "Whether the agent runs behind the wrapper.", default=True
    )
    image: str | None = _text("Image that holds the wrapper; the operator's own by default.")
    command: tuple[str, ...] = _strings(
        "The wrapper's absolute path in its image, and its own arguments. The agent's command follows after `--`."
    )
    install_command: tuple[str, ...] = _strings(
        "How the init container puts the wrapper into <mountPath>/bin; by default cp does it. "
        "For images without cp: a program that copies itself."
    )
    install: str = _choice(
        "InitContainer copies the wrapper into a volume; ImageVolume mounts its image, without a copy.",
        "InitContainer",
        "ImageVolume",
    )
    command_resolution: str = _choice(
        "Registry reads an image's ENTRYPOINT from its registry where the spec has no command; Never asks for one.",
        "Registry",
        "Never",
    )


@frozen(kw_only=True, unsafe_hash=False)
class SharedVolume:
    """One volume that every container of the pod sees at the same path."""

    RULES = (
        Rule(
            cel="!has(self.claimName) || (!has(self.medium) && !has(self.sizeLimit))",
            holds=lambda v: "claimName" not in v or not v.keys() & {"medium", "sizeLimit"},
            field=".claimName",
            message="a claim has its own medium and size: set claimName alone, or medium and sizeLimit without it",
        ),
    )

    mount_path: str = _of(
        _ABSOLUTE_PATH | {"default": "/agentctl"}, "Where the volume is in every container.", default="/agentctl"
    )
    medium: str | None = _of(
        {"type": "string", "enum": ["Memory", ""]}, "Memory keeps the volume in memory (tmpfs).", default=None
    )
    size_limit: str | int | None = _of({"$ref": "Quantity"}, "How much it may hold.", default=None)
    claim_name: str | None = _text("Use this PersistentVolumeClaim instead of a volume that ends with the pod.")


@frozen(kw_only=True, unsafe_hash=False)
class File:
    """One file that the agent finds, without a new image."""

    RULES = (
        Rule(
            cel="[has(self.content), has(self.configMapKeyRef), has(self.secretKeyRef)].filter(x, x).size() == 1",
            holds=lambda v: len(v.keys() & {"content", "configMapKeyRef", "secretKeyRef"}) == 1,
            field="",
            message="set exactly one of content, configMapKeyRef and secretKeyRef",
        ),
        Rule(
            cel="!self.path.contains('..')",
            holds=lambda v: ".." not in v["path"],
            field=".path",
            message="must not contain '..'",
        ),
    )

    path: str = _of(
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 1024,
            "pattern": r"^(/?[^/:]+)(/[^/:]+)*$",
            "x-hint": "is no path of a file; write for example tools/search.py or /etc/agent/config.yaml",
        },
        "Where the file is: absolute, or relative to <mountPath>/files.",
    )
    content: str | None = _of(
        {"type": "string"}, "The text of the file. Binary content comes from a reference.", default=None
    )
    config_map_key_ref: JsonObject | None = _core("ConfigMapKeySelector", "Take the content from a config map.")
    secret_key_ref: JsonObject | None = _core("SecretKeySelector", "Take the content from a secret.")
    mode: int | None = _of(
        {
            "type": "integer",
            "format": "int32",
            "minimum": 0,
            "maximum": 0o777,
            "x-hint": "must be between 0 and 511, octal 0777; write for example 0755, which YAML takes for octal",
        },
        "Permission bits of the file, for example 493 (octal 0755) for a script; 420 (0644) by default.",
        default=None,
    )


@frozen(kw_only=True, unsafe_hash=False)
class Sdk:
    """Packages put beside the agent, without a new image."""

    runtime: str = _of({"type": "string", "enum": ["python", "nodejs"]}, "Which language the packages are of.")
    version: str | None = _of(
        {"type": "string", "pattern": "^[0-9]+([.][0-9]+){0,2}$", "x-hint": "is no version; write for example 3.13"},
        "Version of the runtime whose packages these are; it must fit the agent's image.",
        default=None,
    )
    packages: tuple[str, ...] = _of(
        {
            "type": "array",
            "minItems": 1,
            "maxItems": 128,
            "items": {
                "type": "string",
                "maxLength": 512,
                "pattern": r"^[A-Za-z0-9@./][^\x00-\x1f\x7f]*$",
                "x-hint": "is no package; write for example httpx==0.28.1, and no options",
            },
            "x-kubernetes-list-type": "atomic",
        },
        "Requirements as pip or npm read them, for example httpx==0.28.1. Options are refused.",
        converter=_tuple,
    )
    image: str | None = _text("Image with pip or npm that installs them; one of the operator's choice by default.")
    env: tuple[JsonObject, ...] = _list(
        "Environment variables of pip or npm, for example PIP_INDEX_URL or npm_config_registry for an index of your "
        "own; the agent does not see them.",
        {"$ref": "EnvVar"},
        64,
        "name",
    )


@frozen(kw_only=True, unsafe_hash=False)
class ClaimMetadata:
    """Name of a claim template."""

    name: str = _of(_LABEL, "Name of the volume; the claim is named <name>-<agent>.")


@frozen(kw_only=True, unsafe_hash=False)
class ClaimTemplate:
    """A PersistentVolumeClaim that the operator makes and keeps."""

    metadata: ClaimMetadata = field(metadata={"class": ClaimMetadata, "doc": "Name of the volume."})
    spec: JsonObject = _of(
        {"$ref": "PersistentVolumeClaimSpec"},
        "What is claimed, as in core/v1. Storage may grow; the rest cannot be changed once the claim exists.",
    )


@frozen(kw_only=True, unsafe_hash=False)
class RetentionPolicy:
    """What happens to the claims, as in StatefulSet."""

    when_deleted: str = _choice(
        "Retain keeps the claims when the Agent is deleted, for one of the same name; Delete deletes them with it.",
        "Retain",
        "Delete",
    )


@frozen(kw_only=True, unsafe_hash=False)
class Service:
    """A stable name for what the agent serves."""

    type: str = _choice("Type of the Service.", "ClusterIP", "NodePort", "LoadBalancer")
    headless: bool = _of(
        {"type": "boolean", "default": False}, "Give the name the pod's own address (clusterIP: None).", default=False
    )
    ports: tuple[JsonObject, ...] = _of(
        {
            "type": "array",
            "items": {"$ref": "ServicePort"},
            "minItems": 1,
            "maxItems": 32,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["port", "protocol"],
        },
        "Ports, as in core/v1 ServicePort.",
        converter=_tuple,
    )

    RULES = (
        Rule(
            cel="!self.headless || self.type == 'ClusterIP'",
            holds=lambda v: not v.get("headless") or v.get("type") == "ClusterIP",
            field=".headless",
            message="a headless Service has type ClusterIP: leave type out, or headless",
        ),
    )


@frozen(kw_only=True, unsafe_hash=False)
class PodTemplateMetadata:
    """Labels and annotations of the pod, besides the operator's own."""

    labels: JsonObject = _of(_STRING_MAP, "Labels added to the pod.", factory=dict)
    annotations: JsonObject = _of(_STRING_MAP, "Annotations added to the pod.", factory=dict)


_OF_POD_TEMPLATE: Final = {
    **{name: f"write it under podTemplate.spec, as {name}" for name in CORE_V1["PodSpec"]["properties"]},
    **{name: f"write it under podTemplate.metadata, as {name}" for name in ("labels", "annotations")},
}


@frozen(kw_only=True, unsafe_hash=False)
class PodTemplate:
    """What the pod gets that is not its containers."""

    _ELSEWHERE: ClassVar[JsonObject] = _OF_POD_TEMPLATE

    metadata: PodTemplateMetadata = _nested(PodTemplateMetadata, "Labels and annotations of the pod.")
    spec: JsonObject = _of(
        {"$ref": "PodSpec"}, "Fields of core/v1 PodSpec, but for those that the Agent has elsewhere.", factory=dict
    )


_AGENT_IS: Final = "the agent's own container is spec itself (image, command, ...)"
_TASK_FIELDS: Final = ("backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished")


def _task_rule(name: str) -> Rule:
    return Rule(
        cel=f"!has(self.{name}) || self.restartPolicy != 'Always'",
        holds=lambda v: name not in v or v.get("restartPolicy") != "Always",
        field=f".{name}",
        message="is for tasks: set restartPolicy to OnFailure or Never, or leave this out",
    )


@frozen(kw_only=True, unsafe_hash=False)
class AgentSpec:
    """`spec` of an Agent: the main container's fields stand directly in it, as in core/v1 Container."""

    RULES = tuple(map(_task_rule, _TASK_FIELDS))
    _ELSEWHERE: ClassVar[JsonObject] = {
        **_OF_POD_TEMPLATE,
        **CORE_V1["Container"]["x-elsewhere"],
        "containers": f"{_AGENT_IS}; others are sidecars",
        "template": f"write podTemplate; {_AGENT_IS}",
        "claimName": "write it under sharedVolume",
        "packages": "write it under sdk",
        "runtime": "write it under sdk",
        "name": "write it under metadata",
        "namespace": "write it under metadata",
    }

    image: str = _of(
        _TEXT,
        "Container image that holds the agent, for example registry.example.com/team/agent:1.4. "
        "The only required field.",
    )
    command: tuple[str, ...] = _strings("Replaces the image's ENTRYPOINT, as in core/v1 Container.")
    args: tuple[str, ...] = _strings("Replaces the image's CMD, as in core/v1 Container.")
    working_dir: str | None = _of(
        {"type": "string"}, "Working directory of the agent; the image's own by default.", default=None
    )
    env: tuple[JsonObject, ...] = _list("Environment variables of the agent.", {"$ref": "EnvVar"}, 1000, "name")
    env_from: tuple[JsonObject, ...] = _list(
        "Config maps and secrets whose entries become environment variables.", {"$ref": "EnvFromSource"}, 64
    )
    ports: tuple[JsonObject, ...] = _list(
        "Ports that the agent listens on.", {"$ref": "ContainerPort"}, 32, "containerPort", "protocol"
    )
    resources: JsonObject | None = _core("ResourceRequirements", "CPU, memory and other resources of the agent.")
    volume_mounts: tuple[JsonObject, ...] = _list(
        "Where volumes are in the agent.", {"$ref": "VolumeMount"}, 64, "mountPath"
    )
    liveness_probe: JsonObject | None = _core("Probe", "When the agent is to be restarted.")
    readiness_probe: JsonObject | None = _core("Probe", "When the agent is ready: its Ready condition follows it.")
    startup_probe: JsonObject | None = _core("Probe", "When the agent has started.")
    lifecycle: JsonObject | None = _core("Lifecycle", "What is run after the agent's start and before its stop.")
    security_context: JsonObject | None = _core(
        "SecurityContext", "Security settings of the agent's container; they override those of securityProfile."
    )
    image_pull_policy: str | None = _of(
        {"type": "string", "enum": ["Always", "IfNotPresent", "Never"]}, "When the image is pulled.", default=None
    )
    termination_message_path: str | None = _of(
        {"type": "string"}, "File whose content explains the agent's end.", default=None
    )
    termination_message_policy: str | None = _of(
        {"type": "string", "enum": ["File", "FallbackToLogsOnError"]},
        "Where that explanation comes from.",
        default=None,
    )
    stdin: bool | None = _of({"type": "boolean"}, "Whether the agent has a standard input.", default=None)
    tty: bool | None = _of({"type": "boolean"}, "Whether the agent has a terminal; needs stdin.", default=None)
    replicas: int = _of(
        {
            "type": "integer",
            "format": "int32",
            "minimum": 0,
            "maximum": 1,
            "default": 1,
            "x-literal": True,
            "x-hint": "must be 0 or 1: an Agent has at most one pod; write another Agent for each further one",
        },
        "1 runs the agent, 0 suspends it: its pod is deleted. `kubectl scale`, KEDA and HPA set it.",
        default=1,
    )
    wrapper: Wrapper = _nested(Wrapper, "The program in front of the image's own command.")
    shared_volume: SharedVolume = _nested(SharedVolume, "The volume that every container of the pod sees.")
    init_containers: tuple[JsonObject, ...] = _list(
        "Containers that run to their end, in order, before the agent starts; files, wrapper and SDK are there then.",
        {"$ref": "Container"},
        16,
        "name",
    )
    sidecars: tuple[JsonObject, ...] = _list(
        "Containers that are up before the agent starts and are stopped after it has ended.",
        {"$ref": "Container"},
        16,
        "name",
    )
    files: tuple[File, ...] = _items(File, "Files that the agent finds: glue code and configuration.", 64, "path")
    sdk: Sdk | None = _nested(Sdk, "Packages that are installed beside the agent.", optional=True)
    volumes: tuple[JsonObject, ...] = _list("Volumes of the pod.", {"$ref": "Volume"}, 64, "name")
    volume_claim_templates: tuple[ClaimTemplate, ...] = _items(
        ClaimTemplate, "Claims that the operator makes; each is a volume of its name.", 16
    )
    persistent_volume_claim_retention_policy: RetentionPolicy = _nested(
        RetentionPolicy, "What happens to the claims of volumeClaimTemplates."
    )
    service: Service | None = _nested(Service, "A Service of the Agent's name.", optional=True)
    security_profile: str | None = _of(
        {"type": "string", "enum": ["Baseline", "Restricted"]},
        "Baseline runs any image, without privilege escalation; Restricted also as non-root and without capabilities, "
        "as the Pod Security Standard of that name asks. The operator's owner chooses the default: Baseline if unset.",
        default=None,
    )
    pod_template: PodTemplate = _nested(PodTemplate, "What the pod gets besides its containers.")
    restart_policy: str = _choice(
        "Always for a service; OnFailure or Never for a task that finishes.", "Always", "OnFailure", "Never"
    )
    update_strategy: str = _choice(
        "Recreate replaces the pod when the spec changes; OnDelete waits until somebody deletes it.",
        "Recreate",
        "OnDelete",
    )
    backoff_limit: int | None = _of(_NOT_NEGATIVE, "How often a task may fail, as in Job; 6 by default.", default=None)
    active_deadline_seconds: int | None = _of(
        {"type": "integer", "format": "int64", "minimum": 1}, "How long a task may take, as in Job.", default=None
    )
    ttl_seconds_after_finished: int | None = _of(
        _NOT_NEGATIVE, "The Agent is deleted this long after its task has finished, as in Job.", default=None
    )
