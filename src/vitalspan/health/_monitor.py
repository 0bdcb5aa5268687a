"""HealthMonitor: runs the checks, each on its own interval, and keeps the latest findings."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import replace

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from vitalspan._clock import SYSTEM_CLOCK, Clock
from vitalspan._errors import ConfigurationError, UnknownComponentError
from vitalspan._threads import LoopThread
from vitalspan._types import F
from vitalspan.health._board import Board
from vitalspan.health._callbacks import CallbackGuard, Subscription, require_listener
from vitalspan.health._check import (
    DEFAULT_INTERVAL,
    DEFAULT_TIMEOUT,
    FunctionHealthCheck,
    HealthCheck,
    require_component_id,
)
from vitalspan.health._registration import new_registration
from vitalspan.health._run_loop import RunLoop
from vitalspan.health._runs import CheckRun, Runner
from vitalspan.health._status import HealthStatus, Probe, Status, StatusChange
from vitalspan.health._telemetry import HealthTelemetry, StatusInstrument, TraceChecks

__all__ = ["HealthMonitor", "StatusListener"]

StatusListener = Callable[[StatusChange], object]

_GRACE = 1.0
"""Seconds beyond its timeout after which `check_now` no longer waits for a run in another event loop."""


class HealthMonitor:
    """Runs checks side by side and keeps what they found.

    Each check runs on its own interval with its own timeout; one that hangs is reported and waited for
    by nobody. Findings leave as OpenTelemetry metrics and spans without anything else to set up.

    >>> monitor = HealthMonitor()
    >>> @monitor.check("queue", interval=5)
    ... def queue() -> bool:
    ...     return True
    >>> monitor.get_status("queue").status
    <Status.UNKNOWN: 'unknown'>
    >>> asyncio.run(monitor.check_now("queue")).status
    <Status.HEALTHY: 'healthy'>
    """

    def __init__(
        self,
        *,
        trace_checks: TraceChecks = "changes",
        status_instrument: StatusInstrument = "gauge",
        meter_provider: MeterProvider | None = None,
        tracer_provider: TracerProvider | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Make a monitor with no checks.

        Args:
            trace_checks: Which runs leave a span: those that fail or change a status (`changes`), `all` or `none`.
            status_instrument: The instrument that statuses are reported by: `gauge`, or `updowncounter` for fleets
                that add them up over processes.
            meter_provider: Where metrics go; by default the global provider, also when it is set later.
            tracer_provider: Where spans go; likewise.
            clock: Where time comes from.

        Raises:
            ConfigurationError: An option that is not one of those named.
        """
        if trace_checks not in ("all", "changes", "none"):
            raise ConfigurationError("trace_checks", trace_checks, "give 'all', 'changes' or 'none'")
        if status_instrument not in ("gauge", "updowncounter"):
            raise ConfigurationError("status_instrument", status_instrument, "give 'gauge' or 'updowncounter'")
        self._clock = clock
        self._board = Board(clock)
        self._telemetry = HealthTelemetry(
            self._board,
            trace_checks=trace_checks,
            status_instrument=status_instrument,
            meter_provider=meter_provider,
            tracer_provider=tracer_provider,
        )
        self._lock = threading.Lock()
        # Written under the lock, read by getting one runner or a copy, each a single step of the interpreter.
        self._runners: dict[str, Runner] = {}
        # Replaced, never mutated: a run may end on another thread meanwhile.
        self._listeners: tuple[Subscription[StatusListener], ...] = ()
        # The run loop that may run and report; and the thread of its own on which it may be.
        self._run_loop: RunLoop | None = None
        self._thread: LoopThread | None = None
        self._is_on_thread = False
        self._solo_runs: dict[str, tuple[asyncio.Future[None], Future[None]]] = {}

    # What is checked

    def register_check(
        self,
        check: HealthCheck,
        *,
        timeout: float | None = None,
        critical: bool | None = None,
        ttl: float | None = None,
    ) -> None:
        """Add *check*; its component reads unknown until it has run. Allowed at any time, from any thread.

        Args:
            check: What finds out; see `HealthCheck` for what it may say about itself.
            timeout: Seconds that one run may take; by default the check's own, else 5.
            critical: Whether the system is unhealthy when this component is; by default the check's own, else yes.
            ttl: Seconds after which a finding no longer counts and the component reads unknown;
                by default three intervals and one timeout.

        Raises:
            ConfigurationError: It is not a check, or an argument cannot be used.
            DuplicateCheckError: Its component has a check already.
        """
        record, runner = new_registration(check, timeout=timeout, critical=critical, ttl=ttl, clock=self._clock)
        component_id = runner.component_id
        with self._lock:
            self._board.add(record)
            self._runners[component_id] = runner
            run_loop = self._run_loop
        if run_loop is not None:
            run_loop.begin(component_id)

    def unregister_check(self, component_id: str) -> None:
        """Remove the check of *component_id*: it is no longer run, reported or kept.

        Raises:
            UnknownComponentError: There is none.
        """
        with self._lock:
            self._board.remove(component_id)
            del self._runners[component_id]

    def check(
        self,
        component_id: str,
        *,
        interval: float = DEFAULT_INTERVAL,
        timeout: float = DEFAULT_TIMEOUT,
        critical: bool = True,
        on_error: Status = Status.UNHEALTHY,
    ) -> Callable[[F], F]:
        """Register the decorated function, sync or async, as the check of *component_id*.

        Arguments and errors are those of `FunctionHealthCheck`; the function itself stays as it is.
        """

        def register(function: F) -> F:
            self.register_check(
                FunctionHealthCheck(
                    component_id, function, interval=interval, timeout=timeout, critical=critical, on_error=on_error
                )
            )
            return function

        if callable(component_id):
            raise ConfigurationError("component_id", component_id, "name the component: @check('database')")
        require_component_id(component_id)
        return register

    def subscribe(self, listener: StatusListener) -> Callable[[], None]:
        """Call *listener* with each change of a status, on the monitor's event loop; return what ends it.

        It should be quick. What it raises is counted and logged, and felt by nobody else.

        Raises:
            ConfigurationError: It cannot be called with one change.
        """
        require_listener("listener", listener, "give a function that takes one StatusChange")
        subscription = Subscription(listener)
        with self._lock:
            self._listeners = (*self._listeners, subscription)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = tuple(each for each in self._listeners if each is not subscription)

        return unsubscribe

    # Running

    async def run(self, shutdown: asyncio.Event) -> None:
        """Run the checks in this event loop until *shutdown* is set. The first run of each is at once.

        It takes over from a thread of its own that `stop` was called for, also when a check blocks that thread.

        Raises:
            ConfigurationError: The monitor is running already, here or on its own thread.
        """
        with self._lock:
            if self._run_loop is not None:
                raise ConfigurationError("the monitor", self, "it is running already: stop() it first")
            run_loop = self._take_over(is_on_thread=False)
        await self._run_until(shutdown, run_loop)

    @property
    def is_running(self) -> bool:
        """Whether checks are being run, in the program's event loop or on the monitor's own thread."""
        return self._run_loop is not None

    def start(self) -> None:
        """Run the checks on a daemon thread with an event loop of its own. Without effect while running.

        After a `stop` that could not wait for the end a new thread takes over at once.
        """
        with self._lock:
            if self._run_loop is not None and not self._is_on_thread:
                return
            if self._thread is None or self._thread.is_over:
                self._thread = LoopThread("vitalspan-health", self._run_on_thread)
            thread = self._thread
        thread.start()

    def stop(self, timeout: float = 2.0) -> bool:
        """End what `start` began; tell whether it has ended within *timeout* seconds.

        Nothing is run or reported there any more in any case.
        """
        with self._lock:
            thread = self._thread
            if thread is None:
                return True
            thread.tell()
            if self._run_loop is not None and self._is_on_thread:
                self._leave(self._run_loop)
        return thread.stop(0.0 if thread.is_current else timeout)

    async def _run_on_thread(self, shutdown: asyncio.Event) -> None:
        with self._lock:
            thread = self._thread
            # Meanwhile it was stopped, or the program runs the checks in its own loop.
            if thread is None or thread.is_over or not thread.is_current or self._run_loop is not None:
                return
            run_loop = self._take_over(is_on_thread=True)
        await self._run_until(shutdown, run_loop)

    def _take_over(self, *, is_on_thread: bool) -> RunLoop:
        """Make a run loop, in this event loop, the one that runs. The lock is held."""
        self._run_loop, self._is_on_thread = RunLoop(self._run_check, self._interval_of, self._clock), is_on_thread
        return self._run_loop

    def _leave(self, run_loop: RunLoop) -> None:
        """Let *run_loop* run and report nothing any more. The lock is held."""
        run_loop.retire()
        if self._run_loop is run_loop:
            self._run_loop = None

    async def _run_until(self, shutdown: asyncio.Event, run_loop: RunLoop) -> None:
        try:
            for component_id in self._runners.copy():
                run_loop.begin(component_id)
            await run_loop.until(shutdown)
        finally:
            with self._lock:
                self._leave(run_loop)

    # What is known

    async def check_now(self, component_id: str) -> HealthStatus:
        """Run the check of *component_id* now, or wait for the run that is under way; return the finding.

        While the monitor runs, the check runs in the monitor's event loop, where its clients belong.

        Raises:
            UnknownComponentError: There is no such check.
        """
        runner = self._runners.get(component_id)
        if runner is None:
            raise UnknownComponentError(component_id, tuple(self._runners.copy()))
        run_loop = self._run_loop
        if run_loop is not None:
            await run_loop.now(component_id, runner.timeout + _GRACE)
        else:
            await asyncio.wait({asyncio.wrap_future(self._solo_run(component_id))}, timeout=runner.timeout + _GRACE)
        return self.get_status(component_id)

    def get_status(self, component_id: str) -> HealthStatus:
        """Return the last finding about *component_id*; unknown when there is none, or it is older than its ttl.

        Raises:
            UnknownComponentError: There is no check of it.
        """
        return self._board.status(component_id)

    def get_all_statuses(self) -> Mapping[str, HealthStatus]:
        """Return the last finding about every component, by component id."""
        return self._board.statuses()

    def is_system_healthy(self) -> bool:
        """Tell whether there is at least one check and every critical component is healthy."""
        readings = list(self._board.readings())
        return bool(readings) and all(
            status is Status.HEALTHY for record, status, _, _ in readings if record.is_critical
        )

    def system_status(self, probe: Probe | str = Probe.OVERALL) -> Status:
        """Return how the system answers *probe*: `overall`, `liveness`, `readiness` or `startup`.

        Raises:
            ConfigurationError: There is no such probe.
        """
        try:
            return self._board.system_status(Probe(probe))
        except ValueError:
            names = ", ".join(repr(each.value) for each in Probe)
            raise ConfigurationError("probe", probe, f"give one of {names}") from None

    def _solo_run(self, component_id: str) -> Future[None]:
        """Begin a run in this event loop, unless one is under way: perhaps in that of another thread."""
        with self._lock:
            known = self._solo_runs.get(component_id)
            # A run whose event loop was closed before it ended never ends.
            if known is not None and not known[0].get_loop().is_closed():
                return known[1]
            run, ended = asyncio.ensure_future(self._run_check(component_id)), Future[None]()
            self._solo_runs[component_id] = run, ended

        def end(_run: asyncio.Future[None]) -> None:
            with self._lock:
                self._solo_runs.pop(component_id, None)
            ended.set_result(None)

        run.add_done_callback(end)
        return ended

    async def _run_check(self, component_id: str, run_loop: RunLoop | None = None) -> None:
        """Run one check in this event loop and tell everybody what it found."""
        while (runner := self._runners.get(component_id)) is not None:
            run = await runner.run()
            with self._lock:
                # One that was stopped while a check blocked it: another one may run the check by now.
                if run_loop is not None and run_loop.is_retired:
                    return
                # What the check of before found says nothing about the one that has taken its place.
                is_believed = self._runners.get(component_id) is runner
                change = self._board.settle(run.finding, failed=run.failed) if is_believed else None
            if is_believed:
                self._tell(component_id, run, change)
                return

    def _tell(self, component_id: str, run: CheckRun, change: StatusChange | None) -> None:
        trace_id = self._telemetry.record(run, change)
        if trace_id:
            self._board.mark_trace(component_id, trace_id)
        if change is not None:
            change = replace(change, current=replace(change.current, trace_id=trace_id))
            for subscription in self._listeners:
                with CallbackGuard("telling a listener of a status change"):
                    subscription.listener(change)

    def _interval_of(self, component_id: str) -> float | None:
        runner = self._runners.get(component_id)
        return None if runner is None else runner.interval
