"""Findings as OpenTelemetry data: gauges that read the board, and a span with its events for a run."""

import threading
import traceback
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Meter, MeterProvider, Observation, get_meter_provider
from opentelemetry.trace import (
    Span,
    SpanKind,
    StatusCode,
    TracerProvider,
    format_trace_id,
    get_tracer,
    set_span_in_context,
)
from opentelemetry.trace import Status as SpanStatus

from vitalspan import _names
from vitalspan._errors import error_type
from vitalspan._guard import Guard
from vitalspan._redact import redacted
from vitalspan._text import sendable
from vitalspan._types import TagValue
from vitalspan.health._board import Board
from vitalspan.health._record import Record, system_status
from vitalspan.health._runs import CheckRun
from vitalspan.health._status import HealthStatus, Probe, Status, StatusChange
from vitalspan.metrics._otel import new_counter, new_histogram, new_meter

__all__ = ["HealthTelemetry", "StatusInstrument", "TraceChecks"]

TraceChecks = Literal["all", "changes", "none"]
StatusInstrument = Literal["gauge", "updowncounter"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_METADATA = 32
_LONGEST_METADATA = 1000
_LONGEST_STACKTRACE = 10_000
_MOST_BITS = 2000
"""Bits of an integer up to which its decimal digits are worth making: beyond some thousand Python refuses to."""

_Callback = Callable[[CallbackOptions], Iterable[Observation]]
_Attributes = dict[str, TagValue]


class HealthTelemetry:
    """Reports what one board knows, and each run that changes it."""

    def __init__(
        self,
        board: Board,
        *,
        trace_checks: TraceChecks,
        status_instrument: StatusInstrument,
        meter_provider: MeterProvider | None,
        tracer_provider: TracerProvider | None,
    ) -> None:
        """Report *board* to the given providers, by default to the global ones, whenever they are set."""
        self._trace_checks = trace_checks
        meter = new_meter(meter_provider)
        self._tracer = get_tracer(_names.SCOPE_NAME, _names.VERSION, tracer_provider, _names.SCHEMA_URL)
        self._duration = new_histogram(meter, _names.CHECK_DURATION)
        self._runs = new_counter(meter, _names.CHECK_RUNS)
        self._transitions = new_counter(meter, _names.CHECK_TRANSITIONS)
        _observe(board, meter, meter_provider, status_instrument)

    def record(self, run: CheckRun, change: StatusChange | None) -> str:
        """Record *run*, and *change* if it is one; return the trace id of its span, empty where there is none."""
        span: Span | None = None
        # What cannot be traced is counted all the same.
        with Guard(f"tracing a run of check {run.finding.component_id}"):
            span = self._new_span(run, change)
        with Guard(f"recording a run of check {run.finding.component_id}"):
            # The span is given as the context, so that an exemplar leads from the histogram to it.
            context = set_span_in_context(span, Context()) if span is not None else Context()
            attributes = _run_attributes(run)
            self._duration.record(run.duration, attributes, context=context)
            self._runs.add(1, attributes, context=context)
            if change is not None:
                self._transitions.add(1, _change_attributes(change), context=context)
            if span is not None and span.get_span_context().trace_flags.sampled:
                return format_trace_id(span.get_span_context().trace_id)
        return ""

    def _new_span(self, run: CheckRun, change: StatusChange | None) -> Span | None:
        """Make the span after the run, when it is known whether it is worth keeping."""
        is_kept = self._trace_checks == "all" or run.failed or change is not None
        if self._trace_checks == "none" or not is_kept:
            return None
        finding = run.finding
        attributes = _run_attributes(run)
        if change is not None:
            # Given at the start, where the sampler of our own pipeline sees it: a change is always kept.
            attributes[_names.PREVIOUS_STATUS] = change.previous.status.value
        start = (run.started - _EPOCH) // timedelta(microseconds=1) * 1000
        end = start + int(run.duration * 1e9)
        span = self._tracer.start_span(
            f"{_names.CHECK_SPAN} {finding.component_id}", Context(), SpanKind.INTERNAL, attributes, start_time=start
        )
        try:
            if run.failed:
                span.set_status(SpanStatus(StatusCode.ERROR, finding.message))
            if run.error is not None:
                span.add_event("exception", _exception_attributes(run.error, finding.message), end)
            if change is not None:
                span.add_event(_names.STATUS_CHANGED, _event_attributes(change), end)
        finally:
            span.end(end)
        return span


def _run_attributes(run: CheckRun) -> _Attributes:
    attributes: _Attributes = {
        _names.COMPONENT: run.finding.component_id,
        _names.STATUS: run.finding.status.value,
    }
    if run.failed:
        attributes[_names.ERROR_TYPE] = run.finding.error_type
    return attributes


def _exception_attributes(error: BaseException, message: str) -> _Attributes:
    """Return what `Span.record_exception` would record, bounded, and whatever the __str__ of *error* does."""
    # Its end says most. Cut before too, so that a huge text costs little time.
    stacktrace = redacted("".join(traceback.format_exception(error))[-2 * _LONGEST_STACKTRACE :])
    return {
        "exception.type": sendable(error_type(error)),
        "exception.message": message,
        "exception.stacktrace": sendable(stacktrace[-_LONGEST_STACKTRACE:]),
    }


def _change_attributes(change: StatusChange) -> _Attributes:
    return {
        _names.COMPONENT: change.current.component_id,
        _names.STATUS: change.current.status.value,
        _names.PREVIOUS_STATUS: change.previous.status.value,
    }


def _event_attributes(change: StatusChange) -> _Attributes:
    current = change.current
    attributes = _change_attributes(change) | {
        _names.HEALTH_EVENT: "passed" if current.status is Status.HEALTHY else "failed",
        _names.MESSAGE: current.message,
        _names.CONSECUTIVE_FAILURES: current.consecutive_failures,
        _names.PREVIOUS_STATUS_TIME: change.previous_status_time,
    }
    if current.error_type:
        attributes[_names.ERROR_TYPE] = current.error_type
    return attributes | _metadata_attributes(current)


def _metadata_attributes(finding: HealthStatus) -> _Attributes:
    scalars = [(key, value) for key, value in finding.metadata.items() if isinstance(value, str | bool | int | float)]
    return {
        sendable(f"{_names.METADATA_PREFIX}{key}"): _sendable_scalar(value) for key, value in scalars[:_MOST_METADATA]
    }


def _sendable_scalar(value: TagValue) -> TagValue:
    if isinstance(value, str):
        return sendable(value[:_LONGEST_METADATA])
    if isinstance(value, int) and not -(2**63) <= value < 2**63:  # OTLP has integers of 64 bits.
        return str(value) if value.bit_length() <= _MOST_BITS else f"an integer of {value.bit_length()} bits"
    return value


# OpenTelemetry has no way to take a callback back, and ignores the callbacks of a second instrument of the
# same name. So there is one set of instruments for each provider and kind, and a registry of the boards that
# report through it. Boards are held weakly: one that is gone stops being reported.

_registry_lock = threading.Lock()
_global_boards: dict[str, "_Boards"] = {}
_boards_by_provider: "weakref.WeakKeyDictionary[MeterProvider, dict[str, _Boards]]" = weakref.WeakKeyDictionary()

_Read = Callable[[Sequence[Board]], Iterable[Observation]]
_Readings = Sequence[tuple[Callable[..., object], _names.Named, _Read]]


def _observe(board: Board, meter: Meter, provider: MeterProvider | None, instrument: StatusInstrument) -> None:
    new_status = meter.create_observable_gauge if instrument == "gauge" else meter.create_observable_up_down_counter
    new: list[tuple[_Boards, _Readings]] = []
    with _registry_lock:
        is_global = provider is None or provider is get_meter_provider()
        registry = _global_boards if is_global or provider is None else _boards_by_provider.setdefault(provider, {})
        sets: dict[str, _Readings] = {
            # Of every board, apart: they are the same instruments whatever reports the statuses.
            "times": [
                (meter.create_observable_counter, _names.CHECK_STATUS_TIME, _status_time),
                (meter.create_observable_gauge, _names.CHECK_AGE, _age),
            ],
            instrument: [
                (new_status, _names.CHECK_STATUS, _check_status),
                (new_status, _names.SYSTEM_STATUS, lambda own: _read_system_status(own, registry["times"].alive())),
            ],
        }
        for kind, readings in sets.items():
            boards = registry.get(kind)
            if boards is None:
                boards = registry[kind] = _Boards()
                new.append((boards, readings))
            boards.add(board)
    for boards, readings in new:
        boards.report_through(readings)


class _Boards:
    """The boards that report through one set of observable instruments."""

    def __init__(self) -> None:
        # Replaced, never mutated: the exporting thread iterates without a lock.
        self._boards: tuple[weakref.ref[Board], ...] = ()

    def add(self, board: Board) -> None:
        alive = tuple(known for known in self._boards if known() is not None)
        self._boards = (*alive, weakref.ref(board))

    def alive(self) -> list[Board]:
        """Return the boards that are still there."""
        boards = [known() for known in self._boards]
        return [board for board in boards if board is not None]

    def report_through(self, readings: _Readings) -> None:
        """Make the instruments. Their callbacks only read, take no lock, and do not raise."""
        for create, named, read in readings:
            create(named.name, [self._reading(named, read)], named.unit, named.description)

    def _reading(self, named: _names.Named, read: _Read) -> _Callback:
        def observe(_options: CallbackOptions) -> Iterable[Observation]:
            observations: list[Observation] = []
            with Guard(f"reading {named.name}"):
                observations.extend(read(self.alive()))
            return observations

        return observe


def _one_of(status: Status, attributes: Mapping[str, TagValue]) -> Iterable[Observation]:
    for each in Status:
        yield Observation(int(each is status), {**attributes, _names.STATUS: each.value})


def _check_status(boards: Sequence[Board]) -> Iterable[Observation]:
    for record, status, _, _ in _readings(boards):
        attributes: _Attributes = {_names.COMPONENT: record.finding.component_id, _names.CRITICAL: record.is_critical}
        yield from _one_of(status, attributes)


def _read_system_status(own: Sequence[Board], boards: Sequence[Board]) -> Iterable[Observation]:
    """Yield one status for each probe, of all *boards* together, since nothing in a point tells boards apart.

    Where only the others have components, those of the *own* instrument say nothing: an empty system beside a
    real one would contradict it.
    """
    components = [component for board in boards for component in board.components()]
    if any(board.components() for board in own) or (own and not components):
        for probe in Probe:
            yield from _one_of(system_status(components, probe), {_names.PROBE: probe.value})


def _status_time(boards: Sequence[Board]) -> Iterable[Observation]:
    for record, _, spent, _ in _readings(boards):
        for status, seconds in spent.items():
            yield Observation(seconds, {_names.COMPONENT: record.finding.component_id, _names.STATUS: status.value})


def _age(boards: Sequence[Board]) -> Iterable[Observation]:
    for record, _, _, age in _readings(boards):
        if record.has_run:
            yield Observation(age, {_names.COMPONENT: record.finding.component_id})


def _readings(boards: Sequence[Board]) -> Iterator[tuple[Record, Status, Mapping[Status, float], float]]:
    for board in boards:
        yield from board.readings()
