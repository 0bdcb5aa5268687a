"""The official OpenTelemetry Collector, as `nox -s collector` builds it."""

import base64
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e._received import Received, Request, decode
from tests.e2e._receiver import Receiver, address_of, free_address

ROOT: Final = Path(__file__).parents[2]
CONFIG: Final = ROOT / "collector-config" / "e2e.yaml"
_BUILDER_CONFIG: Final = ROOT / "collector-config" / "builder.yaml"
_IDS: Final = frozenset({"traceId", "spanId", "parentSpanId"})


def find_otelcol() -> Path | None:
    """Return the Collector that `VITALSPAN_OTELCOL` names, or else the one that `nox -s collector` built."""
    if named := os.environ.get("VITALSPAN_OTELCOL"):
        return Path(named)
    digest = hashlib.sha256(_BUILDER_CONFIG.read_bytes()).hexdigest()[:16]
    built = ROOT / ".cache" / "collector" / digest / "otelcol"
    return built if built.exists() else None


class Collector(Receiver):
    """A Collector with the configuration e2e.yaml; *folder* takes what it writes."""

    def __init__(self, otelcol: Path, folder: Path) -> None:
        super().__init__(folder)
        self._otelcol = otelcol
        self._health_url = f"http://{free_address()}"
        self._file = folder / "telemetry.jsonl"
        self._position = 0
        self._requests: list[Request] = []
        self.prometheus_url = f"http://{free_address()}/metrics"

    @property
    def environment(self) -> Mapping[str, str]:
        """What the configuration reads."""
        return {
            "VITALSPAN_E2E_GRPC": address_of(self.grpc_endpoint),
            "VITALSPAN_E2E_HTTP": address_of(self.http_endpoint),
            "VITALSPAN_E2E_HEALTH": address_of(self._health_url),
            "VITALSPAN_E2E_PROMETHEUS": address_of(self.prometheus_url),
            "VITALSPAN_E2E_FILE": str(self._file),
        }

    def received(self) -> Received:
        """Return what the Collector has written to its file so far."""
        if self._file.exists():
            with self._file.open("rb") as file:
                file.seek(self._position)
                for line in file:
                    if not line.endswith(b"\n"):  # it is still being written
                        break
                    self._position += len(line)
                    self._requests.append(_parse(line))
        return decode(self._requests)

    def _command(self) -> tuple[Sequence[str | Path], Mapping[str, str]]:
        return [self._otelcol, "--config", CONFIG], self.environment

    def _is_up(self) -> bool:
        try:
            return httpx.get(self._health_url, timeout=1).is_success
        except httpx.TransportError:
            return False


def _parse(line: bytes) -> Request:
    """Read OTLP/JSON, which is the JSON of protobuf except that ids are in hexadecimal instead of base64."""
    document = json.loads(line, object_hook=_ids_to_base64)
    match next(iter(document)):
        case "resourceSpans":
            request: Request = ExportTraceServiceRequest()
        case "resourceMetrics":
            request = ExportMetricsServiceRequest()
        case "resourceLogs":
            request = ExportLogsServiceRequest()
        case other:
            message = f"a line of the file starts with {other!r}"
            raise AssertionError(message)
    return ParseDict(document, request, ignore_unknown_fields=True)


def _ids_to_base64(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        key: base64.b64encode(bytes.fromhex(value)).decode() if key in _IDS else value for key, value in fields.items()
    }
