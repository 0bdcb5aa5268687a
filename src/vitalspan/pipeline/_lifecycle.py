"""Pipeline: what was built or joined, and how it ends."""

import atexit
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from vitalspan._threads import Worker
from vitalspan.pipeline._export import Exports, FlushResult, run_all
from vitalspan.pipeline._settings import Signal

__all__ = ["Pipeline", "Route"]


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
        self._workers: dict[Signal, Worker] = {signal: Worker(f"vitalspan-{signal}") for signal in routes}
        self._shutdown_timeout = shutdown_timeout
        self._lock = threading.Lock()
        self._is_shut_down = False
        # The SDK's own handlers at exit wait for each signal in turn, for up to 40 s: they are switched off.
        atexit.register(self._at_exit)

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

        Never raises; the result says what was not delivered.
        """
        if self._is_shut_down:
            return FlushResult()
        return self._finish({signal: route.flush for signal, route in self._routes.items()}, timeout)

    def shutdown(self, timeout: float | None = None) -> FlushResult:
        """Export what is waiting and end what is ours, within *timeout* seconds. A second call does nothing.

        Never raises; the result says what was not delivered. Providers that the host set stay as they are.
        """
        with self._lock:
            if self._is_shut_down:
                return FlushResult()
            self._is_shut_down = True
        atexit.unregister(self._at_exit)
        seconds = self._shutdown_timeout if timeout is None else timeout
        return self._finish({signal: route.shutdown for signal, route in self._routes.items()}, seconds)

    def _at_exit(self) -> None:
        self.shutdown()

    def _finish(self, work: Mapping[Signal, Callable[[], object]], timeout: float) -> FlushResult:
        before = {signal: route.exports.failures for signal, route in self._routes.items()}
        wrong = run_all(work, self._workers, timeout)
        for signal, route in self._routes.items():
            if route.exports.failures > before[signal]:
                wrong.setdefault(signal, route.exports.last_failure)
        return FlushResult(MappingProxyType({str(signal): text for signal, text in wrong.items()}))
