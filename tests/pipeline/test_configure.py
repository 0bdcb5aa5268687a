"""Building the providers, or joining those of the host: each in a process of its own."""

import socket
from pathlib import Path

import pytest

from tests.programs import Sink, environment, run_program

_WORK = """
import vitalspan

@vitalspan.instrument
def work():
    pass
"""


def test_the_three_signals_leave_over_otlp_with_one_resource(sink: Sink) -> None:
    ran = run_program(
        _WORK,
        """
        from opentelemetry._logs import get_logger, LogRecord
        pipeline = vitalspan.configure(
            service_name="shop", service_version="1.2", resource_attributes={"team": "red"}, start_monitor=False,
        )
        work()
        get_logger("app").emit(LogRecord(body="hello", event_name="greeted"))
        show(bool(vitalspan.flush()))
        show({signal: route.is_joined for signal, route in pipeline.routes.items()})
        """,
        **environment(sink, OTEL_RESOURCE_ATTRIBUTES="team=blue,zone=a", OTEL_SERVICE_NAME="other"),
    )
    assert ran.printed == [True, {"traces": False, "metrics": False, "logs": False}]
    received = sink.received
    (span,) = received.spans
    (log,) = received.logs
    (point,) = received.points_of("function.duration")[:1]
    assert span.name == "work"
    assert (log.body, log.event_name) == ("hello", "greeted")
    assert point.count == 1
    assert span.resource == point.resource == log.resource
    resource = dict(span.resource)
    # Arguments win over variables; what only the variables say stays.
    assert (resource["service.name"], resource["service.version"]) == ("shop", "1.2")
    assert (resource["team"], resource["zone"]) == ("red", "a")
    assert resource["service.instance.id"]
    assert (resource["telemetry.distro.name"], resource["telemetry.distro.version"]) == ("vitalspan", "0.1.0")
    assert (span.scope_name, span.scope_version) == ("vitalspan", "0.1.0")
    assert span.schema_url == point.schema_url == "https://opentelemetry.io/schemas/1.44.0"


def test_everything_leaves_at_exit_without_a_flush(sink: Sink) -> None:
    ran = run_program(_WORK, "vitalspan.configure(service_name='shop')\nwork()", **environment(sink))
    assert [span.name for span in sink.received.spans] == ["work"]
    assert sink.received.points_of("function.duration")
    assert "Traceback" not in ran.log


def test_called_twice_it_returns_the_same_pipeline(sink: Sink) -> None:
    ran = run_program(
        """
        import vitalspan
        first = vitalspan.configure(service_name="a", start_monitor=False)
        second = vitalspan.configure(service_name="b", endpoint="http://elsewhere:1", start_monitor=False)
        show(first is second)
        """,
        **environment(sink),
    )
    assert ran.printed == [True]
    assert "Overriding" not in ran.log


def test_a_wrong_argument_leaves_nothing_half_set_up(sink: Sink) -> None:
    ran = run_program(
        _WORK,
        """
        for wrong in ({"endpoint": "nonsense"}, {"sampler": "sometimes"}, {"protocol": "udp"}):
            try:
                vitalspan.configure(**wrong)
            except vitalspan.ConfigurationError as error:
                show(str(error).partition(" is ")[0])
        vitalspan.configure(service_name="shop", start_monitor=False)
        work()
        show(bool(vitalspan.flush()))
        """,
        **environment(sink),
    )
    assert ran.printed == ["endpoint", "sampler", "protocol", True]
    assert len(sink.received.spans) == 1
    assert "Overriding" not in ran.log


@pytest.mark.parametrize("value", ["none", "console", "otlp,console"])
def test_exporters_are_chosen_by_the_standard_variables(sink: Sink, value: str) -> None:
    # The console exporter prints indented JSON on standard output, where run_program reads a value a line.
    ran = run_program(
        _WORK,
        """
        import io, sys
        sys.stdout, printed = io.StringIO(), sys.stdout
        import opentelemetry.sdk.trace.export as export
        vitalspan.configure(service_name="shop", start_monitor=False)
        work()
        vitalspan.shutdown()
        written, sys.stdout = sys.stdout.getvalue(), printed
        show('"name": "work"' in written)
        """,
        **environment(sink, OTEL_TRACES_EXPORTER=value, OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none"),
    )
    assert ran.printed == ["console" in value]
    assert bool(sink.received.spans) == ("otlp" in value)
    assert not sink.received.points


def test_an_exporter_that_is_not_installed_is_refused_with_those_that_are(sink: Sink) -> None:
    ran = run_program(
        """
        import vitalspan
        try:
            vitalspan.configure()
        except vitalspan.ConfigurationError as error:
            show(error.what, error.value, error.advice)
        """,
        **environment(sink, OTEL_METRICS_EXPORTER="pigeon"),
    )
    what, value, advice = ran.printed[0]
    assert (what, value) == ("OTEL_METRICS_EXPORTER", "pigeon")
    assert "console" in advice


def test_a_pull_reader_can_stand_in_for_a_metric_exporter(sink: Sink) -> None:
    """OpenTelemetry's entry points for metric exporters may name a reader, such as Prometheus'."""
    ran = run_program(
        """
        import importlib.metadata, vitalspan
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from vitalspan.pipeline import _exporters
        class Entry:
            def load(self): return InMemoryMetricReader
        class Entries(list):
            names = {"memory"}
        _exporters.entry_points = lambda group, **name: Entries([Entry()])
        pipeline = vitalspan.configure(start_monitor=False)
        vitalspan.default_system().collector.increment_counter("orders")
        show(bool(pipeline.flush()))
        """,
        **environment(sink, OTEL_METRICS_EXPORTER="memory", OTEL_TRACES_EXPORTER="none", OTEL_LOGS_EXPORTER="none"),
    )
    assert ran.printed == [True]
    assert not sink.received.points


def test_switched_off_nothing_is_sent_and_health_still_answers(sink: Sink) -> None:
    ran = run_program(
        _WORK,
        """
        @vitalspan.check("database", interval=0.05)
        def database(): pass
        pipeline = vitalspan.configure(service_name="shop")
        work()
        monitor = vitalspan.default_system().monitor
        while monitor.get_status("database").status is vitalspan.Status.UNKNOWN: time.sleep(0.01)
        show(list(pipeline.routes), monitor.get_status("database").status.value, bool(vitalspan.flush()))
        """,
        **environment(sink, OTEL_SDK_DISABLED="true"),
    )
    assert ran.printed == [[[], "healthy", True]]
    assert not sink.received.spans
    assert not sink.received.points


_HOST = """
from opentelemetry import trace, metrics, _logs
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk._logs import LoggerProvider
exporter, reader = InMemorySpanExporter(), InMemoryMetricReader()
tracer_provider, meter_provider, logger_provider = TracerProvider(), MeterProvider([reader]), LoggerProvider()
tracer_provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(tracer_provider)
metrics.set_meter_provider(meter_provider)
_logs.set_logger_provider(logger_provider)
def metric_names():
    data = reader.get_metrics_data()
    return [m.name for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics]
"""


def test_providers_of_the_host_are_joined_and_trusted_to_deliver(sink: Sink) -> None:
    """A second exporter to the same Collector would double everything, so there is none unless it is asked for."""
    ran = run_program(
        _HOST,
        _WORK,
        """
        pipeline = vitalspan.configure(service_name="shop", start_monitor=False)
        work()
        show({signal: route.is_joined for signal, route in pipeline.routes.items()})
        show(trace.get_tracer_provider() is tracer_provider, metrics.get_meter_provider() is meter_provider)
        show([span.name for span in exporter.get_finished_spans()], "function.duration" in metric_names())
        show(bool(vitalspan.flush()), bool(vitalspan.shutdown()))
        work()
        show(len(exporter.get_finished_spans()))
        """,
        **environment(sink),
    )
    assert ran.printed == [
        {"traces": True, "metrics": True, "logs": True},
        [True, True],
        [["work"], True],
        [True, True],
        2,  # The host's provider goes on when ours has ended.
    ]
    assert "Overriding" not in ran.log
    assert not sink.received.spans


def test_with_an_endpoint_an_exporter_is_attached_to_the_host_s_providers(sink: Sink) -> None:
    ran = run_program(
        _HOST,
        _WORK,
        f"""
        from opentelemetry._logs import get_logger, LogRecord
        pipeline = vitalspan.configure(endpoint={sink.endpoint!r}, start_monitor=False)
        work()
        get_logger("app").emit(LogRecord(body="hello"))
        show(bool(vitalspan.flush()), len(exporter.get_finished_spans()), "function.duration" in metric_names())
        show(bool(vitalspan.shutdown()))
        work()
        show(len(exporter.get_finished_spans()))
        """,
    )
    assert ran.printed == [[True, 1, True], True, 2]
    assert "Overriding" not in ran.log
    received = sink.received
    assert [span.name for span in received.spans] == ["work"]
    assert received.points_of("function.duration")
    assert [log.body for log in received.logs] == ["hello"]


def test_a_provider_that_is_not_the_sdk_s_is_joined_too(sink: Sink) -> None:
    """A no-op provider was set on purpose; another vendor's knows no span processors."""
    ran = run_program(
        _WORK,
        f"""
        from opentelemetry import trace, metrics, _logs
        trace.set_tracer_provider(trace.NoOpTracerProvider())
        metrics.set_meter_provider(metrics.NoOpMeterProvider())
        _logs.set_logger_provider(_logs.NoOpLoggerProvider())
        pipeline = vitalspan.configure(endpoint={sink.endpoint!r}, start_monitor=False)
        work()
        show([route.is_joined for route in pipeline.routes.values()])
        show(bool(vitalspan.flush()), bool(vitalspan.shutdown()))
        """,
    )
    assert ran.printed == [[True, True, True], [True, True]]
    assert "Overriding" not in ran.log
    assert not sink.received.spans


def test_only_the_providers_that_are_missing_are_built(sink: Sink) -> None:
    ran = run_program(
        """
        from opentelemetry import trace
        from opentelemetry.sdk.trace import TracerProvider
        trace.set_tracer_provider(TracerProvider())
        """,
        _WORK,
        """
        pipeline = vitalspan.configure(service_name="shop", start_monitor=False)
        work()
        show({signal: route.is_joined for signal, route in pipeline.routes.items()}, bool(vitalspan.flush()))
        """,
        **environment(sink),
    )
    assert ran.printed == [[{"traces": True, "metrics": False, "logs": False}, True]]
    assert sink.received.points_of("function.duration")
    assert not sink.received.spans


def test_headers_and_grpc_targets_are_given_to_the_exporters() -> None:
    ran = run_program(
        """
        from vitalspan.pipeline._exporters import _arguments
        from vitalspan.pipeline import Settings
        headers = {"Authorization": "Bearer x"}
        for settings, chosen in (
            (Settings(environ={}, endpoint="http://c:4317", protocol="grpc", headers=headers), "otlp_proto_grpc"),
            (Settings(environ={}, endpoint="https://c:4317", protocol="grpc"), "otlp_proto_grpc"),
            (Settings(environ={}, endpoint="http://c:4318/base/", headers=headers), "otlp_proto_http"),
            (Settings(environ={}, endpoint="http://c:4318"), "console"),
        ):
            show(_arguments(settings, "traces", chosen))
        """
    )
    assert ran.printed == [
        {"endpoint": "http://c:4317", "insecure": True, "headers": {"authorization": "Bearer x"}},
        {"endpoint": "https://c:4317", "insecure": False},
        {"endpoint": "http://c:4318/base/v1/traces", "headers": {"authorization": "Bearer x"}},
        {},
    ]


def test_a_ratio_keeps_changes_of_health(sink: Sink) -> None:
    ran = run_program(
        _WORK,
        """
        vitalspan.configure(service_name="shop", sampler=0.0, start_monitor=False)
        @vitalspan.check("database")
        def database(): raise RuntimeError("gone")
        import asyncio
        monitor = vitalspan.default_system().monitor
        for _ in range(3): asyncio.run(monitor.check_now("database"))
        work()
        show(bool(vitalspan.flush()))
        show(monitor.get_status("database").trace_id)
        """,
        **environment(sink),
    )
    (span,) = sink.received.spans
    assert span.name == "health.check database"
    assert {event.name for event in span.events} == {"health.status_changed", "exception"}
    # The two runs that failed without changing anything are up to the sampler.
    assert ran.printed == [True, ""]


def black_hole() -> socket.socket:
    """Return a server that takes connections and never answers."""
    return socket.create_server(("127.0.0.1", 0), backlog=64)


@pytest.mark.deadline
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("collector", ["refuses", "is a black hole"])
def test_a_program_ends_in_time_whatever_the_collector_does(protocol: str, collector: str) -> None:
    """The SDK's own handlers would wait for 40 s."""
    with black_hole() as server:
        port = server.getsockname()[1]
        if collector == "refuses":
            server.close()
        ran = run_program(
            _WORK,
            f"""
        vitalspan.configure(service_name="shop", endpoint="http://127.0.0.1:{port}", protocol={protocol!r})
        for _ in range(3000): work()
        begin = time.monotonic()
        result = vitalspan.flush(timeout=0.5)
        show(time.monotonic() - begin < 1.0, bool(result), sorted(result.undelivered))
        show(time.time())
        """,
        )
    (in_time, delivered, undelivered), at_the_end = ran.printed
    assert in_time
    assert not delivered
    assert undelivered == ["metrics", "traces"]
    assert ran.ended - at_the_end < 2.5


def test_the_variables_of_the_exporters_and_the_sdk_count(sink: Sink) -> None:
    ran = run_program(
        _WORK,
        """
        vitalspan.configure(service_name="shop", start_monitor=False)
        for _ in range(3):
            work()
            time.sleep(0.2)
        """,
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{sink.endpoint}/v1/traces",
        OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=f"{sink.endpoint}/v1/metrics",
        OTEL_LOGS_EXPORTER="none",
        OTEL_METRIC_EXPORT_INTERVAL="100",
        OTEL_BSP_SCHEDULE_DELAY="50",
        OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE="delta",
        OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT="1",
        OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
    )
    assert "Traceback" not in ran.log
    received = sink.received
    points = received.points_of("function.duration")
    assert len(points) > 1
    assert {point.temporality for point in points} == {"delta"}
    assert sum(point.count or 0 for point in points) == 3
    assert {len(span.attributes) for span in received.spans} == {1}


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("OTEL_METRIC_EXPORT_INTERVAL", "0", "an OTEL_* variable is"),
        ("OTEL_METRICS_EXEMPLAR_FILTER", "typo", "an OTEL_* variable is"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "abc", "an OTEL_* variable is"),
        ("OTEL_PYTHON_ID_GENERATOR", "dice", "OTEL_PYTHON_ID_GENERATOR is 'dice': give one of random"),
        ("OTEL_LOGS_EXPORTER", "pigeon", "OTEL_LOGS_EXPORTER is 'pigeon'"),
        ("OTEL_CONFIG_FILE", "/nowhere.yaml", "OTEL_CONFIG_FILE is '/nowhere.yaml': correct it"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_and_nothing_is_set(
    sink: Sink, variable: str, value: str, named: str
) -> None:
    ran = run_program(
        """
        import os, threading, vitalspan
        before = threading.active_count()
        try:
            vitalspan.configure()
        except vitalspan.ConfigurationError as error:
            show(str(error))
        from opentelemetry import trace
        show(type(trace.get_tracer_provider()).__name__, threading.active_count() - before)
        """,
        **environment(sink, **{variable: value}),
    )
    message, after = ran.printed
    assert message.startswith(named)
    assert after == ["ProxyTracerProvider", 0]


def test_a_declarative_configuration_is_applied_and_joined(sink: Sink, tmp_path: Path) -> None:
    config = tmp_path / "otel.yaml"
    config.write_text(
        f"""
file_format: "1.0"
resource: {{attributes: [{{name: service.name, value: declared}}]}}
tracer_provider:
  processors: [{{simple: {{exporter: {{otlp_http: {{endpoint: "{sink.endpoint}/v1/traces"}}}}}}}}]
"""
    )
    ran = run_program(
        _WORK,
        """
        pipeline = vitalspan.configure(service_name="ignored", start_monitor=False)
        work()
        show(pipeline.routes["traces"].is_joined, bool(vitalspan.flush()))
        """,
        OTEL_CONFIG_FILE=str(config),
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
    )
    assert ran.printed == [[True, True]]
    (span,) = sink.received.spans
    assert (span.name, span.service) == ("work", "declared")
    assert "Overriding" not in ran.log


def test_without_its_package_a_declarative_configuration_names_the_extra() -> None:
    ran = run_program(
        """
        import sys, vitalspan
        sys.modules["opentelemetry.configuration"] = None
        try:
            vitalspan.configure()
        except vitalspan.MissingExtraError as error:
            show(str(error))
        """,
        OTEL_CONFIG_FILE="otel.yaml",
    )
    assert ran.printed == ["OTEL_CONFIG_FILE needs an optional package: pip install 'vitalspan[config-file]'"]


def test_after_shutdown_configure_says_that_nothing_is_sent_any_more(sink: Sink) -> None:
    ran = run_program(
        """
        import vitalspan
        first = vitalspan.configure(start_monitor=False)
        vitalspan.shutdown()
        show(vitalspan.configure(start_monitor=False) is first)
        """,
        **environment(sink),
    )
    assert ran.printed == [True]
    assert "it was shut down: nothing is sent" in ran.log


def test_a_host_that_could_not_deliver_is_not_believed_to_have() -> None:
    ran = run_program(
        """
        import vitalspan
        from opentelemetry import trace
        class Provider(trace.NoOpTracerProvider):
            def force_flush(self): return False
        trace.set_tracer_provider(Provider())
        vitalspan.configure(start_monitor=False)
        show(dict(vitalspan.flush().undelivered))
        """,
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
    )
    assert ran.printed == [{"traces": "RuntimeError: the host's provider could not deliver everything"}]
