"""Metric values as they are exchanged with backends. All frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from vitalspan._types import Tags, TagValue

__all__ = ["Counter", "Gauge", "Histogram", "Metric", "MetricValue", "Summary"]

_NO_TAGS: Mapping[str, TagValue] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Counter:
    """A total that only goes up, since the program started."""

    value: float


@dataclass(frozen=True, slots=True)
class Gauge:
    """The value that was set last; for an up-down counter, the balance."""

    value: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """The observations since the last flush, in the order in which they came."""

    values: list[float]


@dataclass(frozen=True, slots=True)
class Summary:
    """The sum and the number of all observations since the program started."""

    sum: float
    count: int


MetricValue = Counter | Gauge | Histogram | Summary


@dataclass(frozen=True, slots=True)
class Metric:
    """One series of one metric at one moment.

    Attributes:
        name: The metric's name, for example `shop.orders`.
        value: What was measured, by kind.
        timestamp: When it was read, in UTC.
        tags: The attributes of this series.
    """

    name: str
    value: MetricValue
    timestamp: datetime
    tags: Tags = field(default_factory=lambda: _NO_TAGS)
