"""The Helm chart against what it is made from; what Helm makes of it is an end-to-end test."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from tools import manifests

from agentctl_core import Config


@pytest.mark.parametrize("path", manifests.offline(), ids=lambda path: path.name)
def test_what_is_generated_is_current(path: Any) -> None:
    assert path.read_text() == manifests.offline()[path], "run `make manifests`"


def test_the_version_of_the_operator_is_that_of_the_image_that_is_the_default() -> None:
    chart = yaml.safe_load((manifests.CHART / "Chart.yaml").read_text())
    values = yaml.safe_load((manifests.CHART / "values.yaml").read_text())
    assert f"{values['image']['repository']}:{chart['appVersion']}" == Config().wrapper_image


def test_every_value_says_in_one_sentence_what_it_is() -> None:
    told = [each["description"] for _, each in manifests.values(manifests.schema())]
    assert len(told) == len(set(told)) > 30
    assert [text for text in told if not text.endswith(".")] == []


def test_a_page_without_a_place_for_the_table_is_told() -> None:
    with pytest.raises(ValueError, match="needs one '<!-- values -->'"):
        manifests.with_table("no place")
