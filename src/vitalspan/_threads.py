"""Blocking work beside an event loop, on daemon threads, so that nothing that hangs keeps a program alive."""

import asyncio
import contextlib
import contextvars
import threading
import time
import weakref
from collections.abc import Callable, Coroutine
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeVar

__all__ = ["Lane", "LoopThread", "StillRunningError", "Worker"]

T = TypeVar("T")


class StillRunningError(RuntimeError):
    """The blocking call that was started before has not come back yet.

    Attributes:
        seconds: How long it has been running.
    """

    def __init__(self, seconds: float) -> None:
        """Remember for how many *seconds* the call has been running."""
        super().__init__(seconds)
        self.seconds = seconds

    def __str__(self) -> str:
        """Say that the call hangs."""
        return f"the call that began {self.seconds:.1f} s ago is still running"


class Worker:
    """A daemon thread that does one job after the other, until nobody refers to the worker any more.

    It is there before it is needed: Python 3.12 starts no thread any more once the main thread has ended, while
    the exit handlers, and threads that are not daemons, still run.
    """

    def __init__(self, name: str) -> None:
        """Start the thread.

        Raises:
            RuntimeError: The machine, or an interpreter that is ending, gives no thread.
        """
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        threading.Thread(target=_work, args=(self._jobs,), name=name, daemon=True).start()
        weakref.finalize(self, self._jobs.put, None).atexit = False

    @property
    def is_backed_up(self) -> bool:
        """Whether a job waits for the one before it."""
        return not self._jobs.empty()

    def do(self, job: Callable[[], None]) -> None:
        """Do *job*, which must not raise, after those that were given before."""
        self._jobs.put(job)


def _work(jobs: "SimpleQueue[Callable[[], None] | None]") -> None:
    # It refers to the queue and not to the worker, so that the worker can be forgotten.
    while (job := jobs.get()) is not None:
        job()
        del job


class Lane:
    """Runs one blocking function at a time on a daemon thread, awaited from an event loop.

    The event loop's default executor will not do: its threads are joined when the program ends, so a
    call that hangs would hang the exit too; and it is shared with the program, which would starve.
    """

    def __init__(self, name: str) -> None:
        """Name the thread, for whoever looks at a stack dump; it starts with the first call."""
        self._name = name
        self._lock = threading.Lock()
        self._since: float | None = None
        self._worker: Worker | None = None

    async def run(self, function: Callable[[], T]) -> T:
        """Return what *function* returns, or raise what it raises; the event loop stays free.

        When the caller is cancelled the thread goes on: Python cannot stop it.

        Raises:
            StillRunningError: An earlier call has not come back. The function was not started.
        """
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._since is not None:
                raise StillRunningError(time.monotonic() - self._since)
            self._since = time.monotonic()
        future: asyncio.Future[T] = loop.create_future()
        context = contextvars.copy_context()

        def work() -> None:
            settle: Callable[[], None]
            try:
                result = context.run(function)
            except BaseException as error:  # noqa: BLE001 - carried to whoever awaits, SystemExit too
                # Where they are awaited they would mean something else: the end of a coroutine, the user's Ctrl-C.
                is_other = isinstance(error, StopIteration | KeyboardInterrupt)
                carried = RuntimeError(f"{error!r}") if is_other else error
                settle = partial(future.set_exception, carried)
            else:
                settle = partial(future.set_result, result)
            self._since = None
            # A closed loop refuses the call: nobody waits any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(lambda: None if future.done() else settle())

        try:
            if self._worker is None:
                self._worker = Worker(self._name)
        except RuntimeError:
            self._since = None
            raise
        self._worker.do(work)
        return await future


class LoopThread:
    """Runs one coroutine function on a daemon thread with an event loop of its own."""

    def __init__(self, name: str, main: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
        """Run *main* on a thread called *name*; it returns soon after the event that it is given is set."""
        self._main = main
        self._shutdown = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._has_begun = threading.Event()
        self._has_ended = False
        self._is_told = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread, once; come back when its coroutine has begun, so that what it sets up is there.

        Raises:
            RuntimeError: The machine, or an interpreter that is ending, gives no thread.
        """
        with self._lock:
            if self._thread.ident is None:
                self._thread.start()
        self._has_begun.wait()

    def tell(self) -> None:
        """Ask the coroutine to return, and do not wait for it."""
        self._is_told = True
        # A closed loop refuses the call: the coroutine has returned already.
        with contextlib.suppress(RuntimeError):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._shutdown.set)

    def stop(self, timeout: float) -> bool:
        """Ask the coroutine to return; tell whether the thread has ended within *timeout* seconds."""
        self.tell()
        # A thread cannot wait for itself, nor for one that has not started: either ends soon after.
        with contextlib.suppress(RuntimeError):
            self._thread.join(timeout)
        return not self.is_alive

    @property
    def is_alive(self) -> bool:
        """Whether the thread has started and not ended."""
        return self._thread.is_alive()

    @property
    def is_over(self) -> bool:
        """Whether the coroutine has been told to return, or has ended by itself; the thread may take a while yet."""
        return self._is_told or self._has_ended

    @property
    def is_current(self) -> bool:
        """Whether the caller runs on this thread; stopping it from there could not be waited for."""
        return self._thread is threading.current_thread()

    def _run(self) -> None:
        try:
            asyncio.run(self._begin())
        finally:
            self._has_ended = True
            self._has_begun.set()  # Without a loop too (no file descriptor is left for one): nobody waits for ever.

    async def _begin(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._is_told:
            self._shutdown.set()
        # It comes after the first step of the coroutine, which is under way.
        self._loop.call_soon(self._has_begun.set)
        await self._main(self._shutdown)
