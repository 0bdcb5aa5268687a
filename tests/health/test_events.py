"""EventBus."""

import asyncio
import dataclasses
import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from vitalspan import ConfigurationError
from vitalspan._guard import LEDGER
from vitalspan.health import Event, EventBus, EventType


@dataclass
class _Recorder:
    """Counts what it is told."""

    published: list[str] = field(default_factory=list)
    errors: list[tuple[str, str]] = field(default_factory=list)

    def record_event_published(self, event_type: str) -> None:
        self.published.append(event_type)

    def record_handler_error(self, error: BaseException, *, event_type: str = "") -> None:
        self.errors.append((event_type, repr(error)))


@pytest.fixture(name="recorder")
def _recorder() -> _Recorder:
    return _Recorder()


@pytest.fixture(name="bus")
def _bus(recorder: _Recorder) -> EventBus:
    return EventBus(recorder)


def test_an_event_reaches_every_handler_of_its_type_in_the_order_of_subscribing(bus: EventBus) -> None:
    heard: list[tuple[str, object]] = []
    bus.subscribe("order.shipped", lambda event: heard.append(("first", event.payload["id"])))
    bus.subscribe("order.shipped", lambda event: heard.append(("second", event.payload["id"])))
    bus.subscribe("order.lost", lambda event: heard.append(("lost", event.payload["id"])))
    bus.publish(Event("order.shipped", {"id": 7}))
    assert heard == [("first", 7), ("second", 7)]


def test_a_type_of_vitalspan_and_its_text_are_the_same(bus: EventBus) -> None:
    heard: list[Event] = []
    bus.subscribe(EventType.HEALTH_CHECK_PASSED, heard.append)
    bus.subscribe("health_check_passed", heard.append)
    bus.publish(Event("health_check_passed"))
    bus.publish(Event(EventType.HEALTH_CHECK_PASSED))
    assert len(heard) == 4


def test_an_event_is_stamped_in_utc_and_cannot_be_changed() -> None:
    before = datetime.now(UTC)
    event = Event("order.shipped")
    assert before <= event.timestamp <= datetime.now(UTC)
    assert event.timestamp.tzinfo is UTC
    with pytest.raises(TypeError):
        cast("dict[str, object]", event.payload)["id"] = 7
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.event_type = "order.lost"  # type: ignore[misc]  # what is tested


def test_an_async_handler_runs_in_the_publishers_loop(bus: EventBus) -> None:
    heard: list[str] = []

    async def handler(event: Event) -> None:
        await asyncio.sleep(0)
        heard.append(event.event_type)

    async def main() -> None:
        bus.subscribe("order.shipped", handler)
        bus.publish(Event("order.shipped"))
        assert heard == []  # The publisher does not wait.
        for _ in range(4):
            await asyncio.sleep(0)

    asyncio.run(main())
    assert heard == ["order.shipped"]
    assert not bus._tasks


def test_an_async_handler_survives_a_collection_of_garbage(bus: EventBus) -> None:
    """A loop holds its tasks weakly only."""
    heard: list[str] = []

    async def handler(event: Event) -> None:
        await asyncio.sleep(0)
        heard.append(event.event_type)

    async def main() -> None:
        bus.subscribe("order.shipped", handler)
        bus.publish(Event("order.shipped"))
        gc.collect()
        for _ in range(4):
            await asyncio.sleep(0)

    asyncio.run(main())
    assert heard == ["order.shipped"]


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_handler_that_raises_is_counted_and_felt_by_nobody(bus: EventBus, recorder: _Recorder, kind: str) -> None:
    heard: list[Event] = []

    def broken(event: Event) -> None:
        raise ZeroDivisionError(event.event_type)

    async def async_broken(event: Event) -> None:
        broken(event)

    async def main() -> None:
        bus.subscribe("order.shipped", broken if kind == "sync" else async_broken)
        bus.subscribe("order.shipped", heard.append)
        bus.publish(Event("order.shipped"))
        await asyncio.sleep(0)

    before = LEDGER.dropped().get(("events", "ZeroDivisionError"), 0)
    asyncio.run(main())
    assert len(heard) == 1
    assert recorder.errors == [("order.shipped", "ZeroDivisionError('order.shipped')")]
    assert LEDGER.dropped()["events", "ZeroDivisionError"] == before + 1


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_handler_that_would_end_the_program_is_counted_like_any_other(
    bus: EventBus, recorder: _Recorder, kind: str
) -> None:
    def broken(event: Event) -> None:
        raise SystemExit(event.event_type)

    async def async_broken(event: Event) -> None:
        broken(event)

    async def main() -> None:
        bus.subscribe("order.shipped", broken if kind == "sync" else async_broken)
        bus.publish(Event("order.shipped"))
        await asyncio.sleep(0)

    before = LEDGER.dropped().get(("events", "SystemExit"), 0)
    asyncio.run(main())
    assert recorder.errors == [("order.shipped", "SystemExit('order.shipped')")]
    assert LEDGER.dropped()["events", "SystemExit"] == before + 1


def test_of_two_equal_subscriptions_one_is_ended_by_itself(bus: EventBus) -> None:
    heard: list[str] = []

    def handler(event: Event) -> None:
        heard.append(event.event_type)

    unsubscribe = bus.subscribe("order.shipped", handler)
    bus.subscribe("order.shipped", handler)
    unsubscribe()
    unsubscribe()
    bus.publish(Event("order.shipped"))
    assert heard == ["order.shipped"]


@pytest.mark.parametrize(
    ("handler", "reason"),
    [(lambda: None, "too many positional arguments"), (lambda _a, _b: None, "missing a required argument: '_b'")],
)
def test_a_handler_must_take_one_event(bus: EventBus, handler: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"give a function that takes one event: {reason}$"):
        bus.subscribe("order.shipped", handler)


def test_a_handler_that_raises_is_felt_by_nobody_where_nobody_counts() -> None:
    bus = EventBus()
    bus.subscribe("order.shipped", lambda event: event.payload["id"])
    before = LEDGER.dropped().get(("events", "KeyError"), 0)
    bus.publish(Event("order.shipped"))
    assert LEDGER.dropped()["events", "KeyError"] == before + 1


def test_an_async_handler_without_a_loop_is_counted_as_dropped(bus: EventBus, recorder: _Recorder) -> None:
    heard: list[Event] = []

    async def handler(event: Event) -> None:
        heard.append(event)

    bus.subscribe("order.shipped", handler)
    before = LEDGER.dropped().get(("events", "no_event_loop"), 0)
    bus.publish(Event("order.shipped"))
    gc.collect()  # The coroutine was closed: nothing complains that it was never awaited.
    assert (heard, recorder.errors) == ([], [])
    assert LEDGER.dropped()["events", "no_event_loop"] == before + 1


def test_an_awaitable_that_is_no_coroutine_is_awaited_or_dropped_likewise(bus: EventBus) -> None:
    async def main() -> asyncio.Future[str]:
        done: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        bus.subscribe("order.shipped", lambda _event: done)
        bus.publish(Event("order.shipped"))
        await asyncio.sleep(0)
        assert len(bus._tasks) == 1  # It waits for the future.
        done.set_result("shipped")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not bus._tasks
        return done

    asyncio.run(main())
    before = LEDGER.dropped().get(("events", "no_event_loop"), 0)
    bus.publish(Event("order.shipped"))
    assert LEDGER.dropped()["events", "no_event_loop"] == before + 1


def test_an_event_at_the_very_end_of_a_loop_leaves_nothing_behind(bus: EventBus) -> None:
    """The task of its handler is cancelled before it begins: its coroutine must not be left unawaited."""

    async def handler(event: Event) -> None:
        raise AssertionError("the loop has ended")

    async def main() -> None:
        bus.subscribe("order.shipped", handler)
        task = asyncio.current_task()
        assert task is not None
        task.add_done_callback(lambda _: bus.publish(Event("order.shipped")))

    asyncio.run(main())
    gc.collect()
    assert not bus._tasks


def test_events_are_counted_whether_or_not_anybody_listens(bus: EventBus, recorder: _Recorder) -> None:
    bus.publish(Event("order.shipped"))
    bus.publish(Event(EventType.HEALTH_CHECK_FAILED))
    assert recorder.published == ["order.shipped", "health_check_failed"]


def test_the_first_recorder_stays() -> None:
    first, second = _Recorder(), _Recorder()
    bus = EventBus()
    bus.record_to(first)
    bus.record_to(second)
    bus.publish(Event("order.shipped"))
    assert (first.published, second.published) == (["order.shipped"], [])


def test_unsubscribing_ends_one_handler_and_may_be_done_twice(bus: EventBus) -> None:
    heard: list[str] = []
    unsubscribe = bus.subscribe("order.shipped", lambda _event: heard.append("first"))
    bus.subscribe("order.shipped", lambda _event: heard.append("second"))
    unsubscribe()
    unsubscribe()
    bus.publish(Event("order.shipped"))
    assert heard == ["second"]


def test_a_handler_may_subscribe_and_unsubscribe_while_an_event_is_published(bus: EventBus) -> None:
    heard: list[str] = []

    def once(event: Event) -> None:
        heard.append("once")
        unsubscribe()
        bus.subscribe("order.shipped", lambda _event: heard.append("later"))

    unsubscribe = bus.subscribe("order.shipped", once)
    bus.publish(Event("order.shipped"))
    assert heard == ["once"]
    bus.publish(Event("order.shipped"))
    assert heard == ["once", "later"]


def test_no_subscription_is_lost_between_threads(bus: EventBus) -> None:
    heard: list[int] = []
    all_there = threading.Barrier(4)

    def subscribe(number: int) -> None:
        all_there.wait(5)
        for _ in range(50):
            bus.subscribe("order.shipped", lambda _event: heard.append(number))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(subscribe, range(4)))
    bus.publish(Event("order.shipped"))
    assert len(heard) == 200


@pytest.mark.parametrize("event_type", ["", None, 7])
def test_a_type_is_a_text_that_says_something(bus: EventBus, event_type: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"^event_type is {event_type!r}: give an EventType or a string"):
        bus.subscribe(event_type, print)


@pytest.mark.parametrize("handler", [None, "print"])
def test_a_handler_must_be_callable(bus: EventBus, handler: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"^handler is {handler!r}: give a function that takes one event$"):
        bus.subscribe("order.shipped", handler)
