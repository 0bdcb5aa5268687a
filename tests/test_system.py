"""MonitoringSystem: monitor, collector and event bus, wired together."""

import asyncio
import sqlite3
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from tests.fakes import ManualClock, Telemetry
from tests.health._parts import ScriptedCheck, Stubborn, run
from vitalspan import ConfigurationError, DuplicateCheckError, MonitoringSystem, SystemComponents
from vitalspan.health import Event, EventBus, EventType, HealthMonitor, Status
from vitalspan.metrics import Metric, MetricsBackend, MetricsCollector


class _Backend:
    """A metrics backend that notes what it is sent."""

    def __init__(self) -> None:
        self.sent: list[list[str]] = []

    def send_metrics(self, metrics: Sequence[Metric]) -> None:
        self.sent.append([metric.name for metric in metrics])


class _HangingBackend:
    def __init__(self, release: threading.Event) -> None:
        self._release = release

    def send_metrics(self, metrics: Sequence[Metric]) -> None:
        self._release.wait()


class _Agents:
    async def active_actor_count(self) -> int:
        return 1

    async def spawn_test_actor(self) -> None: ...


class _Tree:
    def children(self) -> list[Any]:
        return []


class _Owner:
    """Owns an event loop, as `asyncio.Runner` does."""

    def __init__(self, loop: object) -> None:
        self._loop = loop

    def get_loop(self) -> Any:
        return self._loop


def _new_system(
    telemetry: Telemetry, clock: ManualClock, *backends: MetricsBackend, **options: Any
) -> MonitoringSystem:
    providers: dict[str, Any] = {"meter_provider": telemetry.meter_provider, "clock": clock}
    return MonitoringSystem(
        monitor=HealthMonitor(tracer_provider=telemetry.tracer_provider, **providers),
        collector=MetricsCollector(*backends, **providers),
        **options,
    )


@pytest.fixture(name="system")
def _system(telemetry: Telemetry, clock: ManualClock) -> MonitoringSystem:
    return _new_system(telemetry, clock)


@pytest.fixture(name="release")
def _release() -> Any:
    release = threading.Event()
    yield release
    release.set()


# Wiring


def test_what_is_not_given_is_made() -> None:
    system = MonitoringSystem()
    assert isinstance(system.event_bus, EventBus)
    assert isinstance(system.monitor, HealthMonitor)
    assert isinstance(system.collector, MetricsCollector)


def test_what_is_given_is_used(telemetry: Telemetry, clock: ManualClock) -> None:
    bus = EventBus()
    system = _new_system(telemetry, clock, event_bus=bus)
    assert system.event_bus is bus


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), True, "2"])
def test_the_timeout_is_seconds_above_zero(seconds: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"^shutdown_timeout is {seconds!r}: give seconds above zero"):
        MonitoringSystem(shutdown_timeout=seconds)


def test_each_change_of_a_status_is_an_event_that_is_counted(system: MonitoringSystem, telemetry: Telemetry) -> None:
    heard: list[Event] = []
    for event_type in EventType:
        system.event_bus.subscribe(event_type, heard.append)
    answers = [Status.HEALTHY, Status.HEALTHY, Status.DEGRADED, Status.UNHEALTHY, Status.HEALTHY]
    system.monitor.register_check(ScriptedCheck(answers))
    for _ in answers:
        asyncio.run(system.monitor.check_now("database"))
    assert [event.event_type for event in heard] == [
        EventType.HEALTH_CHECK_PASSED,
        EventType.HEALTH_CHECK_FAILED,
        EventType.HEALTH_CHECK_FAILED,
        EventType.HEALTH_CHECK_PASSED,
    ]
    assert {event.payload["component_id"] for event in heard} == {"database"}
    change: Any = heard[1].payload["change"]
    assert (change.previous.status, change.current.status) == (Status.HEALTHY, Status.DEGRADED)
    assert telemetry.values("event.published", "event.type") == {
        ("health_check_passed",): 2,
        ("health_check_failed",): 2,
    }


def test_a_handler_that_raises_is_counted(system: MonitoringSystem, telemetry: Telemetry) -> None:
    system.event_bus.subscribe(EventType.HEALTH_CHECK_PASSED, lambda event: event.payload["nonsense"])
    system.monitor.register_check(ScriptedCheck())
    assert asyncio.run(system.monitor.check_now("database")).status is Status.HEALTHY
    assert telemetry.values("event.handler.errors", "event.type", "error.type") == {
        ("health_check_passed", "KeyError"): 1
    }


def test_a_bus_of_two_systems_counts_each_event_once(telemetry: Telemetry, clock: ManualClock) -> None:
    bus = EventBus()
    systems = [_new_system(telemetry, clock, event_bus=bus) for _ in range(2)]
    bus.publish(Event("order.shipped"))
    assert telemetry.values("event.published", "event.type") == {("order.shipped",): 1}
    assert len(systems) == 2


# Components


def test_each_component_gets_the_check_that_fits_it(system: MonitoringSystem) -> None:
    async def main() -> None:
        system.register_component_health_checks(
            SystemComponents(
                runtime_manager=asyncio.get_running_loop(),
                actor_system=_Agents(),
                database_pool=lambda: sqlite3.connect(":memory:"),
                supervision_tree=_Tree(),
            )
        )
        for component_id in list(system.monitor.get_all_statuses()):
            await system.monitor.check_now(component_id)

    asyncio.run(main())
    assert set(system.monitor.get_all_statuses()) == {"runtime", "agent_system", "database", "supervision_tree"}
    assert Status.UNKNOWN not in {finding.status for finding in system.monitor.get_all_statuses().values()}


def test_what_is_left_out_is_not_checked(system: MonitoringSystem) -> None:
    system.register_component_health_checks(SystemComponents())
    assert not system.monitor.get_all_statuses()
    system.register_component_health_checks(SystemComponents(supervision_tree=_Tree()))
    assert set(system.monitor.get_all_statuses()) == {"supervision_tree"}


def test_what_owns_the_event_loop_is_asked_for_it(system: MonitoringSystem) -> None:
    with asyncio.Runner() as program:
        system.register_component_health_checks(SystemComponents(runtime_manager=program))
        assert program.run(system.monitor.check_now("runtime")).message != "the event loop is closed"
    assert asyncio.run(system.monitor.check_now("runtime")).message == "the event loop is closed"


@pytest.mark.parametrize(
    ("component", "value", "what"),
    [
        ("runtime_manager", "uvloop", "runtime_manager"),
        ("runtime_manager", object(), "runtime_manager"),
        ("runtime_manager", asyncio.Runner, "runtime_manager"),
        ("runtime_manager", _Owner("uvloop"), "loop"),
        ("actor_system", object(), "agent_system"),
        ("database_pool", "sqlite://", "database"),
        ("supervision_tree", [], "tree"),
    ],
)
def test_a_component_that_no_check_fits_is_refused_and_none_registered(
    system: MonitoringSystem, component: str, value: Any, what: str
) -> None:
    components: dict[str, Any] = {"actor_system": _Agents(), component: value}
    with pytest.raises(ConfigurationError, match="give ") as raised:
        system.register_component_health_checks(SystemComponents(**components))
    assert raised.value.what == what
    assert not system.monitor.get_all_statuses()


def test_a_component_is_registered_once(system: MonitoringSystem) -> None:
    system.register_component_health_checks(SystemComponents(supervision_tree=_Tree()))
    with pytest.raises(DuplicateCheckError, match="'supervision_tree' is already registered"):
        system.register_component_health_checks(SystemComponents(supervision_tree=_Tree()))


# Running


def test_a_system_runs_its_checks_until_the_block_is_left(system: MonitoringSystem, clock: ManualClock) -> None:
    check = ScriptedCheck()
    system.monitor.register_check(check)

    async def main() -> None:
        async with system as entered:
            assert entered is system
            await asyncio.sleep(15)
            assert system.monitor.is_running
        assert not system.monitor.is_running

    run(clock, main())
    assert check.runs == 2


def test_a_system_that_has_ended_can_be_started_again(system: MonitoringSystem, clock: ManualClock) -> None:
    check = ScriptedCheck()
    system.monitor.register_check(check)

    async def main() -> None:
        for _ in range(2):
            async with system:
                await asyncio.sleep(5)

    run(clock, main())
    assert check.runs == 2


def test_a_system_runs_until_its_event_is_set_and_flushes_once_more(telemetry: Telemetry, clock: ManualClock) -> None:
    backend = _Backend()
    system = _new_system(telemetry, clock, backend)

    async def main() -> None:
        shutdown = asyncio.Event()
        running = asyncio.create_task(system.start(shutdown))
        await asyncio.sleep(0)
        system.event_bus.publish(Event("order.shipped"))
        shutdown.set()
        await running

    asyncio.run(main())
    assert backend.sent == [["event.published"]]


def test_a_system_runs_once_at_a_time(system: MonitoringSystem, clock: ManualClock) -> None:
    async def main() -> None:
        async with system:
            with pytest.raises(ConfigurationError, match="running already: leave or stop it first"):
                await system.__aenter__()
            await asyncio.sleep(0)
            with pytest.raises(ConfigurationError, match="it is running already"):
                await system.start(asyncio.Event())
            assert system.monitor.is_running

    run(clock, main())


def test_a_system_whose_monitor_runs_elsewhere_is_not_entered(system: MonitoringSystem) -> None:
    has_run = threading.Event()
    system.monitor.subscribe(lambda _change: has_run.set())
    system.monitor.register_check(ScriptedCheck())
    system.monitor.start()
    assert has_run.wait(10)

    async def main() -> None:
        with pytest.raises(ConfigurationError, match="running already: leave or stop it first"):
            await system.__aenter__()

    asyncio.run(main())
    assert system.monitor.stop(10)


def test_leaving_what_was_not_entered_does_nothing(system: MonitoringSystem) -> None:
    asyncio.run(system.__aexit__(None, None, None))
    assert not system.monitor.is_running


def test_an_error_in_the_block_ends_the_system_and_passes(system: MonitoringSystem, clock: ManualClock) -> None:
    async def main() -> None:
        async with system:
            await asyncio.sleep(1)
            raise KeyError("order")

    with pytest.raises(KeyError, match="order"):
        run(clock, main())
    assert not system.monitor.is_running


def test_a_system_that_is_cancelled_ends(system: MonitoringSystem, clock: ManualClock) -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(system.start(asyncio.Event()), 1)
        assert not system.monitor.is_running

    run(clock, main())


def test_a_system_ends_within_its_timeout_though_a_check_hangs(system: MonitoringSystem, clock: ManualClock) -> None:
    async def main() -> float:
        stubborn = Stubborn()
        system.monitor.check("stubborn")(stubborn)
        system.monitor.check("hanging")(asyncio.Event().wait)
        async with system:
            await asyncio.sleep(1)
            begin = clock.monotonic()
        seconds = clock.monotonic() - begin
        stubborn.release()
        return seconds

    assert run(clock, main()) <= 2


def test_a_system_ends_within_its_timeout_though_a_backend_hangs(
    telemetry: Telemetry, clock: ManualClock, release: threading.Event
) -> None:
    system = _new_system(telemetry, clock, _HangingBackend(release), shutdown_timeout=3)

    async def main() -> float:
        async with system:
            system.event_bus.publish(Event("order.shipped"))
            await asyncio.sleep(1)
            begin = clock.monotonic()
        return clock.monotonic() - begin

    assert run(clock, main()) <= 3
    assert not release.is_set()


@pytest.mark.parametrize("part", ["event_bus", "monitor", "collector"])
def test_a_part_of_another_kind_is_refused(part: str) -> None:
    given: dict[str, Any] = {part: 3}
    with pytest.raises(ConfigurationError) as raised:
        MonitoringSystem(**given)
    assert (raised.value.what, raised.value.value) == (part, 3)
