"""Values as Go has them: the names of JSON's types, and quantities in their canonical form."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final, cast

_SHAPE: Final = re.compile(r"([+-]?)([0-9]*\.?[0-9]*)([eEinumkKMGTP]*[-+]?[0-9]*)", re.ASCII)
_WRONG_SHAPE: Final = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_PRECISION: Final = 14
_DIGITS: Final = 18
"""With more digits Go leaves its fast path, and writes a quantity anew."""
_POWERS: Final[Mapping[str, int]] = {
    "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18,
}  # fmt: skip
_BY_POWER: Final = {power: suffix for suffix, power in _POWERS.items()}
_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_MOST: Final = Fraction(2**63 - 1)
_NANOS: Final = 10**9


def go_kind(value: object) -> str:
    """Return what Go's JSON decoder calls a value."""
    match value:
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return "string"
        case Mapping():
            return "object"
        case _:
            return "array"


def go_text(value: object) -> str:
    """Return what Go prints of a value (`%v`)."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return str(value).lower()
        case float() if value.is_integer():
            return str(int(value))
        case Mapping():
            fields = cast("Mapping[str, object]", value)
            return f"map[{' '.join(f'{key}:{go_text(fields[key])}' for key in sorted(fields))}]"
        case list():
            return f"[{' '.join(map(go_text, cast('list[object]', value)))}]"
        case _:
            return str(value)


class QuantityError(ValueError):
    """A text is no quantity; the message is what the API server says."""


def quantity(text: str) -> Fraction:
    """Return the number that a quantity stands for, rounded up to nanos.

    Raises:
        QuantityError: it stands for none.
    """
    sign, number, suffix, exponent = _parts(text)
    value = Fraction(number)
    if suffix.endswith("i"):
        value = min(value * 1024 ** _BINARY.index(suffix), _MOST)
    else:
        value *= Fraction(10) ** (exponent if exponent is not None else _POWERS[suffix])
    value = Fraction(math.ceil(value * _NANOS), _NANOS)
    return -value if sign == "-" else value


def _parts(text: str) -> tuple[str, str, str, int | None]:
    """Return sign, digits, suffix and exponent."""
    match = _SHAPE.fullmatch(text)
    if match is None or not text:
        raise QuantityError(_WRONG_SHAPE)
    sign, number, suffix = match.groups()
    if exponent := re.fullmatch(r"[eE]([+-]?[0-9]+)", suffix):
        return sign, number, "", int(exponent[1])
    if not number or (suffix not in _POWERS and suffix not in _BINARY):
        raise QuantityError("unable to parse quantity's suffix")
    return sign, number, suffix, None


def canonical_quantity(value: object) -> str:
    """Return a quantity as `resource.Quantity` writes it: 1024Mi as 1Gi, 0.5 as 500m, 1 as 1.

    The format is that of what was read: with a binary suffix, with an exponent, or decimal.

    Raises:
        QuantityError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise QuantityError(_WRONG_SHAPE)
    text = str(value)
    number = quantity(text)
    if number == 0:
        return "0"
    _, digits, suffix, exponent = _parts(text)
    if _stays(digits, suffix, exponent):
        return text
    if not suffix.endswith("i") or abs(number) < 1024 or number.denominator > 1:  # noqa: PLR2004 -- smaller ones are decimals
        return _decimal(number, exponent=exponent is not None)
    whole, power = int(number), 0
    while whole % 1024 == 0 and power < len(_BINARY) - 1:
        whole, power = whole // 1024, power + 1
    return f"{whole}{_BINARY[power]}"


def _stays(digits: str, suffix: str, exponent: int | None) -> bool:
    """Tell whether a text is kept as it was written: one that is canonical, in the eyes of Go's parser."""
    whole, _, fraction = digits.partition(".")
    shifted = whole.lstrip("0") + fraction
    if suffix.endswith("i"):
        return not fraction and len(shifted) < _PRECISION - 3 * _BINARY.index(suffix) and int(shifted or "0") % 8 != 0
    scale = (exponent if exponent is not None else _POWERS[suffix]) - len(fraction)
    fits = len(shifted) <= _DIGITS and scale >= min(_POWERS.values())
    return fits and scale % 3 == 0 and not shifted.endswith("000") and not shifted.startswith("0")


def _decimal(number: Fraction, *, exponent: bool) -> str:
    """Return mantissa and suffix, with the largest power of 1000 that leaves no fraction."""
    power = min(_BY_POWER)
    while power < max(_BY_POWER) and (number / Fraction(1000) ** (power // 3 + 1)).denominator == 1:
        power += 3
    mantissa = number / Fraction(1000) ** (power // 3)
    if exponent:
        return f"{mantissa}e{power}" if power else str(mantissa)
    return f"{mantissa}{_BY_POWER[power]}"


def comparable(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Return requests and limits as numbers, so that 1Gi and 1073741824 are the same."""
    return {kind: _numbers(amounts) for kind, amounts in resources.items()}


def _numbers(amounts: Any) -> Any:
    if not isinstance(amounts, Mapping):
        return amounts
    return {name: quantity(text) for name, text in cast("Mapping[str, str]", amounts).items()}


def milli(text: str) -> str:
    """Return a canonical quantity rounded up to thousandths, as those of containers are."""
    number = quantity(text)
    if (number * 1000).denominator == 1:
        return text
    return _decimal(Fraction(math.ceil(number * 1000), 1000), exponent=False)
