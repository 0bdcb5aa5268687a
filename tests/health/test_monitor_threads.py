"""HealthMonitor and threads: its own, and those of the program."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fakes import ManualClock
from tests.health._parts import ScriptedCheck, Stubborn, run
from vitalspan import ConfigurationError
from vitalspan._threads import LoopThread
from vitalspan.health import HealthMonitor, HealthStatus, Status, StatusChange
from vitalspan.health._run_loop import RunLoop

_LONG = 10.0
"""Seconds after which a test that waits for a thread has failed."""


def _threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "vitalspan-health"]


def _when_run(monitor: HealthMonitor, component_id: str) -> threading.Event:
    """Register a check; return what is set when it has run and was told."""
    has_run = threading.Event()

    def told(change: StatusChange) -> None:
        if change.current.component_id == component_id:
            has_run.set()

    monitor.subscribe(told)
    monitor.register_check(ScriptedCheck(component_id=component_id))
    return has_run


def test_a_monitor_runs_on_a_daemon_thread_of_its_own_until_it_is_stopped(monitor: HealthMonitor) -> None:
    has_run = _when_run(monitor, "database")
    monitor.start()
    assert has_run.wait(_LONG)
    assert monitor.is_running
    assert [thread.daemon for thread in _threads()] == [True]
    assert monitor.stop(_LONG)
    assert not monitor.is_running
    assert _threads() == []


def test_starting_twice_starts_once(monitor: HealthMonitor) -> None:
    has_run = _when_run(monitor, "database")
    monitor.start()
    monitor.start()
    assert has_run.wait(_LONG)
    monitor.start()
    assert len(_threads()) == 1


def test_stopping_what_does_not_run_is_done_at_once(monitor: HealthMonitor) -> None:
    assert monitor.stop()
    monitor.start()
    assert monitor.stop(_LONG)
    assert monitor.stop()


def test_a_monitor_that_was_stopped_can_be_started_again(monitor: HealthMonitor) -> None:
    for component_id in ("first", "second"):
        has_run = _when_run(monitor, component_id)
        monitor.start()
        assert has_run.wait(_LONG)
        assert monitor.stop(_LONG)


def test_starting_from_several_threads_starts_one_loop_and_stopping_really_ends_it(monitor: HealthMonitor) -> None:
    check = ScriptedCheck(check_interval=1000)
    monitor.register_check(check)
    for _ in range(20):
        all_there = threading.Barrier(4)

        def start(_number: int, all_there: threading.Barrier = all_there) -> bool:
            all_there.wait(_LONG)
            monitor.start()
            return monitor.is_running

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(start, range(4)))
        assert len(_threads()) == 1
        assert monitor.stop(_LONG)
        assert not monitor.is_running
        assert _threads() == []


def test_a_monitor_that_was_started_is_where_a_check_runs_now(monitor: HealthMonitor) -> None:
    """`check_now` right after `start` must not run a check beside the monitor."""
    threads: list[str] = []

    @monitor.check("database", interval=1000)
    async def database() -> None:
        threads.append(threading.current_thread().name)

    monitor.start()
    assert asyncio.run(monitor.check_now("database")).status is Status.HEALTHY
    assert set(threads) == {"vitalspan-health"}


class _Blocking:
    """An async check function that blocks its event loop in its first run, until it is released."""

    def __init__(self, release: threading.Event) -> None:
        self.begun = threading.Event()
        self.runs: list[threading.Thread] = []
        self._release = release

    async def __call__(self) -> tuple[Status, str]:
        self.runs.append(threading.current_thread())
        is_first = len(self.runs) == 1
        if is_first:
            self.begun.set()
            self._release.wait()
        return (Status.UNHEALTHY, "late") if is_first else (Status.HEALTHY, "")


def _blocked(monitor: HealthMonitor, release: threading.Event) -> _Blocking:
    """Start *monitor* with a check that blocks its loop, and stop it in vain."""
    blocking = _Blocking(release)
    monitor.check("blocking", interval=1000)(blocking)
    monitor.start()
    assert blocking.begun.wait(_LONG)
    assert not monitor.stop(0.01)
    assert not monitor.is_running
    return blocking


def test_a_monitor_whose_loop_a_check_blocks_is_started_anew_on_another_thread(
    monitor: HealthMonitor, release: threading.Event
) -> None:
    """The old one, when it comes back, neither runs nor reports anything any more."""
    blocking = _blocked(monitor, release)
    other = _when_run(monitor, "other")
    changes: list[StatusChange] = []
    monitor.subscribe(changes.append)
    monitor.start()
    assert monitor.is_running
    assert other.wait(_LONG)
    assert asyncio.run(monitor.check_now("blocking")).status is Status.HEALTHY
    release.set()
    blocking.runs[0].join(_LONG)
    assert not blocking.runs[0].is_alive()
    assert monitor.is_running
    assert set(blocking.runs[1:]) == set(_threads())
    assert monitor.get_status("blocking").status is Status.HEALTHY
    assert {change.current.message for change in changes} == {""}


def test_the_programs_loop_takes_over_from_a_thread_that_a_check_blocks(
    monitor: HealthMonitor, release: threading.Event
) -> None:
    blocking = _blocked(monitor, release)

    async def main() -> None:
        shutdown, has_run = asyncio.Event(), asyncio.Event()
        monitor.subscribe(lambda _change: has_run.set())
        running = asyncio.create_task(monitor.run(shutdown))
        await has_run.wait()
        assert monitor.get_status("blocking").status is Status.HEALTHY
        assert monitor.is_running
        with pytest.raises(ConfigurationError, match=r"it is running already: stop\(\) it first"):
            await monitor.run(asyncio.Event())
        monitor.start()
        assert len(_threads()) == 1  # The one that is blocked.
        assert not monitor.stop(0.01)  # It ends what runs on the thread, not what runs here.
        assert monitor.is_running
        shutdown.set()
        await running

    asyncio.run(main())
    assert blocking.runs[1:] == [threading.current_thread()]
    release.set()
    assert monitor.stop(_LONG)
    assert monitor.get_status("blocking").status is Status.HEALTHY


def test_a_thread_whose_place_the_programs_loop_has_taken_ends_quietly(monitor: HealthMonitor) -> None:
    """The program may begin to run the checks while the thread is just starting."""

    async def main() -> None:
        shutdown = asyncio.Event()
        monitor._thread = LoopThread("vitalspan-health", monitor._run_on_thread)
        running = asyncio.create_task(monitor.run(shutdown))
        await asyncio.sleep(0)
        monitor._thread.start()
        assert monitor._thread.stop(_LONG)
        assert monitor.is_running
        shutdown.set()
        await running

    asyncio.run(main())


def test_starting_a_monitor_that_runs_in_the_programs_loop_does_nothing(monitor: HealthMonitor) -> None:
    async def main() -> None:
        shutdown = asyncio.Event()
        running = asyncio.create_task(monitor.run(shutdown))
        await asyncio.sleep(0)
        monitor.start()
        assert _threads() == []
        shutdown.set()
        await running

    asyncio.run(main())


def test_a_monitor_on_its_own_thread_does_not_run_in_the_programs_loop_too(monitor: HealthMonitor) -> None:
    has_run = _when_run(monitor, "database")
    monitor.start()
    assert has_run.wait(_LONG)
    with pytest.raises(ConfigurationError, match=r"it is running already: stop\(\) it first"):
        asyncio.run(monitor.run(asyncio.Event()))


def test_stopping_waits_no_longer_than_it_was_told_for_a_check_that_hangs(monitor: HealthMonitor) -> None:
    begun = threading.Event()
    hanging: list[tuple[Stubborn, asyncio.AbstractEventLoop]] = []

    @monitor.check("stubborn")
    async def stubborn() -> None:
        hanging.append((Stubborn(), asyncio.get_running_loop()))
        begun.set()
        await hanging[0][0]()

    monitor.start()
    assert begun.wait(_LONG)
    assert not monitor.stop(0.01)
    check, loop = hanging[0]
    loop.call_soon_threadsafe(check.release)
    assert monitor.stop(_LONG)


def test_a_sync_check_that_hangs_does_not_keep_the_monitor_from_stopping(
    monitor: HealthMonitor, release: threading.Event
) -> None:
    begun = threading.Event()

    @monitor.check("hanging")
    def hanging() -> None:
        begun.set()
        release.wait()

    monitor.start()
    assert begun.wait(_LONG)
    assert monitor.stop(_LONG)
    assert not release.is_set()


def test_a_listener_may_stop_the_monitor(monitor: HealthMonitor) -> None:
    """It runs on the monitor's thread, which cannot wait for its own end."""
    answers: list[bool] = []
    monitor.subscribe(lambda _change: answers.append(monitor.stop(_LONG)))
    has_run = _when_run(monitor, "database")
    monitor.start()
    assert has_run.wait(_LONG)
    assert monitor.stop(_LONG)
    assert answers == [False]


def test_checks_are_registered_and_unregistered_from_any_thread(monitor: HealthMonitor) -> None:
    monitor.start()
    with ThreadPoolExecutor(4) as pool:
        events = list(pool.map(lambda number: _when_run(monitor, f"c{number}"), range(20)))
    assert all(event.wait(_LONG) for event in events)
    assert {finding.status for finding in monitor.get_all_statuses().values()} == {Status.HEALTHY}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(monitor.unregister_check, list(monitor.get_all_statuses())))
    assert not monitor.get_all_statuses()


# check_now, from another loop


def test_checking_now_from_another_loop_runs_the_check_in_the_monitors(monitor: HealthMonitor) -> None:
    """That is where its clients belong."""
    has_run = _when_run(monitor, "first")
    threads: list[str] = []

    @monitor.check("database", interval=1000)
    async def database() -> None:
        threads.append(threading.current_thread().name)

    monitor.start()
    assert has_run.wait(_LONG)
    assert asyncio.run(monitor.check_now("database")).status is Status.HEALTHY
    assert set(threads) == {"vitalspan-health"}


def test_checking_now_in_two_threads_without_a_monitor_is_one_run(
    monitor: HealthMonitor, release: threading.Event
) -> None:
    """A sync check asked by two requests at once must not find that it hangs."""
    starts: list[str] = []
    begun = threading.Event()

    @monitor.check("database", timeout=_LONG)
    def database() -> None:
        starts.append("database")
        begun.set()
        release.wait()

    async def join() -> HealthStatus:
        asyncio.get_running_loop().call_soon(release.set)  # Once it waits.
        return await monitor.check_now("database")

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(lambda: asyncio.run(monitor.check_now("database")))
        assert begun.wait(_LONG)
        second = asyncio.run(join())
    assert first.result(_LONG) == second
    assert second.status is Status.HEALTHY
    assert starts == ["database"]


def test_checking_now_gives_up_on_a_monitor_whose_loop_is_blocked(monitor: HealthMonitor, clock: ManualClock) -> None:
    monitor.register_check(ScriptedCheck(), timeout=2)
    shutdown = asyncio.Event()
    blocked = asyncio.new_event_loop()
    running = blocked.create_task(monitor.run(shutdown))
    blocked.run_until_complete(asyncio.sleep(0))
    finding = run(clock, monitor.check_now("database"))
    assert finding.message == "not checked yet"
    assert clock.monotonic() == 1003
    shutdown.set()
    blocked.run_until_complete(running)
    blocked.close()


def test_a_run_loop_that_was_closed_meanwhile_is_asked_in_vain(clock: ManualClock) -> None:
    """The program ended its loop between the question and the answer: nobody may feel it."""
    ran: list[str] = []

    async def note(component_id: str, _run_loop: RunLoop) -> None:
        ran.append(component_id)

    async def new_run_loop() -> RunLoop:
        return RunLoop(note, lambda _component_id: 1.0, clock)

    run_loop = asyncio.run(new_run_loop())
    run_loop.begin("database")
    asyncio.run(run_loop.now("database", 1))
    assert ran == []


def test_a_run_loop_that_is_retired_runs_nothing_and_ends(clock: ManualClock) -> None:
    """Whatever was asked of it while a check blocked it, another one does now."""
    ran: list[str] = []

    async def note(component_id: str, _run_loop: RunLoop) -> None:
        ran.append(component_id)

    async def main() -> None:
        run_loop = RunLoop(note, lambda _component_id: 1.0, clock)
        run_loop.begin("database")
        run_loop.retire()
        await run_loop.now("database", 1)
        await run_loop.until(asyncio.Event())

    asyncio.run(main())
    assert ran == []
