"""One series: the cells that add up, in plain Python, for backends that are not OTLP."""

import threading
from typing import Protocol

from vitalspan._guard import LEDGER, warn_once
from vitalspan.metrics._metric import Counter, Gauge, Histogram, MetricValue, Summary

__all__ = [
    "MOST_OBSERVATIONS",
    "BalanceSeries",
    "CounterSeries",
    "GaugeSeries",
    "HistogramSeries",
    "Series",
    "SummarySeries",
]

MOST_OBSERVATIONS = 10_000
"""Observations that one histogram series keeps between two flushes; beyond it they are counted as dropped."""


class Series(Protocol):
    """Adds up what is recorded for one set of tags."""

    def record(self, value: float) -> None:
        """Take one *value*."""
        ...

    def take(self) -> MetricValue:
        """Return what is to be sent now."""
        ...


class CounterSeries:
    """A total."""

    __slots__ = ("_lock", "_total")

    def __init__(self) -> None:
        """Start at zero."""
        self._lock = threading.Lock()
        self._total: float = 0

    def record(self, value: float) -> None:
        """Add *value*."""
        with self._lock:
            self._total += value

    def take(self) -> MetricValue:
        """Return the total so far."""
        return Counter(self._total)


class BalanceSeries(CounterSeries):
    """A total that may go down, sent as a gauge because that is how a backend must treat it."""

    __slots__ = ()

    def take(self) -> MetricValue:
        """Return the balance."""
        return Gauge(self._total)


class GaugeSeries:
    """The last value."""

    __slots__ = ("_value",)

    def __init__(self) -> None:
        """Start at zero; a series is only made when there is a value for it."""
        self._value: float = 0

    def record(self, value: float) -> None:
        """Replace the value."""
        self._value = value

    def take(self) -> MetricValue:
        """Return the last value."""
        return Gauge(self._value)


class HistogramSeries:
    """The observations since the last flush, up to a bound."""

    __slots__ = ("_lock", "_name", "_values")

    def __init__(self, name: str) -> None:
        """Start empty; *name* is for the log."""
        self._lock = threading.Lock()
        self._name = name
        self._values: list[float] = []

    def record(self, value: float) -> None:
        """Keep *value*, or count it as dropped when too many wait for a flush."""
        with self._lock:
            has_room = len(self._values) < MOST_OBSERVATIONS
            if has_room:
                self._values.append(value)
        if not has_room:
            LEDGER.drop("metrics", "observations_full")
            warn_once(
                f"full {self._name}",
                "histogram %s has %d observations waiting for a backend; more are dropped until the next flush",
                self._name,
                MOST_OBSERVATIONS,
            )

    def take(self) -> MetricValue:
        """Return the observations and forget them."""
        with self._lock:
            values, self._values = self._values, []
        return Histogram(values)


class SummarySeries:
    """A sum and a count."""

    __slots__ = ("_count", "_lock", "_sum")

    def __init__(self) -> None:
        """Start at zero."""
        self._lock = threading.Lock()
        self._sum: float = 0
        self._count = 0

    def record(self, value: float) -> None:
        """Add one observation."""
        with self._lock:
            self._sum += value
            self._count += 1

    def take(self) -> MetricValue:
        """Return sum and count so far, of the same moment."""
        with self._lock:
            return Summary(self._sum, self._count)
