"""Pipeline: what was built or joined, and how it ends."""

import atexit
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from vitalspan._delivery import FlushResult
from vitalspan.pipeline._export import Desk, Exports, Job, wait_for
from vitalspan.pipeline._settings import Signal

__all__ = ["Pipeline", "Route"]

_LAST_MOMENT = 0.25
"""Seconds that the end takes at least: a Collector on this machine answers within a few milliseconds."""


@dataclass(frozen=True, slots=True)
class Route:
    """How one signal leaves the process.

    Attributes:
        provider: The OpenTelemetry provider of the signal.
        is_joined: Whether the provider is the host's, not ours.
        exports: What became of our exports.
        flush: Exports what is waiting.
        shutdown: Exports what is waiting and ends what is ours.
    """

    provider: object
    is_joined: bool
    exports: Exports
    flush: Callable[[], object]
    shutdown: Callable[[], object]


class Pipeline:
    """What `configure` set up: how telemetry leaves this process."""

    def __init__(self, routes: Mapping[Signal, Route], *, shutdown_timeout: float) -> None:
        """Own *routes*; when the program ends, take at most *shutdown_timeout* seconds for the last export."""
        self._routes = MappingProxyType(dict(routes))
        self._desks: dict[Signal, Desk] = {signal: Desk(signal) for signal in routes}
        self._shutdown_timeout = shutdown_timeout
        self._lock = threading.Lock()
        self._is_shut_down = False
        self._last_result = FlushResult()
        # The SDK's own handlers at exit wait for each signal in turn, for up to 40 s: they are switched off.
        atexit.register(self.shutdown)

    @property
    def routes(self) -> Mapping[Signal, Route]:
        """How each signal leaves; a signal that is switched off has no route."""
        return self._routes

    @property
    def is_shut_down(self) -> bool:
        """Whether `shutdown` was called: nothing leaves any more."""
        return self._is_shut_down

    def flush(self, timeout: float = 5.0) -> FlushResult:
        """Export everything recorded so far, all signals at the same time, within *timeout* seconds.

        Never raises; the result says what was not delivered. After `shutdown` it is the result of that.
        """
        if self._is_shut_down:
            return self._last_result
        failures = self._failures()
        return self._wait(
            {signal: self._desks[signal].join(route.flush) for signal, route in self._routes.items()}, failures, timeout
        )

    def shutdown(self, timeout: float | None = None) -> FlushResult:
        """Export what is waiting and end what is ours, within *timeout* seconds. A second call does nothing.

        Without a timeout it takes what `configure(shutdown_timeout=)` allows, less the time that an export which
        hangs has had already. Never raises; the result says what was not delivered. Providers that the host set
        stay as they are.
        """
        with self._lock:
            if self._is_shut_down:
                return self._last_result
            self._is_shut_down = True
        atexit.unregister(self.shutdown)
        failures = self._failures()
        seconds = self._seconds_left() if timeout is None else timeout
        jobs: dict[Signal, Job] = {
            signal: self._desks[signal].add(route.shutdown) for signal, route in self._routes.items()
        }
        self._last_result = self._wait(jobs, failures, seconds)
        return self._last_result

    def _seconds_left(self) -> float:
        """Return how long the end may take: a Collector that has not answered a flush just now gets no second turn."""
        hanging = [since for desk in self._desks.values() if (since := desk.hanging_since) is not None]
        waited = time.monotonic() - min(hanging) if hanging else 0.0
        return max(_LAST_MOMENT, self._shutdown_timeout - waited)

    def _failures(self) -> Mapping[Signal, int]:
        return {signal: route.exports.failures for signal, route in self._routes.items()}

    def _wait(self, jobs: Mapping[Signal, Job], failures: Mapping[Signal, int], timeout: float) -> FlushResult:
        wrong = wait_for(jobs, timeout)
        for signal, route in self._routes.items():
            if route.exports.failures > failures[signal]:
                wrong.setdefault(signal, route.exports.last_failure)
        return FlushResult(MappingProxyType({str(signal): text for signal, text in wrong.items()}))
