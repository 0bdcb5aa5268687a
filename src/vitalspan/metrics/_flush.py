"""Handing metrics to backends: what one could not take is offered to it again."""

import asyncio
import threading
from collections.abc import Sequence
from dataclasses import replace

from vitalspan._clock import Clock
from vitalspan._guard import LEDGER, Guard
from vitalspan._threads import Lane
from vitalspan.metrics._backend import MetricsBackend
from vitalspan.metrics._instruments import Instrument
from vitalspan.metrics._metric import Histogram, Metric
from vitalspan.metrics._series import MOST_OBSERVATIONS

__all__ = ["Flusher"]


class Flusher:
    """Sends all series to all backends; a backend that hangs or fails delays no other."""

    def __init__(self, backends: Sequence[MetricsBackend], clock: Clock) -> None:
        """Send to *backends*, with times of *clock*."""
        self._feeds = tuple(_Feed(backend) for backend in backends)
        self._clock = clock
        self._lock = threading.Lock()

    @property
    def has_backends(self) -> bool:
        """Whether anybody wants series at all."""
        return bool(self._feeds)

    async def flush(self, instruments: Sequence[Instrument]) -> bool:
        """Send every series of *instruments*; return whether every backend took them."""
        if not self._feeds:
            return True
        # Flushes may come from several threads: each observation goes into exactly one batch.
        with self._lock:
            now = self._clock.now()
            metrics = [
                Metric(instrument.name, series.take(), now, tags)
                for instrument in instruments
                for series, tags in instrument.take()
            ]
        return all(await asyncio.gather(*(feed.send(metrics) for feed in self._feeds)))


class _Feed:
    """One backend, and the observations that it has not taken yet."""

    def __init__(self, backend: MetricsBackend) -> None:
        self._backend = backend
        self._lane = Lane(f"vitalspan-{type(backend).__name__}")
        self._lock = threading.Lock()
        self._is_sending = False
        self._waiting: Sequence[Metric] = ()

    async def send(self, metrics: Sequence[Metric]) -> bool:
        with self._lock:
            batch = _joined(self._waiting, metrics)
            if self._is_sending:
                self._waiting = _observations(batch)
                return False
            self._waiting = ()
            self._is_sending = True
        try:
            with Guard(f"sending metrics to {type(self._backend).__name__}", signal="metrics") as guard:
                await self._lane.run(lambda: self._backend.send_metrics(batch))
        finally:
            self._is_sending = False
        if guard.error is None:
            return True
        with self._lock:
            self._waiting = _joined(_observations(batch), self._waiting)
        return False


def _observations(batch: Sequence[Metric]) -> Sequence[Metric]:
    """Return what is lost unless it is sent again: everything else is sent as it stands, each time."""
    return [metric for metric in batch if isinstance(metric.value, Histogram)]


def _joined(earlier: Sequence[Metric], later: Sequence[Metric]) -> Sequence[Metric]:
    """Return *later* with the observations of *earlier* before its own, up to the bound for one series."""
    joined = {(metric.name, tuple(metric.tags.items())): metric for metric in earlier}
    for metric in later:
        key = (metric.name, tuple(metric.tags.items()))
        before = joined.get(key)
        if before is None or not isinstance(before.value, Histogram) or not isinstance(metric.value, Histogram):
            joined[key] = metric
            continue
        values = before.value.values + metric.value.values
        too_many = len(values) - MOST_OBSERVATIONS
        if too_many > 0:
            LEDGER.drop("metrics", "observations_full", too_many)
        joined[key] = replace(metric, value=Histogram(values[:MOST_OBSERVATIONS]))
    return list(joined.values())
