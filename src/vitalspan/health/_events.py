"""EventBus: tells whoever subscribed, and never feels what they do."""

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from vitalspan._errors import ConfigurationError
from vitalspan._guard import LEDGER, warn_once
from vitalspan.health._callbacks import CallbackGuard, Subscription, require_listener

__all__ = ["Event", "EventBus", "EventHandler", "EventType"]


class EventType(StrEnum):
    """The events that vitalspan publishes. Any other string is an event type of the program's own."""

    HEALTH_CHECK_PASSED = "health_check_passed"
    HEALTH_CHECK_FAILED = "health_check_failed"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Attributes:
        event_type: What kind of thing; an `EventType` or a string of the program's own.
        payload: What is to be known about it.
        timestamp: When it happened, in UTC.
    """

    event_type: str
    payload: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    timestamp: datetime = field(default_factory=lambda: datetime.now(UTC))


EventHandler = Callable[[Event], object] | Callable[[Event], Awaitable[object]]


class EventRecorder(Protocol):
    """Counts events; a `MetricsCollector` does."""

    def record_event_published(self, event_type: str) -> None:
        """Count one event."""
        ...

    def record_handler_error(self, error: BaseException, *, event_type: str = "") -> None:
        """Count one handler that raised."""
        ...


class EventBus:
    """Hands each published event to the handlers of its type.

    A handler that raises is counted and logged once; the publisher and the other handlers feel nothing.

    >>> bus = EventBus()
    >>> unsubscribe = bus.subscribe("order.shipped", lambda event: print(event.payload["id"]))
    >>> bus.publish(Event("order.shipped", {"id": 7}))
    7
    """

    def __init__(self, recorder: EventRecorder | None = None) -> None:
        """Make a bus whose events and failing handlers *recorder* counts."""
        self._recorder = recorder
        self._lock = threading.Lock()
        # Replaced, never mutated: publishing iterates without a lock, also while a handler subscribes.
        self._handlers: Mapping[str, tuple[Subscription[EventHandler], ...]] = MappingProxyType({})
        self._tasks: set[asyncio.Task[None]] = set()

    def record_to(self, recorder: EventRecorder) -> None:
        """Let *recorder* count events and failing handlers, unless another one does already."""
        if self._recorder is None:
            self._recorder = recorder

    def subscribe(self, event_type: str, handler: EventHandler) -> Callable[[], None]:
        """Call *handler* with each event of *event_type*; return a function that ends it.

        A sync handler runs on the publisher's thread and should be quick; an async one runs as a task
        of the publisher's event loop, and is counted as dropped where there is none.

        Raises:
            ConfigurationError: The type is empty, or the handler cannot be called with one event.
        """
        if not isinstance(event_type, str) or not event_type:
            raise ConfigurationError("event_type", event_type, "give an EventType or a string of your own")
        require_listener("handler", handler, "give a function that takes one event")
        kind, subscription = str(event_type), Subscription(handler)
        with self._lock:
            self._handlers = MappingProxyType({**self._handlers, kind: (*self._handlers.get(kind, ()), subscription)})

        def unsubscribe() -> None:
            with self._lock:
                left = tuple(each for each in self._handlers.get(kind, ()) if each is not subscription)
                self._handlers = MappingProxyType({**self._handlers, kind: left})

        return unsubscribe

    def publish(self, event: Event) -> None:
        """Hand *event* to every handler of its type. Never raises what a handler raises."""
        kind = str(event.event_type)
        if self._recorder is not None:
            self._recorder.record_event_published(kind)
        for subscription in self._handlers.get(kind, ()):
            with CallbackGuard(f"handling event {kind}", signal="events") as guard:
                result = subscription.listener(event)
                if inspect.isawaitable(result):
                    self._spawn(kind, result)
            self._count(guard.raised, kind)

    def _spawn(self, kind: str, pending: Awaitable[object]) -> None:
        async def handle() -> None:
            with CallbackGuard(f"handling event {kind}", signal="events") as guard:
                await pending
            self._count(guard.raised, kind)

        def forget(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            _close(pending)  # It was never awaited when the loop ended before the task began.

        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            _close(pending)
            LEDGER.drop("events", "no_event_loop")
            warn_once(f"no loop {kind}", "an async handler of event %s was dropped: no event loop runs here", kind)
        else:
            task = loop.create_task(handle())
            # A loop holds its tasks weakly only.
            self._tasks.add(task)
            task.add_done_callback(forget)

    def _count(self, error: BaseException | None, kind: str) -> None:
        if error is not None and self._recorder is not None:
            self._recorder.record_handler_error(error, event_type=kind)


def _close(pending: Awaitable[object]) -> None:
    if inspect.iscoroutine(pending):
        pending.close()
