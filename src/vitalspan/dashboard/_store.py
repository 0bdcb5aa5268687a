"""What has arrived from all processes, in memory."""

from collections.abc import Iterable
from datetime import datetime
from threading import Lock

from vitalspan._clock import SYSTEM_CLOCK, Clock
from vitalspan._errors import ConfigurationError
from vitalspan.dashboard._arrivals import Arrival, Source
from vitalspan.dashboard._decode import ExportRequest, decode
from vitalspan.dashboard._recent import RecentDict
from vitalspan.dashboard._service import Limits, Service, ServiceView

__all__ = ["MemoryStore"]


class MemoryStore:
    """Keeps what arrived over OTLP, up to its limits, and says what can be shown of it.

    All methods may be called from any thread.
    """

    def __init__(self, *, window: float = 10.0, limits: Limits | None = None, clock: Clock = SYSTEM_CLOCK) -> None:
        """Make an empty store.

        Args:
            window: The seconds that rates and quantiles look back over.
            limits: How much to keep.
            clock: What tells the time.

        Raises:
            ConfigurationError: *window* is not a positive number.
        """
        if not window > 0:
            raise ConfigurationError("window", window, "give the seconds to look back over, more than 0")
        self._window = window
        self._limits = limits or Limits()
        self._clock = clock
        self._lock = Lock()
        self._services: RecentDict[Source, tuple[Service, datetime]] = RecentDict(self._limits.services)
        self._sequence = 0

    @property
    def window(self) -> float:
        """The seconds that rates and quantiles look back over."""
        return self._window

    def receive(self, request: ExportRequest) -> None:
        """Take in one request of OTLP."""
        self.add(decode(request))

    def add(self, arrivals: Iterable[Arrival]) -> None:
        """Take in what one request said."""
        by_source: dict[Source, list[Arrival]] = {}
        for arrival in arrivals:
            by_source.setdefault(arrival.source, []).append(arrival)
        received, now = self._clock.monotonic(), self._clock.now()
        with self._lock:
            for source, group in by_source.items():
                service, _ = self._services.get(source) or (Service(source, self._limits, self._window), None)
                self._sequence = service.add(group, received, self._sequence)
                self._services[source] = (service, now)

    def snapshot(self) -> tuple[ServiceView, ...]:
        """Return everything that can be shown now, sorted by service and instance."""
        now = self._clock.monotonic()
        with self._lock:
            return tuple(service.view(now, last) for _, (service, last) in sorted(self._services.items(), key=_source))


def _source(item: tuple[Source, object]) -> Source:
    return item[0]
