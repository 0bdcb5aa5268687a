"""Receives OTLP over HTTP on a port of this machine."""

import sys
from contextlib import suppress
from functools import partial
from http.server import ThreadingHTTPServer
from logging import DEBUG, ERROR, getLogger
from socket import SHUT_RDWR, socket
from socketserver import TCPServer
from threading import Lock, Thread, current_thread
from types import TracebackType
from typing import Any, Final, Self

from vitalspan._errors import ConfigurationError
from vitalspan.dashboard._exchange import Exchange, Sink

__all__ = ["Receiver"]

_log = getLogger(__name__)

_MAX_BODY_SIZE: Final = 20 * 2**20
_STOP_SECONDS: Final = 1.0


class Receiver:
    """An OTLP/HTTP server that hands every request it understood to a sink.

    It takes protobuf on `/v1/traces`, `/v1/metrics` and `/v1/logs`, plain or compressed.

    Example:
        >>> from vitalspan.dashboard import MemoryStore, Receiver
        >>> store = MemoryStore()
        >>> with Receiver(store.receive) as receiver:
        ...     print(receiver.endpoint.startswith("http://127.0.0.1:"))
        True
    """

    def __init__(
        self, sink: Sink, *, host: str = "127.0.0.1", port: int = 0, max_body_size: int = _MAX_BODY_SIZE
    ) -> None:
        """Make a receiver; it listens after `start`.

        Args:
            sink: Takes in the requests, on many threads.
            host: The address to listen on.
            port: The port to listen on; 0 for a free one.
            max_body_size: The bytes that a body may have, both as it is sent and decompressed.

        Raises:
            ConfigurationError: *max_body_size* is not positive.
        """
        if max_body_size <= 0:
            raise ConfigurationError("max_body_size", max_body_size, "give the bytes that a body may have, more than 0")
        self._address = (host, port)
        self._sink = sink
        self._max_body_size = max_body_size
        self._server: _Server | None = None
        self._thread: Thread | None = None

    @property
    def endpoint(self) -> str:
        """Where clients send to: the base URL, to which they add the path of the signal.

        Raises:
            ConfigurationError: The receiver does not listen.
        """
        if self._server is None:
            raise ConfigurationError("receiver", "not listening", "start it before you ask for its endpoint")
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self) -> None:
        """Begin to listen. Does nothing if it does already.

        Raises:
            OSError: The address cannot be listened on.
        """
        if self._server is not None:
            return
        self._server = _Server(self._address, self._sink, self._max_body_size)
        self._thread = Thread(target=self._server.serve, name="vitalspan-receiver", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port and every connection. Does nothing if it does not listen."""
        server, thread = self._server, self._thread
        self._server = self._thread = None
        if server is None or thread is None:
            return
        server.shutdown()
        thread.join(_STOP_SECONDS)
        server.server_close()
        server.close_connections()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()


class _Server(ThreadingHTTPServer):
    """Gives each connection a thread, and can end them all."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], sink: Sink, max_body_size: int) -> None:
        self._connections: dict[socket, Thread] = {}
        self._lock = Lock()
        self._is_closing = False
        super().__init__(address, partial(Exchange, sink=sink, max_body_size=max_body_size))

    def server_bind(self) -> None:
        # HTTPServer would look up the name of the host here, which takes seconds where DNS does not answer.
        TCPServer.server_bind(self)

    def serve(self) -> None:
        self.serve_forever(poll_interval=0.05)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._connections[request] = current_thread()
            is_closing = self._is_closing
        if is_closing:
            self.shutdown_request(request)
        else:
            super().process_request_thread(request, client_address)
        with self._lock:
            del self._connections[request]

    def close_connections(self) -> None:
        with self._lock:
            self._is_closing = True
            connections = dict(self._connections)
        for connection, thread in connections.items():
            # It may have been closed from the other side in this moment.
            with suppress(OSError):
                connection.shutdown(SHUT_RDWR)
            thread.join(_STOP_SECONDS)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that goes away is no news. Anything else is a fault of the sink.
        level = DEBUG if isinstance(sys.exception(), OSError) else ERROR
        _log.log(level, "a connection to the OTLP receiver ended early", exc_info=True)
