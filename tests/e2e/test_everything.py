"""What a program recorded is what a real Collector received: every point, span and event, over both protocols."""

import json
import os
import subprocess
import sys
import uuid
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e._received import Received, ReceivedPoint, ReceivedSpan
from tests.e2e._receiver import Receiver
from vitalspan import _names

PROGRAM = Path(__file__).with_name("everything.py")
STATUSES = ("healthy", "degraded", "unknown", "unhealthy")
COMPONENTS = {"cache", "never_run", "database", "agent_system", "runtime"}


class Run(NamedTuple):
    service: str
    printed: dict[str, Any]
    received: Received


@pytest.fixture(scope="module", params=["http/protobuf", "grpc"], name="run")
def _run(collector: Receiver, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The program, run once for each protocol, and everything of it that arrived."""
    service = f"service-{uuid.uuid4().hex[:8]}"
    protocol: str = request.param
    endpoint = collector.grpc_endpoint if protocol == "grpc" else collector.http_endpoint
    clean = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    ended = subprocess.run(
        [sys.executable, PROGRAM, service, tmp_path_factory.mktemp("program")],
        env={**clean, "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    printed = json.loads(ended.stdout)
    assert printed["delivered"], ended.stderr
    # The last things that it does: the recovery of the agents, and the export of all metrics.
    recovered = "health.check agent_system"
    collector.wait_for(lambda received: len(received.of(service).spans_named(recovered)) == 3)
    collector.wait_for(lambda received: received.of(service).points_of("health.check.age"))
    return Run(service, printed, collector.received().of(service))


def values(run: Run, metric: str, *attributes: str) -> dict[Any, Any]:
    """Return the values of *metric* by the values of *attributes*; no others may be there."""
    found: dict[Any, Any] = {}
    for point in run.received.points_of(metric):
        assert set(point.attributes) == set(attributes), point.attributes
        key = tuple(point.attributes[name] for name in attributes)
        assert key not in found, f"{metric} {key} arrived twice"
        found[key if len(key) != 1 else key[0]] = point.value if point.kind != "histogram" else point.count
    return found


def one(run: Run, metric: str) -> ReceivedPoint:
    (point,) = run.received.points_of(metric)
    return point


def test_nothing_arrives_that_was_not_recorded(run: Run) -> None:
    ours = {named.name for named in _names.ALL_METRICS} - {_names.EXPORT_FAILURES.name}
    shop = {"shop.orders", "shop.queue", "shop.temperature", "shop.wait", "shop.weight"}
    assert {point.metric for point in run.received.points} == ours | shop
    assert not run.received.logs


def test_everything_has_the_same_resource_and_scope(run: Run) -> None:
    (resource,) = {tuple(sorted(each.resource.items())) for each in (*run.received.points, *run.received.spans)}
    attributes = dict(resource)
    assert len(str(attributes.pop("service.instance.id"))) == 36
    assert {name: value for name, value in attributes.items() if not name.startswith("telemetry.sdk.")} == {
        "service.name": run.service,
        "service.version": "1.2.3",
        "deployment.environment.name": "test",
        "telemetry.distro.name": "vitalspan",
        "telemetry.distro.version": _names.VERSION,
    }
    scopes = {(each.scope_name, each.scope_version, each.schema_url) for each in run.received.points}
    scopes |= {(each.scope_name, each.scope_version, each.schema_url) for each in run.received.spans}
    assert scopes == {("vitalspan", _names.VERSION, _names.SCHEMA_URL)}


def test_our_metrics_have_the_units_and_descriptions_of_the_contract(run: Run) -> None:
    contract = {named.name: (named.unit, named.description) for named in _names.ALL_METRICS}
    for point in run.received.points:
        if point.metric in contract:
            assert (point.unit, point.description) == contract[point.metric], point.metric


def test_counters(run: Run) -> None:
    assert values(run, "shop.orders", "shop") == {"north": 6, "south": 5}
    orders = run.received.points_of("shop.orders")[0]
    assert (orders.kind, orders.monotonic, orders.temporality) == ("sum", True, "cumulative")
    assert (orders.unit, orders.description) == ("{order}", "Orders taken")
    queue = one(run, "shop.queue")
    assert (queue.kind, queue.monotonic, queue.value) == ("sum", False, -2)
    assert values(run, "vitalspan.dropped", "signal", "reason") == {
        ("metrics", "negative"): 1,
        ("events", "ZeroDivisionError"): 1,
    }


def test_gauges(run: Run) -> None:
    point = one(run, "shop.temperature")
    assert (point.kind, point.value, point.unit) == ("gauge", -0.5, "Cel")
    assert point.attributes == {"room": 1, "heated": True, "share": 0.5}


def test_histograms_of_seconds_have_boundaries_that_fit_seconds(run: Run) -> None:
    point = one(run, "shop.wait")
    assert (point.count, point.min, point.max) == (4, 0.0004, 20.0)
    assert point.sum == pytest.approx(20.0064)
    assert point.explicit_bounds == _names.DURATION_BOUNDARIES
    filled = {index: count for index, count in enumerate(point.bucket_counts) if count}
    assert filled == {0: 1, 3: 2, len(_names.DURATION_BOUNDARIES): 1}


def test_a_summary_is_exactly_sum_count_min_and_max(run: Run) -> None:
    point = one(run, "shop.weight")
    assert (point.kind, point.unit, point.description) == ("histogram", "kg", "What was sent")
    assert (point.count, point.sum, point.min, point.max) == (3, 12.0, 1.5, 8.0)
    assert (point.explicit_bounds, point.bucket_counts) == ((), (3,))


def test_events_are_counted(run: Run) -> None:
    # Seven first findings less the two that changed nothing, and three changes each of two components after that.
    assert values(run, "event.published", "event.type") == {
        "order.shipped": 1,
        "health_check_passed": 5,
        "health_check_failed": 3,
    }
    assert values(run, "event.handler.errors", "event.type", "error.type") == {
        ("order.shipped", "ZeroDivisionError"): 1
    }


def function(name: str) -> str:
    return f"__main__.{name}"


def test_calls_are_counted_by_outcome(run: Run) -> None:
    counts = {
        (point.attributes["code.function.name"], point.attributes["function.outcome"]): (
            point.count,
            point.attributes.get("error.type"),
        )
        for point in run.received.points_of("function.duration")
    }
    assert counts == {
        (function("outer"), "ok"): (1, None),
        (function("outer"), "error"): (2, "ValueError"),
        (function("inner"), "ok"): (1, None),
        (function("inner"), "error"): (2, "ValueError"),
        (function("Shop.sell"), "ok"): (1, None),
        (function("Shop.wait"), "cancelled"): (1, None),
    }
    for point in run.received.points_of("function.duration"):
        assert point.explicit_bounds == _names.DURATION_BOUNDARIES
        assert point.sum is not None
        assert 0 < point.sum < 10


def test_durations_lead_to_their_traces(run: Run) -> None:
    traces = {span.trace_id for span in run.received.spans}
    exemplars = [exemplar for point in run.received.points_of("function.duration") for exemplar in point.exemplars]
    assert exemplars
    assert {exemplar.trace_id for exemplar in exemplars} <= traces


def test_spans_are_nested_as_the_calls_were(run: Run) -> None:
    outers = run.received.spans_named("outer")
    inners = run.received.spans_named("the inner one")
    assert len(outers) == len(inners) == 3
    assert {span.parent_span_id for span in outers} == {""}
    assert {span.parent_span_id for span in inners} == {span.span_id for span in outers}
    assert {span.trace_id for span in inners} == {span.trace_id for span in outers}
    (sell,), (pack,) = run.received.spans_named("Shop.sell"), run.received.spans_named("Shop.pack")
    assert (pack.trace_id, pack.parent_span_id) == (sell.trace_id, sell.span_id)
    assert sell.start <= pack.start <= pack.end <= sell.end


def test_spans_say_what_was_called_and_how_it_ended(run: Run) -> None:
    good, *bad = sorted(run.received.spans_named("the inner one"), key=lambda span: span.start)
    code = {"code.function.name": function("inner"), "code.file.path": str(PROGRAM)}
    assert code.items() <= good.attributes.items()
    assert isinstance(good.attributes["code.line.number"], int)
    assert (good.kind, good.status_code, good.events) == ("internal", "unset", ())
    for span in bad:
        assert (span.status_code, span.status_message) == ("error", "ValueError: unlucky")
        assert span.attributes["error.type"] == "ValueError"
        (event,) = span.events
        assert event.name == "exception"
        assert event.attributes["exception.type"] == "ValueError"
        assert event.attributes["exception.message"] == "unlucky"
    (waited,) = run.received.spans_named("Shop.wait")
    assert (waited.status_code, waited.attributes["function.outcome"]) == ("unset", "cancelled")
    assert not waited.events


def test_each_component_has_exactly_one_of_the_four_statuses(run: Run) -> None:
    reported = values(run, "health.check.status", "health.component", "health.status", "health.critical")
    expected = run.printed["statuses"]
    assert expected == {
        "cache": "degraded",
        "never_run": "unknown",
        "database": "healthy",
        "agent_system": "healthy",
        "runtime": "healthy",
    }
    assert reported == {
        (component, status, component != "cache"): int(expected[component] == status)
        for component in COMPONENTS
        for status in STATUSES
    }
    assert {point.kind for point in run.received.points_of("health.check.status")} == {"gauge"}


def test_the_system_answers_each_probe(run: Run) -> None:
    reported = values(run, "health.system.status", "health.probe", "health.status")
    answers = {probe: status for (probe, status), value in reported.items() if value == 1}
    # A critical component has not been checked yet: unknown, so not ready. The process itself is fine.
    assert answers == {"overall": "unknown", "readiness": "unknown", "liveness": "healthy", "startup": "unknown"}
    assert len(reported) == 16


def test_runs_and_their_durations_are_counted_by_what_they_found(run: Run) -> None:
    for metric in ("health.check.runs", "health.check.duration"):
        counts = {
            (
                point.attributes["health.component"],
                point.attributes["health.status"],
                point.attributes.get("error.type"),
            ): point.value if metric.endswith("runs") else point.count
            for point in run.received.points_of(metric)
        }
        assert counts == {
            ("cache", "degraded", None): 2,
            ("runtime", "healthy", None): 1,
            ("database", "healthy", None): 2,
            ("database", "unhealthy", "sqlite3.OperationalError"): 2,
            ("agent_system", "healthy", None): 2,
            ("agent_system", "unhealthy", "timeout"): 1,
        }


CHANGES = Counter(
    {
        ("cache", "unknown", "degraded"): 1,
        ("runtime", "unknown", "healthy"): 1,
        ("database", "unknown", "healthy"): 1,
        ("database", "healthy", "unhealthy"): 1,
        ("database", "unhealthy", "healthy"): 1,
        ("agent_system", "unknown", "healthy"): 1,
        ("agent_system", "healthy", "unhealthy"): 1,
        ("agent_system", "unhealthy", "healthy"): 1,
    }
)


def test_changes_are_counted(run: Run) -> None:
    reported = values(run, "health.check.transitions", "health.component", "health.previous_status", "health.status")
    assert reported == dict(CHANGES)


def test_time_in_status_adds_up_to_the_time_since_registration(run: Run) -> None:
    spent = values(run, "health.check.status_time", "health.component", "health.status")
    assert set(spent) == {(component, status) for component in COMPONENTS for status in STATUSES}
    # The agents hung for their two seconds, and the database was locked as long.
    assert spent["agent_system", "unhealthy"] < 1.5
    assert spent["agent_system", "healthy"] >= 2.0
    totals = [sum(spent[component, status] for status in STATUSES) for component in ("agent_system", "database")]
    assert totals[0] == pytest.approx(totals[1], abs=0.2)
    (point, *_) = run.received.points_of("health.check.status_time")
    assert (point.kind, point.monotonic) == ("sum", True)


def test_age_is_reported_for_what_has_run(run: Run) -> None:
    ages = values(run, "health.check.age", "health.component")
    assert set(ages) == COMPONENTS - {"never_run"}
    assert all(0 <= age < 60 for age in ages.values())


def check_spans(run: Run) -> list[ReceivedSpan]:
    return [span for span in run.received.spans if span.name.startswith("health.check ")]


def test_a_change_is_an_event_on_the_span_of_the_run_that_found_it(run: Run) -> None:
    events = Counter(
        (
            event.attributes["health.component"],
            event.attributes["health.previous_status"],
            event.attributes["health.status"],
        )
        for span in check_spans(run)
        for event in span.events
        if event.name == "health.status_changed"
    )
    assert events == CHANGES
    for span in check_spans(run):
        component = span.name.removeprefix("health.check ")
        assert (span.kind, span.parent_span_id) == ("internal", "")
        assert span.attributes["health.component"] == component
        is_unhealthy = span.attributes["health.status"] == "unhealthy"
        assert span.status_code == ("error" if is_unhealthy else "unset")
    # The second unhealthy run of the database failed, so it is kept; the second of the cache did not.
    assert len(check_spans(run)) == CHANGES.total() + 1


def test_the_event_says_why_since_when_and_what_was_measured(run: Run) -> None:
    spans = run.received.spans_named("health.check database")
    (failed,) = [span for span in spans if span.attributes.get("health.previous_status") == "healthy"]
    (event,) = failed.events
    attributes = dict(event.attributes)
    assert float(str(attributes.pop("health.previous_status_time"))) > 0
    assert attributes == {
        "health.component": "database",
        "health.status": "unhealthy",
        "health.previous_status": "healthy",
        "health.event": "failed",
        "health.message": "no connection: OperationalError: database is locked",
        "health.consecutive_failures": 1,
        "error.type": "sqlite3.OperationalError",
    }
    assert failed.start <= event.time <= failed.end
    (recovered,) = [span for span in spans if span.attributes.get("health.previous_status") == "unhealthy"]
    assert recovered.trace_id == run.printed["trace_ids"]["database"]
    (event,) = recovered.events
    assert (event.attributes["health.event"], event.attributes["health.consecutive_failures"]) == ("passed", 0)
    assert isinstance(event.attributes["health.metadata.latency_ms"], float)


def test_the_duration_of_a_run_leads_to_its_span(run: Run) -> None:
    traces = {span.trace_id for span in check_spans(run)}
    exemplars = [exemplar for point in run.received.points_of("health.check.duration") for exemplar in point.exemplars]
    assert exemplars
    assert {exemplar.trace_id for exemplar in exemplars} <= traces
