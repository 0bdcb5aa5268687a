"""Breaks the export of spans for a while."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Literal

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from tests.fakes import Telemetry


class BrokenProcessor(SpanProcessor):
    """A span processor of somebody's own, with a bug."""

    def __init__(self, at: Literal["start", "end"]) -> None:
        self._at = at
        self.is_mended = False

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if self._at == "start" and not self.is_mended:
            raise OSError("the pipe is closed")

    def on_end(self, span: ReadableSpan) -> None:
        if self._at == "end" and not self.is_mended:
            raise OSError("the pipe is closed")


@contextmanager
def broken_spans(telemetry: Telemetry, at: Literal["start", "end"]) -> Generator[None]:
    """Let every span of *telemetry* fail *at* its start or its end, until the block is left."""
    processor = BrokenProcessor(at)
    telemetry.tracer_provider.add_span_processor(processor)
    try:
        yield
    finally:
        processor.is_mended = True
