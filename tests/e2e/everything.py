"""A program that uses all of vitalspan once, and prints what it recorded as one line of JSON.

It runs no monitor: each check is run so many times as the test expects.
"""

import asyncio
import json
import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path

import vitalspan
from vitalspan import MonitoringSystem, Status, SystemComponents
from vitalspan.health import Event, HealthStatus


@vitalspan.instrument
def outer(number: int) -> int:
    return inner(number) + 1


@vitalspan.instrument(name="the inner one")
def inner(number: int) -> int:
    if number == 13:
        raise ValueError("unlucky")
    return number


class Shop:
    @vitalspan.instrument
    async def sell(self, item: str) -> str:
        await asyncio.sleep(0)
        return await self.pack(item)

    @vitalspan.traced
    async def pack(self, item: str) -> str:
        return f"packed {item}"

    @vitalspan.instrument
    @classmethod
    async def wait(cls) -> None:
        await asyncio.Event().wait()


class Agents:
    """An agent system that hangs when it is told to."""

    hangs = False

    def active_actor_count(self) -> int:
        return 3

    async def spawn_test_actor(self) -> None:
        if self.hangs:
            await asyncio.Event().wait()


def record_metrics(system: MonitoringSystem) -> None:
    collector = system.collector
    north = collector.counter("shop.orders", unit="{order}", description="Orders taken", tags={"shop": "north"})
    for amount in (1, 2, 3):
        north.add(amount)
    collector.increment_counter("shop.orders", {"shop": "south"}, 5)
    collector.up_down_counter("shop.queue", unit="{order}").add(-2)
    collector.gauge("shop.temperature", unit="Cel", tags={"room": 1, "heated": True, "share": 0.5}).set(-0.5)
    for seconds in (0.0004, 0.003, 0.003, 20.0):
        collector.histogram("shop.wait", unit="s").record(seconds)
    for weight in (1.5, 2.5, 8.0):
        collector.summary("shop.weight", unit="kg", description="What was sent").record(weight)
    collector.increment_counter("shop.orders", {"shop": "north"}, -1)  # refused, and counted as dropped
    system.event_bus.subscribe("order.shipped", lambda _event: 1 / 0)
    system.event_bus.publish(Event("order.shipped"))


async def call_functions() -> None:
    outer(1)
    for number in (13, 13):
        try:
            outer(number)
        except ValueError:
            continue
    await Shop().sell("chair")
    waiting = asyncio.create_task(Shop.wait())
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.wait({waiting})


async def check_health(system: MonitoringSystem, folder: Path) -> Mapping[str, HealthStatus]:
    database = folder / "orders.db"
    sqlite3.connect(database).execute("CREATE TABLE orders (id INTEGER)").connection.close()
    agents = Agents()
    monitor = system.monitor

    @monitor.check("cache", critical=False)
    def check_cache() -> tuple[Status, str]:
        return Status.DEGRADED, "half of it is cold"

    @monitor.check("never_run")
    async def check_nothing() -> None: ...

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(database, timeout=0.05)
        connection.execute("SELECT count(*) FROM orders")
        return connection

    system.register_component_health_checks(
        SystemComponents(database_pool=connect, actor_system=agents, runtime_manager=asyncio.get_running_loop())
    )
    for component in ("database", "agent_system", "runtime", "cache", "cache"):
        await monitor.check_now(component)
    locking = sqlite3.connect(database)
    locking.execute("BEGIN EXCLUSIVE")
    agents.hangs = True
    await asyncio.gather(*(monitor.check_now(component) for component in ("database", "agent_system")))
    await monitor.check_now("database")
    locking.close()
    agents.hangs = False
    await asyncio.gather(*(monitor.check_now(component) for component in ("database", "agent_system")))
    return monitor.get_all_statuses()


async def main(service: str, folder: Path) -> None:
    vitalspan.configure(
        service_name=service,
        service_version="1.2.3",
        resource_attributes={"deployment.environment.name": "test"},
        start_monitor=False,
    )
    system = vitalspan.default_system()
    record_metrics(system)
    await call_functions()
    statuses = await check_health(system, folder)
    delivered = await asyncio.to_thread(vitalspan.shutdown, 10.0)
    print(
        json.dumps(
            {
                "delivered": bool(delivered),
                "statuses": {component: status.status.value for component, status in statuses.items()},
                "trace_ids": {component: status.trace_id for component, status in statuses.items()},
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
