"""What people get wrong in an Agent file: one table, which docs/validate.md shows and the tests go through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import indent
from typing import Final, Literal

FoundBy = Literal["kubectl", "server", "operator", "pod", "nobody"]
HEAD: Final = """\
apiVersion: agentctl.dev/v1alpha1
kind: Agent
metadata:
  name: hello
spec:
  image: example.com/team/agent:1
  command: [serve]
"""
FILE: Final = "hello.yaml"


@dataclass(frozen=True)
class Mistake:
    """One mistake.

    Attributes:
        title: what has happened.
        text: the file.
        found_by: who finds it else: kubectl while it reads the file, the API server when the Agent is written, the
            operator, the API server when the operator makes the pod, or nobody.
        shown: the number of the first line that a reader needs to see, and of the last.
    """

    title: str
    text: str
    found_by: FoundBy
    shown: tuple[int, int]


def spec(title: str, lines: str, found_by: FoundBy = "server") -> Mistake:
    """Return the mistake that these lines of a spec are."""
    text = HEAD + indent(lines.strip("\n") + "\n", "  ")
    return Mistake(title, text, found_by, (HEAD.count("\n") + 1, text.count("\n")))


def whole(title: str, text: str, found_by: FoundBy = "server") -> Mistake:
    """Return the mistake that a file is."""
    return Mistake(title, text, found_by, (1, text.count("\n") + (not text.endswith("\n"))))


def head(title: str, before: str, after: str, found_by: Literal["kubectl", "server"] = "server") -> Mistake:
    """Return the mistake that another first part of the file is."""
    assert before in HEAD, before
    first = HEAD[: HEAD.index(before)].count("\n") + 1
    last = first + max(after.rstrip("\n").count("\n"), 0 if after else 1)
    return Mistake(title, HEAD.replace(before, after), found_by, (first, last))


_SIDECAR: Final = "- {name: proxy, image: envoy:1}"

MISTAKES: Final[Mapping[str, tuple[Mistake, ...]]] = {
    "The file": (
        whole("nothing in it", "", "kubectl"),
        whole("only comments", "# to be written\n", "kubectl"),
        whole("no object", "hello\n", "kubectl"),
        whole("a list of Agents without a List", f"- {indent(HEAD, '  ').strip()}\n", "kubectl"),
        head("another group", "agentctl.dev/v1alpha1", "agentctrl.dev/v1alpha1"),
        head("another version", "agentctl.dev/v1alpha1", "agentctl.dev/v1"),
        head("no apiVersion", "apiVersion: agentctl.dev/v1alpha1\n", ""),
        head("no kind", "kind: Agent\n", "", "kubectl"),
        head("a misspelt kind", "kind: Agent", "kind: Agnet"),
        head("a kind in small letters", "kind: Agent", "kind: agent"),
        head("the kind's plural", "kind: Agent", "kind: Agents"),
        whole("no spec", HEAD.partition("spec:")[0]),
        whole("a misspelt spec", HEAD.replace("spec:", "specs:")),
        whole("an empty spec", HEAD.partition("  image")[0]),
        whole("fields beside the spec", "replicas: 0\n" + HEAD),
        whole("two Agents of one name", f"{HEAD}---\n{HEAD}", "nobody"),
    ),
    "YAML": (
        spec("a tab", "env:\n\t- name: A", "kubectl"),
        spec("not indented like its neighbours", "env: []\n args: []", "kubectl"),
        spec("a list item that is not below its field", "args:\n  - a\n- b", "kubectl"),
        spec("no space after the colon", "workingDir:/srv\nstdin: true", "kubectl"),
        spec("a colon in a value", "args: [serve]\nworkingDir: a: b", "kubectl"),
        spec("a quote that is not closed", 'workingDir: "/srv', "kubectl"),
        spec("a text after a quote", 'workingDir: "/srv"/data', "kubectl"),
        spec("a bracket that is not closed", "args: [a, b\nstdin: true", "kubectl"),
        spec("a brace that is not closed", "resources: {limits: {cpu: 1}\nstdin: true", "kubectl"),
        spec("a line that is no field", "stdin: true\nserve\ntty: true", "kubectl"),
        spec("an at sign", "workingDir: @srv", "kubectl"),
        spec("an asterisk", "args: [*.py]", "kubectl"),
        spec("a backslash in double quotes", r'workingDir: "C:\data"', "kubectl"),
        spec("a template", "workingDir: {{ .Values.dir }}", "kubectl"),
        spec("a field twice", "stdin: true\ntty: true\nstdin: false", "nobody"),
        spec("a control character", "workingDir: /srv\a", "kubectl"),
    ),
    "Names of fields": (
        spec("a letter is missing", "comand: [serve]"),
        spec("small letters", "workingdir: /srv"),
        spec("the plural", "sidecar: []"),
        spec("a field of Deployment", "containers:\n  - name: agent"),
        spec("another field of Deployment", "template:\n  spec: {}"),
        spec("a field of the pod", "nodeSelector: {disk: ssd}"),
        spec("a field of the pod in podTemplate", "podTemplate:\n  serviceAccountName: reader"),
        spec("labels of the pod", "labels: {team: a}"),
        spec("a field of the securityContext", "privileged: true"),
        spec("a field of the resources", "limits: {memory: 1Gi}"),
        spec("a field of the shared volume", "claimName: data"),
        spec("a field of the SDK", "packages: [httpx]"),
        spec("a word of Docker Compose", "environment: {A: b}"),
        spec("a word of Dockerfiles", "entrypoint: [serve]"),
        spec("the pod's containers", "podTemplate:\n  spec:\n    containers: []"),
        spec("the pod's restart policy", "podTemplate:\n  spec:\n    restartPolicy: Never"),
        spec("a misspelt field of core/v1", "livenessProbe:\n  httpGet: {port: 80}\n  periodSecond: 5"),
        spec("a misspelt field of a sidecar", "sidecars:\n  - {name: proxy, img: envoy}"),
    ),
    "Values": (
        spec("a command in one line", "args: --port 80"),
        spec("a number for a text", "env:\n  - {name: PORT, value: 8080}"),
        spec("yes for a text", "env:\n  - {name: DEBUG, value: yes}"),
        spec("a version for a text", "sdk:\n  runtime: python\n  version: 3.10\n  packages: [httpx]"),
        spec("a text for a number", 'ports:\n  - {containerPort: "80"}'),
        spec("a text for a boolean", 'stdin: "true"'),
        spec("a fraction", "backoffLimit: 1.5\nrestartPolicy: Never"),
        spec("two pods", "replicas: 2"),
        spec("variables as an object", "env:\n  DEBUG: b"),
        spec("variables as texts", "env:\n  - DEBUG=b"),
        spec("a list for an object", "resources:\n  - limits: {cpu: 1}"),
        spec("a text for an object", "sharedVolume: /data"),
        spec("a variable without a name", "env:\n  - {value: b}"),
        spec("a null in a list", "args: [~]"),
        spec("an unknown choice", "restartPolicy: always"),
        spec("a choice of another field", "updateStrategy: RollingUpdate"),
        spec("an empty text", "sidecars:\n  - {name: proxy, image: ''}"),
        spec("a volume with capitals", "volumes:\n  - {name: Data, emptyDir: {}}"),
        spec("a port beyond 65535", "ports:\n  - {containerPort: 80800}"),
        spec("half a CPU", "resources:\n  limits: {cpu: 0.5}"),
        spec("no quantity", "resources:\n  limits: {memory: 1 GB}"),
        spec("a relative mount path", "sharedVolume: {mountPath: data}"),
        spec("permissions in decimal", "files:\n  - {path: run.sh, content: a, mode: 755}"),
        spec("a path that climbs", "files:\n  - {path: ../etc/passwd, content: a}"),
        spec("an option for a package", "sdk:\n  runtime: python\n  packages: ['--index-url=x']"),
        spec("a runtime that is not there", "sdk:\n  runtime: ruby\n  packages: [rails]"),
        spec("a negative time", "restartPolicy: Never\nactiveDeadlineSeconds: -1"),
        spec("a variable's name with =", "env:\n  - {name: A=B}"),
    ),
    "Required and exclusive": (
        whole("no image", HEAD.replace("  image: example.com/team/agent:1\n", "")),
        whole("an empty image", HEAD.replace("example.com/team/agent:1", "")),
        spec("a sidecar without a name", "sidecars:\n  - image: envoy:1"),
        spec("a port without a number", "ports:\n  - name: http"),
        spec("a service without ports", "service: {}"),
        spec("a service with no ports", "service: {ports: []}"),
        spec("an SDK without packages", "sdk: {runtime: python, packages: []}"),
        spec(
            "a claim without a size",
            "volumeClaimTemplates:\n  - metadata: {name: data}\n    spec: {accessModes: [ReadWriteOnce]}",
        ),
        spec("a file without content", "files:\n  - path: run.sh"),
        spec("a file with two contents", "files:\n  - {path: a, content: b, secretKeyRef: {name: c, key: d}}"),
        spec("a volume of two kinds", "volumes:\n  - {name: a, emptyDir: {}, secret: {secretName: b}}"),
        spec("a variable from nowhere", "env:\n  - {name: A, valueFrom: {}}"),
        spec("a size for a claim", "sharedVolume: {claimName: data, sizeLimit: 1Gi}"),
        spec("a headless node port", "service: {headless: true, type: NodePort, ports: [{port: 80}]}"),
        spec("a task's limit for a service", "backoffLimit: 3"),
    ),
    "Names and labels of the Agent": (
        head("a name with capitals", "name: hello", "name: Hello"),
        head("a name with a dot", "name: hello", "name: hello.world"),
        head("no name", "  name: hello\n", "  namespace: team\n"),
        head("no metadata", "metadata:\n  name: hello\n", ""),
        head("a namespace with a space", "  name: hello\n", "  name: hello\n  namespace: my team\n"),
        head("a misspelt field of the metadata", "  name: hello\n", "  name: hello\n  lables: {}\n"),
        head("a number for a label", "  name: hello\n", "  name: hello\n  labels: {version: 1.0}\n"),
        head("a label with a space", "  name: hello\n", "  name: hello\n  labels: {team: my team}\n"),
        whole(
            "a digit first, with a service",
            f"{HEAD.replace('name: hello', 'name: 1st')}  service: {{ports: [{{port: 80}}]}}\n",
        ),
    ),
    "Clashes": (
        spec("a variable twice", "env:\n  - {name: A, value: b}\n  - {name: A, value: c}"),
        spec("a port twice", "ports:\n  - containerPort: 80\n  - containerPort: 80"),
        spec(
            "a port of the agent and a sidecar",
            "ports: [{containerPort: 80}]\nsidecars:\n  - {name: proxy, image: envoy:1, ports: [{containerPort: 80}]}",
            "operator",
        ),
        spec("two containers of one name", f"initContainers:\n  {_SIDECAR}\nsidecars:\n  {_SIDECAR}", "operator"),
        spec("the agent's own name", "sidecars:\n  - {name: agent, image: envoy:1}", "operator"),
        spec("a name of the operator's", "volumes:\n  - {name: agentctl-data, emptyDir: {}}", "operator"),
        spec("a mount without its volume", "volumeMounts:\n  - {name: data, mountPath: /data}", "operator"),
        spec(
            "a mount where the shared volume is",
            "volumes: [{name: data, emptyDir: {}}]\nvolumeMounts:\n  - {name: data, mountPath: /agentctl}",
            "operator",
        ),
        spec("two files of one path", "files:\n  - {path: a, content: b}\n  - {path: a, content: c}"),
        spec("a file within a file", "files:\n  - {path: a, content: b}\n  - {path: a/b, content: c}", "operator"),
        spec(
            "a label of the operator's",
            "podTemplate:\n  metadata:\n    labels: {app.kubernetes.io/name: a}",
            "operator",
        ),
        spec(
            "a variable that the SDK sets",
            "sdk: {runtime: python, packages: [httpx]}\nenv:\n  - {name: PYTHONPATH, value: /srv}",
            "operator",
        ),
        spec("a wrapper that is no path", "wrapper: {command: [tini]}", "operator"),
        whole(
            "no command, and nobody to ask for it",
            HEAD.replace("command: [serve]", "wrapper: {commandResolution: Never}"),
            "operator",
        ),
    ),
    "What the operator's owner has to allow": (
        spec("a privileged container", "securityContext: {privileged: true}", "operator"),
        spec("a folder of the host", "volumes:\n  - {name: logs, hostPath: {path: /var/log}}", "operator"),
        spec("the host's network", "podTemplate:\n  spec: {hostNetwork: true}", "operator"),
        spec("a port of the host", "ports:\n  - {containerPort: 80, hostPort: 80}", "operator"),
        spec("a capability", "securityContext:\n  capabilities: {add: [NET_ADMIN]}", "operator"),
        spec("no seccomp", "securityContext:\n  seccompProfile: {type: Unconfined}", "operator"),
        spec(
            "a sysctl",
            "podTemplate:\n  spec:\n    securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}]}",
            "operator",
        ),
        spec("a probe of another host", "livenessProbe:\n  httpGet: {host: example.com, port: 80}", "operator"),
    ),
    "What the API server refuses only when the pod is made": (
        spec("a probe that does nothing", "livenessProbe: {periodSeconds: 5}", "pod"),
        spec("requests above limits", "resources:\n  requests: {memory: 2Gi}\n  limits: {memory: 1Gi}", "pod"),
        spec("variables from nowhere", "envFrom: [{}]", "pod"),
        spec(
            "a value from two places",
            "env:\n  - {name: A, value: b, valueFrom: {fieldRef: {fieldPath: metadata.name}}}",
            "pod",
        ),
        spec(
            "a probe of an init container",
            "initContainers:\n  - {name: a, image: b, livenessProbe: {exec: {command: [c]}}}",
            "pod",
        ),
        spec("a pod label with a space", "podTemplate:\n  metadata:\n    labels: {team: my team}", "pod"),
        spec("several ports of a service without names", "service:\n  ports: [{port: 80}, {port: 81}]", "pod"),
    ),
}
"""By section."""
