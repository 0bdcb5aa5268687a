"""What `configure` accepts."""

from typing import Any

import pytest

from vitalspan import ConfigurationError
from vitalspan.pipeline import Settings


@pytest.mark.parametrize(
    ("arguments", "environ", "named"),
    [
        ({"service_name": " "}, {}, "service_name is ' '"),
        ({"service_version": 3}, {}, "service_version is 3"),
        ({"metric_export_interval": 0}, {}, "metric_export_interval is 0"),
        ({"span_export_interval": -1.0}, {}, "span_export_interval is -1.0"),
        ({"span_export_interval": True}, {}, "span_export_interval is True"),
        ({"shutdown_timeout": float("inf")}, {}, "shutdown_timeout is inf"),
        ({"resource_attributes": ["team"]}, {}, "resource_attributes is"),
        ({"resource_attributes": {"team": None}}, {}, "resource_attributes['team'] is None"),
        ({"resource_attributes": {"": "x"}}, {}, "resource_attributes['']"),
        ({"resource_attributes": {"team": 2**70}}, {}, "resource_attributes['team']"),
        ({"service_name": "shop\udcff"}, {}, "service_name is"),
        ({"headers": {"": "x"}}, {}, "a header's name is ''"),
        ({"headers": {"two words": "x"}}, {}, "a header's name is 'two words'"),
        ({"headers": {"key": "a\r\nb"}}, {}, "header 'key' is '...'"),
        ({"headers": {"key": "ä"}}, {}, "header 'key' is '...'"),
        ({"endpoint": "collector:4318"}, {}, "endpoint is 'collector:4318': give a URL"),
        ({"endpoint": "ftp://collector"}, {}, "endpoint is 'ftp://collector'"),
        ({"endpoint": "http://"}, {}, "endpoint is 'http://'"),
        ({"endpoint": "http://host:0"}, {}, "endpoint is"),
        ({"endpoint": "http://host:99999"}, {}, "endpoint is"),
        ({"endpoint": 4318}, {}, "endpoint is 4318"),
        ({"protocol": "http/json"}, {}, "protocol is 'http/json'"),
        ({}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "nonsense"}, "OTEL_EXPORTER_OTLP_ENDPOINT is 'nonsense'"),
        ({}, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "x"}, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is 'x'"),
        ({}, {"OTEL_EXPORTER_OTLP_PROTOCOL": "udp"}, "OTEL_EXPORTER_OTLP_PROTOCOL is 'udp'"),
        ({}, {"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "udp"}, "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL is 'udp'"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_value(
    arguments: dict[str, Any], environ: dict[str, str], named: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Settings(environ=environ, **arguments)
    assert named in str(raised.value)
    assert raised.value.advice


def test_a_secret_is_not_repeated_in_an_error() -> None:
    with pytest.raises(ConfigurationError) as raised:
        Settings(environ={}, headers={"authorization": 7})  # type: ignore[dict-item]  # what is tested
    assert "7" not in str(raised.value)
    with pytest.raises(ConfigurationError) as raised:
        Settings(environ={}, endpoint="ftp://user:hunter2@collector")
    assert "hunter2" not in str(raised.value)
    assert "collector" in str(raised.value)


@pytest.mark.parametrize(
    "arguments", [{"headers": "authorization=hunter2"}, {"endpoint": "ftp://collector?api_key=hunter2"}]
)
def test_what_is_not_what_it_should_be_may_hold_a_secret_too(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as raised:
        Settings(environ={}, **arguments)
    assert "hunter2" not in str(raised.value)


def test_a_secret_is_not_in_the_representation() -> None:
    settings = Settings(environ={"OTEL_EXPORTER_OTLP_HEADERS": "key=hunter2"}, headers={"authorization": "hunter2"})
    assert "hunter2" not in repr(settings)


def test_the_default_is_otlp_over_http() -> None:
    settings = Settings(environ={})
    assert settings.protocol_for("traces") == "http/protobuf"
    assert settings.exporters_for("metrics") == ("otlp",)
    assert not settings.is_disabled


def test_an_argument_wins_over_the_variable_of_a_signal_and_that_over_the_shared_one() -> None:
    environ = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": "http/protobuf"}
    settings = Settings(environ=environ)
    assert settings.protocol_for("traces") == "grpc"
    assert settings.protocol_for("logs") == "http/protobuf"
    assert Settings(environ=environ, protocol="http/protobuf").protocol_for("traces") == "http/protobuf"


def test_a_grpc_target_without_a_scheme_is_allowed_in_a_variable() -> None:
    """OpenTelemetry's gRPC exporter takes `host:port` there."""
    environ = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"}
    assert Settings(environ=environ).protocol_for("traces") == "grpc"


@pytest.mark.parametrize(
    ("value", "names"), [("", ("otlp",)), ("none", ()), (" console , otlp", ("console", "otlp")), ("otlp,none", ())]
)
def test_exporters_are_named_in_a_list(value: str, names: tuple[str, ...]) -> None:
    assert Settings(environ={"OTEL_TRACES_EXPORTER": value}).exporters_for("traces") == names


def test_the_sdk_can_be_switched_off() -> None:
    assert Settings(environ={"OTEL_SDK_DISABLED": " TRUE "}).is_disabled
