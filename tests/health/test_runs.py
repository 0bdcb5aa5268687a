"""What a run means when it does not go well, and what a check sees of the program around it."""

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import pytest
from opentelemetry.context import get_value
from opentelemetry.trace import get_current_span

from tests.fakes import ManualClock, Telemetry
from tests.health._parts import MuteError, ScriptedCheck, find, run, run_for
from vitalspan.health import HealthMonitor, HealthStatus, Status


class _Fatal(BaseException):
    """Not an Exception."""


def test_a_check_object_that_raises_reads_unknown(monitor: HealthMonitor) -> None:
    """It could not find out."""
    finding = find(monitor, OSError("connection refused"))
    assert (finding.status, finding.message) == (Status.UNKNOWN, "Check failed: OSError: connection refused")
    assert (finding.error_type, finding.consecutive_failures) == ("OSError", 1)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_function_check_that_raises_reads_unhealthy(monitor: HealthMonitor, kind: str) -> None:
    """An exception is a finding about the component, not a crash of the monitor."""

    def function() -> None:
        raise OSError("connection refused")

    async def async_function() -> None:
        raise OSError("connection refused")

    monitor.check("database")(function if kind == "sync" else async_function)
    finding = asyncio.run(monitor.check_now("database"))
    assert (finding.status, finding.message) == (Status.UNHEALTHY, "Check failed: OSError: connection refused")


def test_what_an_error_means_may_be_said_with_the_check(monitor: HealthMonitor) -> None:
    check: Any = ScriptedCheck([OSError("refused")])
    check.on_error = Status.DEGRADED
    monitor.register_check(check)

    @monitor.check("cache", on_error=Status.UNKNOWN)
    def cache() -> None:
        raise OSError("refused")

    assert asyncio.run(monitor.check_now("database")).status is Status.DEGRADED
    assert asyncio.run(monitor.check_now("cache")).status is Status.UNKNOWN


_FATAL = [SystemExit(3), GeneratorExit(), asyncio.CancelledError(), _Fatal(), StopAsyncIteration()]


@pytest.mark.parametrize("error", _FATAL, ids=lambda error: type(error).__name__)
def test_whatever_a_check_raises_is_a_finding(monitor: HealthMonitor, error: BaseException) -> None:
    """A client that calls sys.exit must not take the service with it."""
    finding = find(monitor, error)
    assert finding.status is Status.UNKNOWN
    assert finding.message.startswith(f"Check failed: {type(error).__name__}")
    assert finding.error_type.endswith(type(error).__name__)


@pytest.mark.parametrize(
    "error", [*_FATAL, StopIteration(), KeyboardInterrupt()], ids=lambda error: type(error).__name__
)
def test_whatever_a_sync_function_raises_is_a_finding(monitor: HealthMonitor, error: BaseException) -> None:
    @monitor.check("database")
    def database() -> None:
        raise error

    finding = asyncio.run(monitor.check_now("database"))
    assert finding.status is Status.UNHEALTHY
    assert type(error).__name__ in finding.message


def test_an_error_that_cannot_say_what_it_is_is_named_by_its_class(monitor: HealthMonitor) -> None:
    finding = find(monitor, MuteError())
    assert finding.message == "Check failed: MuteError: (its text cannot be had: __str__ raised)"
    assert finding.error_type == "tests.health._parts.MuteError"


@pytest.mark.parametrize("answer", [None, True, "healthy", HealthStatus("database", "healthy")])  # type: ignore[arg-type]  # what is tested
def test_a_check_object_that_finds_nonsense_reads_unknown(monitor: HealthMonitor, answer: object) -> None:
    finding = find(monitor, answer)
    assert finding.status is Status.UNKNOWN
    assert finding.message == f"Check failed: TypeError: check() returned {answer!r} instead of a HealthStatus"


@pytest.mark.parametrize(
    "more", [{"message": None}, {"message": 7}, {"metadata": None}, {"metadata": ["rows"]}, {"error_type": OSError}]
)
def test_a_finding_that_could_not_be_reported_reads_unknown(monitor: HealthMonitor, more: dict[str, Any]) -> None:
    finding = find(monitor, HealthStatus("database", Status.HEALTHY, **more))
    assert (finding.status, finding.error_type) == (Status.UNKNOWN, "TypeError")
    assert "message is not a str, or whose metadata is no mapping" in finding.message or "error_type" in more


class _Measured(HealthStatus):
    """A finding of the program's own kind, which cannot be copied as one of ours can."""

    def __init__(self, status: Status, rows: int) -> None:
        super().__init__("database", status, message="full", metadata={"rows": rows}, error_type="disk")


class _Torn(dict[str, object]):
    """Metadata that cannot be read."""

    def keys(self) -> NoReturn:
        raise ValueError("torn")

    __iter__ = keys


def test_a_finding_of_a_subclass_is_taken_for_what_it_says(monitor: HealthMonitor) -> None:
    finding = find(monitor, _Measured(Status.UNHEALTHY, 3))
    assert type(finding) is HealthStatus
    assert (finding.status, finding.message, finding.error_type) == (Status.UNHEALTHY, "full", "disk")
    assert finding.metadata == {"rows": 3}


def test_a_finding_that_cannot_be_read_is_a_failed_check(monitor: HealthMonitor) -> None:
    finding = find(monitor, HealthStatus("database", Status.HEALTHY, metadata=_Torn()))
    assert (finding.status, finding.message) == (Status.UNKNOWN, "Check failed: ValueError: torn")


def test_metadata_that_changes_after_the_run_changes_no_finding(monitor: HealthMonitor) -> None:
    metadata: dict[str, object] = {"rows": 3}
    finding = find(monitor, HealthStatus("database", Status.HEALTHY, metadata=metadata))
    metadata["rows"] = 4
    assert finding.metadata == {"rows": 3}


@pytest.mark.parametrize(
    "answer",
    [
        OSError("cannot connect to redis://:hunter2@cache"),
        HealthStatus("database", Status.DEGRADED, message="password=hunter2 will expire"),
    ],
)
def test_no_finding_tells_a_secret(monitor: HealthMonitor, answer: object) -> None:
    message = find(monitor, answer).message
    assert "***" in message
    assert "hunter2" not in message


def test_an_interrupt_of_the_user_reaches_the_program(monitor: HealthMonitor, clock: ManualClock) -> None:
    """Python raises Ctrl-C in whatever the main thread is doing: here a check."""
    monitor.register_check(ScriptedCheck([KeyboardInterrupt()]))
    with pytest.raises(KeyboardInterrupt):
        run(clock, run_for(monitor, 5))
    with pytest.raises(KeyboardInterrupt):
        asyncio.run(monitor.check_now("database"))
    gc.collect()  # Nothing complains about an exception that nobody has looked at.


def test_an_interrupt_on_another_thread_is_a_finding(monitor: HealthMonitor) -> None:
    with ThreadPoolExecutor(1) as pool:
        finding = pool.submit(find, monitor, KeyboardInterrupt()).result(5)
    assert (finding.status, finding.message) == (Status.UNKNOWN, "Check failed: KeyboardInterrupt")


def test_a_function_that_returns_nonsense_reads_unhealthy_and_says_what_it_may_return(monitor: HealthMonitor) -> None:
    monitor.check("database")(lambda: 1)
    finding = asyncio.run(monitor.check_now("database"))
    assert finding.status is Status.UNHEALTHY
    assert "returned int, which says nothing about health: return None, a bool, a Status" in finding.message


def test_a_finding_about_another_component_is_about_the_one_that_was_checked(monitor: HealthMonitor) -> None:
    assert find(monitor, HealthStatus("cache", Status.DEGRADED)).component_id == "database"


@pytest.mark.parametrize(
    "answer", [OSError("x" * 100_000), HealthStatus("database", Status.HEALTHY, message="x" * 100_000)]
)
def test_a_message_is_kept_to_a_length_that_hurts_no_batch(monitor: HealthMonitor, answer: object) -> None:
    assert len(find(monitor, answer).message) == 1000


def test_a_message_can_always_be_sent(monitor: HealthMonitor) -> None:
    """One lone surrogate, as in the name of a file that is not UTF-8, would cost the whole batch."""
    message = find(monitor, OSError("no such file: caf\udce9")).message
    assert message == "Check failed: OSError: no such file: caf?"
    assert message.encode()


# Clients that belong to another event loop


def _queue() -> Callable[[], Awaitable[object]]:
    return asyncio.Queue[int]().get


def _lock() -> Callable[[], Awaitable[object]]:
    lock = asyncio.Lock()

    async def acquire_twice() -> None:
        async with lock:
            await lock.acquire()

    return acquire_twice


def _future() -> Callable[[], Awaitable[object]]:
    kept: list[asyncio.Future[object]] = []

    async def wait() -> object:
        if not kept:
            kept.append(asyncio.get_running_loop().create_future())
            await asyncio.Event().wait()
        return await kept[0]

    return wait


@pytest.mark.parametrize("new_client", [_queue, _lock, _future])
def test_a_client_of_another_event_loop_is_said_to_be_one_with_what_to_do(
    monitor: HealthMonitor, new_client: Callable[[], Callable[[], Awaitable[object]]]
) -> None:
    client = new_client()

    async def use_in_the_programs_loop() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(client())), 0.001)

    asyncio.run(use_in_the_programs_loop())

    @monitor.check("database")
    async def database() -> None:
        await client()

    finding = asyncio.run(monitor.check_now("database"))
    assert finding.status is Status.UNHEALTHY
    assert "different" in finding.message
    assert "its client belongs to the program's" in finding.message
    assert "`async with vitalspan.monitoring():`" in finding.message


def test_no_other_error_gets_that_advice(monitor: HealthMonitor) -> None:
    assert "monitoring" not in find(monitor, RuntimeError("Event loop is closed")).message


# Sync checks that hang


def test_a_sync_check_that_hangs_is_reported_and_not_started_twice(
    monitor: HealthMonitor, release: threading.Event
) -> None:
    """Python cannot stop its thread, and another one at each interval would pile up."""
    starts: list[threading.Thread] = []
    has_ended = threading.Event()

    @monitor.check("hanging", timeout=0.02)
    def hanging() -> None:
        starts.append(threading.current_thread())
        release.wait()
        has_ended.set()

    async def main() -> list[HealthStatus]:
        return [await monitor.check_now("hanging") for _ in range(3)]

    first, second, third = asyncio.run(main())
    assert first.message == "no result within 0.02 s"
    assert second.message.startswith("the call that began 0.")
    assert second.message.endswith(" s ago is still running")
    for finding in (first, second, third):
        assert (finding.status, finding.error_type) == (Status.UNHEALTHY, "timeout")
    assert third.consecutive_failures == 3
    assert len(starts) == 1
    assert starts[0].daemon  # It keeps no program alive.
    release.set()
    assert has_ended.wait(5)
    while (finding := asyncio.run(monitor.check_now("hanging"))).message:  # Until the lane has seen it end.
        assert "still running" in finding.message
    assert finding.status is Status.HEALTHY


def test_a_sync_check_that_blocks_delays_no_other(monitor: HealthMonitor, release: threading.Event) -> None:
    monitor.check("blocking", timeout=30)(lambda: release.wait() or None)
    monitor.check("releasing")(release.set)

    async def main() -> tuple[HealthStatus, HealthStatus]:
        return await asyncio.gather(monitor.check_now("blocking"), monitor.check_now("releasing"))

    assert [finding.status for finding in asyncio.run(main())] == [Status.HEALTHY, Status.HEALTHY]


# What a check sees


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_check_runs_outside_of_any_trace_with_instrumentation_suppressed(
    monitor: HealthMonitor, telemetry: Telemetry, kind: str
) -> None:
    """What it does is not the program's own work: its queries must not show as the program's."""
    seen: list[tuple[object, bool]] = []

    def function() -> None:
        seen.append((get_value("suppress_instrumentation"), get_current_span().get_span_context().is_valid))

    async def async_function() -> None:
        function()

    monitor.check("database")(function if kind == "sync" else async_function)

    async def main() -> None:
        with telemetry.tracer_provider.get_tracer("program").start_as_current_span("request") as span:
            await monitor.check_now("database")
            assert get_current_span() is span
        assert get_value("suppress_instrumentation") is None

    asyncio.run(main())
    assert seen == [(True, False)]


def test_a_clock_that_goes_back_makes_no_negative_duration(monitor: HealthMonitor, clock: ManualClock) -> None:
    @monitor.check("database")
    async def database() -> None:
        clock.advance(-5)

    assert run(clock, monitor.check_now("database")).duration == 0
