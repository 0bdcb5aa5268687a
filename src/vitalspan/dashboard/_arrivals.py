"""What the dashboard keeps of the telemetry that arrives, as values."""

from dataclasses import dataclass
from datetime import UTC, datetime

__all__ = ["EPOCH", "Arrival", "CallsPoint", "HealthEvent", "Source", "StatusPoint"]


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""What OTLP's times count from. A time that a sender leaves out reads as this one."""


@dataclass(frozen=True, slots=True, order=True)
class Source:
    """The process that sent something.

    Attributes:
        service: Its `service.name`.
        instance: Its `service.instance.id`.
    """

    service: str
    instance: str


@dataclass(frozen=True, slots=True)
class StatusPoint:
    """The status that a component had when its gauge was read.

    Attributes:
        source: Who says so.
        time: When the gauge was read.
        component: The component's id.
        status: Its status, in the words of the sender.
        is_critical: Whether the sender's system depends on the component.
    """

    source: Source
    time: datetime
    component: str
    status: str
    is_critical: bool


@dataclass(frozen=True, slots=True)
class HealthEvent:
    """A change of a component's status, as an event on the run that found it.

    Attributes:
        source: Who says so.
        time: When it happened.
        component: The component's id.
        status: What it became.
        previous_status: What it was; empty if the sender does not say.
        message: What the check found, for humans.
        run: The span of the run that found it, in hexadecimal; empty if there is none.
        sequence: Its number in order of arrival, given by the store.
    """

    source: Source
    time: datetime
    component: str
    status: str
    previous_status: str
    message: str
    run: str = ""
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class CallsPoint:
    """One histogram point of the calls of one function with one outcome.

    Attributes:
        source: Who says so.
        time: The end of the time that it covers.
        start: The beginning of that time; the epoch if the sender does not say.
        function: The function's qualified name.
        outcome: How the calls ended; empty if the sender does not say.
        series: What tells this series from others of the same function and outcome.
        is_delta: Whether it counts from the previous point of its series, not from *start* of the series.
        bounds: The upper boundaries of all buckets but the last, in seconds, ascending.
        counts: The calls in each bucket: one more than *bounds*.
    """

    source: Source
    time: datetime
    start: datetime
    function: str
    outcome: str
    series: str
    is_delta: bool
    bounds: tuple[float, ...]
    counts: tuple[int, ...]


Arrival = StatusPoint | HealthEvent | CallsPoint
"""Anything that the dashboard keeps."""
