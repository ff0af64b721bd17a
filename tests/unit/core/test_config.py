"""Settings that no pod could be made with are refused where they are made."""

from __future__ import annotations

from typing import Any

import pytest

from agentctl_core import Config


@pytest.mark.parametrize("command", [(), ("",), ("tini", "-s")])
def test_the_wrapper_is_an_absolute_path(command: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="wrapper_command must begin with an absolute path"):
        Config(wrapper_command=command)


@pytest.mark.parametrize("profile", ["", "baseline", "Privileged", None, []])
def test_there_are_two_profiles(profile: Any) -> None:
    with pytest.raises(ValueError, match="security_profile must be one of Baseline, Restricted"):
        Config(security_profile=profile)
