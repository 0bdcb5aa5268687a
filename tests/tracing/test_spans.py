"""Each call is a span that says what was called and how it ended."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import context, trace
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from tests.fakes import Telemetry
from tests.metrics._losses import Losses
from tests.tracing._failing import broken_spans
from tests.tracing._subjects import Shop, top, top_async
from vitalspan import _names, instrument, measured, traced

_WITH_A_SPAN = pytest.mark.parametrize("decorate", [instrument, traced])


def _span(telemetry: Telemetry) -> ReadableSpan:
    (span,) = telemetry.spans
    return span


def _id(span: ReadableSpan) -> int:
    assert span.context is not None
    span_id: int = span.context.span_id
    return span_id


class OrderError(Exception):
    """An error of the program's own."""


@_WITH_A_SPAN
def test_a_call_is_a_span_with_the_qualified_name_and_the_place_of_the_function(
    telemetry: Telemetry, decorate: Callable[..., Any]
) -> None:
    @decorate
    def charge(order: str) -> str:
        return order

    assert charge("one") == "one"
    span = _span(telemetry)
    qualified = "test_a_call_is_a_span_with_the_qualified_name_and_the_place_of_the_function.<locals>.charge"
    assert span.name == qualified
    assert span.attributes == {
        "code.function.name": f"{__name__}.{qualified}",
        "code.file.path": __file__,
        "code.line.number": charge.__code__.co_firstlineno,
    }
    assert span.kind is SpanKind.INTERNAL
    assert span.status.status_code is StatusCode.UNSET
    assert span.parent is None
    assert not span.events
    assert span.instrumentation_scope is not None
    assert (span.instrumentation_scope.name, span.instrumentation_scope.version) == ("vitalspan", _names.VERSION)


@_WITH_A_SPAN
def test_a_coroutine_function_s_span_covers_what_is_awaited(telemetry: Telemetry, decorate: Callable[..., Any]) -> None:
    """Not the making of the coroutine, which takes no time."""

    @decorate
    async def charge(order: str) -> str:
        await asyncio.sleep(0.01)
        return order

    async def main() -> str:
        pending = charge("one")
        assert telemetry.spans == ()
        result: str = await pending
        return result

    assert asyncio.run(main()) == "one"
    span = _span(telemetry)
    assert span.start_time is not None
    assert span.end_time is not None
    assert span.end_time - span.start_time >= 9_000_000


@pytest.mark.parametrize("call", [lambda: top("one"), lambda: asyncio.run(top_async("one"))])
def test_a_call_is_one_span(telemetry: Telemetry, call: Callable[[], object]) -> None:
    call()
    call()
    assert len(telemetry.spans) == 2


def test_a_span_is_called_as_it_was_told(telemetry: Telemetry) -> None:
    @instrument(name="nightly report")
    def report() -> None: ...

    report()
    span = _span(telemetry)
    assert span.name == "nightly report"
    assert span.attributes is not None
    assert str(span.attributes["code.function.name"]).endswith(".report")


def test_the_decorator_may_be_called_without_arguments(telemetry: Telemetry) -> None:
    @instrument()
    def report() -> None: ...

    report()
    assert _span(telemetry).name.endswith("report")


_METHODS: dict[str, Callable[[], Any]] = {
    "Shop.method": lambda: Shop("a").method("one"),
    "Shop.outer_class_method": lambda: Shop("a").outer_class_method("one"),
    "Shop.inner_class_method": lambda: Shop.inner_class_method("one"),
    "Shop.outer_static_method": lambda: Shop.outer_static_method("one"),
    "Shop.inner_static_method": lambda: Shop("a").inner_static_method("one"),
    "Shop.async_class_method": lambda: asyncio.run(Shop.async_class_method("one")),
    "Shop.async_static_method": lambda: asyncio.run(Shop("a").async_static_method("one")),
}


@pytest.mark.parametrize(("name", "call"), _METHODS.items(), ids=_METHODS.keys())
def test_every_kind_of_method_is_a_span_of_its_name(telemetry: Telemetry, name: str, call: Callable[[], Any]) -> None:
    assert call()[1] == "one"
    span = _span(telemetry)
    assert span.name == name
    assert span.attributes is not None
    assert span.attributes["code.function.name"] == f"tests.tracing._subjects.{name}"


def test_a_bound_method_can_be_decorated(telemetry: Telemetry) -> None:
    class Till:
        def sell(self, order: str) -> str:
            return order

    assert instrument(Till().sell)("one") == "one"
    assert _span(telemetry).name.endswith("Till.sell")


def test_measured_makes_no_span(telemetry: Telemetry) -> None:
    @measured
    def charge() -> trace.Span:
        return trace.get_current_span()

    assert charge() is trace.INVALID_SPAN
    assert telemetry.spans == ()


# Errors


@_WITH_A_SPAN
@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    ("error", "kind", "description"),
    [
        (ValueError("no such order"), "ValueError", "ValueError: no such order"),
        (OrderError(), f"{__name__}.OrderError", "OrderError"),
        (KeyboardInterrupt(), "KeyboardInterrupt", "KeyboardInterrupt"),
        (SystemExit(3), "SystemExit", "SystemExit: 3"),
    ],
)
def test_an_error_is_told_by_the_span_and_goes_on_unchanged(
    telemetry: Telemetry,
    decorate: Callable[..., Any],
    *,
    is_async: bool,
    error: BaseException,
    kind: str,
    description: str,
) -> None:
    @decorate
    def charge() -> None:
        raise error

    @decorate
    async def charge_later() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        asyncio.run(charge_later()) if is_async else charge()
    assert caught.value is error
    assert caught.value.__cause__ is None
    span = _span(telemetry)
    assert span.attributes is not None
    assert span.attributes["error.type"] == kind
    assert span.attributes["function.outcome"] == "error"
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == description
    (event,) = span.events
    assert event.name == "exception"
    assert event.attributes is not None
    assert event.attributes["exception.type"] == kind
    assert "charge" in str(event.attributes["exception.stacktrace"])


# Cancellation


@_WITH_A_SPAN
def test_a_cancelled_call_is_neither_a_success_nor_a_fault(telemetry: Telemetry, decorate: Callable[..., Any]) -> None:
    @decorate
    async def charge(has_begun: asyncio.Event) -> None:
        has_begun.set()
        await asyncio.Event().wait()

    async def main() -> None:
        has_begun = asyncio.Event()
        task = asyncio.create_task(charge(has_begun))
        await has_begun.wait()
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task
        assert task.cancelled()

    asyncio.run(main())
    span = _span(telemetry)
    assert span.attributes is not None
    assert span.attributes["function.outcome"] == "cancelled"
    assert "error.type" not in span.attributes
    assert span.status.status_code is StatusCode.UNSET
    assert not span.events


def test_a_coroutine_that_is_closed_was_cancelled(telemetry: Telemetry) -> None:
    @traced
    async def charge() -> None:
        await asyncio.sleep(0)

    pending = charge()
    pending.send(None)
    pending.close()
    span = _span(telemetry)
    assert span.attributes is not None
    assert span.attributes["function.outcome"] == "cancelled"
    assert span.status.status_code is StatusCode.UNSET


def test_a_timeout_is_a_cancellation_within_and_an_error_without(telemetry: Telemetry) -> None:
    @traced(name="inner")
    async def inner() -> None:
        await asyncio.Event().wait()

    @traced(name="outer")
    async def outer() -> None:
        async with asyncio.timeout(0.001):
            await inner()

    with pytest.raises(TimeoutError):
        asyncio.run(outer())
    ended = {span.name: (span.attributes or {}).get("function.outcome") for span in telemetry.spans}
    assert ended == {"inner": "cancelled", "outer": "error"}


# Nesting


def test_a_call_within_a_call_is_its_child(telemetry: Telemetry) -> None:
    @traced(name="inner")
    def inner() -> int:
        return trace.get_current_span().get_span_context().span_id

    @instrument(name="outer")
    def outer() -> tuple[int, int]:
        return inner(), trace.get_current_span().get_span_context().span_id

    inner_id, outer_id = outer()
    first, second = telemetry.spans
    assert (first.name, second.name) == ("inner", "outer")
    assert (_id(first), _id(second)) == (inner_id, outer_id)
    assert first.parent is not None
    assert first.parent.span_id == outer_id
    assert second.parent is None


def test_the_context_is_given_back_also_after_an_error(telemetry: Telemetry) -> None:
    @traced
    def charge() -> None:
        raise ValueError

    before = context.get_current()
    with pytest.raises(ValueError, match=r"^$"):
        charge()
    assert context.get_current() == before
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_tasks_that_run_side_by_side_are_children_of_their_caller_only(telemetry: Telemetry) -> None:
    @traced(name="inner")
    async def inner(turn: asyncio.Barrier) -> None:
        await turn.wait()

    @traced(name="outer")
    async def outer(turn: asyncio.Barrier) -> None:
        await asyncio.gather(inner(turn), inner(turn))

    async def main() -> None:
        turn = asyncio.Barrier(4)
        await asyncio.gather(outer(turn), outer(turn))

    asyncio.run(main())
    outers = {_id(span) for span in telemetry.spans if span.name == "outer"}
    parents = [span.parent.span_id for span in telemetry.spans if span.name == "inner" and span.parent]
    assert sorted(parents) == sorted([*outers, *outers])


def test_calls_on_other_threads_are_roots_of_their_own(telemetry: Telemetry) -> None:
    @traced(name="inner")
    def inner() -> None: ...

    @traced(name="outer")
    def outer() -> None:
        thread = threading.Thread(target=inner)
        thread.start()
        thread.join()

    outer()
    assert [span.parent for span in telemetry.spans] == [None, None]


def test_a_recursive_function_nests_in_itself(telemetry: Telemetry) -> None:
    @traced
    def factorial(number: int) -> int:
        return number * factorial(number - 1) if number else 1

    assert factorial(3) == 6
    parents = [span.parent.span_id if span.parent else None for span in telemetry.spans]
    assert parents == [*[_id(span) for span in telemetry.spans[1:]], None]


# What must not be felt


def test_where_instrumentation_is_suppressed_nothing_is_recorded(telemetry: Telemetry) -> None:
    """A check that calls an instrumented function is invisible, as everything in a check is."""

    @instrument
    def charge() -> trace.Span:
        return trace.get_current_span()

    token = context.attach(context.set_value("suppress_instrumentation", True))
    try:
        assert charge() is trace.INVALID_SPAN
    finally:
        context.detach(token)
    assert telemetry.spans == ()
    assert not any(charge.__qualname__ in str(dict(key)) for key in telemetry.points("function.duration"))
    charge()
    assert len(telemetry.spans) == 1


def test_a_span_processor_that_raises_at_the_beginning_is_not_felt(telemetry: Telemetry, losses: Losses) -> None:
    with broken_spans(telemetry, at="start"):

        @instrument
        def charge() -> trace.Span:
            return trace.get_current_span()

        assert charge() is trace.INVALID_SPAN
    assert losses.of("traces") == {"OSError": 1}
    assert telemetry.values("function.duration", "code.function.name")[f"{__name__}.{charge.__qualname__}",].count == 1


def test_a_span_processor_that_raises_at_the_end_is_not_felt(telemetry: Telemetry, losses: Losses) -> None:
    with broken_spans(telemetry, at="end"):

        @instrument
        def charge() -> str:
            return "done"

        assert charge() == "done"
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert losses.of("traces") == {"OSError": 1}
