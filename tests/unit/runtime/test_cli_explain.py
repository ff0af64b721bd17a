"""`agentctl explain` says why an Agent is not ready and what to do; it writes nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import httpx2
import pytest
import yaml
from click.testing import CliRunner, Result

from agentctl_core import Ref
from agentctl_runtime.cli._advice import ADVICE
from agentctl_runtime.cli._explanation import explained
from agentctl_runtime.cli._explanation_text import explanation_lines
from agentctl_runtime.cli._group import agentctl

from .cli_support import Json, Served, agent

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
FORBIDDEN = {"kind": "Status", "code": 403, "reason": "Forbidden", "message": "you may not"}
POD = Ref("v1", "Pod", "team", "demo")


def invoke(*arguments: str, text: str | None = None) -> Result:
    result = CliRunner().invoke(agentctl, ["explain", *arguments], input=text, terminal_width=80)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def told(served: Served) -> Json:
    assert served
    found: Json = json.loads(invoke("demo", "-n", "team", "-o", "json").output)
    return found


def condition(kind: str, status: str, reason: str, message: str = "It is so.") -> Json:
    since = (NOW - timedelta(minutes=5)).isoformat()
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": since}


def observed(*conditions: Json, **status: Any) -> Json:
    made = agent()
    made["metadata"] |= {"uid": "u", "generation": 2}
    return made | {"status": {"observedGeneration": 2, "conditions": list(conditions), **status}}


def text_of(manifest: Json, pod: Json | None = None, events: Sequence[Json] = (), unread: Sequence[str] = ()) -> str:
    return click.unstyle("\n".join(explanation_lines(explained(manifest, pod, events, unread), NOW)))


def test_an_agent_whose_status_is_still_to_be_written_has_a_pod() -> None:
    pod = {"kind": "Pod", "metadata": {"name": "demo", "namespace": "team"}}
    assert text_of(observed(), pod).startswith("Agent team/demo has a pod, and no status yet\n")


# Verdicts

ACCEPTED = condition("Accepted", "True", "Accepted")
VERDICTS: list[tuple[list[Json], str, bool]] = [
    ([], "has not been looked at by any operator", False),
    ([condition("Accepted", "False", "InvalidSpec")], "is not accepted: InvalidSpec", False),
    (
        [condition("Accepted", "False", "PolicyDenied"), condition("Ready", "True", "PodReady")],
        "runs its former spec; the present one is not accepted: PolicyDenied",
        False,
    ),
    ([condition("Accepted", "Unknown", "ResolvingImage")], "is not accepted: ResolvingImage", False),
    ([ACCEPTED, condition("Ready", "True", "PodReady")], "is ready", True),
    ([ACCEPTED, condition("Ready", "False", "OOMKilled")], "is not ready: OOMKilled", False),
    (
        [ACCEPTED, condition("Ready", "True", "PodReady"), condition("UpToDate", "False", "UpdatePending")],
        "is ready, and not up to date: UpdatePending",
        True,
    ),
    ([ACCEPTED, condition("Suspended", "True", "ScaledToZero")], "is suspended", True),
    ([ACCEPTED, condition("Finished", "True", "Succeeded")], "has finished: Succeeded", True),
    ([ACCEPTED, condition("Finished", "True", "DeadlineExceeded")], "has finished: DeadlineExceeded", False),
]


@pytest.mark.parametrize(("conditions", "words", "is_well"), VERDICTS)
def test_the_first_line_says_how_the_agent_is(conditions: list[Json], words: str, is_well: bool) -> None:  # noqa: FBT001
    found = explained(observed(*conditions), None, [], [])
    assert (found["verdict"], found["isWell"]) == (words, is_well)
    first = text_of(observed(*conditions)).partition("\n\n")[0]
    assert " ".join(first.split()) == f"Agent team/demo {words}"


REASONS = [
    (kind, reason) for kind in ("Accepted", "Finished", "Suspended", "Ready", "UpToDate") for reason in ADVICE[kind]
]
WISHED = {("Accepted", "Accepted"), ("Ready", "PodReady"), ("UpToDate", "Current"), ("Suspended", "Running")}
WISHED |= {("Finished", "Running"), ("Finished", "Succeeded"), ("Ready", "NotAccepted")}


@pytest.mark.parametrize(("kind", "reason"), REASONS)
def test_each_reason_is_told_with_its_message_and_advice(kind: str, reason: str) -> None:
    is_true = (kind in ("Finished", "Suspended") and reason != "Running") or (kind, reason) in WISHED
    status = str(is_true and reason not in ("NotAccepted", "Running"))
    found = explained(observed(condition(kind, status, reason, "The cause.")), None, [], [])
    advice = [(each["condition"], each["reason"], each["message"]) for each in found["advice"]]
    assert advice == ([] if (kind, reason) in WISHED else [(kind, reason, "The cause.")])
    for each in found["advice"]:
        assert each["do"]
        assert not [text for text in (*each["do"], *each["lookAt"]) if "{" in text.replace("{.status", "")]
        assert ADVICE[kind][reason].means == each["means"]


def test_a_reason_of_another_version_is_told_with_its_message() -> None:
    found = explained(observed(ACCEPTED, condition("Ready", "False", "Moonstruck", "It is full.")), None, [], [])
    assert found["advice"][0]["message"] == "It is full."
    assert "does not know this reason" in found["advice"][0]["means"]


def test_an_edit_that_nobody_has_looked_at_is_told_first() -> None:
    manifest = observed(ACCEPTED, condition("Ready", "True", "PodReady"))
    manifest["metadata"]["generation"] = 3
    found = explained(manifest, None, [], [])
    assert found["isWell"] is False
    assert found["verdict"] == "is ready, and its latest edit has not been looked at"
    assert (found["generation"], found["observedGeneration"]) == (3, 2)
    assert found["advice"][0]["means"].startswith("No operator has looked at this Agent, or at its present spec")


def test_an_agent_that_is_deleted_is_told_so() -> None:
    manifest = observed(ACCEPTED, condition("Ready", "True", "PodReady"))
    manifest["metadata"]["deletionTimestamp"] = NOW.isoformat()
    assert text_of(manifest).startswith("Agent team/demo is being deleted\n")


# What stands below


def pod(*statuses: Json, **spec: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "demo", "namespace": "team", "ownerReferences": [{"uid": "u", "name": "demo"}]},
        "spec": {
            "nodeName": "n1",
            "initContainers": [
                {"name": "setup", "image": "i"},
                {"name": "side", "image": "s", "restartPolicy": "Always"},
            ],
            "containers": [{"name": "agent", "image": "a"}],
            **spec,
        },
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.1",
            "startTime": (NOW - timedelta(hours=2)).isoformat(),
            "initContainerStatuses": [each for each in statuses if each["name"] != "agent"],
            "containerStatuses": [each for each in statuses if each["name"] == "agent"],
        },
    }


def container(name: str, state: Json, **more: Any) -> Json:
    return {"name": name, "state": state, "ready": False, "restartCount": 0, **more}


WAITS: Json = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting"}}
INITIALIZES: Json = {"waiting": {"reason": "PodInitializing"}}
STATES: list[tuple[list[Json], str, str]] = [
    ([container("setup", {"running": {}})], "setup  init     runs; what comes after waits for it", "agent"),
    ([container("setup", {"terminated": {"exitCode": 0}})], "setup  init     ended well", "agent"),
    (
        [container("setup", {"terminated": {"exitCode": 3, "reason": "Error"}})],
        "setup  init     ended with exit code 3 (Error)",
        "setup",
    ),
    ([container("side", {"running": {}}, ready=True)], "side   sidecar  runs, ready", "agent"),
    ([container("agent", WAITS, restartCount=1)], "agent  agent    waits: CrashLoopBackOff, restarted 1 time", "agent"),
    ([container("side", WAITS, restartCount=2)], "side   sidecar  waits: CrashLoopBackOff, restarted 2 times", "side"),
    (
        [container("agent", INITIALIZES)],
        "agent  agent    waits: PodInitializing",
        "agent",
    ),
    ([], "agent  agent    has not begun", "agent"),
]


@pytest.mark.parametrize(("statuses", "line", "troubled"), STATES)
def test_containers_are_told_in_their_order_and_the_logs_of_the_troubled_one(
    statuses: list[Json], line: str, troubled: str
) -> None:
    manifest = observed(ACCEPTED, condition("Ready", "False", "PodNotReady"))
    lines = text_of(manifest, pod(*statuses)).splitlines()
    assert f"  {line}" in lines
    begin = lines.index("Pod")
    assert lines[begin + 1] == "  demo: Running, on node n1, address 10.0.0.1, started 2h ago"
    assert [each.split()[0] for each in lines[begin + 2 : begin + 5]] == ["setup", "side", "agent"]
    assert f"    kubectl logs demo -n team -c {troubled}" in lines


def test_what_a_container_waits_for_is_told_in_the_kubelets_words() -> None:
    text = text_of(observed(ACCEPTED, condition("Ready", "False", "CrashLoopBackOff")), pod(container("agent", WAITS)))
    assert "  agent: back-off 40s restarting\n" in f"{text}\n"


def test_a_pod_of_somebody_elses_is_told_apart() -> None:
    stranger = pod()
    stranger["metadata"]["ownerReferences"] = []
    manifest = observed(condition("Accepted", "False", "NameConflict"))
    assert "It is not this Agent's" in text_of(manifest, stranger)
    assert "It is not this Agent's" not in text_of(manifest, pod())
    assert "\nPod\n  There is none." in text_of(manifest)


def test_the_last_termination_is_shown_with_the_end_of_what_it_said() -> None:
    said = "\n".join(f"line {number}" for number in range(30)) + "\n\x1b[31mred"
    end = {"containerName": "agent", "exitCode": 1, "reason": "Error", "message": said}
    end["finishedAt"] = (NOW - timedelta(seconds=7)).isoformat()
    lines = text_of(observed(ACCEPTED, condition("Ready", "False", "Backoff"), lastTermination=end)).splitlines()
    begin = lines.index("Last termination")
    assert lines[begin + 1] == "  Container agent, exit code 1 (Error), 7s ago"
    assert lines[begin + 2] == "    line 21"
    assert lines[-1] == "    \\x1b[31mred"


def event(seconds: int, kind: str = "Pod", name: str = "demo", **more: Any) -> Json:
    at = (NOW - timedelta(seconds=seconds)).isoformat()
    about = {"kind": kind, "name": name}
    return {"metadata": {}, "regarding": about, "type": "Warning", "reason": f"R{seconds}", "eventTime": at, **more}


def test_the_latest_events_are_shown_the_oldest_first_whichever_api_they_are_of() -> None:
    core = {
        "metadata": {}, "involvedObject": {"kind": "Pod", "name": "demo"}, "type": "Normal", "reason": "Pulled",
        "message": "from v1", "count": 3, "lastTimestamp": (NOW - timedelta(seconds=5)).isoformat(),
    }  # fmt: skip
    others = [
        event(1, "Node"),
        event(2, name="other"),
        event(3, "Agent", regarding={"kind": "Agent", "name": "demo", "uid": "former"}),
    ]
    many = [event(seconds, note=f"note {seconds}") for seconds in range(10, 40)]
    own = event(4, regarding={"kind": "Agent", "name": "demo", "uid": "u"})
    lines = text_of(observed(ACCEPTED), None, [core, own, *others, *many]).splitlines()
    shown = lines[lines.index("Events") + 1 :]
    assert len(shown) == 10
    assert shown[-2] == "    5s  Normal Pulled of the Pod (3 times): from v1"
    assert shown[-1] == "    4s  Warning R4 of the Agent:"
    assert shown[0] == "   17s  Warning R17 of the Pod: note 17"


def test_prose_fits_into_80_columns() -> None:
    long = "word " * 60
    manifest = observed(*(condition(kind, "False", next(iter(ADVICE[kind])), long) for kind in ("Accepted", "Ready")))
    text = text_of(
        manifest, pod(container("agent", {"waiting": {"reason": "X", "message": long}})), [event(1, note=long)], (long,)
    )
    assert max(map(len, text.splitlines())) <= 80


# From a cluster


def test_a_ready_agent_is_told_so_with_what_runs(served: Served) -> None:
    served.add(agent())
    result = invoke("demo", "-n", "team")
    assert result.exit_code == 0
    assert result.stdout.startswith("Agent team/demo is ready\n\nConditions\n  Accepted ")
    assert "  demo: Running, on node " in result.stdout
    assert "  agent             agent  runs, ready\n" in result.stdout
    assert "What to do" not in result.stdout
    assert [path for _, path in served.requests] == [
        "/apis/agentctl.dev/v1alpha1/namespaces/team/agents/demo",
        "/api/v1/namespaces/team/pods/demo",
        "/apis/events.k8s.io/v1/namespaces/team/events",
    ]


def test_an_agent_that_fails_is_told_with_its_events_and_termination(served: Served) -> None:
    served.add(agent(restartPolicy="Never", backoffLimit=0))
    served.cluster.end_container(POD, exit_code=3)
    served.add()
    found = told(served)
    assert (found["verdict"], found["isWell"]) == ("has finished: Failed", False)
    assert found["lastTermination"]["exitCode"] == 3
    assert {each["object"] for each in found["events"]} == {"Agent"}
    assert [each["reason"] for each in found["advice"]] == ["Failed"]
    assert yaml.safe_load(invoke("demo", "-n", "team", "-o", "yaml").output) == found
    assert invoke("demo", "-n", "team").exit_code == 1


def test_an_agent_that_nobody_has_looked_at(served: Served) -> None:
    served.create(agent())
    result = invoke("demo", "-n", "team")
    assert result.exit_code == 1
    assert "Agent team/demo has not been looked at by any operator\n\nNo operator\n" in result.stdout
    assert "kubectl get deploy,pods -n agentctl-system" in result.stdout


def test_no_such_agent_names_the_one_that_is_meant(served: Served) -> None:
    served.create(agent())
    result = invoke("demi", "-n", "team")
    assert (result.exit_code, result.stdout) == (66, "")
    assert result.stderr == "Error: There is no Agent team/demi. Did you mean demo?\n"
    result = invoke("something-else", "-n", "team")
    assert "`kubectl get agents -A`" in result.stderr


@pytest.mark.parametrize(("path", "what"), [("/pods/demo", "The pod: "), ("/events", "The events: ")])
def test_what_may_not_be_read_is_left_out_and_told(
    served: Served, monkeypatch: pytest.MonkeyPatch, path: str, what: str
) -> None:
    served.add(agent())
    answer = served.server.transport.handle_async_request

    async def refuse(request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith(path):
            return httpx2.Response(403, json=FORBIDDEN)
        return await answer(request)

    monkeypatch.setattr(served.server.transport, "handle_async_request", refuse)
    result = invoke("demo", "-n", "team")
    assert result.exit_code == 0
    assert f"\nNot read\n  {what}you may not\n" in result.stdout
    assert "Agent team/demo is ready" in result.stdout


def test_an_agent_that_may_not_be_read_is_no_answer(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(
            403, json={"kind": "Status", "code": 403, "reason": "Forbidden", "message": "you may not"}
        )

    monkeypatch.setattr(served.server.transport, "handle_async_request", refuse)
    result = invoke("demo", "-n", "team")
    assert (result.exit_code, result.stderr) == (77, "Error: you may not\n")


def test_a_cluster_that_does_not_know_agents_is_told_so(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(404, text="404 page not found\n")

    monkeypatch.setattr(served.server.transport, "handle_async_request", unknown)
    result = invoke("demo", "-n", "team")
    assert result.exit_code == 69
    assert "agentctl crd | kubectl apply -f -" in result.stderr


# From a dump


def dumped(served: Served) -> str:
    events = served.cluster.list("events.k8s.io/v1", "Event")[0]
    whole = served.dump()
    return json.dumps(whole | {"items": [*whole["items"], *events]})


def test_a_dump_tells_what_the_cluster_tells(served: Served) -> None:
    served.add(agent(restartPolicy="Never", backoffLimit=0))
    served.cluster.end_container(POD, exit_code=3)
    served.add()
    live, text = told(served), dumped(served)
    served.requests.clear()
    assert json.loads(invoke("demo", "-", "-o", "json", text=text).output) == live
    assert served.requests == []


def test_a_dump_that_lacks_the_agent_or_has_it_twice(served: Served) -> None:
    served.add(agent(), agent(namespace="other"))
    text = dumped(served)
    assert invoke("demi", "-", text=text).stderr == "Error: There is no Agent demi. Did you mean demo?\n"
    result = invoke("demo", "-", text=text)
    assert result.exit_code == 64
    assert "are in other, team: choose one with --namespace" in result.stderr
    assert invoke("demo", "-", "-n", "other", text=text).stdout.startswith("Agent other/demo is ready")


def test_a_dump_without_pods_or_events_says_so(served: Served) -> None:
    served.create(agent())
    assert (
        "Not read\n  The files hold no pods, or no events."
        in invoke("demo", "-", text=json.dumps(served.dump())).stdout
    )
    assert invoke("demo", "-", text="[1]").exit_code == 65


def test_a_cluster_and_a_dump_at_once_are_wrong_usage(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.add(agent())
    assert invoke("demo", "-", "--context", "x", text=dumped(served)).exit_code == 64
    monkeypatch.setenv("AGENTCTL_CONTEXT", "x")
    assert invoke("demo", "-", text=dumped(served)).exit_code == 0
