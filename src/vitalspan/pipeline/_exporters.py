"""Exporters by their names, as OpenTelemetry's entry points list them."""

from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.sdk.trace.id_generator import IdGenerator

from vitalspan._errors import ConfigurationError, MissingExtraError
from vitalspan.pipeline._settings import Settings, Signal

__all__ = ["apply_config_file", "new_exporters", "new_id_generator"]

_OTLP = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}


def new_exporters(settings: Settings, signal: Signal) -> Sequence[Any]:
    """Return the exporters (for metrics, perhaps readers) of *signal* that *settings* ask for.

    Raises:
        ConfigurationError: One of that name is not installed.
    """
    return [_new_exporter(settings, signal, name) for name in settings.exporters_for(signal)]


def new_id_generator(settings: Settings) -> IdGenerator:
    """Return what makes trace and span ids.

    Raises:
        ConfigurationError: `OTEL_PYTHON_ID_GENERATOR` names none that is installed.
    """
    found = next(iter(entry_points(group="opentelemetry_id_generator", name=settings.id_generator)), None)
    if found is None:
        installed = ", ".join(sorted(entry_points(group="opentelemetry_id_generator").names))
        raise ConfigurationError("OTEL_PYTHON_ID_GENERATOR", settings.id_generator, f"give one of {installed}")
    new: type[IdGenerator] = found.load()
    return new()


def apply_config_file(path: str) -> None:
    """Set the global providers that the declarative configuration at *path* describes.

    Raises:
        MissingExtraError: The package that reads it is not installed.
        ConfigurationError: It cannot be read, or says something that cannot be.
    """
    try:
        declarative = import_module("opentelemetry.configuration")
    except ImportError:
        raise MissingExtraError("OTEL_CONFIG_FILE", "config-file") from None
    try:
        declarative.configure_sdk(declarative.load_config_file(path))
    except (OSError, declarative.ConfigurationError) as error:
        raise ConfigurationError("OTEL_CONFIG_FILE", path, f"correct it: {error}") from error


def _new_exporter(settings: Settings, signal: Signal, name: str) -> Any:
    # The SDK's own reading of "otlp" is gRPC; the specification's default is HTTP with protobuf.
    chosen = _OTLP[settings.protocol_for(signal)] if name == "otlp" else name
    group = f"opentelemetry_{signal}_exporter"
    found = next(iter(entry_points(group=group, name=chosen)), None)
    if found is None:
        installed = ", ".join(sorted(entry_points(group=group).names))
        raise ConfigurationError(
            f"OTEL_{signal.upper()}_EXPORTER", name, f"give 'otlp', 'none', or one that is installed: {installed}"
        )
    new = found.load()
    return new(**_arguments(settings, signal, chosen))


def _arguments(settings: Settings, signal: Signal, chosen: str) -> dict[str, object]:
    """Return what was given as arguments; what was not, the exporter takes from its variables."""
    arguments: dict[str, object] = {}
    if chosen not in _OTLP.values():
        return arguments
    is_grpc = chosen == _OTLP["grpc"]
    if settings.endpoint is not None:
        if is_grpc:
            arguments["endpoint"] = settings.endpoint
            arguments["insecure"] = urlsplit(settings.endpoint).scheme == "http"
        else:
            arguments["endpoint"] = f"{settings.endpoint.rstrip('/')}/v1/{signal}"
    if settings.headers is not None:
        # gRPC allows lower-case names only; HTTP does not care.
        arguments["headers"] = {name.lower(): value for name, value in settings.headers.items()}
    return arguments
