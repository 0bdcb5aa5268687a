"""What findings make of a component's record."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitalspan.health import HealthStatus, Probe, Status
from vitalspan.health._record import Record, advance, new_record, read, status_at, time_in_status
from vitalspan.health._record import system_status as answer_of

_NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
_LATER = datetime(2026, 1, 1, 13, tzinfo=UTC)
_ASKED = frozenset({Probe.READINESS, Probe.STARTUP})

# Whole seconds, so that sums of floats are exact. None: nothing was found, somebody only reads.
_HISTORY = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(Status) | st.none()), max_size=30)


def _record(
    status: Status | None = None, *, is_critical: bool = True, probes: frozenset[Probe] = _ASKED, now: float = 0
) -> Record:
    """Return the record of a component that reads *status* since *now*; None: its check has not run."""
    record = new_record("database", now=now, since=_NOON, ttl=10, is_critical=is_critical, probes=probes)
    return record if status is None else _after(record, status, now)


def _after(record: Record, status: Status, now: float, *, failed: bool = False) -> Record:
    return advance(record, HealthStatus("database", status, last_check=_LATER), now=now, failed=failed)[0]


@given(_HISTORY, st.integers(1, 20))
def test_time_in_status_is_what_one_would_have_read_each_second(
    history: list[tuple[int, Status | None]], ttl: int
) -> None:
    """So it sums up to the elapsed time, never decreases, and counts stale time as unknown."""
    record = new_record("database", now=0, since=_NOON, ttl=ttl, is_critical=True, probes=_ASKED)
    now = 0
    expected = dict.fromkeys(Status, 0)
    for seconds, status in history:
        for second in range(now, now + seconds):
            expected[status_at(record, second + 0.5)] += 1
            before = time_in_status(record, second)
            assert all(time_in_status(record, second + 1)[each] >= before[each] for each in Status)
        now += seconds
        assert time_in_status(record, now) == expected
        assert sum(time_in_status(record, now).values()) == now
        if status is not None:
            record = _after(record, status, now)
            assert time_in_status(record, now) == expected


def test_a_component_is_unknown_until_its_check_has_run() -> None:
    record = _record()
    assert read(record, 0) == HealthStatus("database", Status.UNKNOWN, message="not checked yet", since=_NOON)


def test_what_has_never_run_is_not_stale() -> None:
    """It says already that nothing is known."""
    assert read(_record(), 1000).message == "not checked yet"


def test_the_first_finding_is_a_change_from_unknown() -> None:
    finding = HealthStatus("database", Status.HEALTHY, last_check=_LATER)
    record, change = advance(_record(), finding, now=3, failed=False)
    assert change is not None
    assert (change.previous.status, change.current.status) == (Status.UNKNOWN, Status.HEALTHY)
    assert (change.previous_status_time, change.current.since) == (3, _LATER)
    assert (record.finding, record.entered, record.finished) == (change.current, 3, 3)


def test_the_same_status_again_is_no_change_and_keeps_since_when() -> None:
    record = _record(Status.HEALTHY)
    finding = HealthStatus("database", Status.HEALTHY, message="still", last_check=_NOON)
    again, change = advance(record, finding, now=5, failed=False)
    assert change is None
    assert (again.finding.message, again.finding.since, again.entered, again.finished) == ("still", _LATER, 0, 5)


def test_failures_in_a_row_are_counted_and_a_good_run_ends_the_row() -> None:
    record = _record(Status.HEALTHY)
    counts: list[int] = []
    for now, failed in enumerate((True, True, False, True)):
        record = _after(record, Status.UNHEALTHY if failed else Status.HEALTHY, now, failed=failed)
        counts.append(record.finding.consecutive_failures)
    assert counts == [1, 2, 0, 1]


@pytest.mark.parametrize(("now", "status"), [(10, Status.HEALTHY), (10.1, Status.UNKNOWN)])
def test_a_finding_older_than_its_ttl_reads_unknown(now: float, status: Status) -> None:
    record = _record(Status.HEALTHY)
    assert (status_at(record, now), read(record, now).status) == (status, status)


def test_a_stale_finding_says_for_how_long_no_run_has_ended() -> None:
    stale = read(_record(Status.HEALTHY), 25)
    assert stale.message == "no run has ended for 25.0 s, longer than its ttl of 10.0 s"
    assert stale.last_check == _LATER


def test_a_stale_finding_is_unknown_since_it_became_stale_and_tells_nothing_of_the_last_run() -> None:
    last = replace(_record(Status.HEALTHY).finding, duration=0.5, trace_id="abc")
    stale = read(replace(_record(Status.HEALTHY), finding=last), 25)
    assert (stale.since, stale.duration, stale.trace_id) == (_LATER + timedelta(seconds=10), 0.0, "")


def test_what_was_unknown_before_it_became_stale_is_unknown_since_then() -> None:
    assert read(_after(_record(Status.HEALTHY), Status.UNKNOWN, 5), 25).since == _LATER
    assert read(_record(Status.UNKNOWN), 25).since == _NOON


@pytest.mark.parametrize("status", [Status.HEALTHY, Status.UNHEALTHY])
def test_a_finding_that_ends_staleness_is_a_change_from_unknown(status: Status) -> None:
    """That is what was reported meanwhile; also where the status is the one of before."""
    finding = HealthStatus("database", status, last_check=_LATER)
    record, change = advance(_record(Status.HEALTHY), finding, now=100, failed=False)
    assert status_at(record, 100) is status
    assert change is not None
    assert (change.previous.status, change.current.status, change.previous_status_time) == (Status.UNKNOWN, status, 90)
    assert (record.entered, record.finding.since) == (100, _LATER)


def test_unknown_after_staleness_is_no_change() -> None:
    finding = HealthStatus("database", Status.UNKNOWN, last_check=_NOON)
    record, change = advance(_record(Status.HEALTHY), finding, now=100, failed=True)
    assert change is None
    assert (record.entered, record.finding.since) == (10, _LATER + timedelta(seconds=10))


@given(st.lists(st.tuples(st.integers(1, 30), st.sampled_from(Status))), st.integers(1, 20))
def test_a_change_tells_what_one_would_have_read_before_it_and_for_how_long(
    history: list[tuple[int, Status]], ttl: int
) -> None:
    record = new_record("database", now=0, since=_NOON, ttl=ttl, is_critical=True, probes=_ASKED)
    now = 0
    seen: list[Status] = []
    for seconds, status in history:
        seen += [status_at(record, second + 0.5) for second in range(now, now + seconds)]
        now += seconds
        record, change = advance(record, HealthStatus("database", status, last_check=_LATER), now=now, failed=False)
        assert (change is None) == (status is seen[-1])
        if change is not None:
            assert change.previous.status is seen[-1]
            assert change.previous_status_time == len(list(next(groupby(reversed(seen)))[1]))


# What the system answers


def system_status(records: Iterable[Record], probe: Probe, now: float) -> Status:
    """Return what the system of *records* answers *now*."""
    return answer_of([(record, status_at(record, now)) for record in records], probe)


_CONCERNED = _record(Status.UNHEALTHY)
_UNCONCERNED = _record(Status.UNHEALTHY, probes=frozenset())


@pytest.mark.parametrize(
    ("probe", "status"),
    [
        (Probe.OVERALL, Status.UNKNOWN),
        (Probe.READINESS, Status.UNKNOWN),
        (Probe.STARTUP, Status.UNKNOWN),
        (Probe.LIVENESS, Status.HEALTHY),
    ],
)
def test_of_no_components_everything_is_unknown_but_the_process_is_alive(probe: Probe, status: Status) -> None:
    assert system_status([], probe, 0) is status


@pytest.mark.parametrize(
    ("probes", "answers"),
    [
        (frozenset[Probe](), (Status.UNHEALTHY, Status.UNKNOWN, Status.HEALTHY)),
        (frozenset({Probe.READINESS}), (Status.UNHEALTHY, Status.UNHEALTHY, Status.HEALTHY)),
        (frozenset({Probe.LIVENESS}), (Status.UNHEALTHY, Status.UNKNOWN, Status.UNHEALTHY)),
    ],
)
def test_a_component_counts_for_the_probes_that_ask_about_it_and_for_the_whole(
    probes: frozenset[Probe], answers: tuple[Status, ...]
) -> None:
    records = [_record(Status.UNHEALTHY, probes=probes)]
    asked = (Probe.OVERALL, Probe.READINESS, Probe.LIVENESS)
    assert tuple(system_status(records, probe, 0) for probe in asked) == answers


def test_a_stale_component_makes_the_system_unknown() -> None:
    assert system_status([_record(Status.HEALTHY)], Probe.READINESS, 11) is Status.UNKNOWN


@pytest.mark.parametrize(
    ("statuses", "answer"),
    [
        ((Status.HEALTHY, Status.DEGRADED), Status.HEALTHY),
        ((Status.HEALTHY, None), Status.UNKNOWN),
        ((Status.HEALTHY, Status.UNHEALTHY), Status.UNKNOWN),
        ((Status.HEALTHY, Status.UNKNOWN), Status.UNKNOWN),
    ],
)
def test_startup_is_done_once_every_critical_check_was_ready(
    statuses: tuple[Status | None, ...], answer: Status
) -> None:
    assert system_status([_record(status) for status in statuses], Probe.STARTUP, 0) is answer


@given(st.lists(st.sampled_from(Status)))
def test_startup_that_is_done_stays_done(statuses: list[Status]) -> None:
    """What breaks later is for the other probes: a restart of the start mends nothing."""
    record = _record(Status.HEALTHY)
    for now, status in enumerate(statuses):
        record = _after(record, status, now)
    assert system_status([record], Probe.STARTUP, 1000) is Status.HEALTHY


def test_startup_does_not_wait_for_what_is_not_critical() -> None:
    assert system_status([_record(Status.HEALTHY), _record(is_critical=False)], Probe.STARTUP, 0) is Status.HEALTHY
    assert system_status([_record(Status.UNHEALTHY, is_critical=False)], Probe.STARTUP, 0) is Status.HEALTHY
