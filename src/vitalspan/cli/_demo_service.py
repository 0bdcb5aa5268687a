"""The service of the demo: a small shop, with the checks that watch it."""

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from vitalspan import HealthStatus, MonitoringSystem
from vitalspan._threads import LoopThread
from vitalspan.cli._demo_agents import AgentPool
from vitalspan.cli._demo_faults import FaultPlan, Faults
from vitalspan.cli._demo_shop import Order, Packing, Shop
from vitalspan.cli._demo_traffic import Customer, ShopServer
from vitalspan.health import AgentSystemHealthCheck, DatabaseHealthCheck, RuntimeHealthCheck

__all__ = ["DemoService"]

_WORKERS: Final = 3
_CHECK_INTERVAL: Final = 1.0
_SPAWN_TIMEOUT: Final = 0.5
_PACK_TIMEOUT: Final = 1.0
_STOP_SECONDS: Final = 1.4
# A query that does no work does not notice a lock.
_QUERY: Final = "SELECT count(*) FROM orders"


class DemoService:
    """A shop with customers, agents and a database, which breaks now and then, and reports it all.

    Everything runs beside the main thread, so that whoever watches it does not slow it down.
    """

    def __init__(self, folder: Path, plan: FaultPlan | None = None) -> None:
        """Set the shop up in *folder*; it opens with `with`.

        Args:
            folder: Where the database file goes.
            plan: When things go wrong.
        """
        database = folder / "orders.sqlite3"
        self._shop = Shop(database)
        self._agents = AgentPool(_WORKERS)
        self._packing = Packing(self._agents)
        self._faults = Faults(database, self._agents, plan or FaultPlan())
        self._system = MonitoringSystem()
        self._orders = self._system.collector.counter("demo.orders", unit="{order}", description="Orders taken")
        self._register_checks()
        self._thread = LoopThread("demo-service", self._serve)

    def __enter__(self) -> Self:
        """Open."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close; what does not end in time is left behind on threads that do not keep the program alive."""
        self._thread.stop(_STOP_SECONDS)

    @property
    def fault(self) -> str:
        """What is broken on purpose right now, for humans; empty when nothing is."""
        return self._faults.current

    def statuses(self) -> Mapping[str, HealthStatus]:
        """Return what the monitor knows of each component, in this process."""
        return self._system.monitor.get_all_statuses()

    def _register_checks(self) -> None:
        for check in (
            DatabaseHealthCheck(self._shop.connect, query=_QUERY, check_interval=_CHECK_INTERVAL, timeout=1.0),
            AgentSystemHealthCheck(self._agents, check_interval=_CHECK_INTERVAL, spawn_timeout=_SPAWN_TIMEOUT),
            RuntimeHealthCheck(check_interval=_CHECK_INTERVAL),
        ):
            self._system.monitor.register_check(check)

    async def _serve(self, shutdown: asyncio.Event) -> None:
        server = ShopServer(self._shop, partial(self._pack, asyncio.get_running_loop()))
        customer = Customer(server.port)
        async with self._agents, self._system:
            breaking = asyncio.create_task(self._faults.run(), name="demo-faults")
            server.start()
            customer.start()
            await shutdown.wait()
            breaking.cancel()
            await asyncio.wait({breaking})
            # On threads, because the last order is still to be packed in this event loop.
            await asyncio.to_thread(customer.stop)
            await asyncio.to_thread(server.stop)

    def _pack(self, loop: asyncio.AbstractEventLoop, order: Order) -> None:
        """Have *order* packed in *loop*, from the thread of a request."""
        self._orders.add(1)
        asyncio.run_coroutine_threadsafe(self._packing.pack_order(order), loop).result(_PACK_TIMEOUT)
