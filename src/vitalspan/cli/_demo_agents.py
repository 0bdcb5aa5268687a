"""The agent system of the demo: a pool of asyncio workers."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import cycle
from types import TracebackType
from typing import NamedTuple, Self

__all__ = ["AgentPool"]


class _Job(NamedTuple):
    """What a worker is to do, and where it leaves the result."""

    work: Callable[[], Awaitable[object]]
    result: asyncio.Future[object]


class AgentPool:
    """Workers that take jobs in turn, each doing one after the other.

    A worker that hangs holds up its own jobs and no others, until it is done or the pool is closed.
    """

    def __init__(self, size: int) -> None:
        """Make a pool of *size* workers; they start with `async with`."""
        self._inboxes = [asyncio.Queue[_Job]() for _ in range(size)]
        self._turns = cycle(self._inboxes)
        self._workers: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Start the workers."""
        self._workers = [
            asyncio.create_task(self._work(inbox), name=f"demo-worker-{number}")
            for number, inbox in enumerate(self._inboxes)
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the workers, whatever they are doing, and give up the jobs that they have not begun."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        for inbox in self._inboxes:
            while not inbox.empty():
                inbox.get_nowait().result.cancel()

    def active_actor_count(self) -> int:
        """Return how many workers there are to take jobs."""
        return sum(not worker.done() for worker in self._workers)

    async def spawn_test_actor(self) -> object:
        """Send an actor that does nothing to every worker, and come back when all of them have let it through."""
        return await asyncio.gather(*(self._enqueue(inbox, _do_nothing) for inbox in self._inboxes))

    async def run(self, work: Callable[[], Awaitable[object]]) -> object:
        """Have the next worker do *work*; return what it returns, or raise what it raises."""
        return await self._enqueue(next(self._turns), work)

    def _enqueue(self, inbox: asyncio.Queue[_Job], work: Callable[[], Awaitable[object]]) -> asyncio.Future[object]:
        job = _Job(work, asyncio.get_running_loop().create_future())
        inbox.put_nowait(job)
        return job.result

    async def _work(self, inbox: asyncio.Queue[_Job]) -> None:
        while True:
            job = await inbox.get()
            # Whoever waited for it may have given up meanwhile.
            if not job.result.done():
                await self._do(job)

    async def _do(self, job: _Job) -> None:
        # A task of its own keeps what the job raises away from the worker.
        task = asyncio.ensure_future(job.work())
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            job.result.cancel()
            raise
        _settle(job.result, task)


def _settle(result: asyncio.Future[object], task: asyncio.Future[object]) -> None:
    error = None if task.cancelled() else task.exception()
    if task.cancelled():
        result.cancel()
    elif result.done():
        return
    elif error is not None:
        result.set_exception(error)
    else:
        result.set_result(task.result())


async def _do_nothing() -> None:
    """Be an actor."""
