"""Quantities as numbers, so that 1000m and 1, 1Gi and 1024Mi are the same.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import Final

_SUFFIXES: Final = (
    {"n": Fraction(1, 10**9), "u": Fraction(1, 10**6), "m": Fraction(1, 1000), "": Fraction(1)}
    | {suffix: Fraction(1000) ** power for power, suffix in enumerate("kMGTPE", 1)}
    | {f"{suffix}i": Fraction(1024) ** power for power, suffix in enumerate("KMGTPE", 1)}
)
_QUANTITY: Final = re.compile(r"([+-]?[0-9.]+)(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?[0-9]+))?", re.ASCII)
_MOST_DIGITS: Final = 30
"""Beyond it a quantity is no amount of anything: Kubernetes caps them at 2^63-1."""


def amount(quantity: str | int) -> Fraction | None:
    """Return the number that a quantity stands for, or None where it is none or absurdly long."""
    text = str(quantity)
    return _amount(text) if len(text) <= _MOST_DIGITS else None


@lru_cache(maxsize=1024)  # of short texts alone: it keeps them
def _amount(text: str) -> Fraction | None:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    digits, suffix, exponent = match.groups()
    try:
        number = Fraction(digits)
    except ValueError:
        return None
    if exponent:
        return number * Fraction(10) ** int(exponent) if abs(int(exponent)) <= _MOST_DIGITS else None
    return number * _SUFFIXES[suffix or ""]


def canonical(quantity: str | int) -> str:
    """Return one text for all spellings of an amount; what is no amount stays as it is."""
    text = str(quantity)
    return _canonical(text) if len(text) <= _MOST_DIGITS else text


@lru_cache(maxsize=1024)  # of short texts alone
def _canonical(text: str) -> str:
    number = _amount(text)
    return text if number is None else str(number)
