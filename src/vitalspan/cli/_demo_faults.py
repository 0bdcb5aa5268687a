"""What goes wrong in the demo. It really does: nobody tells the checks, they find it."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Final

from vitalspan.cli._demo_agents import AgentPool

__all__ = ["FaultPlan", "Faults"]

_Fault = Callable[[], AbstractAsyncContextManager[None]]

_RETRY_SECONDS: Final = 0.005


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """When things go wrong.

    Attributes:
        first: Seconds until the first fault.
        every: Seconds from the beginning of one fault to the beginning of the next.
        lasts: Seconds until a fault is over.
    """

    first: float = 4.0
    every: float = 20.0
    lasts: float = 8.0


class Faults:
    """Breaks the database and the agents in turn, and mends them again."""

    def __init__(self, database: Path, agents: AgentPool, plan: FaultPlan) -> None:
        """Break the *database* file and the *agents* as the *plan* says."""
        self._database = database
        self._agents = agents
        self._plan = plan
        self._current = ""

    @property
    def current(self) -> str:
        """What is broken on purpose right now, for humans; empty when nothing is."""
        return self._current

    async def run(self) -> None:
        """Break and mend until cancelled, which mends."""
        await asyncio.sleep(self._plan.first)
        faults = cycle(self._faults())
        while True:
            description, fault = next(faults)
            async with fault():
                self._current = description
                try:
                    await asyncio.sleep(self._plan.lasts)
                finally:
                    self._current = ""
            await asyncio.sleep(self._plan.every - self._plan.lasts)

    def _faults(self) -> tuple[tuple[str, _Fault], ...]:
        return (
            ("another connection has locked the database file", self._locked_database),
            ("one of the workers hangs", self._hanging_worker),
        )

    @asynccontextmanager
    async def _locked_database(self) -> AsyncGenerator[None]:
        connection = sqlite3.connect(self._database, timeout=0)
        try:
            await _lock(connection)
            yield
        finally:
            # Which ends the transaction, and with it the lock.
            connection.close()

    @asynccontextmanager
    async def _hanging_worker(self) -> AsyncGenerator[None]:
        has_begun, is_over = asyncio.Event(), asyncio.Event()

        async def hang() -> None:
            has_begun.set()
            await is_over.wait()

        job = asyncio.ensure_future(self._agents.run(hang))
        try:
            await has_begun.wait()
            yield
        finally:
            is_over.set()
            await job


async def _lock(connection: sqlite3.Connection) -> None:
    while True:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            # Somebody is in the middle of a transaction. Waiting here keeps the event loop free.
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return
