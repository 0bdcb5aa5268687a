"""The endpoint and the customer, over real connections."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from vitalspan.cli._demo_shop import Order, Shop
from vitalspan.cli._demo_traffic import Customer, ShopServer


class Packer:
    """Packs at once, unless it was told to be too busy."""

    def __init__(self) -> None:
        self.packed: list[Order] = []
        self.is_busy = False

    def pack(self, order: Order) -> None:
        if self.is_busy:
            raise TimeoutError
        self.packed.append(order)


@pytest.fixture
def packer() -> Packer:
    return Packer()


@pytest.fixture
def server(tmp_path: Path, packer: Packer) -> Iterator[ShopServer]:
    server = ShopServer(Shop(tmp_path / "orders.sqlite3"), packer.pack)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(server: ShopServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False) as client:
        yield client


def test_an_order_is_taken_packed_and_found(client: httpx.Client, packer: Packer) -> None:
    taken = client.post("/orders", json={"item": "cake", "quantity": 1})
    assert taken.status_code == 201
    found = client.get(f"/orders/{taken.json()['number']}")
    assert found.status_code == 200
    assert found.json() == taken.json() == {"number": 1, "item": "cake", "quantity": 1, "cents": 560}
    assert packer.packed == [Order(1, "cake", 1, 560)]


def test_what_cannot_be_done_is_answered_with_the_reason(client: httpx.Client, packer: Packer, tmp_path: Path) -> None:
    assert client.post("/orders", json={"item": "unicorn", "quantity": 1}).status_code == 422
    assert client.get("/orders/99").status_code == 404
    packer.is_busy = True
    assert client.post("/orders", json={"item": "tea", "quantity": 1}).status_code == 504
    with closing(sqlite3.connect(tmp_path / "orders.sqlite3")) as other:
        other.execute("BEGIN EXCLUSIVE")
        locked = client.get("/orders/1")
    assert (locked.status_code, locked.json()) == (503, "database is locked")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"item": "tea"}', b'{"item": "tea", "quantity": "many"}', b"tea"]
)
def test_nonsense_is_refused(client: httpx.Client, body: bytes) -> None:
    assert client.post("/orders", content=body).status_code == 400
    assert client.get("/").status_code == 400


def test_a_request_without_a_length_is_refused(client: httpx.Client) -> None:
    assert client.post("/orders", content=iter([b"tea"])).status_code == 400


def test_a_customer_orders_and_looks_until_stopped(server: ShopServer, packer: Packer) -> None:
    customer = Customer(server.port)
    customer.start()
    time.sleep(0.4)
    customer.stop()
    count = len(packer.packed)
    assert 1 <= count <= 4
    time.sleep(0.2)
    assert len(packer.packed) == count


@pytest.mark.parametrize("seconds", [0.02, 0.09])
def test_a_customer_leaves_at_once_and_nothing_is_left(packer: Packer, tmp_path: Path, seconds: float) -> None:
    before = set(threading.enumerate())
    server = ShopServer(Shop(tmp_path / "orders.sqlite3"), packer.pack)
    server.start()
    customer = Customer(server.port)
    customer.start()
    time.sleep(seconds)
    began = time.monotonic()
    customer.stop()
    server.stop()
    assert time.monotonic() - began < 0.5
    assert {thread.name for thread in set(threading.enumerate()) - before} == set()


def test_a_customer_comes_back_to_a_shop_that_does_not_answer(tmp_path: Path, packer: Packer) -> None:
    closed = ShopServer(Shop(tmp_path / "orders.sqlite3"), packer.pack)
    closed.start()
    closed.stop()
    customer = Customer(closed.port)
    customer.start()
    time.sleep(0.2)
    assert customer._thread.is_alive()
    customer.stop()
