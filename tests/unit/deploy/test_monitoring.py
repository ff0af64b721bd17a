"""The dashboard and the alerts ask for what the operator serves, in Prometheus' own grammar."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from tools.operations_doc import example

DEPLOY = Path(__file__).parents[3] / "deploy"
DASHBOARD: Any = json.loads((DEPLOY / "grafana/agentctl.json").read_text())
ALERTS: Any = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())
PAGE = (DEPLOY.parent / "docs/operations.md").read_text()


def rules() -> list[Any]:
    return [rule for group in ALERTS["groups"] for rule in group["rules"]]


def queries() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        # Grafana puts a duration in the variable's place before Prometheus sees it.
        yield from (target["expr"].replace("$__rate_interval", "5m") for target in panel.get("targets", ()))
    yield from (rule["expr"] for rule in rules())


def served() -> dict[str, set[str]]:
    """Each series that the operator serves, with its labels."""
    samples = (sample for family in example().registry.collect() for sample in family.samples)
    return {sample.name: set(sample.labels) for sample in samples}


def selectors(query: str) -> Iterator[Any]:
    """Every selector of a query, wherever it stands in it."""
    waiting: list[Any] = [promql_parser.parse(query)]
    while waiting:
        each = waiting.pop()
        if isinstance(each, promql_parser.VectorSelector):
            yield each
        for name in ("expr", "lhs", "rhs", "vector_selector", "args", "param"):
            found = getattr(each, name, None)
            waiting += found if isinstance(found, list) else [found] if found is not None else []


@pytest.mark.parametrize("query", list(queries()))
def test_a_query_asks_for_series_and_labels_that_there_are(query: str) -> None:
    names = set(re.findall(r"\b(?:agentctl|controller_runtime|workqueue|rest_client|leader|process)_\w+", query))
    found = list(selectors(query))
    assert {each.name for each in found} == names != set()
    known = served()
    for each in found:
        labels = {matcher.name for matcher in each.matchers.matchers}
        assert labels <= known[each.name] | {"job"}, each.name


def test_a_query_that_makes_no_sense_is_none() -> None:
    with pytest.raises(ValueError, match="end of input"):
        list(selectors("sum by (agentctl_agents{"))


def test_grafanas_own_reader_loads_the_dashboard_and_knows_all_of_it() -> None:
    assert list(lost(DASHBOARD)) == []


def test_what_grafana_does_not_know_is_seen() -> None:
    panel, *others = DASHBOARD["panels"]
    mistaken = {**DASHBOARD, "panels": [{**panel, "tittle": "Agents"}, *others], "refesh": "30s"}
    assert list(lost(mistaken)) == [".panels.0.tittle", ".refesh"]


def lost(dashboard: Any) -> Iterator[str]:
    """The path of each value that Grafana's types do not keep; what they add are their defaults."""
    register_default_plugins()
    kept = leaves(json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard))))
    return (path for path, value in leaves(dashboard).items() if kept.get(path) != value)


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Each value that is no object and no list, and each empty one, by its path."""
    pairs: Any = value.items() if hasattr(value, "items") else enumerate(value) if hasattr(value, "append") else ()
    if not pairs or not value:
        return {path: value}
    return {name: leaf for key, each in pairs for name, leaf in leaves(each, f"{path}.{key}").items()}


def test_panels_have_ids_of_their_own_and_do_not_lie_on_each_other() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 15
    places = [
        (x, y)
        for panel in panels
        for box in [panel["gridPos"]]
        for x in range(box["x"], box["x"] + box["w"])
        for y in range(box["y"], box["y"] + box["h"])
    ]
    assert len(set(places)) == len(places)
    assert max(x for x, _ in places) == 23


def test_every_variable_of_the_dashboard_is_defined() -> None:
    text = json.dumps(DASHBOARD)
    used = set(re.findall(r"\$\{?(\w+)", text)) - {"__rate_interval", "__all"}
    assert used == {variable["name"] for variable in DASHBOARD["templating"]["list"]}


def test_each_alert_says_what_is_wrong_how_bad_it_is_and_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"]["summary"]
        assert f"| `{rule['alert']}` |" in PAGE
    assert len({rule["alert"] for rule in rules()}) == len(rules())
