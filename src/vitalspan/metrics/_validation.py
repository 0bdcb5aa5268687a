"""What a metric may be called and measured in, what its tags may be, and what counts as a number. Pure."""

import math
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import SupportsFloat

from vitalspan._errors import ConfigurationError
from vitalspan._text import is_sendable
from vitalspan._types import Tags, TagValue

__all__ = [
    "is_tag",
    "require_boundaries",
    "require_description",
    "require_interval",
    "require_name",
    "require_tags",
    "require_unit",
    "to_number",
]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.\-/]{0,254}")
"""The instrument name syntax of OpenTelemetry's metrics API."""

_ANNOTATION = re.compile(r"\{[!-z|~]+\}")
"""UCUM's annotation in braces: `{request}`. OpenTelemetry uses it for things that are counted."""

# Case-sensitive UCUM codes: the units that OpenTelemetry's conventions use, and the prefixes that go with them.
_UNITS = frozenset(
    "1 % s ms us ns min h d wk mo a By bit Hz kHz MHz GHz m mm um nm km g kg mg l mL V mV A mA W kW J kJ K Cel N Pa "
    "Ohm deg rad lm lx kBy MBy GBy TBy KiBy MiBy GiBy TiBy kbit Mbit Gbit Kibit Mibit Gibit kWh Wh [degF]".split()
)

_ADVICE = {
    "second": "s", "sec": "s", "millisecond": "ms", "msec": "ms", "microsecond": "us", "µs": "us", "nanosecond": "ns",
    "minute": "min", "hour": "h", "day": "d", "byte": "By", "b": "By", "kb": "kBy", "mb": "MBy", "gb": "GBy",
    "kib": "KiBy", "mib": "MiBy", "gib": "GiBy", "percent": "%", "ratio": "1", "celsius": "Cel", "meter": "m",
    "hertz": "Hz", "watt": "W", "joule": "J", "volt": "V",
}  # fmt: skip
_LONGEST_UNIT = 63
"""The limit of OpenTelemetry's metrics API."""

_LARGEST_INT = 2**63 - 1
"""OTLP carries whole numbers as signed 64-bit integers."""


def require_name(name: object) -> str:
    """Return *name* when OpenTelemetry accepts it for an instrument, or raise `ConfigurationError`."""
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    raise ConfigurationError(
        "the metric's name",
        name,
        "use a letter, then up to 254 letters, digits and any of _ . - / (for example shop.orders)",
    )


def require_unit(unit: object) -> str:
    """Return *unit* when it is a UCUM unit that backends know, or raise `ConfigurationError`.

    Accepted are the empty string, the codes of UCUM that OpenTelemetry's conventions use (`s`, `By`, `1`, `%`, ...),
    annotations for counted things (`{request}`), and quotients or products of them (`By/s`).
    """
    if isinstance(unit, str) and len(unit) <= _LONGEST_UNIT:
        parts = re.split(r"[/.]", unit) if unit else []
        if all(part in _UNITS or _ANNOTATION.fullmatch(part) for part in parts):
            return unit
        word = unit.lower()
        known = _ADVICE.get(word) or _ADVICE.get(word.removesuffix("s"))
        # A word of letters is most likely a thing that is counted.
        suggestion = known or (f"{{{word.removesuffix('s')}}}" if word.isalpha() else "s")
        raise ConfigurationError("the unit", unit, f"use a UCUM unit, probably {suggestion!r}")
    raise ConfigurationError("the unit", unit, "use a UCUM unit of at most 63 characters, for example 's' or '{order}'")


def require_description(description: object) -> str:
    """Return *description* when it is text, or raise `ConfigurationError`."""
    if _is_text(description):
        return str(description)
    raise ConfigurationError("the description", description, "say in a str what is measured, or leave it out")


def require_boundaries(boundaries: Sequence[float] | None) -> tuple[float, ...] | None:
    """Return *boundaries* when they are finite and rise, or raise `ConfigurationError`."""
    if boundaries is None:
        return None
    advice = "give the upper bounds of the buckets as finite numbers, each greater than the one before"
    if isinstance(boundaries, str) or not isinstance(boundaries, Sequence):
        raise ConfigurationError("boundaries", boundaries, advice)
    numbers = [to_number(bound) for bound in boundaries]
    finite = [number for number in numbers if number is not None]
    if len(finite) < len(numbers) or any(low >= high for low, high in pairwise(finite)):
        raise ConfigurationError("boundaries", boundaries, advice)
    return tuple(finite)


def require_interval(seconds: object) -> float:
    """Return *seconds* when they are a finite number above zero, or raise `ConfigurationError`."""
    number = None if isinstance(seconds, bool) else to_number(seconds)
    if number is None or number <= 0:
        raise ConfigurationError("flush_interval", seconds, "give seconds above zero, as a finite number")
    return number


def require_tags(tags: Tags | None) -> dict[str, TagValue]:
    """Return a copy of *tags* when each is a `str` with a `str`, `bool`, `int` or `float`, or raise."""
    if tags is None:
        return {}
    if not isinstance(tags, Mapping):
        raise ConfigurationError("tags", tags, "give a mapping of names to values, for example {'region': 'eu'}")
    for key, value in tags.items():
        if not is_tag(key, value):
            raise ConfigurationError(
                f"tag {key!r}",
                value,
                "a tag has a non-empty str as its name and a str, bool, int or float as its value",
            )
    return dict(tags)


def is_tag(key: object, value: object) -> bool:
    """Tell whether OpenTelemetry takes *key* and *value* as one attribute of a metric."""
    if key == "" or not _is_text(key):
        return False
    if isinstance(value, int):
        return -_LARGEST_INT <= value <= _LARGEST_INT
    return isinstance(value, float) or _is_text(value)


def _is_text(value: object) -> bool:
    """Tell whether *value* is a str that can be sent."""
    return isinstance(value, str) and is_sendable(value)


def to_number(value: object) -> float | None:
    """Return *value* as a finite `int` or `float`, or None where it is not one.

    Numbers of other libraries (`Decimal`, `Fraction`, numpy's) become floats. Text is not a number. A bool
    becomes 0 or 1: OTLP has no point for it, and one such point would fail the export of all.

    >>> to_number(3), to_number("3"), to_number(float("nan"))
    (3, None, None)
    """
    if isinstance(value, int):
        return int(value) if -_LARGEST_INT <= value <= _LARGEST_INT else None
    if not isinstance(value, SupportsFloat):
        return None
    try:
        number = float(value)
    except Exception:  # noqa: BLE001 - somebody else's __float__; whatever it raises, there is no number
        return None
    return number if math.isfinite(number) else None
