"""The pod has the operator's labels and the template's, and what it was made from."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.core.builders import Json, labels_of, pod_of, problems_of


def metadata_of(**metadata: Any) -> Json:
    found: Json = pod_of(podTemplate={"metadata": metadata})["metadata"]
    return found


def test_labels_and_annotations_are_added() -> None:
    metadata = metadata_of(labels={"team": "a"}, annotations={"note": "b"})
    assert metadata["labels"] == labels_of() | {"team": "a"}
    assert metadata["annotations"] == metadata_of()["annotations"] | {
        "note": "b",
        "agentctl.dev/applied": '{"annotations":["note"],"labels":["team"]}',
    }


def test_annotations_of_ours_tell_what_the_pod_was_made_from() -> None:
    assert set(metadata_of()["annotations"]) == {"agentctl.dev/revision", "agentctl.dev/rendered-by"}


@pytest.mark.parametrize("sort", ["labels", "annotations"])
def test_names_under_the_operators_own_are_refused_with_their_path(sort: str) -> None:
    (problem,) = problems_of(podTemplate={"metadata": {sort: {"agentctl.dev/resolved": ""}}})
    assert problem.path == f"spec.podTemplate.metadata.{sort}[agentctl.dev/resolved]"
