"""Metrics as OpenTelemetry API instruments: the one place that makes them."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from opentelemetry.metrics import (
    CallbackOptions,
    Counter,
    Histogram,
    Meter,
    MeterProvider,
    Observation,
    get_meter_provider,
)
from opentelemetry.metrics import get_meter as get_global_meter

from vitalspan import _names
from vitalspan._guard import LEDGER

__all__ = ["new_counter", "new_histogram", "new_meter", "observe_losses"]


def new_meter(provider: MeterProvider | None = None) -> Meter:
    """Return vitalspan's meter of *provider*; without one, of the global provider, whenever that is set."""
    if provider is None or provider is get_meter_provider():
        return get_global_meter(_names.SCOPE_NAME, _names.VERSION, schema_url=_names.SCHEMA_URL)
    return provider.get_meter(_names.SCOPE_NAME, _names.VERSION, schema_url=_names.SCHEMA_URL)


def new_counter(meter: Meter, named: _names.Named) -> Counter:
    """Return the counter that *named* describes."""
    return meter.create_counter(named.name, named.unit, named.description)


def new_histogram(
    meter: Meter, named: _names.Named, boundaries: Sequence[float] | None = _names.DURATION_BOUNDARIES
) -> Histogram:
    """Return the histogram that *named* describes.

    Args:
        meter: Where to make it.
        named: Its name, unit and description.
        boundaries: Upper bounds of its buckets, rising; empty for none (sum, count, min and max only);
            None for the defaults of OpenTelemetry, which fit milliseconds.
    """
    return meter.create_histogram(
        named.name, named.unit, named.description, explicit_bucket_boundaries_advisory=boundaries
    )


def observe_losses(meter: Meter) -> None:
    """Report the ledger's counts as `vitalspan.dropped` and `vitalspan.export.failures`."""
    meter.create_observable_counter(
        _names.DROPPED.name,
        [_reading(LEDGER.dropped, _names.REASON)],
        _names.DROPPED.unit,
        _names.DROPPED.description,
    )
    meter.create_observable_counter(
        _names.EXPORT_FAILURES.name,
        [_reading(LEDGER.failures, _names.ERROR_TYPE)],
        _names.EXPORT_FAILURES.unit,
        _names.EXPORT_FAILURES.description,
    )


def _reading(
    read: Callable[[], Mapping[tuple[str, str], int]], reason: str
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(count, {_names.SIGNAL: signal, reason: kind}) for (signal, kind), count in read().items()]

    return observe
