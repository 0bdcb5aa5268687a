"""What has arrived from one process, and what can be shown of it."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from vitalspan.dashboard._arrivals import Arrival, CallsPoint, HealthEvent, Source, StatusPoint
from vitalspan.dashboard._calls import Calls, FunctionView, Gain, seconds_covered
from vitalspan.dashboard._component import ComponentState, ComponentView
from vitalspan.dashboard._estimate import increment
from vitalspan.dashboard._recent import RecentDict

__all__ = ["Limits", "Service", "ServiceView"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is kept. What is beyond is forgotten, the least recently heard of first.

    Attributes:
        services: Processes.
        components: Components of a process.
        functions: Functions of a process.
        series: Histogram series of a process: a function has one per outcome, error type and other tags.
        events: Health events of a process.
    """

    services: int = 100
    components: int = 500
    functions: int = 500
    series: int = 5000
    events: int = 200


@dataclass(frozen=True, slots=True)
class ServiceView:
    """One process as it can be shown.

    Attributes:
        source: Which process.
        last_arrival: When it was last heard of.
        components: Its components, sorted by id.
        functions: Its functions, sorted by name.
        events: Its last health events in order of arrival, the newest last.
    """

    source: Source
    last_arrival: datetime
    components: tuple[ComponentView, ...]
    functions: tuple[FunctionView, ...]
    events: tuple[HealthEvent, ...]


class Service:
    """Takes in what arrives from one process. Whoever uses it must hold a lock."""

    def __init__(self, source: Source, limits: Limits, window: float) -> None:
        """Start with nothing known of *source*, with a sliding *window* of so many seconds."""
        self._source = source
        self._window = window
        self._components: RecentDict[str, ComponentState] = RecentDict(limits.components)
        self._events: deque[HealthEvent] = deque(maxlen=limits.events)
        self._series: RecentDict[tuple[str, str, str], CallsPoint] = RecentDict(limits.series)
        self._functions: RecentDict[str, Calls] = RecentDict(limits.functions)
        self._watched_since: datetime | None = None
        self._first_gain_from: float | None = None

    def add(self, arrivals: Iterable[Arrival], received: float, sequence: int) -> int:
        """Take in the *arrivals* of one request.

        Args:
            arrivals: What arrived.
            received: When, on the monotonic clock.
            sequence: The number of the last health event before these.

        Returns:
            The number of the last health event now.
        """
        collected: list[datetime] = []
        for arrival in arrivals:
            match arrival:
                case HealthEvent():
                    sequence += self._add_event(replace(arrival, sequence=sequence + 1))
                case StatusPoint():
                    state = self._components.get(arrival.component, ComponentState())
                    self._components[arrival.component] = state.after_point(arrival)
                    collected.append(arrival.time)
                case CallsPoint():
                    self._add_calls(arrival, received)
                    collected.append(arrival.time)
                case _:
                    assert_never(arrival)
        # Only now: the points of one collection share their time, and none of them precedes the others.
        if collected:
            self._watched_since = max(collected)
        return sequence

    def _add_event(self, event: HealthEvent) -> bool:
        # A request that was sent again, and an event that comes both on a span and as a log, count once.
        if any(_is_same_change(event, known) for known in self._events):
            return False
        self._events.append(event)
        state = self._components.get(event.component, ComponentState())
        self._components[event.component] = state.after_event(event)
        return True

    def _add_calls(self, point: CallsPoint, received: float) -> None:
        key = (point.function, point.outcome, point.series)
        previous = self._series.get(key)
        gained = increment(point, previous, watched_since=self._watched_since, window=self._window)
        if previous is None or previous.time < point.time:
            self._series[key] = point
        calls = self._functions.get(point.function, Calls())
        self._functions[point.function] = calls
        if gained is None:
            return
        if self._first_gain_from is None:
            self._first_gain_from = received - gained.duration
        calls.forget(received, self._window)
        calls.add(Gain(received, point.outcome, gained))

    def view(self, now: float, last_arrival: datetime) -> ServiceView:
        """Return what can be shown at *now* on the monotonic clock."""
        for calls in self._functions.values():
            calls.forget(now, self._window)
        watched = self._window if self._first_gain_from is None else now - self._first_gain_from
        increments = (each for calls in self._functions.values() for each in calls.increments())
        seconds = seconds_covered(increments, at_least=min(watched, self._window))
        components = (state.view() for _, state in sorted(self._components.items()))
        return ServiceView(
            source=self._source,
            last_arrival=last_arrival,
            components=tuple(component for component in components if component is not None),
            functions=tuple(calls.view(name, seconds) for name, calls in sorted(self._functions.items())),
            events=tuple(self._events),
        )


def _is_same_change(one: HealthEvent, other: HealthEvent) -> bool:
    if (one.component, one.status, one.previous_status) != (other.component, other.status, other.previous_status):
        return False
    return one.run == other.run and bool(one.run or one.time == other.time)
