"""The security profiles, and how what the spec sets lies over them."""

from __future__ import annotations

import copy
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.builders import an_agent

from agentctl_core import Config, parse_agent
from agentctl_core._contribution import Contribution
from agentctl_core.features.security import contribute, lay_over

Json = dict[str, Any]
Profile = Literal["Baseline", "Restricted"]

RUNTIME_DEFAULT = {"type": "RuntimeDefault"}
BASELINE = Contribution(
    pod_security={"seccompProfile": RUNTIME_DEFAULT}, container_security={"allowPrivilegeEscalation": False}
)
RESTRICTED = Contribution(
    pod_security={"runAsNonRoot": True, "seccompProfile": RUNTIME_DEFAULT},
    container_security={"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
)
DEFAULTS: Json = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def contribution(config: Config | None = None, **spec: Any) -> Contribution:
    return contribute(parse_agent(an_agent(**spec)), config or Config())


@pytest.mark.parametrize(
    ("owner", "own", "expected"),
    [
        ("Baseline", {}, BASELINE),
        ("Restricted", {}, RESTRICTED),
        ("Baseline", {"securityProfile": "Restricted"}, RESTRICTED),
        ("Restricted", {"securityProfile": "Baseline"}, BASELINE),
    ],
)
def test_the_agents_profile_or_else_the_operators_own_gives_the_defaults(
    owner: Profile, own: Json, expected: Contribution
) -> None:
    assert contribution(Config(security_profile=owner), **own) == expected


def test_baseline_is_the_default_profile() -> None:
    assert contribution() == BASELINE


@pytest.mark.parametrize(("profile", "pod"), [("Baseline", {}), ("Restricted", {"runAsNonRoot": True})])
def test_on_windows_the_defaults_for_linux_are_left_out(profile: Profile, pod: Json) -> None:
    found = contribution(securityProfile=profile, podTemplate={"spec": {"os": {"name": "windows"}}})
    assert found == Contribution(pod_security=pod, container_security={})


def test_a_pod_that_says_that_it_is_for_linux_gets_the_defaults() -> None:
    assert contribution(podTemplate={"spec": {"os": {"name": "linux"}}}) == BASELINE


def test_the_defaults_do_not_depend_on_the_specs_own_settings() -> None:
    context = {"privileged": True, "allowPrivilegeEscalation": True, "capabilities": {"add": ["CAP_SYS_ADMIN"]}}
    assert contribution(securityContext=context, podTemplate={"spec": {"securityContext": {}}}) == BASELINE


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, DEFAULTS),
        ({"readOnlyRootFilesystem": True}, DEFAULTS | {"readOnlyRootFilesystem": True}),
        ({"allowPrivilegeEscalation": True}, DEFAULTS | {"allowPrivilegeEscalation": True}),
        (
            {"capabilities": {"add": ["NET_BIND_SERVICE"]}},
            DEFAULTS | {"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}},
        ),
        ({"capabilities": {"drop": ["NET_RAW"]}}, DEFAULTS | {"capabilities": {"drop": ["NET_RAW"]}}),
        ({"capabilities": {"drop": []}}, DEFAULTS | {"capabilities": {"drop": []}}),
        ({"capabilities": {}}, DEFAULTS),
        ({"privileged": False}, DEFAULTS | {"privileged": False}),
    ],
)
def test_an_override_changes_its_own_field_and_nothing_else(own: Json, expected: Json) -> None:
    assert lay_over(DEFAULTS, own) == expected


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({}, {"type": "RuntimeDefault"}),
        ({"seccompProfile": {"type": "Unconfined"}}, {"type": "Unconfined"}),
        (
            {"seccompProfile": {"type": "Localhost", "localhostProfile": "x"}},
            {"type": "Localhost", "localhostProfile": "x"},
        ),
    ],
)
def test_a_pods_own_seccomp_profile_replaces_the_default(own: Json, expected: Json) -> None:
    assert lay_over(RESTRICTED.pod_security or {}, own) == {"runAsNonRoot": True, "seccompProfile": expected}


@pytest.mark.parametrize(
    "own",
    [
        {"privileged": True},
        {"capabilities": {"add": ["CHOWN", "CAP_SYS_ADMIN"]}},
        {"privileged": True, "capabilities": {"add": ["CAP_SYS_ADMIN"]}},
    ],
)
@pytest.mark.parametrize("said", [{}, {"allowPrivilegeEscalation": True}, {"allowPrivilegeEscalation": False}])
def test_the_default_gives_way_where_the_api_server_would_refuse_it(own: Json, said: Json) -> None:
    # Whoever sets it to false there contradicts himself: that is for the API server to tell.
    capabilities = {"drop": ["ALL"]} | own.get("capabilities", {})
    assert lay_over(DEFAULTS, own | said) == own | said | {"capabilities": capabilities}


@pytest.mark.parametrize("name", ["SYS_ADMIN", "ALL", "NET_ADMIN", "cap_sys_admin"])
def test_the_default_stays_with_capabilities_that_the_api_server_lets_stand_beside_it(name: str) -> None:
    assert lay_over(DEFAULTS, {"capabilities": {"add": [name]}})["allowPrivilegeEscalation"] is False


CONTEXTS = st.fixed_dictionaries(
    {},
    optional={
        "privileged": st.booleans(),
        "allowPrivilegeEscalation": st.booleans(),
        "runAsNonRoot": st.booleans(),
        "capabilities": st.fixed_dictionaries(
            {},
            optional={
                "add": st.lists(st.sampled_from(["CHOWN", "CAP_SYS_ADMIN"])),
                "drop": st.lists(st.just("NET_RAW")),
            },
        ),
        "seccompProfile": st.fixed_dictionaries({"type": st.sampled_from(["Localhost", "Unconfined"])}),
    },
)


@given(defaults=CONTEXTS, own=CONTEXTS)
def test_what_is_set_wins_what_is_not_is_the_default_and_nothing_is_shared(defaults: Json, own: Json) -> None:
    before = copy.deepcopy((defaults, own))
    merged = lay_over(defaults, own)
    assert lay_over({}, own) == own
    assert lay_over(merged, own) == merged
    for name in merged.keys() | own.keys() | (defaults.keys() - {"allowPrivilegeEscalation"}):
        if name != "capabilities":
            assert merged[name] == (own[name] if name in own else defaults[name])
    for name in ("add", "drop"):
        wanted = own.get("capabilities", {}).get(name, defaults.get("capabilities", {}).get(name))
        assert merged.get("capabilities", {}).get(name) == wanted
    for value in merged.values():
        if isinstance(value, dict):
            value["changed"] = True
    for value in merged.get("capabilities", {}).values():
        if isinstance(value, list):
            value.append("CHANGED")
    assert (defaults, own) == before
