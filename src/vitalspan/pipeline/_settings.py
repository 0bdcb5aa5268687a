"""What `configure` was asked for, from its arguments and the environment. Pure but for reading the environment.

An argument wins over a variable. Variables that the SDK reads by itself (`OTEL_BSP_*`, `OTEL_SPAN_*_LIMIT`,
`OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_EXPORTER_OTLP_HEADERS`, ...) are left to it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal, cast, get_args
from urllib.parse import urlsplit

from opentelemetry.sdk.trace.sampling import Sampler

from vitalspan._errors import ConfigurationError
from vitalspan._text import is_sendable
from vitalspan._types import TagValue
from vitalspan.metrics._validation import is_tag

__all__ = ["SIGNALS", "Protocol", "Settings", "Signal"]

Signal = Literal["traces", "metrics", "logs"]
SIGNALS: Final[tuple[Signal, ...]] = ("traces", "metrics", "logs")
Protocol = Literal["http/protobuf", "grpc"]

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The arguments of `configure`, checked.

    Attributes:
        environ: The environment that stands behind the arguments.
        service_name: `service.name`.
        service_version: `service.version`.
        resource_attributes: More attributes of the resource.
        endpoint: The base URL of the Collector.
        protocol: How OTLP travels.
        headers: Sent with every export.
        sampler: A sampler, the name of one, or a ratio for root spans (parents decide for their children).
        metric_export_interval: Seconds between two exports of metrics.
        span_export_interval: Seconds that an ended span may wait for its batch.
        shutdown_timeout: Seconds that the end of the program may wait for the last export.
    """

    environ: Mapping[str, str] = field(repr=False)
    service_name: str | None = None
    service_version: str | None = None
    resource_attributes: Mapping[str, TagValue] | None = None
    endpoint: str | None = None
    protocol: Protocol | None = None
    headers: Mapping[str, str] | None = field(default=None, repr=False)
    sampler: Sampler | str | float | None = None
    metric_export_interval: float | None = None
    span_export_interval: float | None = None
    shutdown_timeout: float = 2.0

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            ConfigurationError: One cannot be used; it says which, and what to do.
        """
        for what, text in (("service_name", self.service_name), ("service_version", self.service_version)):
            if text is not None and not (isinstance(text, str) and text.strip() and is_sendable(text)):
                raise ConfigurationError(what, text, "give text that is not empty, or leave it out")
        for what, seconds in (
            ("metric_export_interval", self.metric_export_interval),
            ("span_export_interval", self.span_export_interval),
            ("shutdown_timeout", self.shutdown_timeout),
        ):
            is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
            if seconds is not None and not (is_number and 0 < seconds < float("inf")):
                raise ConfigurationError(what, seconds, "give seconds above zero")
        if self.resource_attributes is not None:
            _require_attributes(self.resource_attributes)
        if self.headers is not None:
            _require_headers(self.headers)
        for signal in SIGNALS:
            _require_endpoint(*self._endpoint_of(signal), self.protocol_for(signal))

    @property
    def is_disabled(self) -> bool:
        """Whether `OTEL_SDK_DISABLED` says that nothing is to be recorded."""
        return self.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"

    @property
    def config_file(self) -> str:
        """The path in `OTEL_CONFIG_FILE`, which stands in for every other variable; empty without one."""
        return self.environ.get("OTEL_CONFIG_FILE", "").strip()

    @property
    def id_generator(self) -> str:
        """The name in `OTEL_PYTHON_ID_GENERATOR`."""
        return self.environ.get("OTEL_PYTHON_ID_GENERATOR", "").strip() or "random"

    def exporters_for(self, signal: Signal) -> tuple[str, ...]:
        """Return the names of the exporters of *signal*: `OTEL_TRACES_EXPORTER` and so on, by default `otlp`."""
        names = self.environ.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip() or "otlp"
        chosen = tuple(name for name in (each.strip() for each in names.split(",")) if name)
        return () if "none" in chosen else chosen

    def protocol_for(self, signal: Signal) -> Protocol:
        """Return how OTLP travels for *signal*.

        Raises:
            ConfigurationError: The argument or the variable names no protocol that there is.
        """
        variable, value = self._variable(signal, "PROTOCOL")
        what = "protocol" if self.protocol is not None else variable
        chosen = self.protocol or value.strip() or "http/protobuf"
        for protocol in get_args(Protocol):
            if chosen == protocol:
                return protocol  # type: ignore[no-any-return]  # get_args forgets the type
        raise ConfigurationError(what, chosen, "give 'http/protobuf' or 'grpc'")

    def sampler_name(self) -> tuple[str, str, str]:
        """Return where the sampler's name comes from, the name, and its argument."""
        argument = self.environ.get("OTEL_TRACES_SAMPLER_ARG", "").strip()
        if isinstance(self.sampler, str):
            return "sampler", self.sampler, argument
        name = self.environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
        return "OTEL_TRACES_SAMPLER", name or "parentbased_always_on", argument

    def _endpoint_of(self, signal: Signal) -> tuple[str, str | None]:
        if self.endpoint is not None:
            return "endpoint", self.endpoint
        variable, value = self._variable(signal, "ENDPOINT")
        return variable, value.strip() or None

    def _variable(self, signal: Signal, name: str) -> tuple[str, str]:
        own = f"OTEL_EXPORTER_OTLP_{signal.upper()}_{name}"
        shared = f"OTEL_EXPORTER_OTLP_{name}"
        return (own, self.environ[own]) if self.environ.get(own) else (shared, self.environ.get(shared, ""))


def _require_attributes(attributes: object) -> None:
    what = "resource_attributes"
    if not isinstance(attributes, Mapping):
        raise ConfigurationError(what, attributes, "give a mapping of names to values")
    for key, value in cast("Mapping[object, object]", attributes).items():
        if not is_tag(key, value):
            raise ConfigurationError(
                f"{what}[{key!r}]",
                value,
                "give a non-empty str as the name, and a str, bool, int or float as the value",
            )


def _require_headers(headers: object) -> None:
    """Check *headers*; they may be secrets, so what is wrong with them is said without repeating them."""
    if not isinstance(headers, Mapping):
        raise ConfigurationError("headers", f"a {type(headers).__name__}", "give a mapping of names to values")
    for name, value in cast("Mapping[object, object]", headers).items():
        if not (isinstance(name, str) and _HEADER_NAME.fullmatch(name)):
            raise ConfigurationError("a header's name", name, "use letters, digits, - and _")
        if not (isinstance(value, str) and value.isascii() and value.isprintable()):
            raise ConfigurationError(f"header {name!r}", "...", "give ASCII text without control characters")


_HEADER_NAME = re.compile(r"[A-Za-z0-9_.\-]+")
"""What both HTTP and gRPC take."""


def _require_endpoint(what: str, endpoint: object, protocol: Protocol) -> None:
    if endpoint is None:
        return
    example = "http://localhost:4317" if protocol == "grpc" else "http://localhost:4318"
    advice = f"give a URL with http or https and a host, for example {example!r}"
    try:
        url = urlsplit(endpoint if isinstance(endpoint, str) else "")
        is_url = url.scheme in ("http", "https") and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        is_url = False
    # OpenTelemetry's variables may name a gRPC target without a scheme.
    is_target = protocol == "grpc" and what != "endpoint" and isinstance(endpoint, str) and "://" not in endpoint
    if not is_url and not is_target:
        raise ConfigurationError(what, _without_secret(endpoint), advice)


def _without_secret(endpoint: object) -> object:
    """Return *endpoint* without what may be a secret: the user's name and password, and the query."""
    if not isinstance(endpoint, str):
        return endpoint
    address, question_mark, _ = endpoint.partition("?")
    scheme, separator, rest = address.rpartition("://")
    host = f"***@{rest.rpartition('@')[2]}" if "@" in rest else rest
    return f"{scheme}{separator}{host}{'?***' if question_mark else ''}"
