"""Statuses and findings, and how several become one. Pure: no clock, no loop, no telemetry."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import MappingProxyType

__all__ = ["HealthStatus", "Probe", "Status", "StatusChange", "aggregate", "is_ready", "worst"]


class Status(Enum):
    """How a component is. Listed from best to worst."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNKNOWN = "unknown"
    UNHEALTHY = "unhealthy"

    @property
    def severity(self) -> int:
        """How bad it is: 0 for healthy to 3 for unhealthy."""
        return _SEVERITY[self]


_SEVERITY: Mapping[Status, int] = MappingProxyType({status: severity for severity, status in enumerate(Status)})


class Probe(Enum):
    """A question asked from outside, as Kubernetes asks them; `OVERALL` is about every component."""

    OVERALL = "overall"
    LIVENESS = "liveness"
    READINESS = "readiness"
    STARTUP = "startup"


@dataclass(frozen=True, slots=True)
class HealthStatus:
    """One finding about one component.

    Attributes:
        component_id: The component, for example `database`.
        status: How it is.
        last_check: When the run that found it ended, in UTC; None before the first run.
        message: Why, for a person.
        metadata: What was measured, for a person or a machine. Scalar entries leave with the event.
        since: When the component came to have this status, in UTC.
        duration: How long the run took, in seconds.
        error_type: What went wrong, as `error.type`; empty where nothing did.
        consecutive_failures: How many runs in a row, this one included, were unhealthy or could not be done.
        trace_id: The trace of the run as 32 hexadecimal digits; empty where its span was not kept.
    """

    component_id: str
    status: Status
    last_check: datetime | None = None
    message: str = ""
    metadata: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    since: datetime | None = None
    duration: float = 0.0
    error_type: str = ""
    consecutive_failures: int = 0
    trace_id: str = ""


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A component's status became another one.

    Attributes:
        previous: The last finding of the status that it had.
        current: The finding that changed it.
        previous_status_time: How long it had the previous status, in seconds.
    """

    previous: HealthStatus
    current: HealthStatus
    previous_status_time: float


def worst(statuses: Iterable[Status]) -> Status:
    """Return the worst of *statuses*; of none, unknown.

    >>> worst([Status.HEALTHY, Status.DEGRADED])
    <Status.DEGRADED: 'degraded'>
    """
    return max(statuses, key=lambda status: status.severity, default=Status.UNKNOWN)


def aggregate(components: Iterable[tuple[Status, bool]]) -> Status:
    """Return the status of a system of *components*, each a status and whether it is critical.

    The worst of the critical ones; one that is not critical can pull it down to degraded at most.
    Of no components at all it is unknown: nothing is known to be healthy.

    >>> aggregate([(Status.HEALTHY, True), (Status.UNHEALTHY, False)])
    <Status.DEGRADED: 'degraded'>
    """
    return worst(status if is_critical else _softened(status) for status, is_critical in components)


def is_ready(status: Status) -> bool:
    """Tell whether *status* may be sent work: healthy and degraded are ready, unknown is not."""
    return status.severity <= Status.DEGRADED.severity


def _softened(status: Status) -> Status:
    return min(status, Status.DEGRADED, key=lambda each: each.severity)
