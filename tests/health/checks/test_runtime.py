"""Is the event loop responsive?"""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes import ManualClock
from tests.health._parts import run
from vitalspan import ConfigurationError
from vitalspan.health import HealthMonitor, HealthStatus, RuntimeHealthCheck, Status


@pytest.fixture(name="program")
def _program() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs on another thread, as the program's does beside the monitor's."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def _find_with_lag(seconds: float) -> HealthStatus:
    times = iter((0.0, seconds))
    return asyncio.run(RuntimeHealthCheck(clock=lambda: next(times)).check())


@pytest.mark.parametrize(
    ("lag", "status", "message"),
    [
        (0.0, Status.HEALTHY, "0.000 s to come round"),
        (0.1, Status.HEALTHY, "0.100 s to come round"),
        (0.25, Status.DEGRADED, "the event loop is slow: 0.250 s to come round"),
        (5.0, Status.UNHEALTHY, "the event loop was blocked: 5.000 s to come round"),
    ],
)
def test_a_loop_is_as_healthy_as_it_is_quick_to_come_round(lag: float, status: Status, message: str) -> None:
    finding = _find_with_lag(lag)
    assert (finding.status, finding.message) == (status, message)
    assert finding.metadata["lag_s"] == lag


def test_work_between_two_turns_of_the_loop_is_lag(clock: ManualClock) -> None:
    async def main() -> HealthStatus:
        check = asyncio.create_task(RuntimeHealthCheck(clock=clock.monotonic).check())
        await asyncio.sleep(0)
        clock.advance(0.5)  # A callback that computes for half a second.
        return await check

    finding = run(clock, main())
    assert (finding.status, finding.metadata) == (Status.DEGRADED, {"lag_s": 0.5})


def test_the_programs_loop_is_watched_from_the_monitors(program: asyncio.AbstractEventLoop) -> None:
    finding = asyncio.run(RuntimeHealthCheck(program, degraded_above=10, unresponsive_after=20).check())
    assert finding.status is Status.HEALTHY


def test_a_loop_that_is_blocked_is_unhealthy_while_it_is(
    program: asyncio.AbstractEventLoop, release: threading.Event
) -> None:
    program.call_soon_threadsafe(release.wait)
    finding = asyncio.run(RuntimeHealthCheck(program, unresponsive_after=0.02, degraded_above=0.01).check())
    assert finding.status is Status.UNHEALTHY
    assert finding.message.startswith("the event loop does not respond: 0.0")
    lag = finding.metadata["lag_s"]
    assert isinstance(lag, float)
    assert lag >= 0.02
    release.set()


def test_a_loop_that_comes_round_after_the_monitor_has_gone_feels_nothing(
    program: asyncio.AbstractEventLoop, release: threading.Event
) -> None:
    """Its log is the program's."""
    felt: list[dict[str, Any]] = []
    program.set_exception_handler(lambda _loop, context: felt.append(context))
    program.call_soon_threadsafe(release.wait)
    asyncio.run(RuntimeHealthCheck(program, unresponsive_after=0.02, degraded_above=0.01).check())
    release.set()
    came_round = threading.Event()
    program.call_soon_threadsafe(came_round.set)
    assert came_round.wait(5)
    assert felt == []


def test_a_loop_that_is_closed_is_unhealthy() -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    finding = asyncio.run(RuntimeHealthCheck(loop).check())
    assert (finding.status, finding.message) == (Status.UNHEALTHY, "the event loop is closed")


def test_the_runtime_is_the_one_thing_that_liveness_asks_about(monitor: HealthMonitor) -> None:
    loop = asyncio.new_event_loop()
    loop.close()
    monitor.register_check(RuntimeHealthCheck(loop))
    asyncio.run(monitor.check_now("runtime"))
    for probe in ("overall", "liveness", "readiness"):
        assert monitor.system_status(probe) is Status.UNHEALTHY


def test_a_run_has_time_to_say_for_how_long_the_loop_was_silent(monitor: HealthMonitor, clock: ManualClock) -> None:
    silent = asyncio.new_event_loop()
    monitor.register_check(RuntimeHealthCheck(silent, clock=clock.monotonic))
    finding = run(clock, monitor.check_now("runtime"))
    silent.close()
    assert finding.message == "the event loop does not respond: 5.000 s to come round"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"loop": "uvloop"}, "loop"),
        ({"loop": asyncio.SelectorEventLoop}, "loop"),
        ({"component_id": ""}, "component_id"),
        ({"check_interval": 0}, "check_interval"),
        ({"unresponsive_after": -1}, "unresponsive_after"),
        ({"degraded_above": float("nan")}, "degraded_above"),
        ({"degraded_above": 5.0}, "degraded_above"),
        ({"degraded_above": 2, "unresponsive_after": 1}, "degraded_above"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused(arguments: dict[str, Any], what: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        RuntimeHealthCheck(**arguments)
    assert (raised.value.what, raised.value.value) == (what, pytest.approx(arguments[what], nan_ok=True))
