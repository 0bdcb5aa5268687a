"""The pool of workers, which must hang when a worker hangs and must not when it does not."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from vitalspan.cli._demo_agents import AgentPool


def _run(main: Callable[[AgentPool], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(5), AgentPool(2) as pool:
            await main(pool)

    asyncio.run(run())


async def _fail() -> None:
    raise LookupError("nothing there")


def test_a_job_gives_back_what_it_returns() -> None:
    async def main(pool: AgentPool) -> None:
        assert await pool.run(partial(asyncio.sleep, 0, "done")) == "done"

    _run(main)


def test_a_job_that_raises_raises_where_it_is_awaited_and_its_worker_goes_on() -> None:
    async def main(pool: AgentPool) -> None:
        for _ in range(4):
            with pytest.raises(LookupError):
                await pool.run(_fail)
        assert pool.active_actor_count() == 2

    _run(main)


def test_a_job_that_cancels_itself_is_cancelled_and_its_worker_goes_on() -> None:
    async def give_up() -> None:
        raise asyncio.CancelledError

    async def main(pool: AgentPool) -> None:
        with pytest.raises(asyncio.CancelledError):
            await pool.run(give_up)
        assert pool.active_actor_count() == 2

    _run(main)


def test_workers_take_turns() -> None:
    async def main(pool: AgentPool) -> None:
        both = asyncio.Barrier(2)
        await asyncio.gather(pool.run(both.wait), pool.run(both.wait))

    _run(main)


def test_a_test_actor_passes_through_every_worker() -> None:
    async def main(pool: AgentPool) -> None:
        await pool.spawn_test_actor()
        gate = asyncio.Event()
        hanging = asyncio.ensure_future(pool.run(gate.wait))
        await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(pool.spawn_test_actor(), 0.05)
        gate.set()
        await hanging
        await pool.spawn_test_actor()

    _run(main)


async def _fail_late() -> None:
    await asyncio.sleep(0.02)
    raise LookupError("nothing there")


@pytest.mark.parametrize("work", [partial(asyncio.sleep, 0.02), _fail_late])
def test_a_job_that_nobody_waits_for_any_more_disturbs_nobody(work: Callable[[], Awaitable[None]]) -> None:
    async def main(pool: AgentPool) -> None:
        given_up = [asyncio.ensure_future(pool.run(work)) for _ in range(2)]
        await asyncio.sleep(0.01)
        for job in given_up:
            job.cancel()
        await pool.spawn_test_actor()
        assert all(job.cancelled() for job in given_up)

    _run(main)


def test_a_job_that_was_given_up_before_its_turn_is_not_begun() -> None:
    async def main(pool: AgentPool) -> None:
        gate = asyncio.Event()
        hanging = [asyncio.ensure_future(pool.run(gate.wait)) for _ in range(2)]
        begun: list[int] = []

        async def begin() -> None:
            begun.append(1)

        late = asyncio.ensure_future(pool.run(begin))
        await asyncio.sleep(0)
        late.cancel()
        gate.set()
        await asyncio.gather(*hanging)
        await pool.spawn_test_actor()
        assert begun == []

    _run(main)


def test_closing_the_pool_gives_up_what_hangs_and_what_waits() -> None:
    async def run() -> None:
        async with AgentPool(1) as pool:
            jobs = [asyncio.ensure_future(pool.run(asyncio.Event().wait)) for _ in range(3)]
            await asyncio.sleep(0.01)
        await asyncio.wait(jobs, timeout=1)
        assert all(job.cancelled() for job in jobs)
        assert pool.active_actor_count() == 0

    asyncio.run(run())
