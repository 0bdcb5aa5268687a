"""What goes wrong in the demo goes wrong for real, and is mended."""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from vitalspan.cli._demo_agents import AgentPool
from vitalspan.cli._demo_faults import FaultPlan, Faults

PLAN = FaultPlan(first=0.0, every=0.6, lasts=0.4)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "orders.sqlite3"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE orders (number INTEGER)")
    return path


def _is_locked(database: Path) -> bool:
    with closing(sqlite3.connect(database, timeout=0)) as connection:
        try:
            connection.execute("SELECT count(*) FROM orders").fetchall()
        except sqlite3.OperationalError:
            return True
        return False


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - a file's lock tells nobody that it changes
            await asyncio.sleep(0.005)


def test_the_database_is_locked_and_then_a_worker_hangs_and_both_recover(database: Path) -> None:
    async def main() -> None:
        async with AgentPool(2) as pool:
            faults = Faults(database, pool, PLAN)
            assert faults.current == ""
            running = asyncio.create_task(faults.run())
            for _ in range(2):
                await _until(lambda: "locked" in faults.current)
                assert _is_locked(database)
                await pool.spawn_test_actor()
                await _until(lambda: not faults.current)
                assert not _is_locked(database)
                await _until(lambda: "hangs" in faults.current)
                assert not _is_locked(database)
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(pool.spawn_test_actor(), 0.02)
                await _until(lambda: not faults.current)
                await pool.spawn_test_actor()
            running.cancel()

    asyncio.run(main())


@pytest.mark.parametrize("number", [0, 1])
def test_cancelling_mends_what_is_broken(database: Path, number: int) -> None:
    async def main() -> None:
        async with AgentPool(2) as pool:
            faults = Faults(database, pool, FaultPlan(first=0.0, every=0.02, lasts=0.02 if number else 60))
            running = asyncio.create_task(faults.run())
            await _until(lambda: ("locked", "hangs")[number] in faults.current)
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            assert faults.current == ""
            assert not _is_locked(database)
            await pool.spawn_test_actor()

    asyncio.run(main())


def test_a_lock_is_waited_for_without_blocking_the_event_loop(database: Path) -> None:
    async def main() -> None:
        async with AgentPool(1) as pool:
            faults = Faults(database, pool, PLAN)
            with closing(sqlite3.connect(database)) as busy:
                busy.execute("BEGIN IMMEDIATE")
                running = asyncio.create_task(faults.run())
                await asyncio.sleep(0.05)
                assert faults.current == ""
                busy.rollback()
                await _until(lambda: "locked" in faults.current)
            running.cancel()

    asyncio.run(main())


def test_a_minute_of_the_demo_shows_both_faults_from_beginning_to_end() -> None:
    plan = FaultPlan()
    assert plan.first + plan.every + plan.lasts < 60
    assert plan.every == 20
