"""HealthMonitor: when checks run, with time that does not pass by itself."""

import asyncio

import pytest

from tests.fakes import ManualClock, Telemetry
from tests.health._parts import ScriptedCheck, Stubborn, Timetable, run, run_for
from vitalspan import ConfigurationError
from vitalspan.health import HealthMonitor, Status


def test_each_check_runs_at_once_and_then_on_its_own_interval(monitor: HealthMonitor, clock: ManualClock) -> None:
    fast, slow = Timetable(clock), Timetable(clock)
    monitor.check("fast", interval=2)(fast)
    monitor.check("slow", interval=5)(slow)
    run(clock, run_for(monitor, 11))
    assert fast.times == [0, 2, 4, 6, 8, 10]
    assert slow.times == [0, 5, 10]


def test_a_slow_check_delays_no_other_and_does_not_pile_up(monitor: HealthMonitor, clock: ManualClock) -> None:
    fast, starts = Timetable(clock), Timetable(clock)
    monitor.check("fast", interval=1)(fast)

    @monitor.check("slow", interval=1, timeout=10)
    async def slow() -> None:
        await starts()
        await asyncio.sleep(2.5)

    run(clock, run_for(monitor, 6.5))
    assert fast.times == [0, 1, 2, 3, 4, 5, 6]
    assert starts.times == [0, 3, 6]


def test_each_check_has_its_own_timeout(monitor: HealthMonitor, clock: ManualClock) -> None:
    for component_id, timeout in (("patient", 4.0), ("strict", 2.0)):

        @monitor.check(component_id, timeout=timeout)
        async def three_seconds() -> None:
            await asyncio.sleep(3)

    run(clock, run_for(monitor, 5))
    assert monitor.get_status("patient").status is Status.HEALTHY
    strict = monitor.get_status("strict")
    assert (strict.status, strict.message, strict.error_type) == (
        Status.UNHEALTHY,
        "no result within 2 s",
        "timeout",
    )
    assert strict.duration == 2


def test_an_async_check_that_hangs_is_cancelled_and_started_again_when_due(
    monitor: HealthMonitor, clock: ManualClock
) -> None:
    starts, other = Timetable(clock), Timetable(clock)
    cancelled: list[float] = []
    monitor.check("other", interval=1)(other)

    @monitor.check("hanging", interval=10, timeout=5)
    async def hanging() -> None:
        await starts()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.append(clock.monotonic() - 1000)

    run(clock, run_for(monitor, 16))
    assert starts.times == [0, 10]
    assert cancelled == [5, 15]
    assert other.times == list(range(16))
    assert monitor.get_status("hanging").consecutive_failures == 2


def test_a_check_that_swallows_its_cancellation_is_not_started_twice(
    monitor: HealthMonitor, clock: ManualClock
) -> None:
    other = Timetable(clock)
    monitor.check("other", interval=1)(other)

    async def main() -> None:
        stubborn = Stubborn()
        monitor.check("stubborn", interval=10, timeout=5)(stubborn)
        shutdown = asyncio.Event()
        running = asyncio.create_task(monitor.run(shutdown))
        await asyncio.sleep(6)
        assert monitor.get_status("stubborn").message == "no result within 5 s"
        await asyncio.sleep(30)
        hung = monitor.get_status("stubborn")
        assert hung.message == "an earlier run has still not ended, although it was cancelled"
        assert (hung.status, hung.error_type, hung.consecutive_failures) == (Status.UNHEALTHY, "timeout", 4)
        assert stubborn.runs == 1
        stubborn.release()
        await asyncio.sleep(10)
        assert (stubborn.runs, monitor.get_status("stubborn").status) == (2, Status.HEALTHY)
        shutdown.set()
        await running

    run(clock, main())
    assert other.times == list(range(46))


def test_a_monitor_ends_at_once_when_told_to_whatever_its_checks_do(monitor: HealthMonitor, clock: ManualClock) -> None:
    async def main() -> float:
        stubborn = Stubborn()
        monitor.check("stubborn")(stubborn)
        monitor.check("hanging")(asyncio.Event().wait)
        shutdown = asyncio.Event()
        running = asyncio.create_task(monitor.run(shutdown))
        await asyncio.sleep(1)
        shutdown.set()
        begin = clock.monotonic()
        await running
        seconds = clock.monotonic() - begin
        stubborn.release()
        return seconds

    assert run(clock, main()) == 0
    assert not monitor.is_running
    assert {each.status for each in monitor.get_all_statuses().values()} == {Status.UNKNOWN}


def test_a_monitor_that_is_cancelled_ends_its_runs(monitor: HealthMonitor, clock: ManualClock) -> None:
    ended: list[str] = []

    @monitor.check("hanging")
    async def hanging() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("hanging")

    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(monitor.run(asyncio.Event()), 1)
        assert not monitor.is_running

    run(clock, main())
    assert ended == ["hanging"]


def test_a_monitor_runs_once_at_a_time_and_again_afterwards(monitor: HealthMonitor, clock: ManualClock) -> None:
    check = ScriptedCheck()
    monitor.register_check(check)

    async def main() -> None:
        shutdown = asyncio.Event()
        running = asyncio.create_task(monitor.run(shutdown))
        await asyncio.sleep(1)
        assert monitor.is_running
        with pytest.raises(ConfigurationError, match=r"it is running already: stop\(\) it first"):
            await monitor.run(asyncio.Event())
        shutdown.set()
        await running
        await run_for(monitor, 5)

    run(clock, main())
    assert check.runs == 2


def test_a_monitor_told_to_end_before_it_begins_runs_nothing(monitor: HealthMonitor, clock: ManualClock) -> None:
    check = ScriptedCheck()
    monitor.register_check(check)

    async def main() -> None:
        shutdown = asyncio.Event()
        shutdown.set()
        await monitor.run(shutdown)

    run(clock, main())
    assert check.runs == 0


def test_checks_come_and_go_while_the_monitor_runs(monitor: HealthMonitor, clock: ManualClock) -> None:
    early, late = Timetable(clock), Timetable(clock)
    monitor.check("early", interval=2)(early)

    def exchange() -> None:
        monitor.unregister_check("early")
        monitor.check("late", interval=2)(late)

    async def main() -> None:
        asyncio.get_running_loop().call_later(5, exchange)
        await run_for(monitor, 10)

    run(clock, main())
    assert early.times == [0, 2, 4]
    assert late.times == [5, 7, 9]
    assert list(monitor.get_all_statuses()) == ["late"]


def test_a_check_removed_while_it_runs_stays_removed(monitor: HealthMonitor, clock: ManualClock) -> None:
    @monitor.check("database")
    async def database() -> None:
        await asyncio.sleep(2)

    async def main() -> None:
        asyncio.get_running_loop().call_later(1, monitor.unregister_check, "database")
        await run_for(monitor, 5)

    run(clock, main())
    assert not monitor.get_all_statuses()


def test_a_check_that_takes_the_place_of_one_that_runs_is_run_and_believed(
    monitor: HealthMonitor, clock: ManualClock, telemetry: Telemetry
) -> None:
    """What the check of before finds, about a client that is gone, is nobody's business any more."""

    @monitor.check("database", interval=100, timeout=5)
    async def hanging() -> None:
        await asyncio.Event().wait()

    def exchange() -> None:
        monitor.unregister_check("database")
        monitor.register_check(ScriptedCheck(check_interval=100))

    async def main() -> None:
        asyncio.get_running_loop().call_later(1, exchange)
        await run_for(monitor, 10)

    run(clock, main())
    assert monitor.get_status("database").status is Status.HEALTHY
    assert telemetry.values("health.check.runs", "health.status") == {("healthy",): 1}


def test_a_check_may_change_what_it_says_about_itself_and_confuses_nobody(
    monitor: HealthMonitor, clock: ManualClock
) -> None:
    check, victim = ScriptedCheck([Status.UNHEALTHY]), ScriptedCheck(component_id="victim")
    monitor.register_check(check)
    monitor.register_check(victim)
    check.component_id, check.check_interval = "victim", 0
    run(clock, run_for(monitor, 15))
    assert (check.runs, victim.runs) == (2, 2)
    assert monitor.get_status("database").status is Status.UNHEALTHY
    assert monitor.get_status("victim").status is Status.HEALTHY
