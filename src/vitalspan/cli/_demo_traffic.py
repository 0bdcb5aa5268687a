"""The traffic of the demo: an HTTP endpoint on loopback, and a customer who uses it."""

import json
import sqlite3
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import cycle
from socket import socket
from socketserver import BaseServer, TCPServer
from threading import Event, Thread
from typing import Any, Final, cast

from vitalspan.cli._demo_shop import Order, OrderNotFoundError, Shop, UnknownItemError

__all__ = ["Customer", "ShopServer"]

Pack = Callable[[Order], None]
"""Has an order packed, and comes back when it is."""

_LARGEST_BODY: Final = 10_000
_PAUSE: Final = 0.06
_REQUEST_TIMEOUT: Final = 2.0
_STOP_SECONDS: Final = 1.0
# Most customers know what they want; one in twelve asks for something that there is not.
_WISHES: Final = ("tea", "coffee", "tea", "cake", "tea", "coffee", "tea", "coffee", "cake", "tea", "coffee", "unicorn")


class ShopServer:
    """Serves `POST /orders` and `GET /orders/NUMBER` on a free port of loopback."""

    def __init__(self, shop: Shop, pack: Pack) -> None:
        """Take the port; it is served after `start`."""
        self._server = _Server(("127.0.0.1", 0), partial(_Request, shop=shop, pack=pack))
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), name="demo-shop", daemon=True)

    @property
    def port(self) -> int:
        """The port."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Serve the port, on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._thread.join(_STOP_SECONDS)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        # HTTPServer would look up the name of the host here, which takes seconds where DNS does not answer.
        TCPServer.server_bind(self)


class _Request(BaseHTTPRequestHandler):
    """Answers one request."""

    timeout = 5.0

    def __init__(self, request: socket, client_address: object, server: BaseServer, *, shop: Shop, pack: Pack) -> None:
        self._shop = shop
        self._pack = pack
        super().__init__(request, client_address, server)

    def do_POST(self) -> None:
        """Take an order, and have it packed."""
        self._respond(self._take_order)

    def do_GET(self) -> None:
        """Look up an order."""
        self._respond(self._look_up)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is http.server's
        """Keep quiet: the terminal belongs to the view."""

    def _respond(self, work: Callable[[], tuple[HTTPStatus, object]]) -> None:
        try:
            status, answer = work()
        except OrderNotFoundError:
            status, answer = HTTPStatus.NOT_FOUND, "no such order"
        except UnknownItemError as error:
            status, answer = HTTPStatus.UNPROCESSABLE_ENTITY, f"no such item: {error}"
        except (KeyError, TypeError, ValueError):
            status, answer = HTTPStatus.BAD_REQUEST, 'POST {"item": "tea", "quantity": 1} or GET /orders/NUMBER'
        except sqlite3.OperationalError as error:
            status, answer = HTTPStatus.SERVICE_UNAVAILABLE, str(error)
        except TimeoutError:
            status, answer = HTTPStatus.GATEWAY_TIMEOUT, "ordered, but nobody packs it"
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _take_order(self) -> tuple[HTTPStatus, object]:
        length = max(0, min(int(self.headers["Content-Length"]), _LARGEST_BODY))
        wish = cast("dict[str, Any]", json.loads(self.rfile.read(length)))
        order = self._shop.place_order(str(wish["item"]), int(wish["quantity"]))
        self._pack(order)
        return HTTPStatus.CREATED, asdict(order)

    def _look_up(self) -> tuple[HTTPStatus, object]:
        return HTTPStatus.OK, asdict(self._shop.find_order(int(self.path.removeprefix("/orders/"))))


class Customer:
    """Orders something and looks at the order, again and again: ten to twenty requests a second."""

    def __init__(self, port: int) -> None:
        """Be a customer of the shop on *port*."""
        self._port = port
        self._has_enough = Event()
        self._thread = Thread(target=self._shop, name="demo-customer", daemon=True)

    def start(self) -> None:
        """Begin, on a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the request under way, and no other."""
        self._has_enough.set()
        self._thread.join(_STOP_SECONDS)

    def _shop(self) -> None:
        wishes = cycle(_WISHES)
        while True:
            number = self._ask("POST", "/orders", {"item": next(wishes), "quantity": 2}).get("number")
            if self._has_enough.wait(_PAUSE):
                return
            self._ask("GET", f"/orders/{number or 0}")
            if self._has_enough.wait(_PAUSE):
                return

    def _ask(self, method: str, path: str, wish: object = None) -> dict[str, Any]:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=_REQUEST_TIMEOUT)
        try:
            connection.request(method, path, None if wish is None else json.dumps(wish))
            answer = json.loads(connection.getresponse().read())
        except (OSError, HTTPException):
            # A shop that does not answer is the shop's trouble: the customer comes back.
            return {}
        finally:
            connection.close()
        return cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
