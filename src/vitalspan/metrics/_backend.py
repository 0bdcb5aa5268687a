"""Where metrics go that do not leave over OTLP."""

import threading
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from vitalspan._types import TagValue
from vitalspan.metrics._metric import Metric, MetricValue

__all__ = ["InMemoryBackend", "MetricsBackend"]


@runtime_checkable
class MetricsBackend(Protocol):
    """Takes the metrics of a `MetricsCollector` each time it flushes.

    A backend may block and may raise: it is called on a thread of its own, and what it could not
    take is offered again with the next flush.
    """

    def send_metrics(self, metrics: Sequence[Metric]) -> None:
        """Deliver *metrics*, or raise.

        Args:
            metrics: Every series once: counters, gauges and summaries as they stand, histograms with
                the observations since the last flush that this backend took.
        """
        ...


class InMemoryBackend:
    """Keeps what it is sent: for tests.

    >>> from datetime import UTC, datetime
    >>> from vitalspan.metrics import Counter
    >>> backend = InMemoryBackend()
    >>> backend.send_metrics([Metric("orders", Counter(3), datetime.now(UTC))])
    >>> backend.latest("orders")
    Counter(value=3)
    """

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self._batches: tuple[tuple[Metric, ...], ...] = ()

    @property
    def batches(self) -> tuple[tuple[Metric, ...], ...]:
        """What was sent, one tuple a flush."""
        return self._batches

    def send_metrics(self, metrics: Sequence[Metric]) -> None:
        """Keep *metrics*."""
        with self._lock:
            self._batches = (*self._batches, tuple(metrics))

    def latest(self, name: str, /, **tags: TagValue) -> MetricValue | None:
        """Return the newest value of the series of *name* with exactly these *tags*, or None."""
        for batch in reversed(self._batches):
            for metric in batch:
                if metric.name == name and dict(metric.tags) == tags:
                    return metric.value
        return None
