"""What the operator's owner decides, as opposed to what an Agent asks for."""

from __future__ import annotations

from attrs import frozen


@frozen
class Config:
    """Settings that hold for every Agent of one operator; each is a flag of `agentctl run`.

    A setting comes with the feature that reads it; this version's features have none.
    """
