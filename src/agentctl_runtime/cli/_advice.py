"""What each reason of each condition means, where to look and what to do: `agentctl explain`, and docs/failures.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import field, frozen


@frozen
class Advice:
    """What to tell a person about one reason.

    Attributes:
        means: what is the case.
        look: commands that show more; {name}, {namespace}, {container} and {node} stand for those of the Agent.
        do: what ends it, the likeliest first; empty where there is nothing to be done.
    """

    means: str
    look: tuple[str, ...] = field(default=(), kw_only=True)
    do: tuple[str, ...] = field(default=(), kw_only=True)


_AGENT: Final = "kubectl get agent {name} -n {namespace} -o yaml"
_POD: Final = "kubectl describe pod {name} -n {namespace}"
_LOGS: Final = "kubectl logs {name} -n {namespace} -c {container}"
_PREVIOUS: Final = f"{_LOGS} --previous"
_EDIT: Final = "kubectl edit agent {name} -n {namespace}"
_QUOTA: Final = "kubectl describe quota -n {namespace}"
_INVALID: Final = Advice(
    "The spec holds something that cannot be; the message names each field. No pod is made from it; one that runs from "
    "a former spec goes on.",
    look=(_EDIT, "kubectl explain agent.spec"),
    do=("Correct the fields that the message names.",),
)
_DENIED: Final = Advice(
    "The spec asks for something that the operator's owner has not allowed, such as a privileged container or a "
    "hostPath volume. No pod is made from it; one that runs from a former spec goes on.",
    look=(_EDIT,),
    do=(
        "Do without what the message names.",
        "Or have the operator's owner allow it: `agentctl run --help` lists the flags, each `--allow-...`.",
    ),
)
_FAILED: Final = Advice(
    "The task has failed as often as backoffLimit allows, and is not tried again.",
    look=(_LOGS, "kubectl get agent {name} -n {namespace} -o jsonpath='{{.status.lastTermination}}'"),
    do=(
        "Find out from the logs, or from the last termination, why its program failed, and correct that.",
        "Any edit of the spec, such as a new image, starts the task anew; so does making the Agent anew.",
    ),
)
_TOO_LATE: Final = Advice(
    "The task took longer than activeDeadlineSeconds allows, and was ended.",
    look=(_AGENT,),
    do=("Give it more time: raise spec.activeDeadlineSeconds, which starts it anew.",),
)

ADVICE: Final[Mapping[str, Mapping[str, Advice]]] = {
    "Accepted": {
        "Accepted": Advice("The spec is valid."),
        "ResolvingImage": Advice(
            "The spec names no command, so the registry is being asked what the image runs.",
            do=(
                "Wait: it takes seconds.",
                "Or name spec.command, and no registry is asked.",
            ),
        ),
        "InvalidSpec": _INVALID,
        "PolicyDenied": _DENIED,
        "NameConflict": Advice(
            "Something else in the namespace has the name that the Agent's pod, Service, claim or config map would "
            "have. It is left alone, and looked at again every 30 seconds.",
            look=("kubectl get pods,services,configmaps,pvc -n {namespace} --show-labels",),
            do=(
                "Delete what the message names, if nobody needs it.",
                "Or give the Agent another name: make it anew under that.",
            ),
        ),
        "CommandUnknown": Advice(
            "The spec names no command, and the image does not say what it runs either, or says it differently for "
            "several platforms.",
            look=(_AGENT,),
            do=(
                "Set spec.command to what the image should run.",
                "Where platforms differ, choose one: set kubernetes.io/arch in spec.podTemplate.spec.nodeSelector.",
            ),
        ),
        "ImageNotFound": Advice(
            "The registry does not know the image. It is asked again after a while.",
            look=(_AGENT,),
            do=(
                "Correct spec.image: registry, repository and tag.",
                "Or push the image there.",
            ),
        ),
        "RegistryUnreachable": Advice(
            "The registry cannot be asked what the image runs: it does not answer, is not trusted, or wants other "
            "credentials. It is asked again after a while; a pod that runs goes on.",
            look=("kubectl logs -n agentctl-system deploy/agentctl",),
            do=(
                "Set spec.command: then no registry has to be asked.",
                (
                    "For a private image, set imagePullSecrets in spec.podTemplate.spec, and have the operator run "
                    "with --use-image-pull-secrets."
                ),
                (
                    "For a registry with a certificate of its own or over plain HTTP, see --registry-ca-file and "
                    "--insecure-registry of `agentctl run`."
                ),
            ),
        ),
    },
    "Ready": {
        "PodReady": Advice("The pod runs, and its containers are ready."),
        "PodPending": Advice(
            "The pod is starting: its images are pulled, its volumes mounted, its init containers run, one after the "
            "other. Or a scheduling gate of its spec holds it; then the message names that.",
            look=(_POD,),
            do=("Wait; where one container stays the one that is waited for, see its logs.",),
        ),
        "Unschedulable": Advice(
            "No node takes the pod: none has the CPU, memory or devices that it asks for, its nodeSelector or affinity "
            "fits none, it does not tolerate their taints, or a claim of its has no volume.",
            look=(_POD, "kubectl describe nodes", "kubectl describe pvc -n {namespace}"),
            do=(
                (
                    "Ask for less in spec.resources, or change nodeSelector, affinity or tolerations in "
                    "spec.podTemplate.spec."
                ),
                "Or add a node that fits.",
                "For a claim, see that its storage class exists and can make volumes.",
            ),
        ),
        "ImagePullFailed": Advice(
            "The node cannot pull an image of the pod's: it does not exist, or the registry wants credentials, or "
            "cannot be reached from there. It is tried again and again.",
            look=(_POD,),
            do=(
                "Correct the image's name and tag.",
                (
                    "For a private image, set imagePullSecrets in spec.podTemplate.spec to a Secret of type "
                    "kubernetes.io/dockerconfigjson in this namespace."
                ),
            ),
        ),
        "InvalidImageName": Advice(
            "The name of an image of the pod's cannot be parsed.",
            look=(_AGENT,),
            do=("Correct it: [registry/]repository[:tag][@digest], in lower case.",),
        ),
        "ConfigError": Advice(
            "The pod refers to a Secret or ConfigMap, or to a key of one, that does not exist.",
            look=("kubectl get secrets,configmaps -n {namespace}", _POD),
            do=(
                "Make what the message names; the pod starts by itself then.",
                "Or correct the reference in env, envFrom, files or volumes.",
            ),
        ),
        "CreateContainerError": Advice(
            "A container cannot be started: its program does not exist in the image or may not be executed, its "
            "workingDir cannot be used, or something cannot be mounted where the spec wants it.",
            look=(_POD,),
            do=(
                (
                    "Check command, workingDir and the mountPaths against the image: "
                    "the path of the program must be that inside of it."
                ),
            ),
        ),
        "InitFailed": Advice(
            "An init container has failed, so that the agent does not start. It is tried again.",
            look=(_PREVIOUS, _LOGS),
            do=(
                "Correct what its log says.",
                "agentctl-sdk installs the packages of spec.sdk: are their names right, and is their index reachable?",
                "agentctl-wrapper copies the wrapper: does the wrapper's image hold it, and cp?",
            ),
        ),
        "CrashLoopBackOff": Advice(
            "A container starts and ends again and again; each time the node waits longer before it starts it anew.",
            look=(_PREVIOUS, _POD),
            do=(
                "Correct what its log says before it ends.",
                (
                    "Exit code 127 is a program that is not there, 126 one that may not be executed, 137 one that was "
                    "killed."
                ),
                "A program that is meant to end is a task: set spec.restartPolicy to OnFailure or Never.",
                "If a livenessProbe kills it, give it more time, or a startupProbe.",
            ),
        ),
        "OOMKilled": Advice(
            "A container used more memory than its limit allows, and was killed.",
            look=(_PREVIOUS, "kubectl top pod {name} -n {namespace} --containers"),
            do=(
                "Raise resources.limits.memory; a pod that runs is resized without a restart where its node can.",
                "Or have the program use less.",
            ),
        ),
        "PodNotReady": Advice(
            "The pod runs, and a container of it is not ready: its readinessProbe does not succeed, or it has just "
            "ended and is started again.",
            look=(_LOGS, _POD),
            do=(
                "Wait, if it has just started.",
                (
                    "See that the program listens where readinessProbe asks: on that port, on all addresses and not on "
                    "localhost alone."
                ),
            ),
        ),
        "Evicted": Advice(
            "The pod's node has run short of memory or disk, or is being drained or shut down. Another pod is made.",
            look=("kubectl describe node {node}", "kubectl get events -n {namespace}"),
            do=(
                "Nothing, if it happens once.",
                (
                    "Otherwise ask for what it uses: requests for memory and ephemeral-storage, and a limit for "
                    "volumes of type emptyDir."
                ),
            ),
        ),
        "Preempted": Advice(
            "A pod of higher priority takes this one's place. Another is made, which waits for room.",
            look=("kubectl get priorityclasses", "kubectl describe nodes"),
            do=("Add room, or set priorityClassName in spec.podTemplate.spec.",),
        ),
        "NodeLost": Advice(
            "The pod's node does not answer. The agent may still run there, so no other is started: at most one.",
            look=("kubectl get node {node}", "kubectl describe node {node}"),
            do=(
                "Wait, or bring the node back: then it goes on by itself.",
                (
                    "When the machine is off for good, delete the Node: kubectl delete node {node}. Another pod is "
                    "made then."
                ),
            ),
        ),
        "Terminating": Advice(
            "A pod is ending, the Agent's or that of a former Agent of this name. The next is made when it is gone.",
            look=("kubectl get pod {name} -n {namespace} -o wide",),
            do=(
                "Wait: it has terminationGracePeriodSeconds, 30 by default, to end.",
                "If it stays longer, its finalizers keep it: who has set them takes them away.",
            ),
        ),
        "Backoff": Advice(
            "The last pods have failed; the next is made at the time that the message gives, later each time, "
            "5 minutes at the most.",
            look=("kubectl get agent {name} -n {namespace} -o jsonpath='{{.status.lastTermination}}'",),
            do=(
                "Correct what the last termination, or the log of the next pod, says.",
                "An edit of the spec starts a pod at once.",
            ),
        ),
        "QuotaExceeded": Advice(
            "The namespace's quota leaves no room for the pod, or for something that it needs. It is tried again every "
            "30 seconds.",
            look=(_QUOTA,),
            do=("Ask for less, end something else in the namespace, or have the quota raised.",),
        ),
        "CreateRejected": Advice(
            "The API server refuses the pod, or a Service, claim or config map that it needs; the message has its "
            "words. It may be an admission webhook or policy, the namespace's Pod Security Standard, or a LimitRange. "
            "It is tried again every 30 seconds.",
            look=("kubectl get namespace {namespace} --show-labels", "kubectl describe limitrange -n {namespace}"),
            do=(
                "Change what the message names.",
                (
                    "For a Pod Security Standard, set spec.securityProfile to Restricted, or have the namespace's "
                    "label changed."
                ),
                "Ask whoever runs the webhook or policy that the message names.",
            ),
        ),
        "NotAccepted": Advice(
            "There is no pod, since the spec is not accepted: see the condition Accepted.",
            look=(_AGENT,),
            do=("Do what Accepted asks for.",),
        ),
    },
    "UpToDate": {
        "Current": Advice("The pod is what the spec asks for."),
        "UpdatePending": Advice(
            "The pod goes on as it is, and is not what the spec asks for: the next one cannot be made, "
            "updateStrategy is OnDelete, or the API server or the node refuses a change.",
            look=(_AGENT, _POD),
            do=(
                "Do what the message says.",
                "With updateStrategy OnDelete, delete the pod when it suits: kubectl delete pod {name} -n {namespace}.",
            ),
        ),
        "Recreating": Advice(
            "The spec has changed in a way that needs another pod: this one ends, and the next is made when it is "
            "gone.",
            do=("Wait.",),
        ),
    },
    "Suspended": {
        "ScaledToZero": Advice(
            "spec.replicas is 0: the Agent has no pod until it is woken.",
            do=("Wake it: kubectl scale agent/{name} -n {namespace} --replicas=1",),
        ),
        "Running": Advice("The Agent is meant to run: spec.replicas is 1."),
    },
    "Finished": {
        "Succeeded": Advice("The task has ended well.", look=(_LOGS,)),
        "Failed": _FAILED,
        "DeadlineExceeded": _TOO_LATE,
        "Running": Advice("The task has not ended yet.", look=(_LOGS,)),
    },
    "Stalled": {
        "InvalidSpec": _INVALID,
        "PolicyDenied": _DENIED,
        "Failed": _FAILED,
        "DeadlineExceeded": _TOO_LATE,
    },
}
"""By condition and reason. Stalled repeats what only another edit of the Agent can end."""

UNWATCHED: Final = Advice(
    "No operator has looked at this Agent, or at its present spec: none runs, none serves this namespace, or it has "
    "not come to it yet.",
    look=(
        "kubectl get deploy,pods -n agentctl-system",
        "kubectl logs -n agentctl-system deploy/agentctl",
        "agentctl doctor",
    ),
    do=(
        "Wait a few seconds; a minute where many Agents have come at once.",
        "If nothing changes, see that the operator runs, and serves this namespace.",
    ),
)
"""For an Agent whose status has no conditions, or is that of a former spec."""
