"""ObservedCall: span, duration and outcome of one call."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from opentelemetry.context import Context, attach, detach, get_current, get_value
from opentelemetry.metrics import Histogram
from opentelemetry.trace import Span, Status, StatusCode, Tracer, get_tracer, set_span_in_context

from vitalspan import _names
from vitalspan._errors import error_type
from vitalspan._guard import Guard, describe
from vitalspan._types import TagValue
from vitalspan.metrics._otel import new_histogram, new_meter
from vitalspan.tracing._callkind import unwrapped

__all__ = ["ObservedCall", "Observer"]

_CANCELLED = (asyncio.CancelledError, GeneratorExit)


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
    function_name = f"{inner.__module__}.{inner.__qualname__}"
    attributes: dict[str, TagValue] = {_names.FUNCTION_NAME: function_name}
    code = getattr(inner, "__code__", None)
    if code is not None:
        attributes |= {_names.FILE_PATH: code.co_filename, _names.LINE_NUMBER: code.co_firstlineno}
    # Both are OpenTelemetry's proxies until a provider is set, so decorating before configure() is fine.
    tracer = get_tracer(_names.SCOPE_NAME, _names.VERSION, schema_url=_names.SCHEMA_URL) if has_span else None
    duration = new_histogram(new_meter(), _names.FUNCTION_DURATION) if has_duration else None
    return Observer(name or inner.__qualname__, function_name, attributes, tracer, duration)


class ObservedCall:
    """One call: a context manager around it that never changes what the call does."""

    __slots__ = ("_begin", "_context", "_observer", "_span", "_token")

    def __init__(self, observer: Observer) -> None:
        """Observe one call for *observer*."""
        self._observer = observer
        self._span: Span | None = None
        self._token: Any = None
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
                self._span = span
        self._begin = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End: give the context back, end the span, record the duration. Any exception goes on."""
        if self._begin < 0:
            return
        seconds = time.perf_counter() - self._begin
        if self._token is not None:
            detach(self._token)  # It logs and does not raise.
        name = self._observer.function_name
        if self._span is not None:
            with Guard(f"ending a span of {name}", signal="traces"):
                _end(self._span, error)
        if self._observer.duration is not None:
            with Guard(f"recording the duration of {name}", signal="metrics"):
                attributes = {_names.FUNCTION_NAME: name, **_outcome(error)}
                # With the span's context, so that an exemplar leads to it.
                self._observer.duration.record(seconds, attributes, context=self._context or get_current())


def _end(span: Span, error: BaseException | None) -> None:
    try:
        if error is not None and span.is_recording():
            outcome = _outcome(error)
            span.set_attributes(outcome)
            if _names.ERROR_TYPE in outcome:
                span.set_status(Status(StatusCode.ERROR, describe(error)))
                span.record_exception(error)  # It raises when the error's own __str__ does.
    finally:
        span.end()


def _outcome(error: BaseException | None) -> dict[str, TagValue]:
    """Return how a call ended. Cancellation is an outcome of its own: neither a success nor a fault."""
    if error is None:
        return {_names.OUTCOME: "ok"}
    if isinstance(error, _CANCELLED):
        return {_names.OUTCOME: "cancelled"}
    return {_names.OUTCOME: "error", _names.ERROR_TYPE: error_type(error)}
