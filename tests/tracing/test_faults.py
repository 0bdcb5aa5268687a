"""Whatever a function is called, and however it fails, its span arrives."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan

from tests.fakes import Telemetry
from tests.metrics._losses import Losses
from vitalspan import instrument, measured, traced
from vitalspan._text import is_sendable, sendable


def _sent(telemetry: Telemetry) -> ReadableSpan:
    """Return the one span, which OTLP can carry."""
    assert encode_spans(telemetry.spans).resource_spans
    (span,) = telemetry.spans
    return span


def _exception(span: ReadableSpan) -> dict[str, Any]:
    (event,) = span.events
    assert event.name == "exception"
    return dict(event.attributes or {})


@pytest.mark.parametrize(
    ("text", "sent"),
    [("", ""), ("charge", "charge"), ("Über uns 😀", "Über uns 😀"), ("caf\udce9", "caf?"), ("\ud83d\ude00", "??")],
)
def test_text_is_sendable_without_its_lone_surrogates(text: str, sent: str) -> None:
    assert sendable(text) == sent
    assert is_sendable(text) is (text == sent)
    assert is_sendable(sent)


def test_an_error_s_text_is_sent_without_its_lone_surrogates(telemetry: Telemetry) -> None:
    """OTLP refuses the whole batch that holds one."""

    @traced
    def charge() -> None:
        raise OSError("no such file: caf\udce9")

    with pytest.raises(OSError, match="caf\udce9"):
        charge()
    span = _sent(telemetry)
    assert span.status.description == "OSError: no such file: caf?"
    attributes = _exception(span)
    assert attributes["exception.message"] == "no such file: caf?"
    assert attributes["exception.stacktrace"].endswith("OSError: no such file: caf?\n")


def test_an_error_s_type_is_sent_without_its_lone_surrogates(telemetry: Telemetry) -> None:
    class ShopError(Exception):
        pass

    ShopError.__qualname__ = "Shop\udce9"

    @instrument
    def charge() -> None:
        raise ShopError

    with pytest.raises(ShopError):
        charge()
    span = _sent(telemetry)
    assert span.attributes is not None
    assert span.attributes["error.type"] == _exception(span)["exception.type"] == f"{__name__}.Shop?"
    assert telemetry.values("function.duration", "error.type")[f"{__name__}.Shop?",].count == 1


def test_a_function_s_name_and_file_are_sent_without_their_lone_surrogates(telemetry: Telemetry) -> None:
    namespace: dict[str, Any] = {"__name__": "shop"}
    exec(compile("def charge(): ...", "caf\udce9.py", "exec"), namespace)  # noqa: S102 - a file name that is not UTF-8
    charge = namespace["charge"]
    charge.__qualname__ = "Caf\udce9.charge"
    instrument(charge)()
    span = _sent(telemetry)
    assert span.name == "Caf?.charge"
    assert span.attributes is not None
    assert span.attributes["code.function.name"] == "shop.Caf?.charge"
    assert span.attributes["code.file.path"] == "caf?.py"
    assert telemetry.values("function.duration", "code.function.name")["shop.Caf?.charge",].count == 1


class WordlessError(Exception):
    """An error whose text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError("no words")


def test_an_error_without_a_text_that_can_be_had_is_told_all_the_same(telemetry: Telemetry, losses: Losses) -> None:
    @traced
    def charge() -> None:
        raise WordlessError

    with pytest.raises(WordlessError):
        charge()
    span = _sent(telemetry)
    assert span.status.description == "WordlessError: (its text cannot be had: __str__ raised)"
    attributes = _exception(span)
    assert attributes["exception.type"] == f"{__name__}.WordlessError"
    assert attributes["exception.message"] == "(its text cannot be had: __str__ raised)"
    assert "in charge" in attributes["exception.stacktrace"]
    assert losses.of("traces") == {}


@pytest.mark.parametrize(("error", "message"), [(ValueError(), ""), (ValueError(": x"), ": x"), (KeyError("x"), "'x'")])
def test_an_exception_s_message_is_its_text_alone(telemetry: Telemetry, error: Exception, message: str) -> None:
    @traced
    def charge() -> None:
        raise error

    with pytest.raises(type(error)):
        charge()
    assert _exception(_sent(telemetry))["exception.message"] == message


def test_what_a_span_keeps_of_an_error_is_bounded(telemetry: Telemetry) -> None:
    """The begin of its text, and the end of its stack trace, which says where it was raised."""

    @traced
    def charge(depth: int = 0) -> None:
        raise ValueError("begin" + "x" * 1_000_000 + "end")

    with pytest.raises(ValueError, match="end"):
        charge()
    span = _sent(telemetry)
    attributes = _exception(span)
    assert span.status.description is not None
    assert len(span.status.description) == 10_000
    assert attributes["exception.message"].startswith("beginx")
    assert len(attributes["exception.message"]) < 10_000
    assert len(attributes["exception.stacktrace"]) == 10_000
    assert attributes["exception.stacktrace"].endswith("xend\n")


# Wrong calls


def _raised(call: Callable[..., Any], *arguments: Any) -> str:
    with pytest.raises(TypeError) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("decorate", [instrument, traced, measured])
def test_wrong_arguments_of_a_coroutine_function_raise_at_the_call(
    telemetry: Telemetry, decorate: Callable[..., Any]
) -> None:
    """As they do without the decorator, and not only when the coroutine is awaited."""

    async def charge(order: str) -> str:
        return order

    plain = _raised(charge)
    assert _raised(decorate(charge)) == plain
    assert "missing 1 required positional argument: 'order'" in plain
    assert telemetry.spans == ()
    assert asyncio.run(decorate(charge)("one")) == "one"


def test_a_coroutine_that_is_never_awaited_is_warned_of_once(telemetry: Telemetry) -> None:
    @instrument
    async def charge() -> None: ...

    with pytest.warns(RuntimeWarning, match="was never awaited") as warned:
        charge()  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine] - that is the case
    assert len(warned) == 1
    assert telemetry.spans == ()


def test_a_coroutine_that_is_closed_before_it_is_awaited_is_not_warned_of(telemetry: Telemetry) -> None:
    @instrument
    async def charge() -> None: ...

    charge().close()
    assert telemetry.spans == ()
