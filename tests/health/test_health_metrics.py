"""What findings are as metrics, exactly as the contract of names says."""

import asyncio
import gc
from collections.abc import Sequence
from typing import Any, Literal

import pytest
from opentelemetry.metrics import CallbackOptions
from opentelemetry.sdk.metrics.export import Gauge, Histogram, HistogramDataPoint, Sum

from tests.fakes import ManualClock, Telemetry
from tests.health._parts import MuteError, ScriptedCheck, find, metrics, new_monitor, run, run_for
from tests.programs import run_program
from vitalspan import _names
from vitalspan._guard import LEDGER
from vitalspan.health import HealthMonitor, HealthStatus, RuntimeHealthCheck, Status
from vitalspan.health._board import Board
from vitalspan.health._telemetry import _Boards

_ALL_FOUR = ("healthy", "degraded", "unknown", "unhealthy")


def _one_of(status: str, *before: object) -> dict[tuple[object, ...], int]:
    return {(*before, each): int(each == status) for each in _ALL_FOUR}


# Gauges


def test_all_four_statuses_are_reported_from_registration_on(telemetry: Telemetry, monitor: HealthMonitor) -> None:
    """So that a query for one status finds a series, also where it was never true."""
    monitor.register_check(ScriptedCheck())
    names = ("health.component", "health.critical", "health.status")
    assert telemetry.values("health.check.status", *names) == _one_of("unknown", "database", True)


def test_the_status_is_1_for_the_one_that_the_component_has(telemetry: Telemetry, monitor: HealthMonitor) -> None:
    monitor.register_check(ScriptedCheck([Status.DEGRADED]), critical=False)
    asyncio.run(monitor.check_now("database"))
    names = ("health.component", "health.critical", "health.status")
    assert telemetry.values("health.check.status", *names) == _one_of("degraded", "database", False)


def test_staleness_is_worked_out_when_the_gauge_is_read(
    telemetry: Telemetry, monitor: HealthMonitor, clock: ManualClock
) -> None:
    """So a monitor whose event loop hangs shows, without anyone running."""
    find(monitor, Status.HEALTHY)
    clock.advance(1000)
    names = ("health.component", "health.status")
    assert telemetry.values("health.check.status", *names) == _one_of("unknown", "database")
    assert telemetry.values("health.system.status", "health.probe", "health.status")["readiness", "unknown"] == 1


def test_the_system_is_reported_for_each_probe(telemetry: Telemetry, monitor: HealthMonitor) -> None:
    monitor.register_check(RuntimeHealthCheck())
    asyncio.run(monitor.check_now("runtime"))
    find(monitor, Status.UNHEALTHY)
    assert telemetry.values("health.system.status", "health.probe", "health.status") == {
        **_one_of("unhealthy", "overall"),
        **_one_of("healthy", "liveness"),
        **_one_of("unhealthy", "readiness"),
        **_one_of("unknown", "startup"),
    }


def test_the_system_without_checks_is_reported_too(telemetry: Telemetry, monitor: HealthMonitor) -> None:
    assert monitor.system_status() is Status.UNKNOWN
    values = telemetry.values("health.system.status", "health.probe", "health.status")
    assert {key for key, value in values.items() if value} == {
        ("overall", "unknown"),
        ("liveness", "healthy"),
        ("readiness", "unknown"),
        ("startup", "unknown"),
    }


def test_statuses_may_be_reported_by_up_down_counters(telemetry: Telemetry, clock: ManualClock) -> None:
    """OpenTelemetry's guide for status metrics: fleets can add them up."""
    monitor = new_monitor(telemetry, clock, status_instrument="updowncounter")
    find(monitor, Status.HEALTHY)
    found = metrics(telemetry)
    for name in ("health.check.status", "health.system.status"):
        assert isinstance(found[name].data, Sum)
        assert not found[name].data.is_monotonic  # type: ignore[union-attr]  # asserted above
    names = ("health.component", "health.status")
    assert telemetry.values("health.check.status", *names) == _one_of("healthy", "database")


def test_time_in_each_status_is_exact(telemetry: Telemetry, monitor: HealthMonitor, clock: ManualClock) -> None:
    """Availability comes from it, whatever the scrape interval."""

    def times() -> dict[tuple[Any, ...], float]:
        return telemetry.values("health.check.status_time", "health.component", "health.status")

    answers = [Status.HEALTHY, Status.HEALTHY, Status.DEGRADED, Status.UNHEALTHY, Status.HEALTHY]
    clock.advance(3)
    monitor.register_check(ScriptedCheck(answers), ttl=15)
    clock.advance(2)
    run(clock, run_for(monitor, 45))
    expected = {"healthy": 20.0 + 5.0, "degraded": 10.0, "unknown": 2.0, "unhealthy": 10.0}
    assert times() == {("database", status): seconds for status, seconds in expected.items()}
    clock.advance(100)
    expected |= {"healthy": expected["healthy"] + 10, "unknown": expected["unknown"] + 90}
    assert times() == {("database", status): seconds for status, seconds in expected.items()}


def test_age_is_the_time_since_the_last_finished_run(
    telemetry: Telemetry, monitor: HealthMonitor, clock: ManualClock
) -> None:
    monitor.register_check(ScriptedCheck())
    clock.advance(4)
    assert telemetry.values("health.check.age", "health.component") == {}
    asyncio.run(monitor.check_now("database"))
    clock.advance(7)
    assert telemetry.values("health.check.age", "health.component") == {("database",): 7}


def test_a_component_without_its_check_is_no_longer_reported(telemetry: Telemetry, monitor: HealthMonitor) -> None:
    find(monitor, Status.HEALTHY)
    monitor.unregister_check("database")
    for name in ("health.check.status", "health.check.status_time", "health.check.age"):
        assert telemetry.points(name) == {}


# Runs


def test_each_run_is_counted_and_timed_by_what_it_found(
    telemetry: Telemetry, monitor: HealthMonitor, clock: ManualClock
) -> None:
    @monitor.check("database", interval=10)
    async def database() -> Status:
        await asyncio.sleep(0.25)
        return Status.DEGRADED

    run(clock, run_for(monitor, 15))
    names = ("health.component", "health.status", "error.type")
    assert telemetry.values("health.check.runs", *names) == {("database", "degraded", None): 2}
    ((key, point),) = telemetry.values("health.check.duration", *names).items()
    assert key == ("database", "degraded", None)
    assert isinstance(point, HistogramDataPoint)
    assert (point.count, point.sum) == (2, 0.5)
    assert tuple(point.explicit_bounds) == _names.DURATION_BOUNDARIES


@pytest.mark.parametrize(
    ("answer", "status", "error_type"),
    [
        (OSError("refused"), "unknown", "OSError"),
        (MuteError(), "unknown", "tests.health._parts.MuteError"),
        (Status.UNHEALTHY, "unhealthy", "unhealthy"),
        (HealthStatus("database", Status.UNHEALTHY, error_type="full"), "unhealthy", "full"),
        (HealthStatus("database", Status.DEGRADED, error_type="slow"), "degraded", None),
    ],
)
def test_a_run_that_failed_says_of_what(
    telemetry: Telemetry, monitor: HealthMonitor, answer: object, status: str, error_type: str | None
) -> None:
    find(monitor, answer)
    names = ("health.component", "health.status", "error.type")
    assert telemetry.values("health.check.runs", *names) == {("database", status, error_type): 1}
    assert list(telemetry.values("health.check.duration", *names)) == [("database", status, error_type)]
    assert telemetry.spans[0].attributes is not None
    assert telemetry.spans[0].attributes.get("error.type") == error_type


def test_a_run_that_timed_out_says_so(telemetry: Telemetry, monitor: HealthMonitor, clock: ManualClock) -> None:
    monitor.check("database", timeout=2)(asyncio.Event().wait)
    run(clock, monitor.check_now("database"))
    names = ("health.status", "error.type")
    assert telemetry.values("health.check.runs", *names) == {("unhealthy", "timeout"): 1}
    assert telemetry.values("health.check.duration", *names)["unhealthy", "timeout"].sum == 2
    assert [event.name for event in telemetry.spans[0].events] == ["health.status_changed"]


def test_changes_are_counted_by_where_they_came_from(telemetry: Telemetry, monitor: HealthMonitor) -> None:
    find(monitor, Status.HEALTHY, Status.HEALTHY, Status.DEGRADED, Status.HEALTHY, Status.DEGRADED)
    names = ("health.component", "health.previous_status", "health.status")
    assert telemetry.values("health.check.transitions", *names) == {
        ("database", "unknown", "healthy"): 1,
        ("database", "healthy", "degraded"): 2,
        ("database", "degraded", "healthy"): 1,
    }


def test_names_units_and_descriptions_are_those_of_the_contract(telemetry: Telemetry, monitor: HealthMonitor) -> None:
    find(monitor, Status.HEALTHY)
    found = metrics(telemetry)
    expected = [named for named in _names.ALL_METRICS if named.name.startswith("health.")]
    assert {(each.name, each.unit, each.description) for each in found.values()} == set(expected)
    kinds = {name: type(metric.data) for name, metric in found.items()}
    assert kinds == {
        "health.check.status": Gauge,
        "health.system.status": Gauge,
        "health.check.duration": Histogram,
        "health.check.runs": Sum,
        "health.check.transitions": Sum,
        "health.check.status_time": Sum,
        "health.check.age": Gauge,
    }
    for name in ("health.check.runs", "health.check.transitions", "health.check.status_time"):
        assert found[name].data.is_monotonic  # type: ignore[union-attr]  # Sum, as asserted above


def test_the_scope_names_the_library_its_version_and_its_conventions(
    telemetry: Telemetry, monitor: HealthMonitor
) -> None:
    find(monitor, Status.HEALTHY)
    data = telemetry.reader.get_metrics_data()
    assert data is not None
    scopes = [scope.scope for resource in data.resource_metrics for scope in resource.scope_metrics]
    scopes += [span.instrumentation_scope for span in telemetry.spans if span.instrumentation_scope]
    assert {(scope.name, scope.version, scope.schema_url) for scope in scopes} == {
        (_names.SCOPE_NAME, _names.VERSION, _names.SCHEMA_URL)
    }


# Several monitors


def test_two_monitors_on_one_provider_both_report(telemetry: Telemetry, clock: ManualClock) -> None:
    """OpenTelemetry ignores the callbacks of a second instrument of the same name."""
    monitors = [new_monitor(telemetry, clock) for _ in range(2)]
    for number, monitor in enumerate(monitors):
        monitor.register_check(ScriptedCheck(component_id=f"c{number}"))
        asyncio.run(monitor.check_now(f"c{number}"))
    for name in ("health.check.status", "health.check.status_time", "health.check.age", "health.check.runs"):
        assert set(telemetry.values(name, "health.component")) == {("c0",), ("c1",)}


def _system(telemetry: Telemetry) -> dict[str, str]:
    """Return the one status that each probe reports."""
    points = telemetry.values("health.system.status", "health.probe", "health.status")
    return {probe: status for (probe, status), value in points.items() if value == 1}


def test_a_system_is_reported_once_over_all_monitors_of_a_provider(telemetry: Telemetry, clock: ManualClock) -> None:
    """Two points of the same attributes would overwrite each other."""
    monitors = [new_monitor(telemetry, clock) for _ in range(2)]
    for number, (monitor, status) in enumerate(zip(monitors, (Status.UNHEALTHY, Status.HEALTHY), strict=True)):
        monitor.register_check(ScriptedCheck([status], f"c{number}"))
        asyncio.run(monitor.check_now(f"c{number}"))
    assert _system(telemetry) == {
        "overall": "unhealthy",
        "liveness": "healthy",
        "readiness": "unhealthy",
        "startup": "unknown",
    }


@pytest.mark.parametrize("kind", ["gauge", "updowncounter"])
def test_a_monitor_without_checks_never_contradicts_one_that_has_some(
    telemetry: Telemetry, clock: ManualClock, kind: Literal["gauge", "updowncounter"]
) -> None:
    real = new_monitor(telemetry, clock)
    empty = new_monitor(telemetry, clock, status_instrument=kind)
    assert set(_system(telemetry).values()) == {"unknown", "healthy"}
    assert find(real, Status.HEALTHY).status is Status.HEALTHY
    assert set(_system(telemetry).values()) == {"healthy"}
    assert empty.system_status() is Status.UNKNOWN


def test_two_monitors_of_different_instruments_both_report(telemetry: Telemetry, clock: ManualClock) -> None:
    kinds: list[Literal["gauge", "updowncounter"]] = ["gauge", "updowncounter"]
    monitors = [new_monitor(telemetry, clock, status_instrument=kind) for kind in kinds]
    for number, monitor in enumerate(monitors):
        monitor.register_check(ScriptedCheck(component_id=f"c{number}"))
        asyncio.run(monitor.check_now(f"c{number}"))
    for name in ("health.check.status", "health.check.status_time", "health.check.age", "health.check.runs"):
        assert set(telemetry.values(name, "health.component")) == {("c0",), ("c1",)}


def test_monitors_of_different_providers_report_each_to_its_own(clock: ManualClock) -> None:
    first, second = Telemetry(), Telemetry()
    monitors = [new_monitor(first, clock), new_monitor(second, clock)]
    for number, monitor in enumerate(monitors):
        monitor.register_check(ScriptedCheck(component_id=f"c{number}"))
    assert set(first.values("health.check.status", "health.component")) == {("c0",)}
    assert set(second.values("health.check.status", "health.component")) == {("c1",)}


def test_a_monitor_that_is_gone_is_no_longer_reported(telemetry: Telemetry, clock: ManualClock) -> None:
    """A test or a reload that makes a monitor anew leaves no ghost."""
    monitor = new_monitor(telemetry, clock)
    find(monitor, Status.HEALTHY)
    assert telemetry.points("health.check.status")
    del monitor
    gc.collect()
    for name in ("health.check.status", "health.system.status", "health.check.status_time", "health.check.age"):
        assert telemetry.points(name) == {}
    successor = new_monitor(telemetry, clock)
    successor.register_check(ScriptedCheck(component_id="cache"))
    assert set(telemetry.values("health.check.status", "health.component")) == {("cache",)}


def test_a_board_that_cannot_be_read_is_counted_and_does_not_raise(clock: ManualClock) -> None:
    """An exception in a callback would cost the whole collection."""

    def broken(_boards: Sequence[Board]) -> list[Any]:
        raise ZeroDivisionError

    boards, board = _Boards(), Board(clock)
    boards.add(board)
    before = LEDGER.dropped().get(("health", "ZeroDivisionError"), 0)
    assert list(boards._reading(_names.CHECK_AGE, broken)(CallbackOptions())) == []
    assert LEDGER.dropped()["health", "ZeroDivisionError"] == before + 1


def test_without_a_provider_a_monitor_reports_to_the_global_one_also_when_it_is_set_later() -> None:
    ran = run_program("""
        from opentelemetry.metrics import set_meter_provider
        from tests.fakes import Telemetry
        from tests.health._parts import ScriptedCheck
        from vitalspan.health import HealthMonitor

        early = HealthMonitor()
        early.register_check(ScriptedCheck(component_id="early"))
        telemetry = Telemetry()
        set_meter_provider(telemetry.meter_provider)
        late = HealthMonitor()
        late.register_check(ScriptedCheck(component_id="late"))
        named = HealthMonitor(meter_provider=telemetry.meter_provider)
        named.register_check(ScriptedCheck(component_id="named"))
        show(*sorted(key[0] for key in telemetry.values("health.check.status", "health.component")))
    """)
    assert (ran.printed, ran.log) == ([["early", "late", "named"]], "")
