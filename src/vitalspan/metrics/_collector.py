"""MetricsCollector: records metrics, and flushes them to backends that are not OTLP."""

import asyncio
import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import assert_never

from opentelemetry.metrics import MeterProvider

from vitalspan import _names
from vitalspan._clock import SYSTEM_CLOCK, Clock
from vitalspan._errors import ConfigurationError, DuplicateInstrumentError, error_type
from vitalspan._guard import LEDGER, Guard, warn_once
from vitalspan._types import Tags, TagValue
from vitalspan.metrics._backend import MetricsBackend
from vitalspan.metrics._flush import Flusher
from vitalspan.metrics._instruments import (
    BoundCounter,
    BoundGauge,
    BoundHistogram,
    BoundSummary,
    BoundUpDownCounter,
    Instrument,
    Kind,
)
from vitalspan.metrics._otel import new_meter
from vitalspan.metrics._validation import (
    require_boundaries,
    require_description,
    require_interval,
    require_name,
    require_tags,
    require_unit,
)

__all__ = ["MetricsCollector"]


class MetricsCollector:
    """Records counters, gauges, histograms and summaries as OpenTelemetry metrics.

    Everything recorded reaches the OpenTelemetry meter provider at once and leaves with its next
    export; *backends* receive it as well, each time the collector flushes.

    >>> collector = MetricsCollector()
    >>> orders = collector.counter("shop.orders", unit="{order}", tags={"region": "eu"})
    >>> orders.add(1)                                        # the fast way: kept by the caller
    >>> collector.increment_counter("shop.visits", {"page": "home"})   # the short way
    """

    def __init__(
        self,
        *backends: MetricsBackend,
        flush_interval: float = 60.0,
        meter_provider: MeterProvider | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Make a collector.

        Args:
            backends: Where metrics go besides OpenTelemetry.
            flush_interval: Seconds between two flushes of `run`; 60 is also OpenTelemetry's export interval.
            meter_provider: Where instruments are made; by default the global one, also when it is set later.
            clock: Where time comes from.

        Raises:
            ConfigurationError: A backend has no `send_metrics` or is a class, or the interval is not a finite
                number above zero.
        """
        for backend in backends:
            if inspect.isclass(backend) or not isinstance(backend, MetricsBackend):
                raise ConfigurationError("a backend", backend, "give an object with a method send_metrics(metrics)")
        self.flush_interval: float = require_interval(flush_interval)
        self._meter = new_meter(meter_provider)
        self._flusher = Flusher(backends, clock)
        self._lock = threading.Lock()
        # Replaced, never mutated: recording looks a metric up without a lock. OpenTelemetry takes names that
        # differ in case only for one, so a metric may stand here under several spellings.
        self._instruments: Mapping[str, Instrument] = MappingProxyType({})

    # The fast way: a recorder for one set of tags. Loud, because it is made once.

    def counter(self, name: str, *, unit: str = "", description: str = "", tags: Tags | None = None) -> BoundCounter:
        """Return a recorder of a total that only goes up.

        Args:
            name: For example `shop.orders`; no `total` in it, Prometheus adds that.
            unit: A UCUM unit: `s`, `By`, or `{order}` for a counted thing.
            description: What is counted.
            tags: The attributes of this series.

        Raises:
            ConfigurationError: A name, unit or tag that OpenTelemetry would not take.
            DuplicateInstrumentError: The name is in use for another kind or unit.
        """
        checked = require_tags(tags)  # Before the metric is made, so that an error leaves nothing behind.
        return BoundCounter(self._declare(name, Kind.COUNTER, unit, description), checked)

    def up_down_counter(
        self, name: str, *, unit: str = "", description: str = "", tags: Tags | None = None
    ) -> BoundUpDownCounter:
        """Return a recorder of a balance, such as the jobs in a queue. Arguments as for `counter`."""
        checked = require_tags(tags)
        return BoundUpDownCounter(self._declare(name, Kind.UP_DOWN_COUNTER, unit, description), checked)

    def gauge(self, name: str, *, unit: str = "", description: str = "", tags: Tags | None = None) -> BoundGauge:
        """Return a recorder of a value that stands until it is set again. Arguments as for `counter`."""
        checked = require_tags(tags)
        return BoundGauge(self._declare(name, Kind.GAUGE, unit, description), checked)

    def histogram(
        self,
        name: str,
        *,
        unit: str = "",
        description: str = "",
        tags: Tags | None = None,
        boundaries: Sequence[float] | None = None,
    ) -> BoundHistogram:
        """Return a recorder of a distribution, in buckets.

        Args:
            name: The metric's name.
            unit: Its unit.
            description: What is measured.
            tags: The attributes of this series.
            boundaries: Upper bounds of the buckets, rising. By default those that fit seconds when the
                unit is `s`, otherwise OpenTelemetry's own, and for a histogram that exists those that it has.

        Raises:
            ConfigurationError: As for `counter`, or boundaries that are not finite or do not rise.
            DuplicateInstrumentError: The name is in use for another kind or unit, or with other boundaries.
        """
        checked, bounds = require_tags(tags), require_boundaries(boundaries)
        return BoundHistogram(self._declare(name, Kind.HISTOGRAM, unit, description, bounds), checked)

    def summary(self, name: str, *, unit: str = "", description: str = "", tags: Tags | None = None) -> BoundSummary:
        """Return a recorder of sum, count, smallest and largest. Arguments as for `counter`.

        It becomes an OpenTelemetry histogram without bucket boundaries: OpenTelemetry has no summary
        instrument, and such a histogram carries exactly these four numbers.
        """
        checked = require_tags(tags)
        return BoundSummary(self._declare(name, Kind.SUMMARY, unit, description), checked)

    # The short way: by name each time. Silent, because it runs with the program.

    def increment_counter(self, name: str, tags: Tags | None = None, amount: float = 1) -> None:
        """Add *amount* to the counter *name*. Never raises: what cannot be recorded is counted as dropped."""
        self._record(name, Kind.COUNTER, amount, tags)

    def set_gauge(self, name: str, value: float, tags: Tags | None = None) -> None:
        """Set the gauge *name* to *value*. Never raises."""
        self._record(name, Kind.GAUGE, value, tags)

    def record_histogram(self, name: str, value: float, tags: Tags | None = None) -> None:
        """Record *value*, zero or more, into the histogram *name*. Never raises."""
        self._record(name, Kind.HISTOGRAM, value, tags)

    def record_summary(self, name: str, value: float, tags: Tags | None = None) -> None:
        """Record *value*, zero or more, into the summary *name*. Never raises."""
        self._record(name, Kind.SUMMARY, value, tags)

    def record_event_published(self, event_type: str) -> None:
        """Count one event of *event_type* as published, in `event.published`."""
        self._record_named(_names.EVENT_PUBLISHED, {_names.EVENT_TYPE: event_type})

    def record_handler_error(self, error: BaseException, *, event_type: str = "") -> None:
        """Count one *error* of an event handler, in `event.handler.errors`."""
        tags: dict[str, TagValue] = {_names.EVENT_TYPE: event_type} if event_type else {}
        self._record_named(_names.HANDLER_ERRORS, {**tags, _names.ERROR_TYPE: error_type(error)})

    async def run(self, shutdown: asyncio.Event) -> None:
        """Flush every `flush_interval` seconds until *shutdown* is set, and once more then."""
        # Not waited for while running: a backend that hangs would keep the others from their next flush.
        flushes: set[asyncio.Task[bool]] = set()
        try:
            while not shutdown.is_set():
                try:
                    await asyncio.wait_for(shutdown.wait(), self.flush_interval)
                except TimeoutError:
                    flush = asyncio.create_task(self.flush(), name="vitalspan flush")
                    flushes.add(flush)
                    flush.add_done_callback(flushes.discard)
            under_way = set(flushes)
            await self.flush()
            if under_way:
                # A backend that was still busy has not been given the rest.
                await asyncio.wait(under_way)
                await self.flush()
        finally:
            for flush in flushes:
                flush.cancel()

    async def flush(self) -> bool:
        """Send every series to every backend, each on a thread of its own; return whether all took them.

        OpenTelemetry's own export is not touched: `vitalspan.flush()` does that.
        """
        return await self._flusher.flush(tuple(dict.fromkeys(self._instruments.values())))

    def _record_named(self, named: _names.Named, tags: Mapping[str, TagValue]) -> None:
        with Guard(f"counting {named.name}", signal="metrics"):
            instrument = self._declare(named.name, Kind.COUNTER, named.unit, named.description)
            instrument.record(1, instrument.clean(tags))

    def _record(self, name: str, kind: Kind, value: object, tags: Tags | None) -> None:
        try:
            instrument = self._instruments.get(name)
            if instrument is None or instrument.kind is not kind:
                instrument = self._declare(name, kind, "", "")
        except Exception as error:  # noqa: BLE001 - a name or a kind that cannot be, or a name that cannot be hashed
            LEDGER.drop("metrics", "bad_metric")
            about = name[:200] if isinstance(name, str) else type(name).__name__
            warn_once(f"bad metric {about} {kind}", "dropped a %s: %s", kind.value, error)
            return
        instrument.record(value, instrument.clean(tags))

    def _declare(
        self, name: str, kind: Kind, unit: str, description: str, boundaries: tuple[float, ...] | None = None
    ) -> Instrument:
        require_unit(unit)
        require_description(description)
        existing = self._instruments.get(require_name(name))
        if existing is None:
            with self._lock:
                # OpenTelemetry's SDK makes names lower case, so backends get them so too.
                lower = name.lower()
                existing = self._instruments.get(lower)
                if existing is None:
                    made = self._new_instrument(lower, kind, unit, description, boundaries)
                    self._instruments = MappingProxyType({**self._instruments, name: made, lower: made})
                    return made
                self._instruments = MappingProxyType({**self._instruments, name: existing})
        if existing.kind is not kind or unit not in ("", existing.unit):
            wanted = f"{kind.value} in {unit!r}" if unit else kind.value
            raise DuplicateInstrumentError(name, str(existing), wanted)
        if boundaries not in (None, existing.boundaries):
            has = "its default boundaries" if existing.boundaries is None else f"boundaries {existing.boundaries}"
            raise DuplicateInstrumentError(name, f"{existing} with {has}", f"{kind.value} with boundaries {boundaries}")
        return existing

    def _new_instrument(
        self, name: str, kind: Kind, unit: str, description: str, boundaries: tuple[float, ...] | None
    ) -> Instrument:
        if kind is Kind.HISTOGRAM and boundaries is None and unit == _names.SECONDS:
            boundaries = _names.DURATION_BOUNDARIES
        return Instrument(
            name,
            kind,
            unit,
            description,
            boundaries=boundaries,
            send=self._new_sender(name, kind, unit, description, boundaries),
            keeps_series=self._flusher.has_backends,
        )

    def _new_sender(
        self, name: str, kind: Kind, unit: str, description: str, boundaries: tuple[float, ...] | None
    ) -> Callable[[float, Mapping[str, TagValue]], None]:
        match kind:
            case Kind.COUNTER:
                return self._meter.create_counter(name, unit, description).add
            case Kind.UP_DOWN_COUNTER:
                return self._meter.create_up_down_counter(name, unit, description).add
            case Kind.GAUGE:
                return self._meter.create_gauge(name, unit, description).set
            case Kind.HISTOGRAM:
                return self._meter.create_histogram(
                    name, unit, description, explicit_bucket_boundaries_advisory=boundaries
                ).record
            case Kind.SUMMARY:
                return self._meter.create_histogram(
                    name, unit, description, explicit_bucket_boundaries_advisory=()
                ).record
            case _:
                assert_never(kind)
