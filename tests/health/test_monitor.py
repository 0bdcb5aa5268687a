"""HealthMonitor: what is registered, known and told, with time that does not pass by itself."""

import asyncio
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any

import pytest

from tests.fakes import ManualClock, Telemetry
from tests.health._parts import ScriptedCheck, Stubborn, Timetable, run, run_for
from vitalspan import ConfigurationError, DuplicateCheckError, UnknownComponentError
from vitalspan._guard import LEDGER
from vitalspan.health import HealthMonitor, HealthStatus, Probe, Status, StatusChange

# Registering


def test_a_component_reads_unknown_from_registration_on(monitor: HealthMonitor, clock: ManualClock) -> None:
    monitor.register_check(ScriptedCheck())
    finding = monitor.get_status("database")
    assert (finding.status, finding.message, finding.last_check) == (Status.UNKNOWN, "not checked yet", None)
    assert finding.since == clock.now()


def test_a_component_has_one_check(monitor: HealthMonitor) -> None:
    monitor.register_check(ScriptedCheck())
    with pytest.raises(DuplicateCheckError, match="'database' is already registered: give this one another"):
        monitor.check("database")(lambda: None)


def test_a_component_whose_check_was_removed_may_get_another(monitor: HealthMonitor) -> None:
    monitor.register_check(ScriptedCheck())
    monitor.unregister_check("database")
    monitor.register_check(ScriptedCheck([Status.DEGRADED]))
    assert asyncio.run(monitor.check_now("database")).status is Status.DEGRADED


def test_what_has_no_check_is_named_with_what_has(monitor: HealthMonitor) -> None:
    monitor.register_check(ScriptedCheck())
    with pytest.raises(UnknownComponentError, match="'cache'; registered are: 'database'"):
        monitor.get_status("cache")
    with pytest.raises(UnknownComponentError, match="'cache'; registered are: 'database'"):
        monitor.unregister_check("cache")
    with pytest.raises(UnknownComponentError, match="'cache'; registered are: 'database'"):
        asyncio.run(monitor.check_now("cache"))


@pytest.mark.parametrize("check", [None, "database", ScriptedCheck, lambda: None, object()])
def test_what_is_not_a_check_is_refused(monitor: HealthMonitor, check: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"component_id, check_interval and async check\(\), or use check"):
        monitor.register_check(check)


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("component_id", ""),
        ("check_interval", 0),
        ("timeout", None),
        ("timeout", -1),
        ("on_error", "degraded"),
        ("probes", ["alive"]),
        ("probes", 7),
    ],
)
def test_what_a_check_says_about_itself_is_checked(monitor: HealthMonitor, what: str, value: object) -> None:
    check = ScriptedCheck()
    setattr(check, what, value)
    with pytest.raises(ConfigurationError) as raised:
        monitor.register_check(check)
    assert raised.value.what == ("probes of the check" if what == "probes" else what)
    assert raised.value.value == value
    assert not monitor.get_all_statuses()


@pytest.mark.parametrize("what", ["timeout", "ttl"])
def test_seconds_given_at_registration_are_checked(monitor: HealthMonitor, what: str) -> None:
    arguments: dict[str, Any] = {what: 0}
    with pytest.raises(ConfigurationError, match=f"^{what} is 0: give seconds above zero"):
        monitor.register_check(ScriptedCheck(), **arguments)


def test_options_are_one_of_those_named() -> None:
    options: dict[str, Any] = {"trace_checks": "some"}
    with pytest.raises(ConfigurationError, match=r"^trace_checks is 'some': give 'all', 'changes' or 'none'$"):
        HealthMonitor(**options)
    options = {"status_instrument": "counter"}
    with pytest.raises(ConfigurationError, match=r"^status_instrument is 'counter': give 'gauge' or 'updowncounter'$"):
        HealthMonitor(**options)


def test_the_decorator_needs_a_name(monitor: HealthMonitor) -> None:
    """`@monitor.check` without parentheses would otherwise do nothing, silently."""
    decorate: Any = monitor.check
    with pytest.raises(ConfigurationError, match=r"name the component: @check\('database'\)"):
        decorate(lambda: None)
    with pytest.raises(ConfigurationError, match=r"^component_id is ''"):
        monitor.check("")


def test_the_decorator_leaves_the_function_as_it_is(monitor: HealthMonitor) -> None:
    def ping() -> bool:
        return False

    assert monitor.check("database")(ping) is ping
    assert asyncio.run(monitor.check_now("database")).status is Status.UNHEALTHY


def test_a_listener_must_be_callable(monitor: HealthMonitor) -> None:
    listener: Any = "print"
    with pytest.raises(ConfigurationError, match=r"^listener is 'print': give a function that takes one StatusChange$"):
        monitor.subscribe(listener)


# What is known


def _statuses(*statuses: tuple[Status, bool]) -> Iterable[tuple[ScriptedCheck, bool]]:
    return [(ScriptedCheck([status], f"c{n}"), is_critical) for n, (status, is_critical) in enumerate(statuses)]


@pytest.mark.parametrize(
    ("statuses", "is_it"),
    [
        ([], False),
        ([(Status.HEALTHY, True)], True),
        ([(Status.HEALTHY, True), (Status.HEALTHY, True)], True),
        ([(Status.HEALTHY, True), (Status.DEGRADED, True)], False),
        ([(Status.HEALTHY, True), (Status.UNKNOWN, True)], False),
        ([(Status.HEALTHY, True), (Status.UNHEALTHY, False)], True),
    ],
)
def test_a_system_is_healthy_when_it_has_checks_and_each_critical_one_is(
    monitor: HealthMonitor,
    statuses: list[tuple[Status, bool]],
    is_it: bool,  # noqa: FBT001 - a table
) -> None:
    for check, is_critical in _statuses(*statuses):
        monitor.register_check(check, critical=is_critical)
        asyncio.run(monitor.check_now(check.component_id))
    assert monitor.is_system_healthy() is is_it


def test_the_system_answers_each_probe_given_as_value_or_name(monitor: HealthMonitor) -> None:
    assert monitor.system_status() is Status.UNKNOWN
    monitor.register_check(ScriptedCheck([Status.DEGRADED]))
    asyncio.run(monitor.check_now("database"))
    answers = {probe: monitor.system_status(probe) for probe in Probe}
    assert answers == {
        Probe.OVERALL: Status.DEGRADED,
        Probe.LIVENESS: Status.HEALTHY,
        Probe.READINESS: Status.DEGRADED,
        Probe.STARTUP: Status.HEALTHY,
    }
    assert {probe: monitor.system_status(probe.value) for probe in Probe} == answers


def test_a_probe_that_does_not_exist_is_named_with_those_that_do(monitor: HealthMonitor) -> None:
    with pytest.raises(ConfigurationError, match="'ready': give one of 'overall', 'liveness', 'readiness', 'startup'"):
        monitor.system_status("ready")


def test_a_check_says_which_probes_ask_about_it_and_whether_it_is_critical(monitor: HealthMonitor) -> None:
    check: Any = ScriptedCheck([Status.UNHEALTHY])
    check.probes = ["liveness"]
    check.critical = False
    monitor.register_check(check)
    asyncio.run(monitor.check_now("database"))
    assert monitor.system_status(Probe.LIVENESS) is Status.DEGRADED
    assert monitor.system_status(Probe.READINESS) is Status.UNKNOWN


@pytest.mark.parametrize(
    ("timeout", "ttl", "fresh_for"),
    [(None, None, 35.0), (2.0, None, 32.0), (None, 4.0, 4.0)],
)
def test_a_finding_counts_for_three_intervals_and_a_timeout_or_its_ttl(
    monitor: HealthMonitor, clock: ManualClock, timeout: float | None, ttl: float | None, fresh_for: float
) -> None:
    monitor.register_check(ScriptedCheck(), timeout=timeout, ttl=ttl)
    asyncio.run(monitor.check_now("database"))
    clock.advance(fresh_for)
    assert monitor.get_status("database").status is Status.HEALTHY
    assert monitor.is_system_healthy()
    clock.advance(0.5)
    assert monitor.get_status("database").status is Status.UNKNOWN
    assert monitor.get_all_statuses()["database"].message.startswith(f"no run has ended for {fresh_for + 0.5} s")
    assert not monitor.is_system_healthy()
    assert monitor.system_status(Probe.READINESS) is Status.UNKNOWN


def test_a_finding_tells_when_how_long_and_how_often_in_a_row(monitor: HealthMonitor, clock: ManualClock) -> None:
    @monitor.check("database", interval=10)
    async def database() -> bool:
        await asyncio.sleep(0.25)
        return False

    start = clock.now()
    run(clock, run_for(monitor, 15))
    finding = monitor.get_status("database")
    assert finding.since is not None
    assert finding.last_check is not None
    assert (finding.duration, finding.consecutive_failures, finding.error_type) == (0.25, 2, "unhealthy")
    assert (finding.since - start).total_seconds() == 0.25
    assert (finding.last_check - start).total_seconds() == 10.25


# Running


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
