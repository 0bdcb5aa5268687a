"""MonitoringSystem: the monitor, the collector and the event bus, wired together."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import MappingProxyType, TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from vitalspan._errors import ConfigurationError
from vitalspan.health import (
    AgentSystem,
    AgentSystemHealthCheck,
    DatabaseHealthCheck,
    Event,
    EventBus,
    EventType,
    HealthCheck,
    HealthMonitor,
    RuntimeHealthCheck,
    Status,
    StatusChange,
    SupervisionTree,
    SupervisionTreeHealthCheck,
)
from vitalspan.health._check import require_seconds
from vitalspan.metrics import MetricsCollector

__all__ = ["MonitoringSystem", "SystemComponents"]

_ORDERLY_SHARE = 0.75
"""The part of the time for ending in which the parts may end by themselves; in the rest they are cancelled."""


@runtime_checkable
class RuntimeManager(Protocol):
    """What owns an event loop; `asyncio.Runner` does."""

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemComponents:
    """The parts of a program whose health is to be known. What is left out is not checked.

    Attributes:
        runtime_manager: The event loop that the program runs in, or what owns it (`asyncio.Runner`).
        actor_system: What runs agents or workers; see `AgentSystem`.
        database_pool: A DB-API connection, or a function that opens one.
        supervision_tree: What starts children again when they die; see `SupervisionTree`.
    """

    runtime_manager: asyncio.AbstractEventLoop | RuntimeManager | None = None
    actor_system: AgentSystem | None = None
    database_pool: Any = field(default=None, repr=False)  # It may be a connection string with a password.
    supervision_tree: SupervisionTree | None = None


class MonitoringSystem:
    """Health, metrics and events of one program, wired together.

    A change of a component's status is published on the event bus; events and failing handlers are
    counted by the collector. Everything can be given, and is made where it is not.

    ```python
    import asyncio
    import sqlite3
    from vitalspan import MonitoringSystem, SystemComponents

    async def main() -> None:
        async with MonitoringSystem() as system:
            system.register_component_health_checks(
                SystemComponents(database_pool=lambda: sqlite3.connect(":memory:"))
            )
            print((await system.monitor.check_now("database")).status)

    asyncio.run(main())
    ```
    """

    def __init__(
        self,
        event_bus: EventBus | None = None,
        *,
        monitor: HealthMonitor | None = None,
        collector: MetricsCollector | None = None,
        shutdown_timeout: float = 2.0,
    ) -> None:
        """Wire the parts.

        Args:
            event_bus: Where `HEALTH_CHECK_PASSED` and `HEALTH_CHECK_FAILED` are published.
            monitor: Runs the checks.
            collector: Counts events.
            shutdown_timeout: Seconds that checks and a last flush may take when the system ends.

        Raises:
            ConfigurationError: The timeout is not a number above zero.
        """
        self._shutdown_timeout = require_seconds("shutdown_timeout", shutdown_timeout)
        for what, given, wanted in (
            ("event_bus", event_bus, EventBus),
            ("monitor", monitor, HealthMonitor),
            ("collector", collector, MetricsCollector),
        ):
            if given is not None and not isinstance(given, wanted):
                raise ConfigurationError(what, given, f"give an instance of {wanted.__name__}, or leave it out")
        self.event_bus: EventBus = event_bus if event_bus is not None else EventBus()
        self.monitor: HealthMonitor = monitor if monitor is not None else HealthMonitor()
        self.collector: MetricsCollector = collector if collector is not None else MetricsCollector()
        self._shutdown: asyncio.Event | None = None
        self._running: asyncio.Task[None] | None = None
        self.event_bus.record_to(self.collector)
        self.monitor.subscribe(self._publish)

    def register_component_health_checks(self, components: SystemComponents) -> None:
        """Register the check that fits each of *components*.

        Raises:
            ConfigurationError: A component that no check fits; none is registered then.
            DuplicateCheckError: A component that has its check already; the checks before it stay registered.
        """
        new_checks: list[tuple[object, Callable[[Any], HealthCheck]]] = [
            (components.runtime_manager, lambda manager: RuntimeHealthCheck(_loop_of(manager))),
            (components.actor_system, AgentSystemHealthCheck),
            (components.database_pool, DatabaseHealthCheck),
            (components.supervision_tree, SupervisionTreeHealthCheck),
        ]
        checks = [new_check(component) for component, new_check in new_checks if component is not None]
        for check in checks:
            self.monitor.register_check(check)

    async def start(self, shutdown: asyncio.Event) -> None:
        """Run monitor and collector in this event loop until *shutdown* is set, and end within the timeout.

        Raises:
            ConfigurationError: The monitor is running already.
        """
        parts = [
            asyncio.create_task(self.monitor.run(shutdown), name="vitalspan monitor"),
            asyncio.create_task(self.collector.run(shutdown), name="vitalspan collector"),
        ]
        seconds = self._shutdown_timeout
        try:
            # The first one ends when it is told to, or because something is wrong.
            await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            if shutdown.is_set():
                begin = time.monotonic()
                await asyncio.wait(parts, timeout=seconds * _ORDERLY_SHARE)
                seconds -= time.monotonic() - begin
        finally:
            for part in parts:
                part.cancel()
            await asyncio.wait(parts, timeout=max(0.0, seconds))
        for part in parts:
            if part.done() and not part.cancelled():
                part.result()

    async def __aenter__(self) -> Self:
        """Start the system in this event loop.

        Raises:
            ConfigurationError: The system or its monitor is running already.
        """
        if self._running is not None or self.monitor.is_running:
            raise ConfigurationError("the system", self, "it is running already: leave or stop it first")
        self._shutdown = asyncio.Event()
        running = self._running = asyncio.create_task(self.start(self._shutdown), name="vitalspan system")
        # Until the monitor has begun, `check_now` in the block would run a check beside it.
        while not self.monitor.is_running and not running.done():  # noqa: ASYNC110 - a step or two of this loop
            await asyncio.sleep(0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the system."""
        running, shutdown = self._running, self._shutdown
        self._running = self._shutdown = None
        if running is not None and shutdown is not None:
            shutdown.set()
            await running

    def _publish(self, change: StatusChange) -> None:
        has_passed = change.current.status is Status.HEALTHY
        self.event_bus.publish(
            Event(
                EventType.HEALTH_CHECK_PASSED if has_passed else EventType.HEALTH_CHECK_FAILED,
                MappingProxyType({"component_id": change.current.component_id, "change": change}),
            )
        )


def _loop_of(manager: object) -> asyncio.AbstractEventLoop:
    if isinstance(manager, asyncio.AbstractEventLoop):
        return manager
    if isinstance(manager, RuntimeManager) and not isinstance(manager, type):
        return manager.get_loop()
    raise ConfigurationError("runtime_manager", manager, "give an event loop, or an object with get_loop()")
