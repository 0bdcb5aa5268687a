"""HealthMonitor: who is told of a change, and whoever asks for a finding now."""

import asyncio
import gc
from concurrent.futures import Future

import pytest

from tests.fakes import ManualClock, Telemetry
from tests.health._parts import ScriptedCheck, Timetable, run, run_for
from vitalspan import UnknownComponentError
from vitalspan._guard import LEDGER
from vitalspan.health import HealthMonitor, HealthStatus, Status, StatusChange

# Telling


def test_a_listener_is_told_of_changes_only_until_it_unsubscribes(monitor: HealthMonitor, clock: ManualClock) -> None:
    changes: list[StatusChange] = []
    unsubscribe = monitor.subscribe(changes.append)
    answers = [Status.HEALTHY, Status.HEALTHY, Status.DEGRADED, Status.HEALTHY]
    monitor.register_check(ScriptedCheck(answers, check_interval=1))

    async def main() -> None:
        asyncio.get_running_loop().call_later(2.5, unsubscribe)
        await run_for(monitor, 10)

    run(clock, main())
    assert [(change.previous.status, change.current.status) for change in changes] == [
        (Status.UNKNOWN, Status.HEALTHY),
        (Status.HEALTHY, Status.DEGRADED),
    ]
    assert [change.previous_status_time for change in changes] == [0, 2]


def test_a_listener_that_raises_is_counted_and_felt_by_nobody(monitor: HealthMonitor) -> None:
    told: list[str] = []

    def broken(change: StatusChange) -> None:
        told.append("broken")
        raise ZeroDivisionError

    monitor.subscribe(broken)
    monitor.subscribe(lambda _change: told.append("working"))
    monitor.register_check(ScriptedCheck())
    before = LEDGER.dropped().get(("health", "ZeroDivisionError"), 0)
    assert asyncio.run(monitor.check_now("database")).status is Status.HEALTHY
    assert told == ["broken", "working"]
    assert LEDGER.dropped()["health", "ZeroDivisionError"] == before + 1


@pytest.mark.parametrize("error", [SystemExit(3), GeneratorExit()], ids=lambda error: type(error).__name__)
def test_a_listener_that_would_end_the_program_does_not_even_end_the_monitor(
    monitor: HealthMonitor, clock: ManualClock, error: BaseException
) -> None:
    def broken(_change: StatusChange) -> None:
        raise error

    check = ScriptedCheck()
    monitor.subscribe(broken)
    monitor.register_check(check)
    before = LEDGER.dropped().get(("health", type(error).__name__), 0)
    run(clock, run_for(monitor, 15))
    assert check.runs == 2
    assert LEDGER.dropped()["health", type(error).__name__] == before + 1


def test_an_interrupt_in_a_listener_reaches_the_program(monitor: HealthMonitor, clock: ManualClock) -> None:
    def interrupted(_change: StatusChange) -> None:
        raise KeyboardInterrupt

    monitor.subscribe(interrupted)
    monitor.register_check(ScriptedCheck())
    with pytest.raises(KeyboardInterrupt):
        run(clock, run_for(monitor, 15))
    gc.collect()


def test_of_two_equal_subscriptions_one_is_ended_by_itself(monitor: HealthMonitor) -> None:
    told: list[StatusChange] = []

    def listener(change: StatusChange) -> None:
        told.append(change)

    unsubscribe = monitor.subscribe(listener)
    monitor.subscribe(listener)
    unsubscribe()
    unsubscribe()
    monitor.register_check(ScriptedCheck())
    asyncio.run(monitor.check_now("database"))
    assert len(told) == 1


def test_a_finding_after_a_silence_is_told_as_a_change(
    monitor: HealthMonitor, clock: ManualClock, telemetry: Telemetry
) -> None:
    """It read unknown meanwhile: whoever was alarmed wants to know that it is over."""
    monitor.register_check(ScriptedCheck(), ttl=20)
    asyncio.run(monitor.check_now("database"))
    changes: list[StatusChange] = []
    monitor.subscribe(changes.append)
    clock.advance(60)
    asyncio.run(monitor.check_now("database"))
    (change,) = changes
    assert (change.previous.status, change.current.status, change.previous_status_time) == (
        Status.UNKNOWN,
        Status.HEALTHY,
        40,
    )
    names = ("health.previous_status", "health.status")
    assert telemetry.values("health.check.transitions", *names) == {("unknown", "healthy"): 2}


def test_a_listener_may_register_unregister_and_subscribe(monitor: HealthMonitor, clock: ManualClock) -> None:
    follower = ScriptedCheck(component_id="follower")
    seen: list[str] = []

    def listener(change: StatusChange) -> None:
        if change.current.component_id == "database":
            monitor.unregister_check("database")
            monitor.register_check(follower)
            monitor.subscribe(lambda change: seen.append(change.current.component_id))

    monitor.subscribe(listener)
    monitor.register_check(ScriptedCheck())
    run(clock, run_for(monitor, 15))
    assert follower.runs == 2
    assert seen == ["follower"]
    assert list(monitor.get_all_statuses()) == ["follower"]


def test_a_listener_is_told_the_trace_of_the_run(monitor: HealthMonitor, telemetry: Telemetry) -> None:
    changes: list[StatusChange] = []
    monitor.subscribe(changes.append)
    monitor.register_check(ScriptedCheck())
    finding = asyncio.run(monitor.check_now("database"))
    assert [change.current for change in changes] == [finding]
    context = telemetry.spans[0].context
    assert context is not None
    assert finding.trace_id == f"{context.trace_id:032x}"


# check_now


def test_checking_now_runs_the_check_where_no_monitor_does(monitor: HealthMonitor) -> None:
    check = ScriptedCheck()
    monitor.register_check(check)
    assert asyncio.run(monitor.check_now("database")) == monitor.get_status("database")
    assert (check.runs, monitor.get_status("database").status) == (1, Status.HEALTHY)


@pytest.mark.parametrize("is_running", [True, False])
def test_checking_now_twice_at_once_is_one_run(
    monitor: HealthMonitor,
    clock: ManualClock,
    is_running: bool,  # noqa: FBT001 - a table
) -> None:
    starts = Timetable(clock)

    @monitor.check("database", interval=100)
    async def database() -> None:
        await starts()
        await asyncio.sleep(1)

    async def main() -> None:
        running = asyncio.create_task(run_for(monitor, 20) if is_running else asyncio.sleep(0))
        await asyncio.sleep(10)
        first, second = await asyncio.gather(monitor.check_now("database"), monitor.check_now("database"))
        assert first == second
        assert first.status is Status.HEALTHY
        await running

    run(clock, main())
    assert starts.times == ([0, 10] if is_running else [10])


def test_checking_now_joins_the_run_that_is_under_way(monitor: HealthMonitor, clock: ManualClock) -> None:
    starts = Timetable(clock)

    @monitor.check("database", interval=100)
    async def database() -> None:
        await starts()
        await asyncio.sleep(2)

    async def main() -> HealthStatus:
        running = asyncio.create_task(run_for(monitor, 10))
        await asyncio.sleep(1)
        finding = await monitor.check_now("database")
        assert clock.monotonic() == 1002
        await running
        return finding

    assert run(clock, main()).status is Status.HEALTHY
    assert starts.times == [0]


def test_checking_now_comes_back_though_the_check_hangs(monitor: HealthMonitor, clock: ManualClock) -> None:
    monitor.check("hanging", timeout=2)(asyncio.Event().wait)
    assert run(clock, monitor.check_now("hanging")).message == "no result within 2 s"
    assert clock.monotonic() == 1002


def test_whoever_gives_up_waiting_does_not_end_the_run_of_the_others(
    monitor: HealthMonitor, clock: ManualClock
) -> None:
    @monitor.check("database")
    async def database() -> None:
        await asyncio.sleep(2)

    async def main() -> HealthStatus:
        waiting = asyncio.create_task(monitor.check_now("database"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(monitor.check_now("database"), 1)
        return await waiting

    assert run(clock, main()).status is Status.HEALTHY


def test_checking_now_what_is_removed_meanwhile_is_an_error(monitor: HealthMonitor) -> None:
    @monitor.check("database")
    async def database() -> None:
        monitor.unregister_check("database")

    with pytest.raises(UnknownComponentError, match="registered are: none yet"):
        asyncio.run(monitor.check_now("database"))


def test_a_run_whose_event_loop_was_closed_holds_up_nobody(monitor: HealthMonitor) -> None:
    """A server's worker may be stopped between two steps of its loop."""
    monitor.register_check(ScriptedCheck())
    loop = asyncio.new_event_loop()
    monitor._solo_runs["database"] = loop.create_future(), Future()
    loop.close()
    assert asyncio.run(monitor.check_now("database")).status is Status.HEALTHY
    assert not monitor._solo_runs
