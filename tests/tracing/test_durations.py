"""Each call is one observation of `function.duration`, told apart by how it ended."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import pytest
from opentelemetry import trace
from opentelemetry.metrics import Histogram

from tests.fakes import Telemetry
from tests.metrics._exported import exported
from tests.metrics._losses import Losses
from tests.tracing._subjects import Shop
from vitalspan import _names, instrument, measured, traced
from vitalspan.tracing._observed import ObservedCall, Observer

_WITH_A_DURATION = pytest.mark.parametrize("decorate", [instrument, measured])


def _points(telemetry: Telemetry, function: Any) -> dict[tuple[Any, Any], Any]:
    """Return the points of *function*, by outcome and error type."""
    name = f"{function.__module__}.{function.__qualname__}"
    values = telemetry.values("function.duration", "code.function.name", "function.outcome", "error.type")
    return {(outcome, error): point for (found, outcome, error), point in values.items() if found == name}


def _counts(telemetry: Telemetry, function: Any) -> Counter[tuple[Any, Any]]:
    return Counter({key: point.count for key, point in _points(telemetry, function).items()})


@_WITH_A_DURATION
@pytest.mark.parametrize("is_async", [False, True])
def test_calls_are_counted_by_how_they_ended(
    telemetry: Telemetry, decorate: Callable[..., Any], *, is_async: bool
) -> None:
    def end(error: BaseException | None) -> str:
        if error is not None:
            raise error
        return "done"

    @decorate
    def charge(error: BaseException | None) -> str:
        return end(error)

    @decorate
    async def charge_later(error: BaseException | None) -> str:
        return end(error)

    def call(error: BaseException | None) -> object:
        return asyncio.run(charge_later(error)) if is_async else charge(error)

    function = charge_later if is_async else charge
    before = _counts(telemetry, function)
    assert call(None) == call(None) == "done"
    for error in (ValueError(), ValueError(), KeyError(), KeyboardInterrupt(), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            call(error)
    assert _counts(telemetry, function) - before == {
        ("ok", None): 2,
        ("error", "ValueError"): 2,
        ("error", "KeyError"): 1,
        ("error", "KeyboardInterrupt"): 1,
        ("cancelled", None): 1,
    }


def test_durations_are_in_seconds_with_boundaries_that_fit(telemetry: Telemetry) -> None:
    @measured
    async def charge() -> None:
        await asyncio.sleep(0.01)

    asyncio.run(charge())
    metric = exported(telemetry, "function.duration")
    assert (metric.unit, metric.description) == ("s", _names.FUNCTION_DURATION.description)
    point = _points(telemetry, charge)["ok", None]
    assert tuple(point.explicit_bounds) == _names.DURATION_BOUNDARIES
    assert 0.009 <= point.sum < 5


def test_the_time_of_a_coroutine_function_is_that_of_what_is_awaited(telemetry: Telemetry) -> None:
    @measured
    async def charge() -> None:
        await asyncio.sleep(0.01)

    async def main() -> None:
        pending = charge()
        assert _points(telemetry, charge) == {}
        await pending

    asyncio.run(main())
    assert _points(telemetry, charge)["ok", None].sum >= 0.009


def test_traced_records_no_duration(telemetry: Telemetry) -> None:
    @traced
    def charge() -> None: ...

    charge()
    assert _points(telemetry, charge) == {}


def test_the_name_of_the_spans_is_not_that_of_the_function(telemetry: Telemetry) -> None:
    """A dashboard finds the code by `code.function.name`, whatever the span is called."""

    @instrument(name="nightly report")
    def report() -> None: ...

    report()
    assert _points(telemetry, report)["ok", None].count == 1


def test_methods_are_measured_under_the_class_that_defines_them(telemetry: Telemetry) -> None:
    name = "tests.tracing._subjects.Shop.async_method"
    asyncio.run(Shop("a").async_method("one"))
    values = telemetry.values("function.duration", "code.function.name")
    assert values[name,].count >= 1


def test_an_observation_leads_to_the_span_of_its_call(telemetry: Telemetry) -> None:
    """An exemplar: from a slow bucket on a dashboard to the trace of such a call."""

    @instrument
    def charge() -> int:
        return trace.get_current_span().get_span_context().span_id

    span_id = charge()
    (exemplar,) = _points(telemetry, charge)["ok", None].exemplars
    assert exemplar.span_id == span_id


def test_an_observation_of_a_measured_call_leads_to_the_span_around_it(telemetry: Telemetry) -> None:
    @measured
    def charge() -> None: ...

    @traced
    def sell() -> int:
        charge()
        return trace.get_current_span().get_span_context().span_id

    span_id = sell()
    (exemplar,) = _points(telemetry, charge)["ok", None].exemplars
    assert exemplar.span_id == span_id


class BrokenHistogram(Histogram):
    """An instrument of a provider that is not the SDK."""

    def __init__(self) -> None: ...

    def record(self, amount: float, attributes: Mapping[str, Any] | None = None, context: Any = None) -> NoReturn:
        raise OSError("the pipe is closed")


def test_a_histogram_that_raises_is_not_felt(losses: Losses) -> None:
    observer = Observer("charge", "shop.charge", {}, None, BrokenHistogram())
    with ObservedCall(observer):
        result = "done"
    assert result == "done"
    assert losses.of("metrics") == {"OSError": 1}


def test_a_span_that_is_not_recorded_is_not_asked_to_tell_errors(telemetry: Telemetry, losses: Losses) -> None:
    """Where the sampler drops a span, only its duration is recorded."""
    tracer = trace.NoOpTracerProvider().get_tracer("none")
    with pytest.raises(ValueError, match="x"), ObservedCall(Observer("charge", "shop.charge", {}, tracer, None)):
        raise ValueError("x")
    assert telemetry.spans == ()
    assert losses.of("traces") == {}
