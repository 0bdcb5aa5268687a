"""What is known of one component, and how a finding changes it. Pure: times come in as arguments."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from vitalspan.health._status import HealthStatus, Probe, Status, StatusChange, aggregate, is_ready

__all__ = ["Record", "advance", "new_record", "read", "status_at", "system_status", "time_in_status"]

_NO_TIME: Mapping[Status, float] = MappingProxyType(dict.fromkeys(Status, 0.0))


@dataclass(frozen=True, slots=True)
class Record:
    """One component at the moment of its last finding. Monotonic times are in seconds.

    Attributes:
        finding: The last finding; before the first run, unknown.
        entered: When the component came to have the finding's status.
        finished: When the last run ended; before the first run, when the component was registered.
        spent: Seconds spent in each status until *finished*.
        ttl: Seconds after which the finding no longer says anything.
        is_critical: Whether the system is unhealthy when this component is.
        probes: The probes that ask about it, besides `Probe.OVERALL`.
        has_run: Whether a run has finished.
        has_been_ready: Whether any run found it ready.
    """

    finding: HealthStatus
    entered: float
    finished: float
    spent: Mapping[Status, float]
    ttl: float
    is_critical: bool
    probes: frozenset[Probe]
    has_run: bool = False
    has_been_ready: bool = False


def new_record(
    component_id: str, *, now: float, since: datetime, ttl: float, is_critical: bool, probes: frozenset[Probe]
) -> Record:
    """Return the record of a component whose check has not run yet: unknown *since* it was registered."""
    finding = HealthStatus(component_id, Status.UNKNOWN, message="not checked yet", since=since)
    return Record(finding, now, now, _NO_TIME, ttl, is_critical, probes)


def advance(record: Record, finding: HealthStatus, *, now: float, failed: bool) -> tuple[Record, StatusChange | None]:
    """Return the record after *finding*, and the change of status if it is one.

    Args:
        record: What was known.
        finding: What the run that ended *now* found; its `last_check` is set. It is compared with what was
            reported: unknown, where the last finding had become stale.
        now: Monotonic seconds.
        failed: Whether the run was unhealthy or could not be done.
    """
    before = read(record, now)
    entered = record.finished + record.ttl if _has_expired(record, now) else record.entered
    has_changed = finding.status is not before.status
    finding = replace(
        finding,
        since=finding.last_check if has_changed else before.since,
        consecutive_failures=before.consecutive_failures + 1 if failed else 0,
    )
    advanced = replace(
        record,
        finding=finding,
        entered=now if has_changed else entered,
        finished=now,
        spent=time_in_status(record, now),
        has_run=True,
        has_been_ready=record.has_been_ready or is_ready(finding.status),
    )
    change = StatusChange(before, finding, max(0.0, now - entered)) if has_changed else None
    return advanced, change


def is_stale(record: Record, now: float) -> bool:
    """Tell whether the last finding is older than its ttl: the monitor hangs, or is not running."""
    return record.has_run and now - record.finished > record.ttl


def status_at(record: Record, now: float) -> Status:
    """Return the status to report *now*: unknown when the finding is older than its ttl."""
    return Status.UNKNOWN if is_stale(record, now) else record.finding.status


def read(record: Record, now: float) -> HealthStatus:
    """Return the finding to report *now*."""
    if not is_stale(record, now):
        return record.finding
    message = f"no run has ended for {now - record.finished:.1f} s, longer than its ttl of {record.ttl:.1f} s"
    last = record.finding
    # One that was unknown before has only become older.
    since = last.last_check and last.last_check + timedelta(seconds=record.ttl)
    return replace(
        last,
        status=Status.UNKNOWN,
        message=message,
        since=since if _has_expired(record, now) else last.since,
        duration=0.0,
        trace_id="",
    )


def _has_expired(record: Record, now: float) -> bool:
    """Tell whether the status to report has become unknown because the last finding is stale."""
    return is_stale(record, now) and record.finding.status is not Status.UNKNOWN


def time_in_status(record: Record, now: float) -> Mapping[Status, float]:
    """Return the seconds spent in each status until *now*; what is past the ttl counts as unknown."""
    elapsed = max(0.0, now - record.finished)
    fresh = min(elapsed, record.ttl) if record.has_run else elapsed
    spent = dict(record.spent)
    spent[record.finding.status] += fresh
    spent[Status.UNKNOWN] += elapsed - fresh
    return MappingProxyType(spent)


def system_status(components: Iterable[tuple[Record, Status]], probe: Probe) -> Status:
    """Return how the system of *components*, each a record and the status that it reads, answers *probe*.

    Overall and readiness: the aggregate of the components concerned. Liveness is about the process
    only: with no check of it, the process that answers is alive. Startup is done once every critical check
    has had a result that is ready, whatever they find later; until then, and of nothing, it is unknown.
    """
    if probe is Probe.STARTUP:
        known = [record for record, _ in components]
        is_done = bool(known) and all(record.has_been_ready for record in known if record.is_critical)
        return Status.HEALTHY if is_done else Status.UNKNOWN
    concerned = [
        (status, record.is_critical)
        for record, status in components
        if probe is Probe.OVERALL or probe in record.probes
    ]
    if probe is Probe.LIVENESS and not concerned:
        return Status.HEALTHY
    return aggregate(concerned)
