"""Does the database answer a query?"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol, cast, runtime_checkable

from vitalspan._errors import ConfigurationError, error_type
from vitalspan._guard import describe
from vitalspan._threads import Lane
from vitalspan.health._check import (
    DEFAULT_INTERVAL,
    DEFAULT_TIMEOUT,
    require_bool,
    require_component_id,
    require_seconds,
)
from vitalspan.health._status import HealthStatus, Status

__all__ = ["Connection", "DatabaseHealthCheck"]


@runtime_checkable
class Connection(Protocol):
    """A connection of a DB-API driver (PEP 249), as far as a check needs it."""

    def cursor(self) -> Any:
        """Return a new cursor."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class DatabaseHealthCheck:
    """Runs a query on a DB-API connection, on a thread, and says how long it took.

    Given a connection it uses that one, and never opens another; given a function it opens a
    connection with it for each run and closes it.

    >>> import asyncio, sqlite3
    >>> check = DatabaseHealthCheck(lambda: sqlite3.connect(":memory:"))
    >>> asyncio.run(check.check()).status
    <Status.HEALTHY: 'healthy'>
    """

    def __init__(
        self,
        database: Connection | Callable[[], Connection],
        *,
        component_id: str = "database",
        query: str = "SELECT 1",
        check_interval: float = DEFAULT_INTERVAL,
        timeout: float = DEFAULT_TIMEOUT,
        degraded_above: float = 0.1,
        critical: bool = True,
    ) -> None:
        """Make a check.

        Args:
            database: A connection that may be used from another thread (sqlite3: `check_same_thread=False`), or
                a function without arguments that opens one.
            component_id: The component's name.
            query: What is asked; its rows are read and thrown away.
            check_interval: Seconds between two runs.
            timeout: Seconds after which a run is given up and the database reads unhealthy.
            degraded_above: Seconds above which an answer is degraded: a query without work takes
                milliseconds, so 0.1 s means waiting for a lock, a pool or the network.
            critical: Whether the system is unhealthy when the database is.

        Raises:
            ConfigurationError: An argument that cannot be used.
        """
        if isinstance(database, type) or not (callable(database) or isinstance(database, Connection)):
            raise ConfigurationError("database", database, "give a DB-API connection, or a function that opens one")
        if not isinstance(query, str) or not query.strip():
            raise ConfigurationError("query", query, "give a statement that returns rows, for example 'SELECT 1'")
        self.component_id: str = require_component_id(component_id)
        self.check_interval: float = require_seconds("check_interval", check_interval)
        self.timeout: float = require_seconds("timeout", timeout)
        self.degraded_above: float = require_seconds("degraded_above", degraded_above)
        self.critical: bool = require_bool("critical", critical)
        # Some drivers' connections can be called; what has a cursor is a connection.
        self._shared = database if isinstance(database, Connection) else None
        self._connect = cast("Callable[[], Connection]", database)
        self._query = query
        self._lane = Lane(f"vitalspan-check-{component_id}")

    async def check(self) -> HealthStatus:
        """Ask the database; metadata `latency_ms` holds how long connecting and the query took."""
        return await self._lane.run(self._ask)

    def _ask(self) -> HealthStatus:
        begin = time.monotonic()
        try:
            connection = self._connect() if self._shared is None else self._shared
        except Exception as error:  # noqa: BLE001 - each driver has exceptions of its own
            return self._failed("no connection", error)
        try:
            self._fetch(connection)
        except Exception as error:  # noqa: BLE001 - likewise
            return self._failed("the query failed", error)
        finally:
            if self._shared is None:
                # What the query said stands, whatever closing says.
                with suppress(Exception):
                    connection.close()
        seconds = time.monotonic() - begin
        is_slow = seconds > self.degraded_above
        return HealthStatus(
            self.component_id,
            Status.DEGRADED if is_slow else Status.HEALTHY,
            message=f"slow: {seconds:.3f} s, more than {self.degraded_above:g} s" if is_slow else "",
            metadata={"latency_ms": seconds * 1000},
        )

    def _fetch(self, connection: Connection) -> None:
        cursor = connection.cursor()
        try:
            cursor.execute(self._query)
            cursor.fetchall()
        finally:
            cursor.close()

    def _failed(self, what: str, error: Exception) -> HealthStatus:
        # The monitor takes passwords out of every message.
        return HealthStatus(
            self.component_id, Status.UNHEALTHY, message=f"{what}: {describe(error)}", error_type=error_type(error)
        )
