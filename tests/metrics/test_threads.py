"""Several threads may make and record the same metric at one moment: nothing is lost, and nothing is there twice."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from tests.fakes import Telemetry
from tests.metrics._exported import point
from tests.metrics._losses import Losses
from vitalspan.metrics import Counter, Gauge, Histogram, InMemoryBackend, MetricsCollector, Summary


class Rival:
    """A lock that another thread gets first, and uses for the same thing."""

    def __init__(self, lock: Any, first: Callable[[], None]) -> None:
        self._lock = lock
        self._first = first
        self._is_first = True

    def __enter__(self) -> None:
        if self._is_first:
            self._is_first = False
            thread = threading.Thread(target=self._first)
            thread.start()
            thread.join()
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()


def test_two_threads_that_make_one_metric_record_into_the_same(
    collector: MetricsCollector, telemetry: Telemetry
) -> None:
    rival: Any = Rival(collector._lock, lambda: collector.increment_counter("shop.x", amount=2))
    collector._lock = rival
    collector.increment_counter("shop.x")
    assert point(telemetry, "shop.x").value == 3


def test_two_threads_that_make_one_metric_of_two_kinds_do_not_both_get_it(
    collector: MetricsCollector, telemetry: Telemetry, losses: Losses
) -> None:
    rival: Any = Rival(collector._lock, lambda: collector.increment_counter("shop.x", amount=2))
    collector._lock = rival
    collector.set_gauge("shop.x", 1)
    assert point(telemetry, "shop.x").value == 2
    assert losses.of("metrics") == {"bad_metric": 1}


def test_two_threads_that_make_one_series_record_into_the_same(
    collector: MetricsCollector, backend: InMemoryBackend
) -> None:
    collector.increment_counter("shop.x", {"a": "other"})
    instrument = collector._instruments["shop.x"]
    rival: Any = Rival(instrument._lock, lambda: collector.increment_counter("shop.x", {"a": "b"}, 2))
    instrument._lock = rival
    collector.increment_counter("shop.x", {"a": "b"})
    asyncio.run(collector.flush())
    assert backend.latest("shop.x", a="b") == Counter(3)


def test_nothing_is_lost_between_threads(
    collector: MetricsCollector, backend: InMemoryBackend, telemetry: Telemetry
) -> None:
    together = threading.Barrier(8)

    def record() -> None:
        counter, balance = collector.counter("shop.counter"), collector.up_down_counter("shop.balance")
        histogram, summary = collector.histogram("shop.histogram"), collector.summary("shop.summary")
        together.wait()
        for _ in range(500):
            counter.add(2)
            balance.add(-1)
            histogram.record(1)
            summary.record(3)

    threads = [threading.Thread(target=record) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(collector.flush())
    assert backend.latest("shop.counter") == Counter(8000)
    assert backend.latest("shop.balance") == Gauge(-4000)
    assert backend.latest("shop.histogram") == Histogram([1] * 4000)
    assert backend.latest("shop.summary") == Summary(12000, 4000)
    assert point(telemetry, "shop.counter").value == 8000
