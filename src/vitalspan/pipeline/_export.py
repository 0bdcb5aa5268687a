"""What became of each export: counted, and told truthfully to whoever flushes."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from vitalspan._errors import error_type
from vitalspan._guard import LEDGER, describe
from vitalspan._threads import Worker
from vitalspan.pipeline._settings import Signal

__all__ = ["Desk", "Exports", "Job", "wait_for"]


class Exports:
    """Watches the exporters of one signal.

    The SDK's `force_flush` returns True although the export failed, so the exporters themselves are asked.
    """

    def __init__(self, signal: Signal) -> None:
        """Watch exporters of *signal*."""
        self._signal = signal
        self._lock = threading.Lock()
        self._failures = 0
        self._last = ""

    @property
    def failures(self) -> int:
        """How many exports have failed."""
        return self._failures

    @property
    def last_failure(self) -> str:
        """What the last failure was."""
        return self._last

    def watch(self, exporter: Any) -> Any:
        """Return *exporter*, whose `export` notes from now on what became of it.

        The method is replaced on this one object: a wrapper would have to hand on the exporter's preferred
        temporality, which is not public.
        """
        export: Callable[..., Any] = exporter.export

        def watched(batch: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                result = export(batch, *args, **kwargs)
            except Exception as error:
                self._fail(error_type(error), describe(error))
                raise
            if getattr(result, "name", "SUCCESS") != "SUCCESS":
                self._fail("export_failed", "the exporter gave up; its log says why")
            return result

        exporter.export = watched
        return exporter

    def _fail(self, kind: str, text: str) -> None:
        with self._lock:
            self._failures += 1
            self._last = text
        LEDGER.fail(self._signal, kind)


class Job:
    """Something to be done for one signal on its worker."""

    def __init__(self, do: Callable[[], object]) -> None:
        """Be ready to *do* it."""
        self._do = do
        self._is_done = threading.Event()
        self._wrong = ""
        self.started: float | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether it was begun and has not ended."""
        return self.started is not None and not self._is_done.is_set()

    def run(self) -> None:
        """Do it. Never raises."""
        self.started = time.monotonic()
        try:
            self._do()
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            self._wrong = describe(error)
        self._is_done.set()

    def wait(self, seconds: float) -> str:
        """Return what went wrong, empty when nothing did, at the latest after *seconds*."""
        return self._wrong if self._is_done.wait(max(0.0, seconds)) else "not finished in time"


class Desk:
    """Where the jobs of one signal are handed in: each is done on the signal's own daemon thread."""

    def __init__(self, signal: Signal) -> None:
        """Start the thread."""
        self._worker = Worker(f"vitalspan-{signal}")
        self._lock = threading.Lock()
        self._last: Job | None = None

    @property
    def hanging_since(self) -> float | None:
        """When the job began (monotonic seconds) that keeps the thread busy; None when it is free."""
        last = self._last
        return last.started if last is not None and last.is_under_way else None

    def join(self, do: Callable[[], object]) -> Job:
        """Return the job that waits to begin, or hand in a new one.

        A flush that has not begun will send what was recorded meanwhile too, so that one serves everybody who
        asks; when the one before it hangs, there is no endless queue.
        """
        with self._lock:
            waits = self._last is not None and self._last.started is None
            return self._last if waits and self._last is not None else self._hand_in(Job(do))

    def add(self, do: Callable[[], object]) -> Job:
        """Hand in a job that is done in any case."""
        with self._lock:
            return self._hand_in(Job(do))

    def _hand_in(self, job: Job) -> Job:
        self._last = job
        self._worker.do(job.run)
        return job


def wait_for(jobs: Mapping[Signal, Job], timeout: float) -> dict[Signal, str]:
    """Wait for all *jobs* together, at most *timeout* seconds; return what went wrong by signal. Nothing is raised."""
    deadline = time.monotonic() + timeout
    waited: dict[Signal, str] = {signal: job.wait(deadline - time.monotonic()) for signal, job in jobs.items()}
    return {signal: text for signal, text in waited.items() if text}
