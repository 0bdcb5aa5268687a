"""The default system behind the functions of the module `vitalspan`."""

import atexit
import logging
import os
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from vitalspan._system import MonitoringSystem
from vitalspan._threads import Lane
from vitalspan._types import F, TagValue
from vitalspan.health._check import DEFAULT_INTERVAL, DEFAULT_TIMEOUT
from vitalspan.health._status import Status

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.sampling import Sampler  # noqa: TID251 - for the type checker only

    from vitalspan.pipeline import FlushResult, Pipeline, Protocol

__all__ = ["check", "configure", "default_system", "flush", "monitoring", "shutdown"]

_logger = logging.getLogger("vitalspan")


class _Default:
    """The one system and the one pipeline of this process; both are made when they are first needed."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pipeline: Pipeline | None = None
        self._system: MonitoringSystem | None = None

    @property
    def system(self) -> MonitoringSystem:
        if self._system is None:
            self._system = MonitoringSystem()
        return self._system


_default = _Default()


def default_system() -> MonitoringSystem:
    """Return the system behind the functions of this module: its monitor, its collector and its event bus."""
    with _default.lock:
        return _default.system


def configure(
    *,
    service_name: str | None = None,
    service_version: str | None = None,
    resource_attributes: Mapping[str, TagValue] | None = None,
    endpoint: str | None = None,
    protocol: "Protocol | None" = None,
    headers: Mapping[str, str] | None = None,
    sampler: "Sampler | str | float | None" = None,
    metric_export_interval: float | None = None,
    span_export_interval: float | None = None,
    shutdown_timeout: float = 2.0,
    start_monitor: bool = True,
) -> "Pipeline":
    """Send this program's metrics, traces, logs and health over OTLP.

    Every standard `OTEL_*` variable counts; an argument wins over its variable. Providers that the
    program, or a tool around it, has set already are joined and never replaced. Called again it returns the
    same pipeline, whatever the arguments.

    Args:
        service_name: `service.name`, else `OTEL_SERVICE_NAME`.
        service_version: `service.version`.
        resource_attributes: More attributes of everything that is sent.
        endpoint: The Collector's base URL, else `OTEL_EXPORTER_OTLP_ENDPOINT`, else
            `http://localhost:4318` (for gRPC `:4317`).
        protocol: `http/protobuf` or `grpc`, else `OTEL_EXPORTER_OTLP_PROTOCOL`, else HTTP.
        headers: Sent with each export, for example for authentication.
        sampler: The share of traces to keep from 0 to 1, the name of a sampler, or a `Sampler`;
            else `OTEL_TRACES_SAMPLER`, else all. Changes of health are always kept.
        metric_export_interval: Seconds between two exports of metrics, else `OTEL_METRIC_EXPORT_INTERVAL`, else 60.
        span_export_interval: Seconds that a span may wait for its batch, else `OTEL_BSP_SCHEDULE_DELAY`, else 5.
        shutdown_timeout: Seconds that the program's exit may wait for the last export.
        start_monitor: Whether the checks begin to run, on a thread of their own.

    Raises:
        ConfigurationError: An argument or a variable that cannot be used. Nothing has been set up then.
    """
    # The SDK and the exporters load when they are used, not when vitalspan is imported.
    from vitalspan.pipeline import Settings, build  # noqa: PLC0415

    with _default.lock:
        if _default.pipeline is not None:
            is_over = _default.pipeline.is_shut_down
            _logger.log(
                logging.WARNING if is_over else logging.DEBUG,
                "configure() was called again: the pipeline of the first call stays%s",
                ", and it was shut down: nothing is sent" if is_over else "",
            )
        else:
            _default.pipeline = build(
                Settings(
                    environ=dict(os.environ),
                    service_name=service_name,
                    service_version=service_version,
                    resource_attributes=resource_attributes,
                    endpoint=endpoint,
                    protocol=protocol,
                    headers=headers,
                    sampler=sampler,
                    metric_export_interval=metric_export_interval,
                    span_export_interval=span_export_interval,
                    shutdown_timeout=shutdown_timeout,
                )
            )
            # Registered after the pipeline's own handler, so run before it: the last findings still leave.
            atexit.register(shutdown, shutdown_timeout)
        if start_monitor:
            _default.system.monitor.start()
        return _default.pipeline


def check(
    component_id: str,
    *,
    interval: float = DEFAULT_INTERVAL,
    timeout: float = DEFAULT_TIMEOUT,
    critical: bool = True,
    on_error: Status = Status.UNHEALTHY,
) -> Callable[[F], F]:
    """Register the decorated function, sync or async, as the check of *component_id* in the default system.

    The function takes no arguments. It says that the component is healthy by returning None or True,
    unhealthy by returning False or raising; a `Status`, a `(Status, message)` or a `HealthStatus` says it in full.

    ```python
    import sqlite3
    import vitalspan

    @vitalspan.check("database", interval=10)
    def database() -> None:
        sqlite3.connect("shop.db").execute("SELECT 1").connection.close()
    ```

    Args:
        component_id: The component that the function is about.
        interval: Seconds between two runs.
        timeout: Seconds after which a run is given up and the component reads unhealthy.
        critical: Whether the system is unhealthy when this component is.
        on_error: What the component reads when the function raises.

    Raises:
        ConfigurationError: An argument that cannot be used.
        DuplicateCheckError: The component has a check already.
    """
    monitor = default_system().monitor
    return monitor.check(component_id, interval=interval, timeout=timeout, critical=critical, on_error=on_error)


@asynccontextmanager
async def monitoring() -> AsyncGenerator[MonitoringSystem]:
    """Run the default system in this event loop, where clients and pools live, until the block is left.

    A monitor that `configure` has started on its own thread moves here. At the end everything recorded is
    sent, because many servers end a process without running its exit handlers.

    ```python
    import asyncio
    import vitalspan

    async def main() -> None:
        async with vitalspan.monitoring() as system:
            print(system.monitor.is_running)

    asyncio.run(main())
    ```

    Raises:
        ConfigurationError: The system runs in another event loop already.
    """
    system = default_system()
    await Lane("vitalspan-move").run(system.monitor.stop)
    try:
        async with system:
            yield system
    finally:
        await Lane("vitalspan-flush").run(lambda: flush(timeout=2.0))


def flush(timeout: float = 5.0) -> "FlushResult":
    """Send everything recorded so far, within *timeout* seconds; the result is true when it was delivered.

    Before `configure` there is nothing to send. It blocks: in an event loop, await
    `asyncio.to_thread(vitalspan.flush)`.
    """
    from vitalspan.pipeline import FlushResult  # noqa: PLC0415 - the SDK loads when it is used

    return _default.pipeline.flush(timeout) if _default.pipeline is not None else FlushResult()


def shutdown(timeout: float = 2.0) -> "FlushResult":
    """Stop the checks, send everything, and end the pipeline, within *timeout* seconds.

    Called at exit by itself. OpenTelemetry's providers cannot be set twice in a process, so nothing is
    sent any more afterwards.
    """
    from vitalspan.pipeline import FlushResult  # noqa: PLC0415 - the SDK loads when it is used

    begin = time.monotonic()
    # Half of the time at most: a check that hangs must not cost the last export.
    _stop_monitor(timeout / 2)
    if _default.pipeline is None:
        return FlushResult()
    return _default.pipeline.shutdown(max(timeout / 2, timeout - (time.monotonic() - begin)))


def _stop_monitor(timeout: float = 1.0) -> None:
    default_system().monitor.stop(timeout)
