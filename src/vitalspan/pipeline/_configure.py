"""Building the three providers, or joining those that the host has set."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opentelemetry import metrics, trace
from opentelemetry._logs import NoOpLoggerProvider, get_logger_provider, set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Sampler

from vitalspan import _names
from vitalspan._errors import ConfigurationError, VitalspanError
from vitalspan._guard import describe
from vitalspan._types import TagValue
from vitalspan.metrics._otel import new_meter, observe_losses
from vitalspan.pipeline._export import Exports
from vitalspan.pipeline._exporters import apply_config_file, new_exporters, new_id_generator
from vitalspan.pipeline._lifecycle import Pipeline, Route
from vitalspan.pipeline._sampling import new_sampler
from vitalspan.pipeline._settings import SIGNALS, Settings, Signal

__all__ = ["build"]

_SDK_PROVIDERS = (TracerProvider, MeterProvider, LoggerProvider)


def build(settings: Settings) -> Pipeline:
    """Set the global providers that are not set yet, join the others, and return the pipeline.

    A provider that the host has set is never replaced. An exporter is attached to it only when an
    `endpoint` was given as an argument: without one, the host's own exporters are trusted to deliver, and a
    second one to the same Collector would double everything.

    Raises:
        ConfigurationError: Something in *settings* that cannot be used; nothing has been set then.
    """
    if settings.is_disabled:
        return Pipeline({}, shutdown_timeout=settings.shutdown_timeout)
    if settings.config_file and all(provider is None for provider in _host_providers().values()):
        apply_config_file(settings.config_file)  # Its providers are joined like those of any other host.
    hosts = _host_providers()
    exports: dict[Signal, Exports] = {signal: Exports(signal) for signal in SIGNALS}
    # Whatever can be wrong is made first, so that an error leaves nothing half set up.
    parts: dict[Signal, list[Any]] = {signal: [] for signal in SIGNALS}
    try:
        sampler, id_generator = new_sampler(settings), new_id_generator(settings)
        for signal in SIGNALS:
            parts[signal] = _new_parts(settings, signal, hosts[signal], exports[signal])
        ours = _new_providers(settings, hosts, parts["metrics"], sampler, id_generator)
    except Exception as error:
        for part in (part for made in parts.values() for part in made):
            part.shutdown()  # It has a thread.
        if isinstance(error, VitalspanError):
            raise
        # The SDK reads its own variables, such as OTEL_BSP_SCHEDULE_DELAY, and says what it cannot use.
        raise ConfigurationError("an OTEL_* variable", describe(error), "correct it, or unset it") from error
    for signal, provider in ours.items():
        _SET[signal](provider)
    routes: dict[Signal, Route] = {}
    for signal in SIGNALS:
        is_joined = signal not in ours
        provider = hosts[signal] if is_joined else ours[signal]
        _attach(provider, parts[signal], is_joined=is_joined)
        routes[signal] = _route(provider, parts[signal], exports[signal], is_joined=is_joined)
    observe_losses(new_meter())
    return Pipeline(routes, shutdown_timeout=settings.shutdown_timeout)


_SET: Mapping[Signal, Callable[[Any], None]] = {
    "traces": trace.set_tracer_provider,
    "metrics": metrics.set_meter_provider,
    "logs": set_logger_provider,
}


def _host_providers() -> dict[Signal, Any]:
    """Return the global provider of each signal, or None where nobody has set one.

    The API answers with a proxy of its own until a provider is set. A no-op provider was set on purpose.
    """
    tracer, meter, logger = trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider()
    return {
        "traces": None if isinstance(tracer, trace.ProxyTracerProvider) else tracer,
        "metrics": None if _is_proxy(meter, "opentelemetry.metrics", metrics.NoOpMeterProvider) else meter,
        "logs": None if _is_proxy(logger, "opentelemetry._logs", NoOpLoggerProvider) else logger,
    }


def _is_proxy(provider: object, package: str, no_op: type) -> bool:
    return type(provider).__module__.startswith(package) and not isinstance(provider, no_op)


def _new_providers(
    settings: Settings,
    hosts: Mapping[Signal, Any],
    readers: Sequence[MetricReader],
    sampler: Sampler,
    id_generator: IdGenerator,
) -> dict[Signal, Any]:
    """Return a provider for each signal that the host has none for. Their own handlers at exit are left out."""
    resource = _new_resource(settings)
    new: dict[Signal, Any] = {}
    if hosts["traces"] is None:
        new["traces"] = TracerProvider(sampler, resource, shutdown_on_exit=False, id_generator=id_generator)
    if hosts["logs"] is None:
        new["logs"] = LoggerProvider(resource, shutdown_on_exit=False)
    if hosts["metrics"] is None:
        new["metrics"] = MeterProvider(readers, resource, shutdown_on_exit=False)
    return new


def _new_resource(settings: Settings) -> Resource:
    attributes: dict[str, TagValue] = dict(settings.resource_attributes or {})
    if settings.service_name is not None:
        attributes["service.name"] = settings.service_name
    if settings.service_version is not None:
        attributes["service.version"] = settings.service_version
    attributes |= {_names.DISTRO_NAME: _names.SCOPE_NAME, _names.DISTRO_VERSION: _names.VERSION}
    # The SDK adds a service.instance.id for each process, and what the variables say.
    return Resource.create(attributes)


def _new_parts(settings: Settings, signal: Signal, host: object, exports: Exports) -> list[Any]:
    """Return the processors and readers of *signal*, which carry telemetry to the exporters."""
    # A provider that is not the SDK's has nothing that an exporter could be attached to.
    if host is not None and (settings.endpoint is None or not isinstance(host, _SDK_PROVIDERS)):
        return []
    return [_new_part(settings, signal, exporter, exports) for exporter in new_exporters(settings, signal)]


def _new_part(settings: Settings, signal: Signal, exporter: Any, exports: Exports) -> Any:
    if isinstance(exporter, MetricReader):
        return exporter  # For example Prometheus', which is asked and does not send.
    exports.watch(exporter)
    if signal == "metrics":
        return PeriodicExportingMetricReader(exporter, _milliseconds(settings.metric_export_interval))
    delay = _milliseconds(settings.span_export_interval)
    if signal == "traces":
        return BatchSpanProcessor(exporter, schedule_delay_millis=delay)
    return BatchLogRecordProcessor(exporter, schedule_delay_millis=delay)


def _milliseconds(seconds: float | None) -> float | None:
    """Return *seconds* in the SDK's unit; None leaves the decision to its variable."""
    return None if seconds is None else seconds * 1000


def _attach(provider: Any, parts: Sequence[Any], *, is_joined: bool) -> None:
    for part in parts:
        if isinstance(provider, TracerProvider):
            provider.add_span_processor(part)
        elif isinstance(provider, LoggerProvider):
            provider.add_log_record_processor(part)
        elif is_joined:
            # Our own provider of metrics was made with its readers, because it flushes and ends only those.
            provider.add_metric_reader(part)


def _route(provider: Any, parts: Sequence[Any], exports: Exports, *, is_joined: bool) -> Route:
    """Return the route through *parts*, our processors or readers at *provider*."""

    def flush() -> None:
        for part in parts:
            part.force_flush()
        # The host's own processors carry our data too. Another vendor's provider may have no such method, or say
        # nothing; the SDK's says False when it could not.
        flush_host = getattr(provider, "force_flush", None)
        if is_joined and flush_host is not None and flush_host() is False:
            raise RuntimeError("the host's provider could not deliver everything")

    def shutdown() -> None:
        if not is_joined:
            provider.shutdown()
            return
        flush()
        for part in parts:
            # Removing a reader shuts it down; there is no way to remove a processor.
            provider.remove_metric_reader(part) if isinstance(provider, MeterProvider) else part.shutdown()

    return Route(provider, is_joined, exports, flush, shutdown)
