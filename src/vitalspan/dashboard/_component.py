"""What is known of one component: its gauge and its events, put together."""

from dataclasses import dataclass, replace
from datetime import datetime

from vitalspan.dashboard._arrivals import HealthEvent, StatusPoint

__all__ = ["ComponentState", "ComponentView"]


@dataclass(frozen=True, slots=True)
class ComponentView:
    """A component as it can be shown.

    Attributes:
        component: Its id.
        status: The status that it has, in the words of the sender.
        since: When it came into this status: the time of the event, else of the first gauge that showed it.
        message: What the check found when the status changed; empty if that has not arrived.
        is_critical: Whether the sender's system depends on it.
    """

    component: str
    status: str
    since: datetime
    message: str
    is_critical: bool


@dataclass(frozen=True, slots=True)
class ComponentState:
    """The last gauge and the last event of a component, which arrive in any order.

    Attributes:
        point: The last gauge point.
        since: The time of the first gauge point with that status.
        other_until: The time of the last gauge point with another status; None if there was none.
        event: The last change of status.
    """

    point: StatusPoint | None = None
    since: datetime | None = None
    other_until: datetime | None = None
    event: HealthEvent | None = None

    def after_point(self, point: StatusPoint) -> "ComponentState":
        """Return what is known after *point*, which may be older than what is known already."""
        if self.point is None:
            return replace(self, point=point, since=point.time)
        if point.time < self.point.time:
            return self
        if point.status == self.point.status:
            return replace(self, point=point)
        return replace(self, point=point, since=point.time, other_until=self.point.time)

    def after_event(self, event: HealthEvent) -> "ComponentState":
        """Return what is known after *event*, which may be older than what is known already."""
        if self.event is not None and event.time < self.event.time:
            return self
        return replace(self, event=event)

    def view(self) -> ComponentView | None:
        """Return the component as it can be shown; None while nothing is known of it."""
        point, event = self.point, self.event
        if event is not None and self._is_current(event):
            is_critical = True if point is None else point.is_critical
            return ComponentView(event.component, event.status, event.time, event.message, is_critical)
        if point is None or self.since is None:
            return None
        return ComponentView(point.component, point.status, self.since, "", point.is_critical)

    def _is_current(self, event: HealthEvent) -> bool:
        """Whether the status that *event* led to is still the one that the gauge shows."""
        if self.point is None or event.time > self.point.time:
            return True
        # An event from before the gauge last showed something else belongs to an earlier change.
        is_of_this_change = self.other_until is None or event.time >= self.other_until
        return event.status == self.point.status and is_of_this_change
