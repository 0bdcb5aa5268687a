"""A coroutine may end somewhere else than it began: where its loop is gone, or in the hands of somebody else."""

import contextvars
import logging
from collections.abc import Generator

import pytest
from opentelemetry import context, trace

from tests.fakes import Telemetry
from tests.programs import run_program
from vitalspan import instrument, traced

_COLLECTED = """
import asyncio, gc
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from vitalspan import instrument

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
logging.getLogger("asyncio").disabled = True  # It complains of the tasks themselves, with reason.

@instrument(name="inner")
async def inner(): await asyncio.get_running_loop().create_future()

@instrument(name="outer")
async def outer(): await inner()

async def main():
    tasks = [asyncio.create_task(outer()) for _ in range(5)]
    await asyncio.sleep(0)
    return tasks

loop = asyncio.new_event_loop()
tasks = loop.run_until_complete(main())
loop.close()
del tasks
gc.collect()
ids = {span.context.span_id: span.name for span in exporter.get_finished_spans()}
for span in exporter.get_finished_spans():
    show(span.name, span.parent and ids[span.parent.span_id], span.attributes["function.outcome"])
show(trace.get_current_span() is trace.INVALID_SPAN)
"""


def test_coroutines_that_are_collected_after_their_loop_say_nothing() -> None:
    """Python closes them wherever it happens to be; OpenTelemetry would log an error with a traceback for each."""
    ran = run_program(_COLLECTED)
    assert ran.log == ""
    assert sorted(ran.printed[:-1], key=str) == [
        *[["inner", "outer", "cancelled"]] * 5,
        *[["outer", None, "cancelled"]] * 5,
    ]
    assert ran.printed[-1] is True


@pytest.mark.parametrize("is_within", [False, True])
def test_a_coroutine_that_is_closed_elsewhere_leaves_the_context_there(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture, *, is_within: bool
) -> None:
    """Also where that is a copy of its own context, in which its span is the current one."""

    class Pause:
        def __await__(self) -> Generator[contextvars.Context]:
            yield contextvars.copy_context()

    @instrument(name="paused")
    async def paused() -> None:
        await Pause()

    @traced(name="next")
    def following() -> None: ...

    began = contextvars.copy_context()
    coroutine = paused()
    within: contextvars.Context = began.run(coroutine.send, None)
    elsewhere = within if is_within else contextvars.copy_context()
    before = elsewhere.run(context.get_current)
    elsewhere.run(coroutine.close)
    assert elsewhere.run(context.get_current) is before
    elsewhere.run(following)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    closed, after = telemetry.spans
    assert (closed.name, after.name) == ("paused", "next")
    assert (after.parent is not None) is is_within


def test_what_the_function_attached_and_forgot_ends_with_its_span(telemetry: Telemetry) -> None:
    before = context.get_current()

    @traced
    def charge() -> None:
        context.attach(context.set_value("forgotten", True))

    charge()
    assert context.get_current() is before
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert len(telemetry.spans) == 1
