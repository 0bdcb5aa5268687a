"""Building the three providers, or joining those that the host has set."""

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

from vitalspan import _names
from vitalspan._types import TagValue
from vitalspan.metrics._otel import new_meter, observe_losses
from vitalspan.pipeline._export import Exports
from vitalspan.pipeline._exporters import new_exporters
from vitalspan.pipeline._lifecycle import Pipeline, Route
from vitalspan.pipeline._sampling import new_sampler
from vitalspan.pipeline._settings import Settings, Signal

__all__ = ["build"]


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
    # Whatever can be wrong is made first, so that an error leaves nothing half set up.
    sampler = new_sampler(settings)
    exports: dict[Signal, Exports] = {}
    exporters: dict[Signal, list[Any]] = {}
    for signal, provider in _host_providers().items():
        exports[signal] = Exports(signal)
        is_wanted = provider is None or settings.endpoint is not None
        made = new_exporters(settings, signal) if is_wanted else ()
        exporters[signal] = [
            exporter if isinstance(exporter, MetricReader) else exports[signal].watch(exporter) for exporter in made
        ]
    resource = _new_resource(settings)
    routes: dict[Signal, Route] = {
        "traces": _traces(settings, resource, exporters["traces"], exports["traces"], sampler),
        "metrics": _metrics(settings, resource, exporters["metrics"], exports["metrics"]),
        "logs": _logs(settings, resource, exporters["logs"], exports["logs"]),
    }
    observe_losses(new_meter())
    return Pipeline(routes, shutdown_timeout=settings.shutdown_timeout)


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


def _new_resource(settings: Settings) -> Resource:
    attributes: dict[str, TagValue] = dict(settings.resource_attributes or {})
    if settings.service_name is not None:
        attributes["service.name"] = settings.service_name
    if settings.service_version is not None:
        attributes["service.version"] = settings.service_version
    attributes |= {_names.DISTRO_NAME: _names.SCOPE_NAME, _names.DISTRO_VERSION: _names.VERSION}
    # The SDK adds a service.instance.id for each process, and what the variables say.
    return Resource.create(attributes)


def _traces(
    settings: Settings,
    resource: Resource,
    exporters: list[Any],
    exports: Exports,
    sampler: Any,
) -> Route:
    interval = settings.span_export_interval
    delay = None if interval is None else interval * 1000
    processors = [BatchSpanProcessor(exporter, schedule_delay_millis=delay) for exporter in exporters]
    host = _host_providers()["traces"]
    provider = host or TracerProvider(sampler=sampler, resource=resource, shutdown_on_exit=False)
    if isinstance(provider, TracerProvider):
        for processor in processors:
            provider.add_span_processor(processor)
    if host is None:
        trace.set_tracer_provider(provider)
    return _route(provider, host, exports, processors)


def _metrics(settings: Settings, resource: Resource, exporters: list[Any], exports: Exports) -> Route:
    interval = settings.metric_export_interval
    readers = [
        exporter
        if isinstance(exporter, MetricReader)
        else PeriodicExportingMetricReader(exporter, None if interval is None else interval * 1000)
        for exporter in exporters
    ]
    host = _host_providers()["metrics"]
    provider = host or MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False)
    if host is None:
        metrics.set_meter_provider(provider)
    elif isinstance(host, MeterProvider):
        # The host's provider neither flushes nor ends readers that were added later: that is ours to do.
        for reader in readers:
            host.add_metric_reader(reader)
    return _route(provider, host, exports, readers)


def _logs(settings: Settings, resource: Resource, exporters: list[Any], exports: Exports) -> Route:
    interval = settings.span_export_interval
    delay = None if interval is None else interval * 1000
    processors = [BatchLogRecordProcessor(exporter, schedule_delay_millis=delay) for exporter in exporters]
    host = _host_providers()["logs"]
    provider = host or LoggerProvider(resource=resource, shutdown_on_exit=False)
    if isinstance(provider, LoggerProvider):
        for processor in processors:
            provider.add_log_record_processor(processor)
    if host is None:
        set_logger_provider(provider)
    return _route(provider, host, exports, processors)


def _route(provider: Any, host: object, exports: Exports, parts: list[Any]) -> Route:
    """Return the route through *parts*, our processors or readers at *provider*."""

    def flush() -> None:
        for part in parts:
            part.force_flush()
        # The host's own processors carry our data too. A provider that is not the SDK's may have no such method.
        if host is not None and hasattr(provider, "force_flush"):
            provider.force_flush()

    def shutdown() -> None:
        if host is None:
            provider.shutdown()
        else:
            flush()
            for part in parts:
                _detach(provider, part)

    return Route(provider, host is not None, exports, flush, shutdown)


def _detach(provider: Any, part: Any) -> None:
    if isinstance(provider, MeterProvider):
        provider.remove_metric_reader(part)  # This shuts it down.
    else:
        part.shutdown()
