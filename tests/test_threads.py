"""Blocking work beside an event loop hurts neither the loop nor the end of the program."""

import asyncio
import contextvars
import gc
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from typing import NoReturn

import pytest

from vitalspan._threads import Lane, LoopThread, StillRunningError, Worker

_PATIENCE = 10.0
"""Seconds after which something that should happen at once has not happened."""


class Blocking:
    """A function that blocks until it is told to return."""

    def __init__(self) -> None:
        self.has_begun = threading.Event()
        self.may_return = threading.Event()
        self.has_returned = threading.Event()

    def __call__(self) -> str:
        self.has_begun.set()
        assert self.may_return.wait(_PATIENCE)
        self.has_returned.set()
        return "late"

    async def begun(self) -> None:
        assert await asyncio.to_thread(self.has_begun.wait, _PATIENCE)


def _raising(error: BaseException) -> Callable[[], NoReturn]:
    def function() -> NoReturn:
        raise error

    return function


async def _until_free(lane: Lane) -> str:
    """Return what the lane's next call returns, once the earlier one has given the lane back."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                return await lane.run(lambda: "free")
            except StillRunningError:
                await asyncio.sleep(0.001)


def test_a_worker_does_its_jobs_one_after_the_other_on_one_daemon_thread() -> None:
    worker, blocking = Worker("a worker"), Blocking()
    done: SimpleQueue[tuple[str, threading.Thread]] = SimpleQueue()
    assert not worker.is_backed_up
    worker.do(lambda: done.put((blocking(), threading.current_thread())))
    assert blocking.has_begun.wait(_PATIENCE)
    assert not worker.is_backed_up, "the job that is being done waits for none"
    worker.do(lambda: done.put(("next", threading.current_thread())))
    assert worker.is_backed_up
    blocking.may_return.set()
    (first, one), (second, other) = done.get(timeout=_PATIENCE), done.get(timeout=_PATIENCE)
    assert (first, second) == ("late", "next")
    assert one is other
    assert (one.name, one.daemon) == ("a worker", True)


def test_a_worker_that_nobody_knows_any_more_ends_its_thread() -> None:
    worker = Worker("a worker")
    threads: SimpleQueue[threading.Thread] = SimpleQueue()
    worker.do(lambda: threads.put(threading.current_thread()))
    thread = threads.get(timeout=_PATIENCE)
    del worker
    gc.collect()
    thread.join(_PATIENCE)
    assert not thread.is_alive()


def test_a_lane_that_nobody_knows_any_more_ends_its_thread() -> None:
    lane = Lane("blocking work")
    thread = asyncio.run(lane.run(threading.current_thread))
    assert thread.is_alive()
    del lane
    gc.collect()
    thread.join(_PATIENCE)
    assert not thread.is_alive()


def test_a_lane_returns_what_the_function_returns_from_a_daemon_thread_of_its_name() -> None:
    """A daemon thread, so that a call that hangs does not hang the exit."""
    thread = asyncio.run(Lane("blocking work").run(threading.current_thread))
    assert thread.name == "blocking work"
    assert thread.daemon


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3)])
def test_a_lane_raises_what_the_function_raises(error: BaseException) -> None:
    async def main() -> BaseException | None:
        try:
            await Lane("blocking work").run(_raising(error))
        except BaseException as raised:  # noqa: BLE001 - whatever it is, it must be the same one
            return raised
        return None

    assert asyncio.run(main()) is error


def test_a_lane_carries_stop_iteration_as_a_runtime_error() -> None:
    """A future refuses StopIteration; without care the caller would wait for ever."""
    with pytest.raises(RuntimeError, match=r"StopIteration\('done'\)"):
        asyncio.run(Lane("blocking work").run(_raising(StopIteration("done"))))


def test_a_lane_carries_an_interrupt_of_its_thread_as_a_runtime_error() -> None:
    """Raised where it is awaited it would pass for the user's Ctrl-C."""
    with pytest.raises(RuntimeError, match=r"KeyboardInterrupt\(\)"):
        asyncio.run(Lane("blocking work").run(_raising(KeyboardInterrupt())))


def test_the_function_sees_the_context_of_its_caller() -> None:
    variable = contextvars.ContextVar("variable", default="outside")

    async def main() -> str:
        variable.set("inside")
        return await Lane("blocking work").run(variable.get)

    assert asyncio.run(main()) == "inside"
    assert variable.get() == "outside"


def test_a_lane_runs_one_function_at_a_time() -> None:
    """What hangs holds one thread, however often it is asked for again."""
    blocking, lane = Blocking(), Lane("blocking work")
    started: list[str] = []

    async def main() -> None:
        first = asyncio.create_task(lane.run(blocking))
        await blocking.begun()
        with pytest.raises(StillRunningError) as caught:
            await lane.run(lambda: started.append("second"))
        assert caught.value.seconds >= 0
        blocking.may_return.set()
        assert await first == "late"
        assert await lane.run(lambda: "again") == "again"

    asyncio.run(main())
    assert started == []


def test_a_call_that_is_still_running_says_for_how_long() -> None:
    assert str(StillRunningError(12.34)) == "the call that began 12.3 s ago is still running"


@pytest.mark.parametrize("ending", ["returns", "raises"])
def test_a_cancelled_caller_leaves_at_once_and_the_thread_goes_on(ending: str) -> None:
    """Python cannot stop a thread; the lane is free again when it ends by itself."""
    blocking, lane = Blocking(), Lane("blocking work")

    def function() -> str:
        text = blocking()
        if ending == "raises":
            raise ValueError(text)
        return text

    async def main() -> None:
        caller = asyncio.create_task(lane.run(function))
        await blocking.begun()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        with pytest.raises(StillRunningError):
            await lane.run(lambda: None)
        blocking.may_return.set()
        assert await _until_free(lane) == "free"

    asyncio.run(main())
    assert blocking.has_returned.is_set()


def test_a_function_that_outlives_its_event_loop_ends_quietly() -> None:
    blocking, lane = Blocking(), Lane("blocking work")

    async def leave() -> None:
        caller = asyncio.create_task(lane.run(blocking))
        await blocking.begun()
        caller.cancel()

    asyncio.run(leave())
    blocking.may_return.set()
    assert asyncio.run(_until_free(lane)) == "free"


@contextmanager
def _no_room_for_threads() -> Generator[None]:
    """Let no thread start: each would need a stack greater than any address space."""
    before = threading.stack_size(2**48)
    try:
        yield
    finally:
        threading.stack_size(before)


def test_a_lane_is_free_again_when_no_thread_could_be_started() -> None:
    lane = Lane("blocking work")

    async def main() -> str:
        with _no_room_for_threads(), pytest.raises(RuntimeError, match="start new thread"):
            await lane.run(lambda: "never")
        return await lane.run(lambda: "free")

    assert asyncio.run(main()) == "free"


def test_a_loop_thread_runs_its_coroutine_until_it_is_stopped() -> None:
    seen: list[str] = []

    async def main(shutdown: asyncio.Event) -> None:
        seen.append(threading.current_thread().name)
        await shutdown.wait()
        seen.append("told to stop")

    thread = LoopThread("a loop", main)
    assert not thread.is_alive
    thread.start()
    assert thread.is_alive
    assert not thread.is_current
    assert thread.stop(_PATIENCE)
    assert not thread.is_alive
    assert seen == ["a loop", "told to stop"]


def test_starting_a_loop_thread_from_several_threads_runs_its_coroutine_once_and_waits_until_it_has_begun() -> None:
    begun: list[str] = []
    all_there = threading.Barrier(4)

    async def main(shutdown: asyncio.Event) -> None:
        begun.append("begun")
        await shutdown.wait()

    thread = LoopThread("a loop", main)

    def start(_number: int) -> list[str]:
        all_there.wait(_PATIENCE)
        thread.start()
        return list(begun)

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(start, range(4))) == [["begun"]] * 4
    assert thread.stop(_PATIENCE)


def test_stopping_a_loop_thread_that_has_ended_tells_that_it_has() -> None:
    async def main(shutdown: asyncio.Event) -> None:
        pass

    thread = LoopThread("a loop", main)
    thread.start()
    assert thread.stop(_PATIENCE)
    assert thread.stop(_PATIENCE)


def test_a_loop_thread_that_is_stopped_before_it_started_ends_as_soon_as_it_has() -> None:
    """One thread may stop what another is just starting."""

    async def main(shutdown: asyncio.Event) -> None:
        await shutdown.wait()

    thread = LoopThread("a loop", main)
    assert thread.stop(_PATIENCE)
    thread.start()
    assert thread.stop(_PATIENCE)


def test_stop_does_not_wait_longer_than_its_timeout() -> None:
    blocking = Blocking()

    async def main(shutdown: asyncio.Event) -> None:
        await asyncio.sleep(0)
        blocking()

    thread = LoopThread("a loop", main)
    thread.start()
    assert not thread.is_over
    assert not thread.stop(0.01)
    assert thread.is_alive
    assert thread.is_over
    blocking.may_return.set()
    assert thread.stop(_PATIENCE)


def test_a_loop_thread_may_be_told_to_stop_from_within() -> None:
    """A check may end the monitor that runs it; a thread cannot wait for itself, so it ends later."""
    has_stopped: list[bool] = []
    was_current: list[bool] = []

    async def main(shutdown: asyncio.Event) -> None:
        was_current.append(thread.is_current)
        has_stopped.append(thread.stop(_PATIENCE))
        await shutdown.wait()

    thread = LoopThread("a loop", main)
    thread.start()
    assert thread.stop(_PATIENCE)
    assert was_current == [True]
    assert has_stopped == [False]


_NO_LOOP = """
import resource
from vitalspan._threads import LoopThread

async def main(shutdown):
    print("ran")

thread = LoopThread("a loop", main)
import threading
threading.excepthook = lambda raised: print(raised.exc_type.__name__)
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (3, most))
thread.start()
print(thread.stop(5))
"""


def test_start_comes_back_also_when_no_event_loop_can_be_made() -> None:
    """In a process that has no file descriptor left, `configure()` must not wait for ever."""
    done = subprocess.run([sys.executable, "-c", _NO_LOOP], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.split() == ["OSError", "True"]
