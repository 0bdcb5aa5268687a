"""One exchange of OTLP over HTTP: what a request must look like, and how it is answered.

After the OTLP specification, "OTLP/HTTP": https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

import zlib
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from logging import getLogger
from socket import socket
from socketserver import BaseServer
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError, Message

# The package ships stubs, but not the marker that says so.
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from vitalspan import _names
from vitalspan.dashboard._decode import ExportRequest

__all__ = ["Exchange", "Sink"]

_log = getLogger(__name__)

Sink = Callable[[ExportRequest], None]
"""Takes in a request that arrived. It is called on many threads, and should not raise."""

_PROTOBUF: Final = "application/x-protobuf"
_INVALID_ARGUMENT: Final = 3
_MOST_DISCARDED: Final = 32 * 2**20
_CHUNK: Final = 64 * 2**10
# The window bits by which zlib tells the two formats apart.
_ENCODINGS: Final = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class _Signal(NamedTuple):
    """What is sent to one path, and what is answered when all of it was taken in."""

    request: Callable[[], ExportRequest]
    response: Callable[[], Message]


_SIGNALS: Final = {
    "/v1/traces": _Signal(ExportTraceServiceRequest, ExportTraceServiceResponse),
    "/v1/metrics": _Signal(ExportMetricsServiceRequest, ExportMetricsServiceResponse),
    "/v1/logs": _Signal(ExportLogsServiceRequest, ExportLogsServiceResponse),
}


class _RefusedError(Exception):
    """The request cannot be taken in, and this is the answer."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


class Exchange(BaseHTTPRequestHandler):
    """Reads one request after the other from a connection and answers each."""

    server_version = _names.SCOPE_NAME
    sys_version = ""
    protocol_version = "HTTP/1.1"
    # Seconds that a connection may be silent, in the middle of a request or between two.
    timeout = 30.0

    def __init__(
        self, request: socket, client_address: object, server: BaseServer, *, sink: Sink, max_body_size: int
    ) -> None:
        """Serve a connection to its end.

        Args:
            request: The connection.
            client_address: Whose it is.
            server: Who accepted it.
            sink: Takes in what is sent.
            max_body_size: The bytes that a body may have, both as it is sent and decompressed.
        """
        self._sink = sink
        self._max_body_size = max_body_size
        self._unread = 0
        super().__init__(request, client_address, server)

    def do_POST(self) -> None:
        """Take in one export request, or say why not."""
        self._unread = 0
        try:
            answer = self._receive()
        except _RefusedError as refusal:
            self._refuse(refusal)
        else:
            self._answer(HTTPStatus.OK, _PROTOBUF, answer.SerializeToString())

    # The same steps answer every other method: a wrong path is 404, whatever the method.
    do_GET = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_POST  # noqa: N815 - as http.server finds them

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Say what was asked and answered to whoever debugs, and not on stderr."""
        _log.debug(format, *args)

    def _receive(self) -> Message:
        signal = _SIGNALS.get(urlsplit(self.path).path)
        self._unread = self._content_length()
        if signal is None:
            raise _RefusedError(HTTPStatus.NOT_FOUND, f"telemetry goes to {', '.join(_SIGNALS)}")
        if self.command != "POST":
            raise _RefusedError(HTTPStatus.METHOD_NOT_ALLOWED, "telemetry is sent with POST")
        if self.headers.get_content_type() != _PROTOBUF:
            raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the content type must be {_PROTOBUF}")
        request = signal.request()
        body = _decompressed(self._read(), self.headers.get("Content-Encoding", ""), self._max_body_size)
        try:
            request.ParseFromString(body)
        except DecodeError as error:
            reason = f"the body is not a protobuf {request.DESCRIPTOR.name}: {error}"
            raise _RefusedError(HTTPStatus.BAD_REQUEST, reason) from error
        self._sink(request)
        return signal.response()

    def _content_length(self) -> int:
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "Content-Length is not a number")
        return int(length)

    def _read(self) -> bytes:
        if "Content-Length" not in self.headers:
            raise _RefusedError(HTTPStatus.LENGTH_REQUIRED, "a request needs a Content-Length")
        if self._unread > self._max_body_size:
            raise _too_large(self._max_body_size)
        length, self._unread = self._unread, 0
        try:
            body = self.rfile.read(length)
        except TimeoutError as error:
            raise _RefusedError(HTTPStatus.REQUEST_TIMEOUT, "the body did not come") from error
        if len(body) < length:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "the body is shorter than its Content-Length")
        return body

    def _refuse(self, refusal: _RefusedError) -> None:
        self.close_connection = True
        # Clients that speak OTLP read a Status; everyone else, a person most likely, reads text.
        if self.headers.get_content_type() == _PROTOBUF:
            status = Status(code=_INVALID_ARGUMENT, message=refusal.reason)
            self._answer(refusal.status, _PROTOBUF, status.SerializeToString())
        else:
            self._answer(refusal.status, "text/plain; charset=utf-8", f"{refusal.reason}\n".encode())
        # Closing with bytes unread resets the connection, and the client would never see the answer.
        self._discard(min(self._unread, _MOST_DISCARDED))

    def _discard(self, remaining: int) -> None:
        while remaining > 0:
            try:
                chunk = self.rfile.read(min(remaining, _CHUNK))
            except (TimeoutError, ConnectionError):
                return
            if not chunk:
                return
            remaining -= len(chunk)

    def _answer(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "POST")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    encoding = encoding.strip().lower()
    if encoding in {"", "identity"}:
        return body
    if encoding not in _ENCODINGS:
        accepted = ", ".join(_ENCODINGS)
        raise _RefusedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the content encoding must be one of {accepted}")
    inflater = zlib.decompressobj(wbits=_ENCODINGS[encoding])
    try:
        # One byte more than allowed is enough to know, however much more a malicious body would become.
        inflated = inflater.decompress(body, limit + 1)
    except zlib.error as error:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, f"the body is not {encoding}: {error}") from error
    if len(inflated) > limit:
        raise _too_large(limit)
    if not inflater.eof or inflater.unused_data:
        raise _RefusedError(HTTPStatus.BAD_REQUEST, f"the body is not one complete {encoding} stream")
    return inflated


def _too_large(limit: int) -> _RefusedError:
    return _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have {limit} bytes")
