"""What tests of health share: a loop whose time does not pass by itself, and checks that find what they are told."""

import asyncio
import contextlib
import selectors
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from opentelemetry.sdk.metrics.export import Metric
from opentelemetry.sdk.trace import Event as SpanEvent
from opentelemetry.sdk.trace import ReadableSpan

from tests.fakes import ManualClock, Telemetry
from vitalspan.health import HealthMonitor, HealthStatus, Status

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Lets the clock jump where an event loop would sleep until its next timer."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            self._clock.advance(timeout)
        return ready


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        super().__init__(_Selector(clock))

    def time(self) -> float:
        return self._clock.monotonic()


def run(clock: ManualClock, main: Coroutine[Any, Any, T]) -> T:
    """Run *main* in a loop that lives in the time of *clock*: hours pass in milliseconds, and exactly.

    Not for what waits for another thread: time jumps meanwhile.
    """
    with asyncio.Runner(loop_factory=lambda: _VirtualLoop(clock)) as runner:
        return runner.run(main)


async def run_for(monitor: HealthMonitor, seconds: float) -> None:
    """Run *monitor* in this loop for so many *seconds* of its time."""
    shutdown = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, shutdown.set)
    await monitor.run(shutdown)


@dataclass
class ScriptedCheck:
    """Finds one answer after the other, and the last one for ever; an exception among them is raised."""

    answers: Sequence[object] = (Status.HEALTHY,)
    component_id: str = "database"
    check_interval: float = 10.0
    runs: int = 0

    async def check(self) -> HealthStatus:
        answer = self.answers[min(self.runs, len(self.answers) - 1)]
        self.runs += 1
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, Status):
            return HealthStatus(self.component_id, answer)
        return cast("HealthStatus", answer)


@dataclass
class Timetable:
    """A check function that notes when it ran, in seconds since the test began."""

    clock: ManualClock
    times: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._start = self.clock.monotonic()

    async def __call__(self) -> None:
        self.times.append(self.clock.monotonic() - self._start)


class Stubborn:
    """A check function that hangs, and goes on hanging when it is cancelled, until it is released."""

    def __init__(self) -> None:
        self.runs = 0
        self._released = asyncio.Event()

    async def __call__(self) -> None:
        self.runs += 1
        while not self._released.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await self._released.wait()

    def release(self) -> None:
        self._released.set()


class MuteError(Exception):
    """Cannot even say what went wrong."""

    def __str__(self) -> str:
        raise ValueError("no text")


def new_monitor(telemetry: Telemetry, clock: ManualClock, **options: Any) -> HealthMonitor:
    """Return a monitor that reports to *telemetry*."""
    return HealthMonitor(
        meter_provider=telemetry.meter_provider, tracer_provider=telemetry.tracer_provider, clock=clock, **options
    )


def find(monitor: HealthMonitor, *answers: object) -> HealthStatus:
    """Return what a new check of the database finds after it has given all *answers*."""
    monitor.register_check(ScriptedCheck(answers))
    for _ in answers[1:]:
        asyncio.run(monitor.check_now("database"))
    return asyncio.run(monitor.check_now("database"))


def metrics(telemetry: Telemetry) -> dict[str, Metric]:
    """Return every metric that would be exported now, by name."""
    data = telemetry.reader.get_metrics_data()
    return {
        metric.name: metric
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def events(span: ReadableSpan, name: str = "health.status_changed") -> list[SpanEvent]:
    """Return the events called *name* on *span*."""
    return [event for event in span.events if event.name == name]


def status_of(component_id: str = "database", **more: Any) -> Callable[[Status], HealthStatus]:
    """Return what makes findings about one component."""
    return lambda status: HealthStatus(component_id, status, **more)
