"""The event loop side of the monitor: starts each check when it is due, and waits for none."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from vitalspan._clock import Clock
from vitalspan.health._schedule import Schedule

__all__ = ["RunLoop"]

_GRACE = 1.0
"""Seconds that runs get to end when the monitor stops; what still runs then is left behind."""


class RunLoop:
    """Runs checks in one event loop for as long as the monitor runs there."""

    def __init__(
        self,
        run_check: "Callable[[str, RunLoop], Awaitable[None]]",
        interval_of: Callable[[str], float | None],
        clock: Clock,
    ) -> None:
        """Work in the current event loop.

        Args:
            run_check: Runs the check of one component for this run loop; it does not raise.
            interval_of: The seconds between its runs, or None once it was removed.
            clock: Tells when checks are due.
        """
        self._run_check = run_check
        self._interval_of = interval_of
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._schedule = Schedule()
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._is_retired = False

    @property
    def is_retired(self) -> bool:
        """Whether another one may have taken over: this one runs and reports nothing any more."""
        return self._is_retired

    def retire(self) -> None:
        """Run and report nothing any more. Callable from any thread, also while a check blocks this loop."""
        self._is_retired = True

    def begin(self, component_id: str) -> None:
        """Make a check due at once. Callable from any thread."""
        with contextlib.suppress(RuntimeError):  # The loop was closed: nothing is run any more.
            self._loop.call_soon_threadsafe(self._add, component_id, self._clock.monotonic())

    async def now(self, component_id: str, timeout: float) -> None:
        """Run a check now, or join the run under way; come back when it ended or *timeout* seconds have passed."""
        if asyncio.get_running_loop() is self._loop:
            await asyncio.wait({self._start(component_id)}, timeout=timeout)
        else:
            there = self.now(component_id, timeout)
            try:
                elsewhere = asyncio.run_coroutine_threadsafe(there, self._loop)
            except RuntimeError:  # The loop was closed meanwhile: the caller reads what is known by then.
                there.close()
            else:
                answer = asyncio.wrap_future(elsewhere)
                try:
                    await asyncio.wait({answer}, timeout=timeout)
                finally:
                    answer.cancel()  # The run goes on; only the answer has nobody to go to any more.

    async def until(self, shutdown: asyncio.Event) -> None:
        """Run checks as they become due, until *shutdown* is set."""
        watcher = asyncio.create_task(shutdown.wait())
        watcher.add_done_callback(lambda _: self._wake.set())
        try:
            while not (shutdown.is_set() or self._is_retired):
                now = self._clock.monotonic()
                for component_id in self._schedule.take_due(now):
                    interval = self._interval_of(component_id)
                    if interval is not None:
                        self._start(component_id)
                        self._schedule.add(component_id, now + interval)
                await self._sleep_until(self._schedule.next_due())
        finally:
            watcher.cancel()
            await self._end_runs()

    def _add(self, component_id: str, due: float) -> None:
        self._schedule.add(component_id, due)
        self._wake.set()

    def _start(self, component_id: str) -> asyncio.Task[None]:
        """Start a run, unless one is under way: a check never runs twice at a time."""
        run = self._runs.get(component_id)
        if run is None:
            run = asyncio.ensure_future(self._run(component_id))
            self._runs[component_id] = run
        return run

    async def _run(self, component_id: str) -> None:
        try:
            if not self._is_retired:
                await self._run_check(component_id, self)
        finally:
            self._runs.pop(component_id, None)

    async def _sleep_until(self, due: float | None) -> None:
        seconds = None if due is None else max(0.0, due - self._clock.monotonic())
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), seconds)
        self._wake.clear()

    async def _end_runs(self) -> None:
        runs = list(self._runs.values())
        for run in runs:
            run.cancel()
        if runs:
            await asyncio.wait(runs, timeout=_GRACE)
