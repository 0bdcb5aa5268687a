"""What the demo has to say as plain lines, for people without a terminal that can be drawn on."""

from collections.abc import Callable, Mapping
from typing import Final, TextIO

from vitalspan import HealthStatus
from vitalspan.cli._demo_text import Frame, duration, local_time, printable, short_name

__all__ = ["LocalLines", "PlainLines"]

_SUMMARY_SECONDS: Final = 10.0
_LOCAL_SECONDS: Final = 5.0


class PlainLines:
    """Writes what arrived: each change of health at once, the calls of functions now and then."""

    def __init__(self, out: TextIO, title: str) -> None:
        """Write to *out*, beginning with *title*."""
        self._out = out
        self._title = title
        self._last_change = 0
        self._next_summary = _SUMMARY_SECONDS
        self._frame: Frame | None = None

    def open(self) -> None:
        """Write the title."""
        _write(self._out, self._title)

    def show(self, frame: Frame) -> None:
        """Write what is new in *frame*.

        Raises:
            BrokenPipeError: Nobody reads any more.
        """
        self._frame = frame
        for event in (event for service in frame.services for event in service.events):
            if event.sequence > self._last_change:
                self._last_change = event.sequence
                line = f"{local_time(event.time)}  {event.component}: {event.previous_status} -> {event.status}"
                _write(self._out, f"{line}  {event.message}")
        if frame.elapsed >= self._next_summary:
            self._next_summary += _SUMMARY_SECONDS
            self._write_functions(frame)

    def close(self) -> None:
        """Write how everything ended."""
        if self._frame is None:
            return
        for component in (component for service in self._frame.services for component in service.components):
            line = f"{component.component}: {component.status} since {local_time(component.since)}"
            _write(self._out, f"{local_time(self._frame.now)}  {line}  {component.message}")
        self._write_functions(self._frame)

    def _write_functions(self, frame: Frame) -> None:
        for function in (function for service in frame.services for function in service.functions):
            _write(
                self._out,
                f"{local_time(frame.now)}  {short_name(function.function)}: {function.rate:.1f} calls/s, "
                f"p50 {duration(function.p50)}, p95 {duration(function.p95)}, "
                f"{function.errors} of {function.calls} failed",
            )


class LocalLines:
    """Writes what this process knows of its own health, when what it sends goes elsewhere."""

    def __init__(self, out: TextIO, title: str, statuses: Callable[[], Mapping[str, HealthStatus]]) -> None:
        """Write to *out*, beginning with *title*, what *statuses* returns."""
        self._out = out
        self._title = title
        self._statuses = statuses
        self._last: tuple[str, ...] = ()
        self._next = 0.0

    def open(self) -> None:
        """Write the title."""
        _write(self._out, self._title)

    def show(self, frame: Frame) -> None:
        """Write a line when a status has changed, and every few seconds.

        Raises:
            BrokenPipeError: Nobody reads any more.
        """
        statuses = self._statuses()
        current = tuple(f"{component} {status.status.value}" for component, status in sorted(statuses.items()))
        if current == self._last and frame.elapsed < self._next:
            return
        self._last = current
        self._next = frame.elapsed + _LOCAL_SECONDS
        fault = f"  (broken on purpose: {frame.fault})" if frame.fault else ""
        _write(self._out, f"{local_time(frame.now)}  {', '.join(current)}{fault}")

    def close(self) -> None:
        """Do nothing: every line has been flushed."""


def _write(out: TextIO, line: str) -> None:
    out.write(printable(line).rstrip() + "\n")
    out.flush()
