"""Rules for names, labels, ports and the like, in the API server's words: each yields what is wrong with a text.

After Kubernetes' `apimachinery/pkg/util/validation` and `pkg/apis/core/validation`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from typing import Any, Final, TypeAlias

from ._refused import cause, invalid_value

JsonObject: TypeAlias = dict[str, Any]
Rule: TypeAlias = Callable[[str], Iterator[str]]

_LABEL_PART: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_DNS_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_DNS_SUBDOMAIN: Final = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"
_CONFIG_KEY: Final = "[-._a-zA-Z0-9]+"
_ENV_NAME: Final = re.compile(r"[ -<>-~]+")
_MOST_LABEL: Final = 63
_MOST_SUBDOMAIN: Final = 253
_MOST_PORT_NAME: Final = 15
MOST_PORT: Final = 65535
PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
EMPTY: Final = "must be non-empty"


def _most(length: int, unit: str = "bytes") -> str:
    return f"must be no more than {length} {unit}"


def _form(told: str, pattern: str, *samples: str) -> str:
    """Return a sentence about a regular expression as Kubernetes writes it."""
    listed = ",  or ".join(f"'{sample}'" for sample in samples)
    return f"{told} (e.g. {listed}, regex used for validation is '{pattern}')"


_LABEL_KEY_RULE: Final = _form(
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    _LABEL_PART, "MyName", "my.name", "123-abc",
)  # fmt: skip
_LABEL_VALUE_RULE: Final = _form(
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and"
    " end with an alphanumeric character",
    f"({_LABEL_PART})?", "MyValue", "my_value", "12345",
)  # fmt: skip
_DNS_LABEL_RULE: Final = _form(
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with"
    " an alphanumeric character",
    _DNS_LABEL, "my-name", "123-abc",
)  # fmt: skip
_DNS_SUBDOMAIN_RULE: Final = _form(
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and"
    " end with an alphanumeric character",
    _DNS_SUBDOMAIN, "example.com",
)  # fmt: skip
_CONFIG_KEY_RULE: Final = _form(
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
    _CONFIG_KEY, "key.name", "KEY_NAME", "key-name",
)  # fmt: skip


def label_key(text: str) -> Iterator[str]:
    """What is wrong with the key of a label, which is also the form of finalizers."""
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        yield (
            f"a valid label key {_LABEL_KEY_RULE} with an optional DNS subdomain prefix and '/'"
            " (e.g. 'example.com/MyName')"
        )
        return
    if slash and not prefix:
        yield f"prefix part {EMPTY}"
    elif slash:
        yield from (f"prefix part {told}" for told in dns_subdomain(prefix))
    if not name:
        yield f"name part {EMPTY}"
    elif len(name) > _MOST_LABEL:
        yield f"name part {_most(_MOST_LABEL)}"
    if not re.fullmatch(_LABEL_PART, name, re.ASCII):
        yield f"name part {_LABEL_KEY_RULE}"


def label_value(text: str) -> Iterator[str]:
    """What is wrong with the value of a label."""
    if len(text.encode("utf-8", "replace")) > _MOST_LABEL:
        yield _most(_MOST_LABEL)
    if text and not re.fullmatch(_LABEL_PART, text, re.ASCII):
        yield _LABEL_VALUE_RULE


def dns_label(text: str) -> Iterator[str]:
    """What is wrong with a DNS label, such as the name of a container."""
    has_dots = re.fullmatch(_DNS_SUBDOMAIN, text, re.ASCII)
    return _name(text, _DNS_LABEL, _MOST_LABEL, "must not contain dots" if has_dots else _DNS_LABEL_RULE)


def dns_subdomain(text: str) -> Iterator[str]:
    """What is wrong with a DNS subdomain: the form of most names of objects."""
    return _name(text, _DNS_SUBDOMAIN, _MOST_SUBDOMAIN, _DNS_SUBDOMAIN_RULE)


def _name(text: str, pattern: str, most: int, told: str) -> Iterator[str]:
    if len(text) > most:
        yield _most(most, "characters")
    if not re.fullmatch(pattern, text, re.ASCII):
        yield told


def config_key(text: str) -> Iterator[str]:
    """What is wrong with a key of a ConfigMap or a Secret."""
    if len(text) > _MOST_SUBDOMAIN:
        yield _most(_MOST_SUBDOMAIN, "characters")
    if not re.fullmatch(_CONFIG_KEY, text, re.ASCII):
        yield _CONFIG_KEY_RULE
    elif text == ".":
        yield "must not be '.'"
    elif text == "..":
        yield "must not be '..'"
    elif text.startswith(".."):
        yield "must not start with '..'"


def env_name(text: str) -> Iterator[str]:
    """What is wrong with the name of an environment variable."""
    if not _ENV_NAME.fullmatch(text):
        yield "a valid environment variable name must consist only of printable ASCII characters other than '='"


def port_name(text: str) -> Iterator[str]:
    """What is wrong with the name of a port (an IANA service name)."""
    if len(text) > _MOST_PORT_NAME:
        yield _most(_MOST_PORT_NAME, "characters")
    if not re.fullmatch("[-a-z0-9]*", text):
        yield "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    if not re.search("[a-z]", text):
        yield "must contain at least one letter (a-z)"
    if "--" in text:
        yield "must not contain consecutive hyphens"
    if text.startswith("-") or text.endswith("-"):
        yield "must not begin or end with a hyphen"


def port_number(number: int) -> Iterator[str]:
    """What is wrong with the number of a port."""
    if not 1 <= number <= MOST_PORT:
        yield between(1, MOST_PORT)


def between(low: int, high: int) -> str:
    """Return what is said of a number outside of a range."""
    return f"must be between {low} and {high}, inclusive"


def ip(text: str) -> Iterator[str]:
    """What is wrong with an IP address."""
    try:
        ip_address(text)
    except ValueError:
        yield "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def invalid(field: str, value: Any, rule: Callable[[Any], Iterable[str]]) -> list[JsonObject]:
    """Return a cause for each thing that a rule finds wrong with a value."""
    return [invalid_value(field, value, told) for told in rule(value)]


def unsupported(field: str, value: object, supported: Sequence[str]) -> JsonObject:
    """Return the cause for a value that is not one of a few."""
    listed = ", ".join(f'"{item}"' for item in supported)
    told = f'Unsupported value: "{value}": supported values: {listed}'
    return cause(field, told, "FieldValueNotSupported")


def one_of(field: str, value: object, supported: Sequence[str]) -> list[JsonObject]:
    """Return the cause for a value, unless it is one of a few."""
    return [] if value in supported else [unsupported(field, value, supported)]


def duplicate(field: str, value: str) -> JsonObject:
    """Return the cause for a value that was there before."""
    return cause(field, f'Duplicate value: "{value}"', "FieldValueDuplicate")


def not_there(field: str, value: str) -> JsonObject:
    """Return the cause for the name of something that is not there."""
    return cause(field, f'Not found: "{value}"', "FieldValueNotFound")


def too_long(field: str, most: int) -> JsonObject:
    """Return the cause for a text of more than `most` bytes."""
    return cause(field, f"Too long: may not be more than {most} bytes", "FieldValueTooLong")


def negative(field: str, value: object) -> list[JsonObject]:
    """Return the cause for a number that is less than 0."""
    if isinstance(value, int) and value < 0:
        return [invalid_value(field, value, "must be greater than or equal to 0")]
    return []


def labels(field: str, values: Mapping[str, str]) -> Iterator[JsonObject]:
    """What is wrong with labels, or with a selector that is a map of them."""
    for key, value in values.items():
        yield from invalid(field, key, label_key)
        yield from invalid(field, value, label_value)
