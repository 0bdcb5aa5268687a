"""What arrived, as JSON lines for scripts."""

import json
from collections.abc import Iterator
from math import inf
from typing import Final, TextIO

from vitalspan._types import Json
from vitalspan.cli._demo_text import Frame
from vitalspan.dashboard import ComponentView, FunctionView, HealthEvent, ServiceView

__all__ = ["JSON_HELP", "JsonLines"]

JSON_HELP: Final = """\
lines of --json, each an object with these keys (times in ISO 8601 and UTC, durations in seconds):
  type "health_change", for each change as it arrives:
      time, service, instance, component, previous_status, status, message
  type "component", for each component every second:
      time, service, instance, component, status, since, critical, message
  type "function", for each instrumented function every second, over the last `window` seconds:
      time, service, instance, function, window, rate (calls per second), calls, errors,
      outcomes (calls by outcome), p50, p95 (null without calls), total_calls, total_errors
"""

_SUMMARY_SECONDS: Final = 1.0


class JsonLines:
    """Writes each change of health as it arrives, and the state of everything once a second."""

    def __init__(self, out: TextIO, window: float) -> None:
        """Write to *out*.

        Args:
            out: Where the lines go; each is flushed.
            window: The seconds that rates and quantiles are over.
        """
        self._out = out
        self._window = window
        self._last_change = 0
        self._next_summary = -inf

    def open(self) -> None:
        """Do nothing: lines need no preparation."""

    def show(self, frame: Frame) -> None:
        """Write what is new in *frame*.

        Raises:
            BrokenPipeError: Nobody reads any more.
        """
        changes = sorted((event for service in frame.services for event in service.events), key=_sequence)
        for event in changes:
            if event.sequence > self._last_change:
                self._last_change = event.sequence
                self._write(_change(event))
        if frame.elapsed >= self._next_summary:
            self._next_summary = frame.elapsed + _SUMMARY_SECONDS
            for line in self._summary(frame):
                self._write(line)

    def close(self) -> None:
        """Do nothing: every line has been flushed."""

    def _summary(self, frame: Frame) -> Iterator[dict[str, Json]]:
        for service in frame.services:
            head = _head(service, frame)
            yield from ({"type": "component"} | head | _component(each) for each in service.components)
            yield from ({"type": "function"} | head | self._function(each) for each in service.functions)

    def _function(self, function: FunctionView) -> dict[str, Json]:
        return {
            "function": function.function,
            "window": self._window,
            "rate": function.rate,
            "calls": function.calls,
            "errors": function.errors,
            "outcomes": dict(function.outcomes),
            "p50": function.p50,
            "p95": function.p95,
            "total_calls": function.total_calls,
            "total_errors": function.total_errors,
        }

    def _write(self, line: dict[str, Json]) -> None:
        self._out.write(json.dumps(line) + "\n")
        self._out.flush()


def _head(service: ServiceView, frame: Frame) -> dict[str, Json]:
    return {"time": frame.now.isoformat(), "service": service.source.service, "instance": service.source.instance}


def _component(component: ComponentView) -> dict[str, Json]:
    return {
        "component": component.component,
        "status": component.status,
        "since": component.since.isoformat(),
        "critical": component.is_critical,
        "message": component.message,
    }


def _change(event: HealthEvent) -> dict[str, Json]:
    return {
        "type": "health_change",
        "time": event.time.isoformat(),
        "service": event.source.service,
        "instance": event.source.instance,
        "component": event.component,
        "previous_status": event.previous_status,
        "status": event.status,
        "message": event.message,
    }


def _sequence(event: HealthEvent) -> int:
    return event.sequence
