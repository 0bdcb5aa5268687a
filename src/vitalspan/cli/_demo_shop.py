"""The business of the demo: orders in a sqlite file, packed by agents. Its calls are what vitalspan observes."""

import asyncio
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import vitalspan
from vitalspan.cli._demo_agents import AgentPool

__all__ = ["Order", "OrderNotFoundError", "Packing", "Shop", "UnknownItemError"]

# Seconds that a query waits for a lock. Short, so that a locked file is an error and not a standstill.
_LOCK_WAIT: Final = 0.2
_PACKING_SECONDS: Final = (0.004, 0.007, 0.005, 0.012, 0.006, 0.030)
_PACKING_DEADLINE: Final = 0.5
_KEPT_ORDERS: Final = 10_000
_ITEMS: Final = (("tea", 350), ("coffee", 420), ("cake", 560))


class UnknownItemError(LookupError):
    """Somebody orders what the shop does not have."""


class OrderNotFoundError(LookupError):
    """Somebody asks for an order that there is not."""


@dataclass(frozen=True, slots=True)
class Order:
    """An order.

    Attributes:
        number: What it is found by.
        item: What was ordered.
        quantity: How many of it.
        cents: What all of them cost.
    """

    number: int
    item: str
    quantity: int
    cents: int


class Shop:
    """Keeps orders in a database file; every call opens a connection of its own, as a small web service might."""

    def __init__(self, path: Path) -> None:
        """Create the database in a new file at *path*."""
        self._path = path
        with self._transaction() as connection:
            connection.execute("CREATE TABLE items (name TEXT PRIMARY KEY, cents INTEGER NOT NULL)")
            connection.execute(
                "CREATE TABLE orders (number INTEGER PRIMARY KEY, item TEXT NOT NULL, quantity INTEGER NOT NULL, "
                "cents INTEGER NOT NULL)"
            )
            connection.executemany("INSERT INTO items VALUES (?, ?)", _ITEMS)

    def connect(self) -> sqlite3.Connection:
        """Open a connection, which the caller closes."""
        return sqlite3.connect(self._path, timeout=_LOCK_WAIT)

    @vitalspan.instrument
    def place_order(self, item: str, quantity: int) -> Order:
        """Write an order into the database.

        Raises:
            UnknownItemError: The shop has no such item.
            sqlite3.OperationalError: The database does not take it.
        """
        with self._transaction() as connection:
            row = connection.execute("SELECT cents FROM items WHERE name = ?", (item,)).fetchone()
            if row is None:
                raise UnknownItemError(item)
            values = (item, quantity, quantity * int(row[0]))
            cursor = connection.execute("INSERT INTO orders (item, quantity, cents) VALUES (?, ?, ?)", values)
            number = cursor.lastrowid or 0
            connection.execute("DELETE FROM orders WHERE number <= ?", (number - _KEPT_ORDERS,))
        return Order(number, *values)

    @vitalspan.instrument
    def find_order(self, number: int) -> Order:
        """Read an order from the database.

        Raises:
            OrderNotFoundError: There is no order of that number.
            sqlite3.OperationalError: The database does not answer.
        """
        with self._transaction() as connection:
            query = "SELECT number, item, quantity, cents FROM orders WHERE number = ?"
            row = connection.execute(query, (number,)).fetchone()
        if row is None:
            raise OrderNotFoundError(number)
        return Order(*row)

    @contextmanager
    def _transaction(self) -> Generator[sqlite3.Connection]:
        connection = self.connect()
        try:
            with connection:
                yield connection
        finally:
            connection.close()


class Packing:
    """Has the agents pack what was ordered."""

    def __init__(self, agents: AgentPool) -> None:
        """Give the work to *agents*."""
        self._agents = agents

    @vitalspan.instrument
    async def pack_order(self, order: Order) -> None:
        """Come back when an agent has packed the *order*.

        Raises:
            TimeoutError: The agent whose turn it is does not come round to it.
        """
        seconds = _PACKING_SECONDS[order.number % len(_PACKING_SECONDS)]
        async with asyncio.timeout(_PACKING_DEADLINE):
            await self._agents.run(partial(asyncio.sleep, seconds))
