"""The receiver, asked over real connections, politely and not."""

import gzip
import logging
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import httpx
import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans

from vitalspan import _errors
from vitalspan.dashboard import ExportRequest, Receiver
from vitalspan.dashboard._exchange import Exchange

PROTOBUF = "application/x-protobuf"
LIMIT = 10_000
REQUEST = ExportTraceServiceRequest(resource_spans=[ResourceSpans(schema_url="here")])
BODY = REQUEST.SerializeToString()


@pytest.fixture
def arrived() -> list[ExportRequest]:
    return []


@pytest.fixture
def receiver(arrived: list[ExportRequest]) -> Iterator[Receiver]:
    with Receiver(arrived.append, max_body_size=LIMIT) as receiver:
        yield receiver


@pytest.fixture
def client(receiver: Receiver) -> Iterator[httpx.Client]:
    headers = {"Content-Type": PROTOBUF}
    with httpx.Client(base_url=receiver.endpoint, headers=headers, trust_env=False, timeout=5) as client:
        yield client


def _connection(receiver: Receiver) -> socket.socket:
    address = urlsplit(receiver.endpoint)
    assert address.hostname is not None
    assert address.port is not None
    return socket.create_connection((address.hostname, address.port), timeout=5)


def _reason(response: httpx.Response) -> str:
    assert response.headers["Content-Type"] == PROTOBUF
    status = Status.FromString(response.content)
    assert status.code == 3
    return str(status.message)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/traces", ExportTraceServiceRequest),
        ("/v1/metrics", ExportMetricsServiceRequest),
        ("/v1/logs", ExportLogsServiceRequest),
    ],
)
def test_every_signal_is_handed_on_and_answered_with_success(
    client: httpx.Client, arrived: list[ExportRequest], path: str, kind: type
) -> None:
    response = client.post(path, content=b"")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["Content-Type"] == PROTOBUF
    assert [type(request) for request in arrived] == [kind]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(BODY, mtime=0)),
        ("GZIP", gzip.compress(BODY, mtime=0)),
        ("deflate", zlib.compress(BODY)),
        ("identity", BODY),
        ("", BODY),
    ],
)
def test_bodies_may_be_compressed(
    client: httpx.Client, arrived: list[ExportRequest], encoding: str, body: bytes
) -> None:
    response = client.post("/v1/traces", content=body, headers={"Content-Encoding": encoding})
    assert response.status_code == 200
    assert arrived == [REQUEST]


def test_a_connection_serves_many_requests(receiver: Receiver, arrived: list[ExportRequest]) -> None:
    with closing(HTTPConnection(urlsplit(receiver.endpoint).netloc, timeout=5)) as connection:
        for _ in range(3):
            connection.request("POST", "/v1/traces?from=test", BODY, {"Content-Type": f"{PROTOBUF}; v=1"})
            assert connection.getresponse().read() == b""
    assert arrived == [REQUEST] * 3


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [
        (b"\xff\xff\xff", "identity", "not a protobuf ExportTraceServiceRequest"),
        (b"\xff\xff\xff", "gzip", "not gzip"),
        (gzip.compress(BODY, mtime=0)[:-4], "gzip", "not one complete gzip stream"),
        (gzip.compress(BODY, mtime=0) + b"more", "gzip", "not one complete gzip stream"),
    ],
)
def test_garbage_is_refused_with_the_reason(client: httpx.Client, body: bytes, encoding: str, reason: str) -> None:
    response = client.post("/v1/traces", content=body, headers={"Content-Encoding": encoding})
    assert response.status_code == 400
    assert reason in _reason(response)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (b"x" * (LIMIT + 1), "identity"),
        (gzip.compress(b"x" * (LIMIT + 1), mtime=0), "gzip"),
        (gzip.compress(b"x" * 50_000_000, mtime=0), "gzip"),
        (b"x" * 5_000_000, "gzip"),
    ],
)
def test_a_body_beyond_the_limit_is_refused_and_the_client_learns_it(
    client: httpx.Client, arrived: list[ExportRequest], body: bytes, encoding: str
) -> None:
    response = client.post("/v1/traces", content=body, headers={"Content-Encoding": encoding})
    assert response.status_code == 413
    assert _reason(response) == "a body may have 10000 bytes"
    assert response.headers["Connection"] == "close"
    assert arrived == []


def test_a_body_of_exactly_the_limit_is_read(client: httpx.Client) -> None:
    response = client.post(
        "/v1/traces", content=gzip.compress(b"\xff" * LIMIT, mtime=0), headers={"Content-Encoding": "gzip"}
    )
    assert response.status_code == 400


@pytest.mark.parametrize("headers", [{"Content-Type": "application/json"}, {"Content-Type": "text/plain"}])
def test_other_content_types_are_refused_in_text(client: httpx.Client, headers: dict[str, str]) -> None:
    response = client.post("/v1/traces", content=b"{}", headers=headers)
    assert response.status_code == 415
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.text == "the content type must be application/x-protobuf\n"


def test_other_encodings_are_refused(client: httpx.Client) -> None:
    response = client.post("/v1/traces", content=BODY, headers={"Content-Encoding": "zstd"})
    assert response.status_code == 415
    assert "gzip, deflate" in _reason(response)


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(client: httpx.Client, method: str) -> None:
    response = client.request(method, "/v1/traces")
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")
    assert bool(response.content) == (method != "HEAD")


@pytest.mark.parametrize("path", ["/", "/v1/profiles", "/v1/traces/", "/v1/metrics/x"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_paths_are_not_found(client: httpx.Client, path: str, method: str) -> None:
    response = client.request(method, path)
    assert response.status_code == 404
    assert "/v1/traces, /v1/metrics, /v1/logs" in _reason(response)


def _raw(receiver: Receiver, request: bytes, *, is_last: bool = True) -> bytes:
    with _connection(receiver) as connection:
        connection.sendall(request)
        if is_last:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


HEAD = b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf\r\n"


@pytest.mark.parametrize(
    ("rest", "status"),
    [
        (b"\r\n", b"411"),
        (b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (b"Content-Length: -1\r\n\r\n", b"400"),
        (b"Content-Length: many\r\n\r\n", b"400"),
        ("Content-Length: ²\r\n\r\n".encode("latin-1"), b"400"),
        (b"Content-Length: 100\r\n\r\nshort", b"400"),
        (b"Content-Length: 99999999999999\r\n\r\nshort", b"413"),
    ],
)
def test_a_length_that_is_missing_or_wrong_is_refused(receiver: Receiver, rest: bytes, status: bytes) -> None:
    assert _raw(receiver, HEAD + rest).startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize(("length", "status"), [(b"100", b"408"), (b"99999", b"413")])
def test_a_body_that_does_not_come_is_not_waited_for_without_end(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, length: bytes, status: bytes
) -> None:
    monkeypatch.setattr(Exchange, "timeout", 0.1)
    answer = _raw(receiver, HEAD + b"Content-Length: " + length + b"\r\n\r\nshort", is_last=False)
    assert answer.startswith(b"HTTP/1.1 " + status)


def test_a_client_that_goes_away_is_no_news(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    with _connection(receiver) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        connection.sendall(HEAD + b"Content-Length: 100\r\n\r\nshort")
        time.sleep(0.05)
    receiver.stop()
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []


def test_a_sink_that_raises_is_logged_and_does_not_end_the_receiver(caplog: pytest.LogCaptureFixture) -> None:
    def refuse(_: ExportRequest) -> None:
        raise LookupError

    with Receiver(refuse) as receiver, httpx.Client(base_url=receiver.endpoint, trust_env=False) as client:
        for _ in range(2):
            with pytest.raises(httpx.RemoteProtocolError):
                client.post("/v1/traces", content=BODY, headers={"Content-Type": PROTOBUF})
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


def test_many_clients_at_once_are_served(receiver: Receiver, arrived: list[ExportRequest]) -> None:
    request = HEAD + f"Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY

    def send() -> None:
        for _ in range(20):
            assert _raw(receiver, request).startswith(b"HTTP/1.1 200")

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(arrived) == 160


def test_stopping_closes_the_port_and_every_connection(arrived: list[ExportRequest]) -> None:
    before = set(threading.enumerate())
    receiver = Receiver(arrived.append)
    receiver.start()
    receiver.start()
    address = urlsplit(receiver.endpoint)
    with _connection(receiver) as idle:
        assert _raw(receiver, HEAD + b"Content-Length: 0\r\n\r\n").startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        receiver.stop()
        assert time.monotonic() - began < 0.5
        assert idle.recv(1) == b""
    assert set(threading.enumerate()) == before
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port))
    receiver.stop()


def test_a_connection_that_is_accepted_while_stopping_is_closed(arrived: list[ExportRequest]) -> None:
    receiver = Receiver(arrived.append)
    receiver.start()
    server = receiver._server
    assert server is not None
    with _connection(receiver) as first:
        first.sendall(b"POST")
        server.close_connections()
        with _connection(receiver) as late:
            assert late.recv(1) == b""
    receiver.stop()


def test_a_stopped_receiver_can_start_again(arrived: list[ExportRequest]) -> None:
    receiver = Receiver(arrived.append)
    for _ in range(2):
        with receiver:
            assert _raw(receiver, HEAD + b"Content-Length: 0\r\n\r\n").startswith(b"HTTP/1.1 200")
    assert len(arrived) == 2


def test_a_receiver_that_does_not_listen_has_no_endpoint(arrived: list[ExportRequest]) -> None:
    with pytest.raises(_errors.ConfigurationError, match="start it"):
        _ = Receiver(arrived.append).endpoint


@pytest.mark.parametrize("size", [0, -1])
def test_the_limit_must_let_something_through(arrived: list[ExportRequest], size: int) -> None:
    with pytest.raises(_errors.ConfigurationError, match="more than 0"):
        Receiver(arrived.append, max_body_size=size)
