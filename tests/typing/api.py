"""What type checkers know of the public API. Checked by mypy and pyright, never run.

A line that must be an error carries an ignore with its code: mypy reports ignores that silence nothing.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Literal, TypeVar, assert_never, assert_type

import vitalspan
from vitalspan import HealthMonitor, HealthStatus, MetricsCollector, MonitoringSystem, Status, SystemComponents
from vitalspan.health import (
    AgentSystem,
    DatabaseHealthCheck,
    Event,
    EventBus,
    EventType,
    FunctionHealthCheck,
    HealthCheck,
    Probe,
    StatusChange,
    SupervisionTree,
)
from vitalspan.metrics import (
    BoundCounter,
    BoundGauge,
    BoundHistogram,
    BoundSummary,
    BoundUpDownCounter,
    Counter,
    Gauge,
    Histogram,
    InMemoryBackend,
    Metric,
    MetricsBackend,
    MetricValue,
    Summary,
)
from vitalspan.pipeline import FlushResult, Pipeline

# Decorators give back the type that they were given.


@vitalspan.instrument
def charge(order: str, *, amount: int = 1) -> bytes:
    return order.encode() * amount


@vitalspan.traced(name="charge later")
async def charge_later(order: str) -> bytes:
    return order.encode()


T = TypeVar("T")


@vitalspan.measured()
def first(values: Sequence[T]) -> T:
    return values[0]


class Shop:
    @vitalspan.instrument
    def method(self, order: str) -> int:
        return len(order)

    @vitalspan.measured
    async def async_method(self, order: str) -> int:
        return len(order)

    @classmethod
    @vitalspan.instrument
    def class_method(cls, order: str) -> int:
        return len(order)

    @staticmethod
    @vitalspan.traced(name="sell")
    def static_method(order: str) -> int:
        return len(order)


assert_type(charge("one", amount=2), bytes)
assert_type(asyncio.run(charge_later("one")), bytes)
assert_type(first([1, 2]), int)
assert_type(first("ab"), str)
assert_type(Shop().method("one"), int)
assert_type(asyncio.run(Shop().async_method("one")), int)
assert_type(Shop.class_method("one"), int)
assert_type(Shop().static_method("one"), int)

charge(1)  # type: ignore[arg-type]  # an order is text
charge("one", colour="red")  # type: ignore[call-arg]  # there is no colour
Shop().method()  # type: ignore[call-arg]  # an order is missing
vitalspan.instrument(3)  # type: ignore[call-overload]  # not a function
vitalspan.instrument(name=3)  # type: ignore[call-overload]  # not a name


# Metrics.

collector = MetricsCollector(InMemoryBackend(), flush_interval=10)
assert_type(collector.counter("shop.orders", unit="{order}", tags={"region": "eu", "vip": True}), BoundCounter)
assert_type(collector.up_down_counter("shop.jobs"), BoundUpDownCounter)
assert_type(collector.gauge("shop.level"), BoundGauge)
assert_type(collector.histogram("shop.time", unit="s", boundaries=[1, 2.5]), BoundHistogram)
assert_type(collector.summary("shop.basket"), BoundSummary)
collector.counter("shop.orders").add(1)
collector.up_down_counter("shop.jobs").add(-0.5)
collector.gauge("shop.level").set(1)
collector.histogram("shop.time").record(0.5)
collector.summary("shop.basket").record(3)
collector.increment_counter("shop.orders", {"region": "eu"}, amount=2)
collector.set_gauge("shop.level", 0.5, {"shelf": 3})
collector.record_histogram("shop.time", 0.5)
collector.record_summary("shop.basket", 3)
collector.record_handler_error(ValueError(), event_type="order.shipped")
assert_type(asyncio.run(collector.flush()), bool)

collector.set_gauge("shop.level", "3")  # type: ignore[arg-type]  # text is not a number
collector.increment_counter("shop.orders", {"region": None})  # type: ignore[dict-item]  # None is not a tag
collector.counter("shop.orders", "{order}")  # type: ignore[call-arg]  # the unit is given by name


class FileBackend:
    """A backend of the user's own: nothing to inherit from."""

    def send_metrics(self, metrics: Sequence[Metric]) -> None:
        for metric in metrics:
            assert_type(metric.name, str)
            assert_type(metric.timestamp, datetime)
            assert_type(metric.tags, Mapping[str, str | bool | int | float])
            self.write(metric.value)

    def write(self, value: MetricValue) -> None:
        match value:
            case Counter(total) | Gauge(total):
                assert_type(total, float)
            case Histogram(values):
                assert_type(values, list[float])
            case Summary(total, count):
                assert_type(total, float)
                assert_type(count, int)
            case _:
                assert_never(value)


class NotABackend:
    def send_metrics(self, metrics: Sequence[Metric], retries: int) -> None: ...


backends: list[MetricsBackend] = [FileBackend(), InMemoryBackend()]
MetricsCollector(*backends)
MetricsCollector(NotABackend())  # type: ignore[arg-type]  # it wants one argument more
assert_type(InMemoryBackend().latest("shop.orders", region="eu"), MetricValue | None)


# Health.


class PingCheck:
    """A check of the user's own: nothing to inherit from, plain attributes will do."""

    component_id = "ping"
    check_interval = 5.0

    async def check(self) -> HealthStatus:
        return HealthStatus(self.component_id, Status.HEALTHY, metadata={"ms": 3})


class PropertyCheck:
    """A check may compute what it is about."""

    @property
    def component_id(self) -> str:
        return "property"

    @property
    def check_interval(self) -> float:
        return 5.0

    async def check(self) -> HealthStatus:
        return HealthStatus(self.component_id, Status.UNKNOWN)


class SyncCheck:
    component_id = "sync"
    check_interval = 5.0

    def check(self) -> HealthStatus:
        return HealthStatus(self.component_id, Status.HEALTHY)


monitor = HealthMonitor(trace_checks="all")
checks: list[HealthCheck] = [
    PingCheck(),
    PropertyCheck(),
    DatabaseHealthCheck(lambda: sqlite3.connect(":memory:")),
    FunctionHealthCheck("function", lambda: True),
]
for each in checks:
    monitor.register_check(each, timeout=1, critical=False)
monitor.register_check(SyncCheck())  # type: ignore[arg-type]  # check() must be async
HealthMonitor(trace_checks="some")  # type: ignore[arg-type]  # not one of the choices


@monitor.check("queue", interval=5)
def queue() -> bool:
    return True


@monitor.check("cache", on_error=Status.DEGRADED)
async def cache() -> tuple[Status, str]:
    return Status.HEALTHY, "warm"


@vitalspan.check("database", interval=10)
async def database() -> None: ...


assert_type(queue(), bool)
assert_type(asyncio.run(cache()), tuple[Status, str])
assert_type(asyncio.run(monitor.check_now("queue")), HealthStatus)
assert_type(monitor.get_all_statuses(), Mapping[str, HealthStatus])
assert_type(monitor.system_status(Probe.READINESS), Status)
assert_type(monitor.get_status("queue").last_check, datetime | None)
assert_type(monitor.stop(), bool)


def on_change(change: StatusChange) -> None:
    assert_type(change.current, HealthStatus)
    assert_type(change.previous_status_time, float)


assert_type(monitor.subscribe(on_change), Callable[[], None])


def severity(status: Status) -> int:
    match status:
        case Status.HEALTHY | Status.DEGRADED:
            return 0
        case Status.UNKNOWN | Status.UNHEALTHY:
            return status.severity
        case _:
            assert_never(status)


async def on_event(event: Event) -> None:
    assert_type(event.payload, Mapping[str, object])


bus = EventBus(collector)
bus.subscribe(EventType.HEALTH_CHECK_FAILED, on_event)
bus.subscribe("order.shipped", lambda event: event.payload["id"])
bus.publish(Event("order.shipped", {"id": 7}))


# The system.


class Agents:
    """An agent system of the user's own; both methods may be sync or async."""

    async def active_actor_count(self) -> int:
        return 3

    def spawn_test_actor(self) -> object:
        return None


class SyncAgents:
    def active_actor_count(self) -> int:
        return 3

    async def spawn_test_actor(self) -> None: ...


class Child:
    """What a supervisor keeps alive, with plain attributes."""

    def __init__(self) -> None:
        self.name = "worker"
        self.is_alive = True
        self.restarts = 0


class Tree:
    def children(self) -> list[Child]:
        return [Child()]


agents: list[AgentSystem] = [Agents(), SyncAgents()]
tree: SupervisionTree = Tree()
components = SystemComponents(
    runtime_manager=asyncio.Runner(),
    actor_system=Agents(),
    database_pool=sqlite3.connect,
    supervision_tree=Tree(),
)
SystemComponents(asyncio.new_event_loop())  # type: ignore[call-arg]  # components are given by name
SystemComponents(actor_system=Tree())  # type: ignore[arg-type]  # a tree is no agent system


async def main() -> None:
    async with MonitoringSystem(bus, monitor=monitor, collector=collector) as system:
        assert_type(system, MonitoringSystem)
        system.register_component_health_checks(components)
    async with vitalspan.monitoring() as default:
        assert_type(default, MonitoringSystem)


running: Awaitable[None] = main()
context: AbstractAsyncContextManager[MonitoringSystem] = vitalspan.monitoring()


# Set-up.

protocol: Literal["http/protobuf", "grpc"] = "grpc"
assert_type(vitalspan.configure(service_name="shop", protocol=protocol, sampler=0.5), Pipeline)
assert_type(vitalspan.flush(), FlushResult)
assert_type(vitalspan.shutdown(timeout=1), FlushResult)
vitalspan.configure("shop")  # type: ignore[call-arg]  # everything is given by name
vitalspan.configure(protocol="http")  # type: ignore[arg-type]  # not one of the choices


def told(error: vitalspan.ConfigurationError, unknown: vitalspan.UnknownComponentError) -> Iterable[Any]:
    assert_type(error.what, str)
    assert_type(error.value, object)
    assert_type(unknown.known, tuple[str, ...])
    return (error, unknown)
