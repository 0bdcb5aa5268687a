"""What became of each export: counted, and told truthfully to whoever flushes."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from vitalspan._errors import error_type
from vitalspan._guard import LEDGER, describe
from vitalspan._threads import Worker
from vitalspan.pipeline._settings import Signal

__all__ = ["Exports", "FlushResult", "run_all"]

_LATE = "not finished in time"


@dataclass(frozen=True, slots=True)
class FlushResult:
    """Whether everything recorded so far was delivered. It is true when it was.

    Attributes:
        undelivered: Why not, by signal (`traces`, `metrics`, `logs`).
    """

    undelivered: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __bool__(self) -> bool:
        """Tell whether everything was delivered."""
        return not self.undelivered


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
    """Something to be done for one signal on its worker, within a deadline."""

    def __init__(self, do: Callable[[], object]) -> None:
        """Be ready to *do* it."""
        self._do = do
        self._is_done = threading.Event()
        self._wrong = ""

    def run(self) -> None:
        """Do it. Never raises."""
        try:
            self._do()
        except Exception as error:  # noqa: BLE001 - told to whoever waits
            self._wrong = describe(error)
        self._is_done.set()

    def wait(self, seconds: float) -> str:
        """Return what went wrong, empty when nothing did, at the latest after *seconds*."""
        return self._wrong if self._is_done.wait(max(0.0, seconds)) else _LATE


def run_all(
    work: Mapping[Signal, Callable[[], object]], workers: Mapping[Signal, Worker], timeout: float
) -> dict[Signal, str]:
    """Do all *work* at the same time, each on the worker of its signal; return what went wrong by signal.

    Whatever does not end within *timeout* seconds is left behind and named. Nothing is raised.
    """
    deadline = time.monotonic() + timeout
    jobs: dict[Signal, Job] = {}
    wrong: dict[Signal, str] = {}
    for signal, do in work.items():
        if workers[signal].is_backed_up:
            wrong[signal] = _LATE  # An earlier job hangs and another one waits: a third would not help.
        else:
            jobs[signal] = Job(do)
            workers[signal].do(jobs[signal].run)
    for signal, job in jobs.items():
        if text := job.wait(deadline - time.monotonic()):
            wrong[signal] = text
    return wrong
