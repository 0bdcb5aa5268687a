"""Instruments and their bound recorders.

An `Instrument` is one metric; a recorder is that metric for one set of tags, kept by the caller.
Every recorder hands its values to the OpenTelemetry instrument, and to a series of its own where a
backend that is not OTLP wants them too.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from types import MappingProxyType
from typing import assert_never

from vitalspan._guard import LEDGER, Guard, warn_once
from vitalspan._types import Tags, TagValue
from vitalspan.metrics._series import (
    BalanceSeries,
    CounterSeries,
    GaugeSeries,
    HistogramSeries,
    Series,
    SummarySeries,
)
from vitalspan.metrics._validation import is_tag, to_number

__all__ = [
    "MOST_SERIES",
    "BoundCounter",
    "BoundGauge",
    "BoundHistogram",
    "BoundSummary",
    "BoundUpDownCounter",
    "Instrument",
    "Kind",
]

_LARGEST_EXACT = 2**53
"""Up to here a float holds every whole number."""

MOST_SERIES = 2000
"""Series that one metric keeps for backends: the default cardinality limit of the OpenTelemetry SDK."""


class Kind(Enum):
    """What a metric is; the value is its name in messages."""

    COUNTER = "counter"
    UP_DOWN_COUNTER = "up-down counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"


class Instrument:
    """One metric: what it is, and how one value reaches everybody who wants it."""

    def __init__(
        self,
        name: str,
        kind: Kind,
        unit: str,
        description: str,
        *,
        boundaries: tuple[float, ...] | None,
        send: Callable[[float, Mapping[str, TagValue]], None],
        keeps_series: bool,
    ) -> None:
        """Make the metric.

        Args:
            name: A valid name.
            kind: What it is.
            unit: A valid unit.
            description: What it measures.
            boundaries: The upper bounds of its buckets; None where it has none, or OpenTelemetry's own.
            send: Hands a value and its tags to OpenTelemetry.
            keeps_series: Whether a backend wants the values too.
        """
        self.name = name
        self.kind = kind
        self.unit = unit
        self.description = description
        self.boundaries = boundaries
        self._send = send
        self._keeps_series = keeps_series
        # OpenTelemetry takes a negative value of these two only; the SDK would drop any other with a line in the log.
        self._may_be_negative = kind in {Kind.UP_DOWN_COUNTER, Kind.GAUGE}
        self._adds_up = kind is not Kind.GAUGE
        self._whole = 0
        self._lock = threading.Lock()
        # Replaced, never mutated: a flush on another thread iterates without a lock.
        self._series: Mapping[tuple[tuple[str, TagValue], ...], Series] = MappingProxyType({})

    def __str__(self) -> str:
        """Return how the metric is named in messages."""
        return f"{self.kind.value} in {self.unit!r}" if self.unit else self.kind.value

    def record(self, value: object, tags: Mapping[str, TagValue]) -> None:
        """Take one *value* for *tags*; what is not a number, or is negative and may not be, is counted as dropped."""
        number = to_number(value)
        if number is None:
            self._reject("not_a_number", value)
        elif number < 0 and not self._may_be_negative:
            self._reject("negative", value)
        else:
            if self._adds_up and isinstance(number, int):
                number = self._summable(number)
            with Guard(f"recording metric {self.name}", signal="metrics"):
                self._send(number, tags)
                if self._keeps_series:
                    self._record_series(number, tags)

    def clean(self, tags: Tags | None) -> Mapping[str, TagValue]:
        """Return *tags* without those that OpenTelemetry would not take, counting them as dropped."""
        if tags is None:
            return {}
        good: dict[str, TagValue] = {}
        bad: object = None
        try:
            for key, value in tags.items():
                if is_tag(key, value):
                    good[key] = value
                else:
                    bad = {key: value}
        except Exception:  # noqa: BLE001 - not a mapping, or somebody else's that raises
            bad = tags
        if bad is not None:
            self._reject("bad_tag", bad)
        return good

    def take(self) -> Iterator[tuple[Series, Mapping[str, TagValue]]]:
        """Yield each series with its tags."""
        for key, series in self._series.items():
            yield series, MappingProxyType(dict(key))

    def _summable(self, number: int) -> float:
        """Return *number* so that it can be added up for ever: OTLP carries a sum of ints in 64 bits.

        One sum beyond them would fail the export of every metric from then on; a sum of floats cannot. So ints
        stay ints until all of this metric's together, whatever their tags and signs, pass what a float holds exactly.
        """
        # No lock: threads that come at the same moment may lose some of these, and one in a thousand is enough.
        size = abs(number)
        self._whole += size
        return number if self._whole <= _LARGEST_EXACT else float(number)

    def _record_series(self, number: float, tags: Mapping[str, TagValue]) -> None:
        key = tuple(sorted(tags.items()))
        series = self._series.get(key) or self._add_series(key)
        # Said without the lock: a handler of the log may itself record metrics.
        if series is None:
            self._reject("cardinality", dict(tags))
        else:
            series.record(number)

    def _add_series(self, key: tuple[tuple[str, TagValue], ...]) -> Series | None:
        with self._lock:
            series = self._series.get(key)
            if series is None and len(self._series) < MOST_SERIES:
                series = self._new_series()
                self._series = MappingProxyType({**self._series, key: series})
            return series

    def _new_series(self) -> Series:
        match self.kind:
            case Kind.COUNTER:
                return CounterSeries()
            case Kind.UP_DOWN_COUNTER:
                return BalanceSeries()
            case Kind.GAUGE:
                return GaugeSeries()
            case Kind.HISTOGRAM:
                return HistogramSeries(self.name)
            case Kind.SUMMARY:
                return SummarySeries()
            case _:
                assert_never(self.kind)

    def _reject(self, reason: str, value: object) -> None:
        LEDGER.drop("metrics", reason)
        warn_once(f"{reason} {self.name}", "metric %s: dropped %.200r (%s)", self.name, value, reason)


class _Recorder:
    """One metric for one set of tags."""

    __slots__ = ("_instrument", "_tags")

    def __init__(self, instrument: Instrument, tags: Mapping[str, TagValue]) -> None:
        """Bind *instrument* to *tags*."""
        self._instrument = instrument
        self._tags = tags


class BoundCounter(_Recorder):
    """Adds to a total that only goes up, for one set of tags."""

    __slots__ = ()

    def add(self, amount: float = 1) -> None:
        """Add *amount*, zero or more. Never raises: anything else is counted as dropped."""
        self._instrument.record(amount, self._tags)


class BoundUpDownCounter(_Recorder):
    """Adds to a balance that goes up and down, for one set of tags."""

    __slots__ = ()

    def add(self, amount: float = 1) -> None:
        """Add *amount*, which may be negative. Never raises: what is not a number is counted as dropped."""
        self._instrument.record(amount, self._tags)


class BoundGauge(_Recorder):
    """Sets a value that stands until it is set again, for one set of tags."""

    __slots__ = ()

    def set(self, value: float) -> None:
        """Set *value*. Never raises: what is not a number is counted as dropped."""
        self._instrument.record(value, self._tags)


class BoundHistogram(_Recorder):
    """Records observations into buckets, for one set of tags."""

    __slots__ = ()

    def record(self, value: float) -> None:
        """Record one observation, zero or more. Never raises: anything else is counted as dropped."""
        self._instrument.record(value, self._tags)


class BoundSummary(_Recorder):
    """Records observations of which only sum, count, smallest and largest are kept, for one set of tags."""

    __slots__ = ()

    def record(self, value: float) -> None:
        """Record one observation, zero or more. Never raises: anything else is counted as dropped."""
        self._instrument.record(value, self._tags)
