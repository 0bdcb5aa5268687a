"""rotel, a receiver from PyPI: it stands in for the Collector where that cannot be built."""

import gzip
import importlib.util
import sys
import threading
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Final

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e._received import Received, Request, decode
from tests.e2e._receiver import Receiver, address_of, is_listening

_REQUESTS: Final[Mapping[str, type[Request]]] = {
    "/v1/traces": ExportTraceServiceRequest,
    "/v1/metrics": ExportMetricsServiceRequest,
    "/v1/logs": ExportLogsServiceRequest,
}


def find_rotel() -> Path | None:
    """Return rotel's program, if the package is installed."""
    spec = importlib.util.find_spec("rotel")
    if spec is None or spec.origin is None:
        return None
    agent = Path(spec.origin).parent / "rotel-agent"
    return agent if agent.exists() else None


class _Capture(ThreadingHTTPServer):
    """Takes what rotel forwards: it has no exporter to a file."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[Request] = []


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, _Capture)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        self.server.requests.append(_REQUESTS[self.path].FromString(body))
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Stay quiet."""


class Rotel(Receiver):
    """A rotel that forwards to a capture server in this process; *folder* takes what it writes."""

    def __init__(self, agent: Path, folder: Path) -> None:
        super().__init__(folder)
        self._agent = agent
        self._capture = _Capture()
        threading.Thread(target=self._capture.serve_forever, daemon=True, kwargs={"poll_interval": 0.05}).start()

    @property
    def prometheus_url(self) -> str:
        """There is none: the test is skipped."""
        pytest.skip("rotel has no Prometheus exporter; only the Collector does")

    def received(self) -> Received:
        """Return what rotel has forwarded so far."""
        return decode(list(self._capture.requests))

    def close(self) -> None:
        """Stop for good, the capture server too."""
        self.stop()
        self._capture.shutdown()
        self._capture.server_close()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _command(self) -> tuple[Sequence[str | Path], Mapping[str, str]]:
        host, port = self._capture.server_address[:2]
        command: list[str | Path] = [self._agent, "start"]
        command += ["--otlp-grpc-endpoint", address_of(self.grpc_endpoint)]
        command += ["--otlp-http-endpoint", address_of(self.http_endpoint)]
        command += ["--exporter", "otlp", "--otlp-exporter-protocol", "http"]
        command += ["--otlp-exporter-endpoint", f"http://{host!s}:{port}"]
        command += ["--batch-timeout", "50ms", "--pid-file", self._folder / "pid"]
        # Its program needs the shared library of the Python that it was installed for.
        return command, {"LD_LIBRARY_PATH": f"{sys.base_prefix}/lib"}

    def _is_up(self) -> bool:
        return is_listening(self.http_endpoint) and is_listening(self.grpc_endpoint)
