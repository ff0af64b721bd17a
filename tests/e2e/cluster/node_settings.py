"""The configuration files of a real node's parts, as JSON (which is YAML) and TOML."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.e2e.cluster.node_names import NodeNames

SOCKET = "/run/containerd/containerd.sock"
PAUSE = "agentctl-test/pause:1"


def write_settings(folder: Path, names: NodeNames, programs: Path, authority: Path, registry: str) -> None:
    """Write what the node's parts read into the folder; images of the registry come over plain HTTP."""
    network = folder / "network"
    network.mkdir(exist_ok=True)
    (network / "10-pods.conflist").write_text(json.dumps(_network(names)))
    hosts = folder / "registries" / registry
    hosts.mkdir(parents=True, exist_ok=True)
    # Read at every pull: further registries may be added while the node runs.
    (hosts / "hosts.toml").write_text(f'server = "http://{registry}"\n')
    (folder / "containerd.toml").write_text(_containerd(folder, programs, f"{registry}/{PAUSE}"))
    # There is no DNS in the cluster: with an empty file look-ups fail at once.
    (folder / "resolv.conf").write_text("")
    (folder / "kubelet.yaml").write_text(json.dumps(_kubelet(folder, names, authority)))
    (folder / "proxy.yaml").write_text(json.dumps(_proxy(folder, names)))


def _network(names: NodeNames) -> dict[str, Any]:
    addresses = {
        "type": "host-local",
        "dataDir": "/var/lib/cni/networks",
        "ranges": [[{"subnet": names.pod_addresses}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": True, "hairpinMode": True}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}, "snat": True}
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": [bridge | {"ipam": addresses}, ports]}


def _containerd(folder: Path, programs: Path, pause: str) -> str:
    # restrict_oom_score_adj: root in a container may not lower it.
    return f"""\
version = 3
root = "{folder}/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.nri.v1.nri", "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.erofs", "io.containerd.differ.v1.erofs",
]
[grpc]
  address = "{SOCKET}"
[plugins.'io.containerd.internal.v1.opt']
  path = "{folder}/containerd/opt"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{pause}"
[plugins.'io.containerd.cri.v1.images'.registry]
  config_path = "{folder}/registries"
[plugins.'io.containerd.cri.v1.runtime']
  disable_apparmor = true
  restrict_oom_score_adj = true
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
[plugins.'io.containerd.cri.v1.runtime'.containerd]
  default_runtime_name = "runc"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
  BinaryName = "{programs}/runc"
  SystemdCgroup = false
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["{programs}/cni"]
  conf_dir = "{folder}/network"
  max_conf_num = 1
"""


def _kubelet(folder: Path, names: NodeNames, authority: Path) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(authority)},
        },
        "authorization": {"mode": "Webhook"},
        "readOnlyPort": 0,
        "tlsCertFile": str(authority.with_name("kubelet.crt")),
        "tlsPrivateKeyFile": str(authority.with_name("kubelet.key")),
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{names.cgroup}",
        "failCgroupV1": False,
        "oomScoreAdj": 0,  # see restrict_oom_score_adj
        "maxOpenFiles": 20000,
        "serializeImagePulls": False,
        "registryPullQPS": 50,
        "registryBurst": 100,
        "eventRecordQPS": 100,
        "eventBurst": 200,
        "staticPodPath": "",
        "volumePluginDir": str(folder / "volume-plugins"),
        "volumeStatsAggPeriod": "0s",
        "resolvConf": str(folder / "resolv.conf"),
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1Gi", "imagefs.available": "1Gi"},
        # Images are not collected under the tests.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
    }


def _proxy(folder: Path, names: NodeNames) -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clusterCIDR": names.pod_addresses,
        "hostnameOverride": names.node,
        "clientConnection": {"kubeconfig": str(folder / "proxy.kubeconfig")},
        # Settings of the whole machine stay as they are.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
    }
