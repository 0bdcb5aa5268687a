"""The default system behind the functions of the module `vitalspan`."""

import atexit
import logging
import os
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from vitalspan._delivery import FlushResult
from vitalspan._errors import ConfigurationError
from vitalspan._guard import describe
from vitalspan._system import MonitoringSystem
from vitalspan._threads import Lane
from vitalspan._types import F, TagValue
from vitalspan.health._check import DEFAULT_INTERVAL, DEFAULT_TIMEOUT
from vitalspan.health._status import Status

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.sampling import Sampler  # noqa: TID251 - for the type checker only

    from vitalspan.pipeline import Pipeline, Protocol

__all__ = ["check", "configure", "default_system", "flush", "monitoring", "shutdown"]

_logger = logging.getLogger("vitalspan")

_ENDS_WITHIN = 2.0
"""Seconds for everything that `monitoring` does at its end: what a program may take to exit."""

_SYSTEM_ENDS_WITHIN = 1.0
"""Seconds of these for checks and backends; the rest is for the last export."""

_LAST_MOMENT = 0.25
"""Seconds that an export gets in any case: a Collector on this machine answers within a few milliseconds."""


class _Default:
    """The one system and the one pipeline of this process; both are made when they are first needed.

    No lock is held while they are made: making them logs, and a handler of the program's log may come here.
    """

    def __init__(self) -> None:
        self.pipeline: Pipeline | None = None
        self.system: MonitoringSystem | None = None
        self.lock = threading.Lock()
        # Held by the thread that builds the pipeline; others wait for it, the same one is refused.
        self.building = threading.RLock()
        self.is_building = False
        self.shutdown_timeout = 2.0


_default = _Default()


def default_system() -> MonitoringSystem:
    """Return the system behind the functions of this module: its monitor, its collector and its event bus."""
    if _default.system is None:
        made = MonitoringSystem(shutdown_timeout=_SYSTEM_ENDS_WITHIN)
        with _default.lock:
            # Of two threads that come at the same moment, one has made it in vain.
            _default.system = _default.system or made
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
    with _default.building:
        if _default.is_building:
            raise ConfigurationError(
                "configure()", "called by itself", "call it once, and not from a handler of the log"
            )
        pipeline, is_new = _default.pipeline, False
        if pipeline is None:
            _default.is_building = True
            try:
                pipeline, is_new = (
                    _new_pipeline(
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
                    ),
                    True,
                )
            finally:
                _default.is_building = False
            _default.pipeline = pipeline
            _default.shutdown_timeout = shutdown_timeout
            # Registered after the pipeline's own handler, so run before it: the last findings still leave.
            atexit.register(_at_exit)
    if not is_new:
        _logger.log(
            logging.WARNING if pipeline.is_shut_down else logging.DEBUG,
            "configure() was called again: the pipeline of the first call stays%s",
            ", and it was shut down: nothing is sent" if pipeline.is_shut_down else "",
        )
    if start_monitor:
        default_system().monitor.start()
    return pipeline


def _new_pipeline(**arguments: Any) -> "Pipeline":
    try:
        from vitalspan.pipeline import Settings, build  # noqa: PLC0415 - the SDK loads when it is used
    except ValueError as error:
        # Some variables, such as OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT, are read while the SDK is imported.
        raise ConfigurationError("an OTEL_* variable", describe(error), "correct it, or unset it") from error
    return build(Settings(environ=dict(os.environ), **arguments))


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
    sent, because many servers end a process without running its exit handlers; that takes two seconds at most.
    (A check that swallows its cancellation for ever keeps `asyncio.run` from ending: asyncio waits for every task.)

    ```python
    import asyncio
    import vitalspan

    async def main() -> None:
        async with vitalspan.monitoring() as system:
            print(system.monitor.is_running)

    asyncio.run(main())
    ```

    Raises:
        ConfigurationError: The system runs in another event loop of the program already.
    """
    system = default_system()
    await Lane("vitalspan-move").run(system.monitor.stop)
    ending = 0.0
    try:
        async with system:
            try:
                yield system
            finally:
                ending = time.monotonic()
    finally:
        left = max(_LAST_MOMENT, _ENDS_WITHIN - (time.monotonic() - ending)) if ending else _LAST_MOMENT
        await Lane("vitalspan-flush").run(lambda: flush(left))


def flush(timeout: float = 5.0) -> FlushResult:
    """Send everything recorded so far, within *timeout* seconds; the result is true when it was delivered.

    Before `configure` there is nothing to send. It blocks: in an event loop, await
    `asyncio.to_thread(vitalspan.flush)`.
    """
    return _default.pipeline.flush(timeout) if _default.pipeline is not None else FlushResult()


def shutdown(timeout: float | None = None) -> FlushResult:
    """Stop the checks, send everything, and end the pipeline, within *timeout* seconds.

    By default it takes what `configure(shutdown_timeout=)` allows. Called at exit by itself. OpenTelemetry's
    providers cannot be set twice in a process, so nothing is sent any more afterwards; called again it returns what
    it returned before.
    """
    atexit.unregister(_at_exit)
    return _end(timeout)


def _at_exit() -> None:
    _end(None)


def _end(timeout: float | None) -> FlushResult:
    begin = time.monotonic()
    seconds = _default.shutdown_timeout if timeout is None else timeout
    if _default.system is not None and _default.system.monitor.is_running:
        # Half of the time at most: a check that hangs must not cost the last export.
        _default.system.monitor.stop(seconds / 2)
    if _default.pipeline is None:
        return FlushResult()
    waited = time.monotonic() - begin
    if timeout is None and waited < _LAST_MOMENT:
        return _default.pipeline.shutdown()  # It knows what an export that hangs has had already.
    return _default.pipeline.shutdown(max(_LAST_MOMENT, seconds - waited))
