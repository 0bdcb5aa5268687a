"""ObservedCall: span, duration and outcome of one call."""

import asyncio
import time
import traceback
from collections.abc import Mapping
from contextvars import ContextVar, Token
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from opentelemetry.context import Context, attach, detach, get_current, get_value
from opentelemetry.metrics import Histogram
from opentelemetry.trace import Span, Status, StatusCode, Tracer, get_tracer, set_span_in_context

from vitalspan import _names
from vitalspan._errors import error_type
from vitalspan._guard import Guard, describe
from vitalspan._text import sendable
from vitalspan._types import TagValue
from vitalspan.metrics._otel import new_histogram, new_meter
from vitalspan.tracing._callkind import unwrapped

__all__ = ["ObservedCall", "Observer"]

_CANCELLED = (asyncio.CancelledError, GeneratorExit)

_LONGEST_TEXT = 10_000
"""Characters of an error's text, and of its stack trace, that a span keeps."""

_observing: ContextVar[bool] = ContextVar("vitalspan observing")
"""Set for the length of each call with a span, so as to learn at its end whether it still runs where it began."""


@dataclass(frozen=True, slots=True)
class Observer:
    """What is known of a function before it is called: made once, when it is decorated.

    Attributes:
        span_name: The name of its spans.
        function_name: Its qualified name, module included.
        span_attributes: What every span of it has.
        tracer: Makes its spans, or None where they are not wanted.
        duration: Records its durations, or None where they are not wanted.
    """

    span_name: str
    function_name: str
    span_attributes: Mapping[str, TagValue]
    tracer: Tracer | None
    duration: Histogram | None


def new_observer(function: object, *, name: str | None, has_span: bool, has_duration: bool) -> Observer:
    """Return the observer of *function*, whose spans are called *name*, by default by its qualified name."""
    inner = unwrapped(function)
    qualified_name = sendable(str(inner.__qualname__))
    function_name = sendable(f"{inner.__module__}.{qualified_name}")
    attributes: dict[str, TagValue] = {_names.FUNCTION_NAME: function_name}
    code = getattr(inner, "__code__", None)
    if code is not None:
        attributes |= {_names.FILE_PATH: sendable(code.co_filename), _names.LINE_NUMBER: code.co_firstlineno}
    # Both are OpenTelemetry's proxies until a provider is set, so decorating before configure() is fine.
    tracer = get_tracer(_names.SCOPE_NAME, _names.VERSION, schema_url=_names.SCHEMA_URL) if has_span else None
    duration = new_histogram(new_meter(), _names.FUNCTION_DURATION) if has_duration else None
    return Observer(name or qualified_name, function_name, attributes, tracer, duration)


class ObservedCall:
    """One call: a context manager around it that never changes what the call does."""

    __slots__ = ("_begin", "_context", "_here", "_observer", "_span", "_token")

    def __init__(self, observer: Observer) -> None:
        """Observe one call for *observer*."""
        self._observer = observer
        self._span: Span | None = None
        self._token: Any = None
        self._here: Token[bool] | None = None
        self._context: Context | None = None
        self._begin = 0.0

    def __enter__(self) -> None:
        """Begin: make the span, and make it the current one."""
        # A check that calls an instrumented function is invisible, as everything in a check is.
        if get_value("suppress_instrumentation"):
            self._begin = -1.0
            return
        observer = self._observer
        if observer.tracer is not None:
            with Guard(f"beginning a span of {observer.function_name}", signal="traces"):
                span = observer.tracer.start_span(observer.span_name, attributes=observer.span_attributes)
                self._context = set_span_in_context(span)
                self._token = attach(self._context)
                self._here = _observing.set(True)
                self._span = span
        self._begin = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End: give the context back, end the span, record the duration. Any exception goes on."""
        if self._begin < 0:
            return
        seconds = time.perf_counter() - self._begin
        if self._here is not None and _is_of_here(self._here):
            detach(self._token)
        name = self._observer.function_name
        if self._span is not None:
            with Guard(f"ending a span of {name}", signal="traces"):
                _end(self._span, error)
        if self._observer.duration is not None:
            with Guard(f"recording the duration of {name}", signal="metrics"):
                attributes = {_names.FUNCTION_NAME: name, **_outcome(error)}
                # With the span's context, so that an exemplar leads to it.
                self._observer.duration.record(seconds, attributes, context=self._context or get_current())


def _is_of_here(token: Token[bool]) -> bool:
    """Give *token* back, and tell whether it was made in the current context.

    It was not where a coroutine is collected or closed by somebody else. There is nothing to give back there,
    and OpenTelemetry's `detach` would log an error with a traceback for each.
    """
    try:
        _observing.reset(token)
    except ValueError:
        return False
    return True


def _end(span: Span, error: BaseException | None) -> None:
    try:
        if error is not None and span.is_recording():
            outcome = _outcome(error)
            span.set_attributes(outcome)
            if _names.ERROR_TYPE in outcome:
                description = describe(error)[:_LONGEST_TEXT]
                span.set_status(Status(StatusCode.ERROR, sendable(description)))
                span.add_event("exception", _exception_attributes(error, description))
    finally:
        span.end()


def _exception_attributes(error: BaseException, description: str) -> dict[str, TagValue]:
    """Return what `Span.record_exception` would record, bounded, encodable, and whatever the error's __str__ does."""
    stacktrace = "".join(traceback.format_exception(error))
    return {
        "exception.type": sendable(error_type(error)),
        "exception.message": sendable(description[len(type(error).__name__) + len(": ") :]),
        "exception.stacktrace": sendable(stacktrace[-_LONGEST_TEXT:]),
    }


def _outcome(error: BaseException | None) -> dict[str, TagValue]:
    """Return how a call ended. Cancellation is an outcome of its own: neither a success nor a fault."""
    if error is None:
        return {_names.OUTCOME: "ok"}
    if isinstance(error, _CANCELLED):
        return {_names.OUTCOME: "cancelled"}
    return {_names.OUTCOME: "error", _names.ERROR_TYPE: sendable(error_type(error))}
