"""HealthMonitor: what is registered, and what is known."""

import asyncio
import time
from collections.abc import Iterable
from typing import Any

import pytest

from tests.fakes import ManualClock
from tests.health._parts import ScriptedCheck, run, run_for
from vitalspan import ConfigurationError, DuplicateCheckError, UnknownComponentError
from vitalspan.health import HealthMonitor, HealthStatus, Probe, Status

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
        ("critical", 1),
        ("critical", None),
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


class _Opaque:
    """Like a compiled method: it can be called, and tells nothing about itself."""

    __signature__ = "unknown"

    def __init__(self, finding: object) -> None:
        self._finding = finding

    def __call__(self) -> object:
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        done.set_result(self._finding)
        return done


@pytest.mark.parametrize("method", ["check", lambda: HealthStatus("database", Status.HEALTHY)])
def test_a_check_whose_method_is_not_async_is_refused_and_says_so(monitor: HealthMonitor, method: object) -> None:
    check: Any = ScriptedCheck()
    check.check = method
    with pytest.raises(
        ConfigurationError, match=r"make its check\(\) a coroutine function: `async def check\(self\)`$"
    ):
        monitor.register_check(check)


def test_a_check_whose_method_does_not_tell_what_it_is_is_seen_when_it_runs(monitor: HealthMonitor) -> None:
    check: Any = ScriptedCheck()
    check.check = _Opaque(HealthStatus("database", Status.DEGRADED))
    monitor.register_check(check)
    assert asyncio.run(monitor.check_now("database")).status is Status.DEGRADED


def test_whether_a_check_is_critical_is_true_or_false(monitor: HealthMonitor) -> None:
    critical: Any = "no"
    with pytest.raises(ConfigurationError, match=r"^critical is 'no': give True or False$"):
        monitor.register_check(ScriptedCheck(), critical=critical)


def test_ten_thousand_checks_are_registered_in_no_time(monitor: HealthMonitor) -> None:
    begin = time.process_time()
    for number in range(10_000):
        monitor.register_check(ScriptedCheck(component_id=f"c{number}"))
    assert time.process_time() - begin < 2
    assert len(monitor.get_all_statuses()) == 10_000


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


def test_a_listener_must_take_one_change(monitor: HealthMonitor) -> None:
    listener: Any = lambda: None  # noqa: E731 - a function of the wrong shape
    with pytest.raises(ConfigurationError, match=r"takes one StatusChange: too many positional arguments$"):
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
