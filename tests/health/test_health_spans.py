"""What findings are as spans and events, exactly as the contract of names says."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from tests.fakes import ManualClock, Telemetry
from tests.health._parts import MuteError, ScriptedCheck, events, find, new_monitor, run, run_for
from vitalspan._guard import LEDGER
from vitalspan.health import HealthMonitor, HealthStatus, Status
from vitalspan.health._telemetry import TraceChecks


def _attributes(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return dict(attributes or {})


# Spans


@pytest.mark.parametrize(
    ("trace_checks", "kept"),
    [
        # The runs find: healthy (a change), healthy, raising (a change), raising, healthy (a change).
        ("all", ["healthy", "healthy", "unknown", "unknown", "healthy"]),
        ("changes", ["healthy", "unknown", "unknown", "healthy"]),
        ("none", []),
    ],
)
def test_spans_are_kept_as_asked_by_default_for_failures_and_changes(
    telemetry: Telemetry, clock: ManualClock, trace_checks: TraceChecks, kept: list[str]
) -> None:
    monitor = new_monitor(telemetry, clock, trace_checks=trace_checks)
    error = OSError("refused")
    finding = find(monitor, Status.HEALTHY, Status.HEALTHY, error, error, Status.HEALTHY)
    assert [_attributes(span.attributes)["health.status"] for span in telemetry.spans] == kept
    assert bool(finding.trace_id) is (trace_checks != "none")
    assert sum(telemetry.values("health.check.runs", "health.status").values()) == 5


def _span(telemetry: Telemetry) -> ReadableSpan:
    (span,) = telemetry.spans
    return span


def test_a_run_is_an_internal_span_that_lasts_as_long_as_it(
    telemetry: Telemetry, monitor: HealthMonitor, clock: ManualClock
) -> None:
    @monitor.check("database")
    async def database() -> None:
        await asyncio.sleep(0.25)

    start = int(clock.now().timestamp() * 1e9)
    finding = run(clock, monitor.check_now("database"))
    span = _span(telemetry)
    assert (span.name, span.kind) == ("health.check database", SpanKind.INTERNAL)
    assert (span.start_time, span.end_time) == (start, start + 250_000_000)
    assert _attributes(span.attributes) == {
        "health.component": "database",
        "health.status": "healthy",
        "health.previous_status": "unknown",
    }
    assert span.context is not None
    assert finding.trace_id == f"{span.context.trace_id:032x}"


def test_a_run_is_a_root_of_its_own_whoever_asked_for_it(telemetry: Telemetry, monitor: HealthMonitor) -> None:
    monitor.register_check(ScriptedCheck())

    async def main() -> None:
        with telemetry.tracer_provider.get_tracer("program").start_as_current_span("request"):
            await monitor.check_now("database")

    asyncio.run(main())
    check, request = telemetry.spans
    assert check.name == "health.check database"
    assert check.parent is None
    assert check.context is not None
    assert request.context is not None
    assert check.context.trace_id != request.context.trace_id


def test_a_measured_duration_leads_to_its_span(telemetry: Telemetry, monitor: HealthMonitor) -> None:
    finding = find(monitor, Status.HEALTHY)
    (point,) = telemetry.points("health.check.duration").values()
    assert [f"{exemplar.trace_id:032x}" for exemplar in point.exemplars] == [finding.trace_id]


@pytest.mark.parametrize(
    ("answer", "code", "description"),
    [
        (Status.HEALTHY, StatusCode.UNSET, None),
        (Status.DEGRADED, StatusCode.UNSET, None),
        (HealthStatus("database", Status.UNHEALTHY, message="full"), StatusCode.ERROR, "full"),
        (OSError("refused"), StatusCode.ERROR, "Check failed: OSError: refused"),
    ],
)
def test_a_span_is_an_error_for_unhealthy_and_for_what_could_not_run(
    telemetry: Telemetry, monitor: HealthMonitor, answer: object, code: StatusCode, description: str | None
) -> None:
    find(monitor, answer)
    status = _span(telemetry).status
    assert (status.status_code, status.description) == (code, description)


def test_what_a_check_raised_is_an_exception_event(telemetry: Telemetry, monitor: HealthMonitor) -> None:
    find(monitor, OSError("refused"))
    (event,) = events(_span(telemetry), "exception")
    attributes = _attributes(event.attributes)
    stacktrace = attributes.pop("exception.stacktrace")
    assert attributes == {
        "exception.type": "OSError",
        "exception.message": "Check failed: OSError: refused",
    }
    assert stacktrace.startswith("Traceback (most recent call last):")
    assert stacktrace.endswith("OSError: refused\n")


@pytest.mark.parametrize("error", [OSError("x" * 1_000_000), MuteError()])
def test_an_error_that_is_huge_or_mute_hurts_no_batch(
    telemetry: Telemetry, monitor: HealthMonitor, error: Exception
) -> None:
    find(monitor, error)
    (event,) = events(_span(telemetry), "exception")
    assert sum(len(value) for value in _attributes(event.attributes).values()) < 12_000
    assert telemetry.values("health.check.transitions", "health.component") == {}


def test_a_sampled_out_span_leaves_no_trace_id(telemetry: Telemetry, clock: ManualClock) -> None:
    """It would lead nowhere."""
    never = TracerProvider(ALWAYS_OFF, shutdown_on_exit=False)
    monitor = HealthMonitor(meter_provider=telemetry.meter_provider, tracer_provider=never, clock=clock)
    assert find(monitor, Status.HEALTHY).trace_id == ""
    assert telemetry.values("health.check.runs", "health.status") == {("healthy",): 1}


# Events


def test_a_change_is_an_event_with_everything_about_it(
    telemetry: Telemetry, monitor: HealthMonitor, clock: ManualClock
) -> None:
    @monitor.check("database", interval=10)
    async def database() -> HealthStatus:
        await asyncio.sleep(0.5)
        return HealthStatus(
            "database", Status.UNHEALTHY, message="full", error_type="disk", metadata={"free": 0, "path": "/data"}
        )

    clock.advance(2)
    start = clock.now().timestamp()
    run(clock, run_for(monitor, 1))
    (event,) = events(_span(telemetry))
    assert event.timestamp == int((start + 0.5) * 1e9)
    assert _attributes(event.attributes) == {
        "health.component": "database",
        "health.status": "unhealthy",
        "health.previous_status": "unknown",
        "health.event": "failed",
        "health.message": "full",
        "health.consecutive_failures": 1,
        "health.previous_status_time": 2.5,
        "error.type": "disk",
        "health.metadata.free": 0,
        "health.metadata.path": "/data",
    }


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ([Status.HEALTHY], ["passed"]),
        ([Status.DEGRADED], ["failed"]),
        ([Status.UNHEALTHY, Status.HEALTHY], ["failed", "passed"]),
        ([Status.HEALTHY, Status.HEALTHY, Status.UNHEALTHY], ["passed", "failed"]),
    ],
)
def test_a_change_to_healthy_has_passed_and_every_other_has_failed(
    telemetry: Telemetry, monitor: HealthMonitor, statuses: list[Status], told: list[str]
) -> None:
    find(monitor, *statuses)
    changes = [_attributes(event.attributes) for span in telemetry.spans for event in events(span)]
    assert [change["health.event"] for change in changes] == told
    if statuses[-1] is Status.HEALTHY:
        assert "error.type" not in changes[-1]


def test_only_scalar_metadata_leaves_and_only_so_much(telemetry: Telemetry, monitor: HealthMonitor) -> None:
    metadata: dict[str, object] = {"rows": [1], "none": None, "text": "x" * 5000, "yes": True, "ratio": 0.5, "n": 3}
    metadata |= {f"k{number}": number for number in range(100)}
    find(monitor, HealthStatus("database", Status.HEALTHY, metadata=metadata))
    attributes = _attributes(events(_span(telemetry))[0].attributes)
    sent = {key: value for key, value in attributes.items() if key.startswith("health.metadata.")}
    assert len(sent) == 32
    assert sent["health.metadata.text"] == "x" * 1000
    assert (sent["health.metadata.yes"], sent["health.metadata.ratio"], sent["health.metadata.n"]) == (True, 0.5, 3)
    assert not {"health.metadata.rows", "health.metadata.none"} & sent.keys()


def test_what_is_sent_about_a_run_can_be_sent(telemetry: Telemetry, monitor: HealthMonitor) -> None:
    """One lone surrogate, or an integer of more than 64 bits, would cost the whole batch."""
    metadata = {
        "caf\udce9": "caf\udce9",
        "most": 2**63 - 1,
        "more": 2**63,
        "less": -(2**63) - 1,
        "far more": 10**5000,
    }
    find(monitor, HealthStatus("database", Status.UNHEALTHY, metadata=metadata, error_type="caf\udce9"))
    span = _span(telemetry)
    sent = _attributes(events(span)[0].attributes)
    assert {key.removeprefix("health.metadata."): value for key, value in sent.items() if "metadata" in key} == {
        "caf?": "caf?",
        "most": 2**63 - 1,
        "more": "9223372036854775808",
        "less": "-9223372036854775809",
        "far more": "an integer of 16610 bits",
    }
    assert _attributes(span.attributes)["error.type"] == "caf?"


def test_what_a_check_raised_is_sent_without_secrets_and_so_that_it_can_be(
    telemetry: Telemetry, monitor: HealthMonitor
) -> None:
    strange = type("StrangeError", (Exception,), {"__module__": "caf\udce9"})
    find(monitor, strange("redis://:hunter2@caf\udce9 refused"))
    span = _span(telemetry)
    (event,) = events(span, "exception")
    assert "hunter2" not in repr(dict(event.attributes or {})) + str(span.status.description)
    for text in _attributes(event.attributes).values():
        assert text.encode()
    assert _attributes(event.attributes)["exception.stacktrace"].endswith("redis://:***@caf? refused\n")


class _MuteKey:
    def __str__(self) -> str:
        raise ValueError("no text")


def test_a_run_that_cannot_be_traced_is_counted_all_the_same(telemetry: Telemetry, monitor: HealthMonitor) -> None:
    metadata: Any = {_MuteKey(): 1}
    before = LEDGER.dropped().get(("health", "ValueError"), 0)
    finding = find(monitor, HealthStatus("database", Status.HEALTHY, metadata=metadata))
    assert (finding.status, finding.trace_id) == (Status.HEALTHY, "")
    assert telemetry.values("health.check.runs", "health.status") == {("healthy",): 1}
    assert telemetry.values("health.check.transitions", "health.status") == {("healthy",): 1}
    assert len(telemetry.spans) == 1  # Ended, without its event.
    assert LEDGER.dropped()["health", "ValueError"] == before + 1
